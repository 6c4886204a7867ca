/*
 * Step bench: our side of the comparison with PyTorch. Local SGD steps of the paper's two MNIST
 * models on one core, inputs without zeros, as in torch_peer.py; a line "MODEL B MICROSECONDS"
 * each, the median over the steps of one second and a half.
 */
#include "base/rng.h"
#include "nn/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EXAMPLES = 600, FEATURES = 784, TIMES_MAX = 40000 };

static float inputs[EXAMPLES * FEATURES];
static uint32_t labels[EXAMPLES];
static double times[TIMES_MAX];

static double now_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static int measure(const char *name, const char *layers, uint32_t batch) {
    const choir_env env = choir_env_default();
    ch_net_options o = ch_net_defaults();
    o.layers = layers;
    o.height = o.width = 28;
    o.channels = 1;
    o.batch_max = batch;
    ch_net *net = NULL;
    choir_error err = {.message = ""};
    if (ch_net_create(&net, &o, &env, &err) != CHOIR_OK) {
        (void)fprintf(stderr, "%s: %s\n", name, err.message);
        return 1;
    }
    float *params = calloc(ch_net_layout(net)->dim, sizeof(params[0]));
    if (params == NULL) {
        return 1;
    }
    ch_net_init(net, 1, params);
    ch_net_load(net, params);
    const ch_sgd sgd = {.learning_rate = 0.1F};
    uint32_t count = 0;
    const double end = now_us() + 1.5e6;
    while (now_us() < end && count < TIMES_MAX) {
        const uint32_t first = count * batch % EXAMPLES;
        ch_score score = {0};
        const ch_batch examples = {
            .count = batch, .x = inputs + (size_t)first * FEATURES, .labels = labels + first};
        const double start = now_us();
        if (ch_net_step(net, &examples, &sgd, &score) != CHOIR_OK) {
            return 1;
        }
        times[count] = now_us() - start;
        count += 1;
    }
    qsort(times, count, sizeof(times[0]), by_value);
    printf("%s %u %.1f\n", name, batch, times[count / 2]);
    free(params);
    ch_net_destroy(net);
    return 0;
}

int main(void) {
    static const char *const CNN = "conv 5x5 32 | relu | maxpool 2 | conv 5x5 64 | relu | "
                                   "maxpool 2 | dense 512 | relu | dense 10";
    static const char *const TWO = "dense 200 | relu | dense 200 | relu | dense 10";
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    for (uint32_t i = 0; i < EXAMPLES * FEATURES; i++) {
        inputs[i] = (float)ch_rng_unit(&rng);
    }
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        labels[i] = ch_rng_below(&rng, 10);
    }
    return measure("2nn", TWO, 10) + measure("2nn", TWO, 50) + measure("cnn", CNN, 10) +
           measure("cnn", CNN, 50);
}
