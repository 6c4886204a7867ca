/*
 * CNN bench: steps of local SGD of the MNIST CNN on one core, ours beside oneDNN's convolutions.
 *
 *     OMP_NUM_THREADS=1 cnn_bench [--seconds S]
 *
 * The peer, built when oneDNN is installed, has oneDNN's convolutions and pooling, each in the
 * layout it prefers, and our dense layers, so that what differs is the convolutions. Time is this
 * thread's CPU time; runs of all rows are interleaved, and the figures are medians over the runs.
 */
#include "base/rng.h"
#include "math/dense.h"
#include "math/float_state.h"
#include "math/map.h"
#include "math/panels.h"
#include "nn/net.h"

#if defined(CHOIR_ONEDNN)
#include "onednn_convs.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXAMPLES = 600, INPUTS = 784, HIDDEN = 512, CLASSES = 10, FEATURES = 3136, RUNS_MAX = 400 };

#define LAYERS                                                                                     \
    "conv 5x5 32 | relu | maxpool 2 | conv 5x5 64 | relu | maxpool 2 | dense 512 | relu | dense "  \
    "10"

static const float RATE = 1e-3F;

static float images[EXAMPLES * INPUTS];
static uint32_t labels[EXAMPLES];

typedef struct row {
    const char *name;
    uint32_t batch;
    bool peer, fused, winograd;
    void *self;
    void (*step)(void *self, const float *x, const uint32_t *y, uint32_t batch);
    double us[RUNS_MAX]; // a step
} row;

static row ROWS[] = {
    {.name = "Winograd, fused", .batch = 10, .fused = true, .winograd = true},
    {.name = "direct, fused", .batch = 10, .fused = true},
    {.name = "Winograd, unfused", .batch = 10, .winograd = true},
    {.name = "oneDNN convolutions", .batch = 10, .peer = true},
    {.name = "Winograd, fused", .batch = 50, .fused = true, .winograd = true},
    {.name = "direct, fused", .batch = 50, .fused = true},
    {.name = "oneDNN convolutions", .batch = 50, .peer = true},
};

enum { ROWS_COUNT = sizeof(ROWS) / sizeof(ROWS[0]) };

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void net_step(void *self, const float *x, const uint32_t *y, uint32_t batch) {
    const ch_sgd sgd = {.learning_rate = RATE};
    ch_score score = {0};
    const ch_batch b = {.count = batch, .x = x, .labels = y};
    if (ch_net_step(self, &b, &sgd, &score) != CHOIR_OK) {
        exit(1);
    }
}

static bool net_create(row *r) {
    static float params[2000000];
    const choir_env env = choir_env_default();
    ch_net_options o = ch_net_defaults();
    o.layers = LAYERS;
    o.height = 28;
    o.width = 28;
    o.batch_max = r->batch;
    o.fused = r->fused;
    o.winograd = r->winograd;
    ch_net *net = NULL;
    if (ch_net_create(&net, &o, &env, NULL) != CHOIR_OK) {
        return false;
    }
    ch_net_init(net, 1, params);
    ch_net_load(net, params);
    r->self = net;
    r->step = net_step;
    return true;
}

#if defined(CHOIR_ONEDNN)

/* A dense layer of the peer, on our kernels. */
typedef struct dense {
    ch_dense_shape shape;
    ch_weights w, b;
    float *y, *g; // (batch, n padded)
} dense;

typedef struct peer {
    onednn_convs *convolutions;
    dense hidden, last;
    float *gx; // (batch, FEATURES)
} peer;

static float *floats(size_t count) {
    float *x = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    if (x == NULL) {
        exit(1);
    }
    memset(x, 0, count * sizeof(float));
    return x;
}

static dense dense_new(uint32_t rows, uint32_t n, uint32_t batch) {
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, rows, n);
    dense d = {.shape = {.rows = rows, .n = n}};
    d.w = (ch_weights){.w = floats(ch_panels_size(rows, n)), .g = floats(ch_panels_size(rows, n))};
    d.b = (ch_weights){.w = floats(ch_padded(n)), .g = floats(ch_padded(n))};
    d.y = floats(batch * ch_padded(n));
    d.g = floats(batch * ch_padded(n));
    for (size_t i = 0; i < (size_t)rows * n; i++) {
        d.w.w[ch_panel_offset(rows, i / n, i % n)] = 0.04F * ((float)ch_rng_unit(&rng) - 0.5F);
    }
    return d;
}

static void dense_forward(dense *d, const float *x, size_t stride, uint32_t batch, bool relu) {
    const ch_dense_input input = {.x = x, .stride = stride, .k = d->shape.rows};
    ch_kernels_best()->dense->forward(d->y, &input, batch, d->shape, d->w.w, d->b.w, relu);
}

