/*
 * Golden steps: multilayer perceptrons against PyTorch's numbers, which tools/golden_steps.py made.
 *
 * A step starts from the golden weights of the one before, so errors do not add up; the bound is a
 * few roundings of sums over twenty numbers below one.
 */
#include "support/check.h"

#include "nn/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS = 5,
    BATCH = 10,
    FEATURES = 20,
    DIM = 20 * 16 + 16 + 16 * 12 + 12 + 12 * 5 + 5,
    SPOTS = 32,
    TENSORS = 6,
    PIXELS = 784,
    DIM_2NN = 199210,
};

/* The file: float32, little-endian. */
typedef struct golden {
    float images[STEPS][BATCH * FEATURES];
    float labels[STEPS][BATCH];
    float weights[STEPS + 1][DIM];
    float losses[STEPS];
    float momentum[DIM];
    float loss_2nn;
    float spots[TENSORS][SPOTS];
} golden;

static golden numbers;

static int read_golden(void **state) {
    (void)state;
    FILE *file = fopen(CHOIR_SOURCE_DIR "/tests/golden/2nn_steps.bin", "rb");
    if (file == NULL) {
        return -1;
    }
    const size_t read = fread(&numbers, 1, sizeof(numbers), file);
    const bool whole = read == sizeof(numbers) && fgetc(file) == EOF;
    (void)fclose(file);
    return whole ? 0 : -1;
}

static ch_net *create(const char *layers, uint32_t features, bool fused) {
    const choir_env env = choir_env_default();
    ch_net_options o = ch_net_defaults();
    o.layers = layers;
    o.width = features;
    o.batch_max = BATCH;
    o.fused = fused;
    ch_net *net = NULL;
    check_status(ch_net_create(&net, &o, &env, NULL), CHOIR_OK);
    return net;
}

/* One step on batch number step. Returns the mean loss. */
static double step_on(ch_net *net, uint32_t step, const ch_sgd *sgd) {
    uint32_t labels[BATCH];
    ch_score score = {0};
    for (uint32_t i = 0; i < BATCH; i++) {
        labels[i] = (uint32_t)numbers.labels[step][i];
    }
    const ch_batch batch = {.count = BATCH, .x = numbers.images[step], .labels = labels};
    check_status(ch_net_step(net, &batch, sgd, &score), CHOIR_OK);
    return score.loss / BATCH;
}

static void check_weights(ch_net *net, const float *want, double bound) {
    float have[DIM];
    ch_net_store(net, have);
    for (uint32_t i = 0; i < DIM; i++) {
        check_near((double)have[i], (double)want[i], bound);
    }
}

static void each_step_is_the_golden_one(void **state) {
    (void)state;
    const ch_sgd sgd = {.learning_rate = 0.1F};
    for (uint32_t fused = 0; fused < 2; fused++) {
        ch_net *net = create("dense 16 | relu | dense 12 | relu | dense 5", FEATURES, fused != 0);
        assert_int_equal(ch_net_layout(net)->dim, DIM);
        for (uint32_t step = 0; step < STEPS; step++) {
            ch_net_load(net, numbers.weights[step]);
            check_near(step_on(net, step, &sgd), (double)numbers.losses[step], 1e-6);
            check_weights(net, numbers.weights[step + 1], 1e-7);
        }
        ch_net_destroy(net);
    }
}

static void momentum_and_weight_decay_end_where_golden_ones_do(void **state) {
    (void)state;
    const ch_sgd sgd = {.learning_rate = 0.1F, .momentum = 0.9F, .weight_decay = 0.01F};
    ch_net *net = create("dense 16 | relu | dense 12 | relu | dense 5", FEATURES, true);
    ch_net_load(net, numbers.weights[0]);
    for (uint32_t step = 0; step < STEPS; step++) {
        (void)step_on(net, step, &sgd);
    }
    check_weights(net, numbers.momentum, 1e-6);
    ch_net_destroy(net);
}

/* As in the script: a multiplicative hash of a number's place. */
static void formula(float *x, size_t count, uint64_t salt, double scale) {
    for (size_t i = 0; i < count; i++) {
        const uint64_t hashed = (i + salt) * 2654435761U & 0xffffffffU;
        x[i] = (float)(((double)hashed / 4294967296.0 - 0.5) * scale);
    }
}

static void gradients_of_the_2nn_are_the_golden_ones(void **state) {
    (void)state;
    static float params[DIM_2NN];
    static float gradient[DIM_2NN];
    static float x[BATCH * PIXELS];
    uint32_t labels[BATCH];
    ch_score score = {0};
    formula(params, DIM_2NN, 1, 0.1);
    formula(x, BATCH * PIXELS, 7, 2.0);
    for (uint32_t i = 0; i < BATCH; i++) {
        labels[i] = i % 10;
    }
    ch_net *net = create("dense 200 | relu | dense 200 | relu | dense 10", PIXELS, true);
    const choir_layout *layout = ch_net_layout(net);
    assert_int_equal(layout->dim, DIM_2NN);
    ch_net_load(net, params);
    const ch_batch batch = {.count = BATCH, .x = x, .labels = labels};
    check_status(ch_net_gradient(net, &batch, gradient, &score), CHOIR_OK);
    check_near(score.loss / BATCH, (double)numbers.loss_2nn, 1e-5);
    for (uint32_t t = 0; t < TENSORS; t++) {
        const choir_tensor *tensor = &layout->tensors[t];
        for (uint32_t i = 0; i < SPOTS; i++) {
            const size_t at = (size_t)i * tensor->count / SPOTS;
            check_near((double)gradient[tensor->offset + at], (double)numbers.spots[t][i], 2e-6);
        }
    }
    ch_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_is_the_golden_one),
        cmocka_unit_test(momentum_and_weight_decay_end_where_golden_ones_do),
        cmocka_unit_test(gradients_of_the_2nn_are_the_golden_ones),
    };
    return cmocka_run_group_tests(tests, read_golden, NULL);
}
