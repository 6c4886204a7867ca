/*
 * CNNs against PyTorch: steps that each start from PyTorch's weights, twenty steps in one go, and
 * the gradient of the MNIST CNN. Made by tools/golden_cnn.py, which says what is in the file.
 *
 * One step is off by the rounding of the weights and of sums of a few thousand terms. For more the
 * bound is PyTorch's own scatter: how far it lands from itself when every weight starts off by a
 * factor of 1 + 1e-6 N(0, 1), largest of eight, tensor by tensor.
 */
#include "support/check.h"

#include "nn/net.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 3, RUN = 20, BATCH = 8, INPUTS = 144, DIM = 10562, TENSORS = 8, SPOTS = 32 };
enum { MNIST_DIM = 1663370, MNIST_BATCH = 10, MNIST_INPUTS = 784 };

static struct golden {
    float images[STEPS][BATCH * INPUTS];
    float labels[STEPS][BATCH];
    float weights[STEPS + 1][DIM];
    float losses[STEPS];
    float last[DIM];
    float scatter[TENSORS];
    float mnist_loss;
    float mnist_spots[TENSORS][SPOTS];
    float mnist_scatter[TENSORS];
} golden;

static int read_golden(void **state) {
    (void)state;
    FILE *file = fopen(CHOIR_SOURCE_DIR "/tests/golden/cnn.f32", "rb");
    if (file == NULL) {
        return -1;
    }
    const size_t read = fread(&golden, sizeof(golden), 1, file);
    const int next = fgetc(file);
    (void)fclose(file);
    return read == 1 && next == EOF ? 0 : -1;
}

static ch_net *create(const char *layers, uint32_t side, bool winograd) {
    const choir_env env = choir_env_default();
    ch_net_options o = ch_net_defaults();
    o.layers = layers;
    o.height = side;
    o.width = side;
    o.batch_max = MNIST_BATCH;
    o.winograd = winograd;
    ch_net *net = NULL;
    check_status(ch_net_create(&net, &o, &env, NULL), CHOIR_OK);
    assert_int_equal(ch_net_layout(net)->count, TENSORS);
    return net;
}

static ch_net *create_small(bool winograd) {
    ch_net *net = create("conv 5x5 16 | relu | maxpool 2 | conv 5x5 16 | relu | maxpool 2 | "
                         "dense 24 | relu | dense 10",
                         12, winograd);
    assert_int_equal(ch_net_layout(net)->dim, DIM);
    return net;
}

/* One step of the small net on a golden batch. Returns its mean loss. */
static double step(ch_net *net, uint32_t batch) {
    const ch_sgd sgd = {.learning_rate = 0.1F};
    ch_score score = {0};
    uint32_t labels[BATCH];
    for (int i = 0; i < BATCH; i++) {
        labels[i] = (uint32_t)golden.labels[batch][i];
    }
    const ch_batch b = {.count = BATCH, .x = golden.images[batch], .labels = labels};
    check_status(ch_net_step(net, &b, &sgd, &score), CHOIR_OK);
    return score.loss / BATCH;
}

static void check_weights(const ch_net *net, const float *want, const double *bounds) {
    static float have[DIM];
    const choir_layout *layout = ch_net_layout(net);
    ch_net_store(net, have);
    for (uint32_t t = 0; t < TENSORS; t++) {
        const choir_tensor *tensor = &layout->tensors[t];
        double worst = 0.0;
        for (uint32_t i = tensor->offset; i < tensor->offset + tensor->count; i++) {
            worst = fmax(worst, fabs((double)have[i] - (double)want[i]));
        }
        print_message("%s: off by %.3g of %.3g\n", tensor->name, worst, bounds[t]);
        check_near(worst, 0.0, bounds[t]);
    }
}

/* Four roundings of the largest weight, and 1e-5 of the largest change. */
static void step_bounds(const ch_net *net, const float *from, const float *to, double *bounds) {
    for (uint32_t t = 0; t < TENSORS; t++) {
        const choir_tensor *tensor = &ch_net_layout(net)->tensors[t];
        double weight = 0.0;
        double change = 0.0;
        for (uint32_t i = tensor->offset; i < tensor->offset + tensor->count; i++) {
            weight = fmax(weight, fabs((double)to[i]));
            change = fmax(change, fabs((double)to[i] - (double)from[i]));
        }
        bounds[t] = 4 * 0x1p-24 * weight + 1e-5 * change;
    }
}

