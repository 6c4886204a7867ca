/*
 * Golden steps: recurrent nets against PyTorch's numbers, made by tools/golden_lstm.py: the common
 * LSTM of torch.nn, and by cells written out there peepholes, coupled gates, a projection and
 * scores by the embedding, on batches of sequences of different lengths.
 *
 * A step starts from the golden weights of the one before, so errors do not add up; the bound is a
 * few roundings of numbers below two.
 */
#include "support/check.h"

#include "nn/net.h"

#include <stdio.h>

enum { STEPS = 4, BATCH = 6, LONGEST = 9, PLAIN = 832, PEEPHOLE = 871, KEYBOARD = 321 };

/* The file: float32, little-endian. */
typedef struct golden {
    float tokens[STEPS][BATCH * LONGEST];
    float labels[STEPS][BATCH * LONGEST];
    float lengths[STEPS][BATCH];
    float plain[STEPS + 1][PLAIN];
    float plain_losses[STEPS];
    float peephole[STEPS + 1][PEEPHOLE];
    float peephole_losses[STEPS];
    float keyboard[STEPS + 1][KEYBOARD];
    float keyboard_losses[STEPS];
} golden;

static golden numbers;

static int read_golden(void **state) {
    (void)state;
    FILE *file = fopen(CHOIR_SOURCE_DIR "/tests/golden/lstm.f32", "rb");
    if (file == NULL) {
        return -1;
    }
    const size_t read = fread(&numbers, 1, sizeof(numbers), file);
    const bool whole = read == sizeof(numbers) && fgetc(file) == EOF;
    (void)fclose(file);
    return whole ? 0 : -1;
}

/* One step on batch number step; returns the mean loss. */
static double step_on(ch_net *net, uint32_t step) {
    const ch_sgd sgd = {.learning_rate = 0.5F};
    uint32_t labels[BATCH * LONGEST];
    uint32_t lengths[BATCH];
    uint32_t positions = 0;
    ch_score score = {0};
    for (uint32_t i = 0; i < BATCH * LONGEST; i++) {
        labels[i] = (uint32_t)numbers.labels[step][i];
    }
    for (uint32_t i = 0; i < BATCH; i++) {
        lengths[i] = (uint32_t)numbers.lengths[step][i];
        positions += lengths[i];
    }
    const ch_batch batch = {
        .count = BATCH, .x = numbers.tokens[step], .labels = labels, .lengths = lengths};
    check_status(ch_net_step(net, &batch, &sgd, &score), CHOIR_OK);
    assert_int_equal(score.count, positions);
    return score.loss / positions;
}

/* All steps of a net, in one part or in several. */
static void check_steps(const char *layers, uint32_t dim, const float *weights, const float *losses,
                        uint32_t batch_max, bool fused) {
    const choir_env env = choir_env_default();
    float have[PEEPHOLE];
    ch_net_options o = ch_net_defaults();
    o.layers = layers;
    o.steps = LONGEST;
    o.batch_max = batch_max;
    o.fused = fused;
    ch_net *net = NULL;
    check_status(ch_net_create(&net, &o, &env, NULL), CHOIR_OK);
    assert_int_equal(ch_net_layout(net)->dim, dim);
    for (uint32_t step = 0; step < STEPS; step++) {
        ch_net_load(net, weights + (size_t)step * dim);
        check_near(step_on(net, step), (double)losses[step], 1e-6);
        ch_net_store(net, have);
        for (uint32_t i = 0; i < dim; i++) {
            check_near((double)have[i], (double)weights[(step + 1) * (size_t)dim + i], 5e-7);
        }
    }
    ch_net_destroy(net);
}

static void check_all(const char *layers, uint32_t dim, const float *weights, const float *losses) {
    check_steps(layers, dim, weights, losses, BATCH, true);
    check_steps(layers, dim, weights, losses, BATCH, false);
    check_steps(layers, dim, weights, losses, 2, true);
}

static void each_step_of_the_common_lstm_is_the_golden_one(void **state) {
    (void)state;
    check_all("embedding 11 5 | lstm 7 | lstm 6 | dense 11", PLAIN, numbers.plain[0],
              numbers.plain_losses);
}

static void each_step_with_peepholes_is_the_golden_one(void **state) {
    (void)state;
    check_all("embedding 11 5 | lstm 7 peephole | lstm 6 peephole | dense 11", PEEPHOLE,
              numbers.peephole[0], numbers.peephole_losses);
}

static void each_step_of_a_keyboards_net_is_the_golden_one(void **state) {
    (void)state;
    check_all("embedding 11 5 | lstm 7/5 cifg | unembedding", KEYBOARD, numbers.keyboard[0],
              numbers.keyboard_losses);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_of_the_common_lstm_is_the_golden_one),
        cmocka_unit_test(each_step_with_peepholes_is_the_golden_one),
        cmocka_unit_test(each_step_of_a_keyboards_net_is_the_golden_one),
    };
    return cmocka_run_group_tests(tests, read_golden, NULL);
}