/* gx may be NULL. */
static void dense_backward(dense *d, float *gx, const float *x, size_t stride, uint32_t batch) {
    static const float one = 1.0F;
    const ch_dense_kernels *k = ch_kernels_best()->dense;
    const ch_dense_input input = {.x = x, .stride = stride, .k = d->shape.rows};
    const ch_dense_input ones = {.x = &one, .stride = 0, .k = 1};
    const ch_dense_shape bias = {.rows = 1, .n = d->shape.n};
    const ch_update update = {.applied = true, .rate = RATE};
    k->input_gradient(gx, d->g, batch, d->shape, d->w.w);
    k->weight_gradient(&d->w, &input, d->g, batch, d->shape, &update);
    k->weight_gradient(&d->b, &ones, d->g, batch, bias, &update);
}

static void peer_step(void *self, const float *x, const uint32_t *y, uint32_t batch) {
    peer *p = self;
    const ch_map_kernels *map = ch_kernels_best()->map;
    const ch_loss_input in = {.labels = y, .m = batch, .n = CLASSES};
    double loss = 0.0;
    uint32_t correct = 0;
    const ch_float_state before = ch_float_enter();
    const float *features = onednn_convs_forward(p->convolutions, x);
    dense_forward(&p->hidden, features, FEATURES, batch, true);
    dense_forward(&p->last, p->hidden.y, HIDDEN, batch, false);
    map->softmax(p->last.y, p->last.y, &in, &loss, &correct);
    map->softmax_gradient(p->last.g, p->last.y, &in, 1.0F / (float)batch);
    dense_backward(&p->last, p->hidden.g, p->hidden.y, HIDDEN, batch);
    map->relu_gradient(p->hidden.g, p->hidden.g, p->hidden.y, (size_t)batch * HIDDEN);
    dense_backward(&p->hidden, p->gx, features, FEATURES, batch);
    onednn_convs_backward(p->convolutions, p->gx, RATE);
    ch_float_leave(before);
}

static bool peer_create(row *r) {
    const char *threads = getenv("OMP_NUM_THREADS");
    peer *p = malloc(sizeof(*p));
    if (threads == NULL || strcmp(threads, "1") != 0 || p == NULL) {
        (void)fprintf(stderr, "cnn_bench: set OMP_NUM_THREADS=1, or oneDNN takes every core\n");
        return false;
    }
    p->convolutions = onednn_convs_create(r->batch);
    p->hidden = dense_new(FEATURES, HIDDEN, r->batch);
    p->last = dense_new(HIDDEN, CLASSES, r->batch);
    p->gx = floats((size_t)r->batch * FEATURES);
    r->self = p;
    r->step = peer_step;
    return true;
}

#else

static bool peer_create(row *r) {
    (void)r; // has no step, and no figures
    return true;
}

#endif

/* Microseconds a step over one run of 60 or, of large batches, 12 steps. */
static double row_run(const row *r) {
    const uint32_t steps = EXAMPLES / r->batch;
    const double start = now_s();
    for (uint32_t i = 0; i < steps; i++) {
        const uint32_t at = i * r->batch;
        r->step(r->self, images + (size_t)at * INPUTS, labels + at, r->batch);
    }
    return (now_s() - start) / steps * 1e6;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_rows(size_t runs) {
    double ours = 1.0;
    printf("backend %s, %zu interleaved runs over %d examples, medians\n",
           ch_kernels_name(ch_kernels_best()), runs, EXAMPLES);
    printf("%-24s %4s %10s %10s %12s %9s\n", "", "B", "us/step", "best us", "examples/s",
           "of first");
    for (int i = 0; i < ROWS_COUNT; i++) {
        row *r = &ROWS[i];
        if (r->step == NULL) {
            continue;
        }
        qsort(r->us, runs, sizeof(double), ascending);
        const double us = r->us[runs / 2];
        ours = r->fused && r->winograd ? us : ours;
        printf("%-24s %4u %10.0f %10.0f %12.0f %8.2fx\n", r->name, r->batch, us, r->us[0],
               r->batch / us * 1e6, us / ours);
    }
}

int main(int argc, char **argv) {
    const double seconds =
        argc == 3 && strcmp(argv[1], "--seconds") == 0 ? strtod(argv[2], NULL) : 20.0;
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < (size_t)EXAMPLES * INPUTS; i++) {
        images[i] = (float)ch_rng_unit(&rng);
    }
    for (size_t i = 0; i < EXAMPLES; i++) {
        labels[i] = ch_rng_below(&rng, CLASSES);
    }
    for (int i = 0; i < ROWS_COUNT; i++) {
        if (!(ROWS[i].peer ? peer_create(&ROWS[i]) : net_create(&ROWS[i]))) {
            (void)fprintf(stderr, "cnn_bench: cannot create '%s'\n", ROWS[i].name);
            return 1;
        }
    }
    size_t runs = 0;
    for (const double end = now_s() + seconds; runs < RUNS_MAX && (runs < 5 || now_s() < end);
         runs++) {
        for (int i = 0; i < ROWS_COUNT; i++) {
            ROWS[i].us[runs] = ROWS[i].step != NULL ? row_run(&ROWS[i]) : 0.0;
        }
    }
    print_rows(runs);
    return 0;
}
