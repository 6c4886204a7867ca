/*
 * Step bench: our side of the comparison with PyTorch. Local SGD steps of the paper's two MNIST
 * models and of its character model without peepholes, which PyTorch does not have, on one core;
 * inputs without zeros and sequences of full length, as in torch_peer.py; a line "MODEL B
 * MICROSECONDS" each, the median over the steps of one second and a half. Time is the thread's CPU
 * time on both sides, so other programs cost it their traces in the caches only.
 */
#include "base/rng.h"
#include "nn/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EXAMPLES = 600, FEATURES = 784, TIMES_MAX = 40000 };
enum { SEQUENCES = 100, STEPS = 80, TOKENS = 258 };

static float inputs[EXAMPLES * FEATURES];
static uint32_t labels[EXAMPLES];
static float tokens[SEQUENCES * STEPS];
static uint32_t next_tokens[SEQUENCES * STEPS];
static uint32_t lengths[SEQUENCES];
static double times[TIMES_MAX];

static double now_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct model {
    const char *name;
    const char *layers;
    uint32_t side; // of a picture; 0: sequences
} model;

static const model MODELS[] = {
    {"2nn", "dense 200 | relu | dense 200 | relu | dense 10", 28},
    {"cnn",
     "conv 5x5 32 | relu | maxpool 2 | conv 5x5 64 | relu | maxpool 2 | dense 512 | relu | dense "
     "10",
     28},
    {"lstm", "embedding 258 8 | lstm 256 | lstm 256 | dense 258", 0},
};

static void fill(void) {
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    for (uint32_t i = 0; i < EXAMPLES * FEATURES; i++) {
        inputs[i] = (float)ch_rng_unit(&rng);
    }
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        labels[i] = ch_rng_below(&rng, 10);
    }
    for (uint32_t i = 0; i < SEQUENCES * STEPS; i++) {
        tokens[i] = (float)ch_rng_below(&rng, TOKENS);
        next_tokens[i] = ch_rng_below(&rng, TOKENS);
        lengths[i / STEPS] = STEPS;
    }
}

/* Batch number i. */
static ch_batch batch_of(const model *m, uint32_t batch, uint32_t i) {
    if (m->side == 0) {
        const size_t first = i * batch % SEQUENCES;
        return (ch_batch){.count = batch,
                          .x = tokens + first * STEPS,
                          .labels = next_tokens + first * STEPS,
                          .lengths = lengths};
    }
    const size_t first = i * batch % EXAMPLES;
    return (ch_batch){.count = batch, .x = inputs + first * FEATURES, .labels = labels + first};
}

static ch_net *create(const model *m, uint32_t batch) {
    const choir_env env = choir_env_default();
    ch_net_options o = ch_net_defaults();
    o.layers = m->layers;
    o.height = o.width = m->side > 0 ? m->side : 1;
    o.steps = m->side > 0 ? 0 : STEPS;
    o.batch_max = batch;
    ch_net *net = NULL;
    choir_error err = {.message = ""};
    if (ch_net_create(&net, &o, &env, &err) != CHOIR_OK) {
        (void)fprintf(stderr, "%s: %s\n", m->name, err.message);
        exit(1);
    }
    float *params = calloc(ch_net_layout(net)->dim, sizeof(params[0]));
    if (params == NULL) {
        exit(1);
    }
    ch_net_init(net, 1, params);
    ch_net_load(net, params);
    free(params);
    return net;
}

static void measure(const model *m, uint32_t batch) {
    ch_net *net = create(m, batch);
    const ch_sgd sgd = {.learning_rate = 0.1F};
    uint32_t count = 0;
    const double end = now_us() + 1.5e6;
    while (now_us() < end && count < TIMES_MAX) {
        const ch_batch examples = batch_of(m, batch, count);
        ch_score score = {0};
        const double start = now_us();
        if (ch_net_step(net, &examples, &sgd, &score) != CHOIR_OK) {
            exit(1);
        }
        times[count] = now_us() - start;
        count += 1;
    }
    qsort(times, count, sizeof(times[0]), by_value);
    printf("%s %u %.1f\n", m->name, batch, times[count / 2]);
    ch_net_destroy(net);
}

int main(void) {
    fill();
    for (uint32_t i = 0; i < sizeof(MODELS) / sizeof(MODELS[0]); i++) {
        measure(&MODELS[i], 10);
        measure(&MODELS[i], 50);
    }
    return 0;
}