static void each_step_from_golden_weights_ends_in_the_next(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 2 * STEPS; i++) {
        ch_net *net = create_small(i % 2 == 0);
        const float *from = golden.weights[i / 2];
        const float *to = golden.weights[i / 2 + 1];
        double bounds[TENSORS];
        step_bounds(net, from, to, bounds);
        ch_net_load(net, from);
        check_near(step(net, i / 2), (double)golden.losses[i / 2], 1e-6);
        check_weights(net, to, bounds);
        ch_net_destroy(net);
    }
}

static void twenty_steps_end_within_the_scatter_of_pytorch(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        ch_net *net = create_small(i == 0);
        ch_net_load(net, golden.weights[0]);
        for (uint32_t k = 0; k < RUN; k++) {
            (void)step(net, k % STEPS);
        }
        double bounds[TENSORS];
        for (int t = 0; t < TENSORS; t++) {
            bounds[t] = (double)golden.scatter[t];
        }
        check_weights(net, golden.last, bounds);
        ch_net_destroy(net);
    }
}

/* Element i of the script's formula. */
static float formula(uint32_t i, uint32_t stride) {
    return (float)(i * stride >> 8) / 0x1p24F - 0.5F;
}

/* Weights uniform in +-2 / sqrt(fan in), biases in +-1/8. */
static void fill_mnist(const choir_layout *layout, float *params) {
    for (uint32_t t = 0; t < layout->count; t++) {
        const choir_tensor *tensor = &layout->tensors[t];
        const uint32_t fan_in = tensor->count / tensor->shape[tensor->rank - 1];
        const float scale = tensor->rank > 1 ? (float)(4.0 / sqrt(fan_in)) : 0.25F;
        for (uint32_t i = tensor->offset; i < tensor->offset + tensor->count; i++) {
            params[i] = formula(i, 2654435761U) * scale;
        }
    }
}

static void check_spots(const choir_layout *layout, const float *gradient) {
    for (uint32_t i = 0; i < TENSORS * SPOTS; i++) {
        const choir_tensor *tensor = &layout->tensors[i / SPOTS];
        const uint64_t at = tensor->offset + (uint64_t)(i % SPOTS) * tensor->count / SPOTS;
        check_near((double)gradient[at], (double)golden.mnist_spots[i / SPOTS][i % SPOTS],
                   (double)golden.mnist_scatter[i / SPOTS]);
    }
}

static void the_gradient_of_the_mnist_cnn_is_that_of_pytorch(void **state) {
    (void)state;
    static float params[MNIST_DIM];
    static float gradient[MNIST_DIM];
    static float images[MNIST_BATCH * MNIST_INPUTS];
    static const uint32_t labels[MNIST_BATCH] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (uint32_t i = 0; i < MNIST_BATCH * MNIST_INPUTS; i++) {
        images[i] = formula(i, 2246822519U) + 0.5F;
    }
    for (int i = 0; i < 2; i++) {
        ch_net *net = create("conv 5x5 32 | relu | maxpool 2 | conv 5x5 64 | relu | maxpool 2 | "
                             "dense 512 | relu | dense 10",
                             28, i == 0);
        const choir_layout *layout = ch_net_layout(net);
        ch_score score = {0};
        assert_int_equal(layout->dim, MNIST_DIM);
        fill_mnist(layout, params);
        ch_net_load(net, params);
        const ch_batch batch = {.count = MNIST_BATCH, .x = images, .labels = labels};
        check_status(ch_net_gradient(net, &batch, gradient, &score), CHOIR_OK);
        check_near(score.loss / MNIST_BATCH, (double)golden.mnist_loss, 1e-5);
        check_spots(layout, gradient);
        ch_net_destroy(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_from_golden_weights_ends_in_the_next),
        cmocka_unit_test(twenty_steps_end_within_the_scatter_of_pytorch),
        cmocka_unit_test(the_gradient_of_the_mnist_cnn_is_that_of_pytorch),
    };
    return cmocka_run_group_tests(tests, read_golden, NULL);
}
