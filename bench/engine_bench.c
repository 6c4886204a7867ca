/*
 * Engine bench: steps of local SGD on one core, beside the fused multiply-adds this core can do.
 *
 *     engine_bench [--backend NAME] [--images TRAIN-IMAGES.GZ] [--seconds S]
 *
 * Time is this thread's CPU time, so other programs cost it their traces in the caches only. Runs
 * of all rows are interleaved, so that a noisy neighbour disturbs each alike; the figure is the
 * median over the runs. "dense" rows see inputs without zeros. "sparse" rows see the images given,
 * in file order; without images, discs that cover half of the pixels. It fails when the median peak
 * is below half of the best: then it measured something else.
 */
#include "base/rng.h"
#include "nn/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

enum { EXAMPLES = 600, FEATURES = 784, CLASSES = 10, RUNS_MAX = 400, STEPS = 60 };

typedef struct row {
    const char *name;
    const char *layers;
    uint32_t batch;
    bool sparse;
    bool fused;
    double step_mflop; // products' multiplies and adds, of a dense input
    ch_net *net;
    double us[RUNS_MAX]; // a step
} row;

#define LAYERS_2NN "dense 200 | relu | dense 200 | relu | dense 10"

/* Forward and both gradients of each product; no gradient of the input. */
#define MFLOP_2NN(B) ((B)*2e-6 * (2.0 * 784 * 200 + 3.0 * 200 * 200 + 3.0 * 200 * 10))

static row ROWS[] = {
    {.name = "2NN, B=10, dense",
     .layers = LAYERS_2NN,
     .batch = 10,
     .fused = true,
     .step_mflop = MFLOP_2NN(10)},
    {.name = "2NN, B=10, sparse",
     .layers = LAYERS_2NN,
     .batch = 10,
     .fused = true,
     .sparse = true,
     .step_mflop = MFLOP_2NN(10)},
    {.name = "2NN, B=50, dense",
     .layers = LAYERS_2NN,
     .batch = 50,
     .fused = true,
     .step_mflop = MFLOP_2NN(50)},
    {.name = "2NN, B=50, sparse",
     .layers = LAYERS_2NN,
     .batch = 50,
     .fused = true,
     .sparse = true,
     .step_mflop = MFLOP_2NN(50)},
    {.name = "2NN, B=10, unfused", .layers = LAYERS_2NN, .batch = 10, .step_mflop = MFLOP_2NN(10)},
};

enum { ROWS_COUNT = sizeof(ROWS) / sizeof(ROWS[0]) };

static float dense_x[EXAMPLES * FEATURES];
static float sparse_x[EXAMPLES * FEATURES];
static uint32_t labels[EXAMPLES];

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#if defined(__x86_64__)

#define EACH_SUM ".irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n\t"

/* Adds one * one to twelve registers v, so many times. All are set here: what happens to be in them
 * may be denormal, and then costs a hundred times as much. */
#define MULTIPLY_ADD(v, times, one)                                                                \
    __asm__ volatile(EACH_SUM "vxorps %%xmm\\i, %%xmm\\i, %%xmm\\i\n\t"                            \
                              ".endr\n\t"                                                          \
                              "vbroadcastss %1, %%" v "12\n\t"                                     \
                              "vbroadcastss %1, %%" v "13\n\t"                                     \
                              "1:\n\t" EACH_SUM "vfmadd231ps %%" v "12, %%" v "13, %%" v "\\i\n\t" \
                              ".endr\n\t"                                                          \
                              "dec %0\n\t"                                                         \
                              "jnz 1b\n\t"                                                         \
                              "vzeroupper"                                                         \
                     : "+r"(times)                                                                 \
                     : "m"(one)                                                                    \
                     : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",       \
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13")

/* GFLOP/s of independent multiply-adds in registers of 8 floats, or of 16. */
static double fma_rate(int lanes) {
    enum { TIMES = 4000000 }; // the sums stay exact
    const float one = 1.0F;
    long times = TIMES;
    const double start = now_s();
    if (lanes == 16) {
        MULTIPLY_ADD("zmm", times, one);
    } else {
        MULTIPLY_ADD("ymm", times, one);
    }
    return TIMES * 12.0 * 2.0 * lanes / (now_s() - start) * 1e-9;
}

/* The faster of the two: not every core does more with the wider. */
static double fma_peak(void) {
    const double narrow = __builtin_cpu_supports("fma") ? fma_rate(8) : 0.0;
    const double wide = __builtin_cpu_supports("avx512f") ? fma_rate(16) : 0.0;
    return wide > narrow ? wide : narrow;
}

#else

/* We do not know how to ask. */
static double fma_peak(void) {
    return 0.0;
}

#endif

static void fill(void) {
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        labels[i] = ch_rng_below(&rng, CLASSES);
        for (int p = 0; p < FEATURES; p++) {
            const int dy = p / 28 - 14;
            const int dx = p % 28 - 14;
            const float value = 0.01F + 0.99F * (float)ch_rng_unit(&rng);
            dense_x[i * FEATURES + (uint32_t)p] = value;
            sparse_x[i * FEATURES + (uint32_t)p] = dx * dx + dy * dy < 125 ? value : 0.0F;
        }
    }
}

/* Replaces the discs by images from an IDX file, plain or compressed. */
static bool read_images(const char *path) {
    static uint8_t pixels[EXAMPLES * FEATURES];
    gzFile file = gzopen(path, "rb"); // plain files too
    if (file == NULL) {
        return false;
    }
    const bool whole = gzseek(file, 16, SEEK_SET) == 16 &&
                       gzread(file, pixels, sizeof(pixels)) == (int)sizeof(pixels);
    (void)gzclose(file);
    for (size_t i = 0; whole && i < sizeof(pixels); i++) {
        sparse_x[i] = (float)pixels[i] / 255.0F;
    }
    return whole;
}

static bool row_create(row *r, const ch_kernels *kernels) {
    static float params[2000000];
    const choir_env env = choir_env_default();
    ch_net_options o = ch_net_defaults();
    o.layers = r->layers;
    o.height = 28;
    o.width = 28;
    o.batch_max = r->batch;
    o.fused = r->fused;
    o.kernels = kernels;
    if (ch_net_create(&r->net, &o, &env, NULL) != CHOIR_OK) {
        return false;
    }
    ch_net_init(r->net, 1, params);
    ch_net_load(r->net, params);
    return true;
}

/* One run: STEPS steps. Returns microseconds a step; negative when training diverged. */
static double row_run(const row *r) {
    const ch_sgd sgd = {.learning_rate = 1e-3F};
    const float *x = r->sparse ? sparse_x : dense_x;
    ch_score score = {0};
    const double start = now_s();
    for (uint32_t step = 0; step < STEPS; step++) {
        const uint32_t at = step * r->batch % (EXAMPLES - r->batch + 1);
        const ch_batch batch = {
            .count = r->batch, .x = x + (size_t)at * FEATURES, .labels = labels + at};
        if (ch_net_step(r->net, &batch, &sgd, &score) != CHOIR_OK) {
            return -1.0;
        }
    }
    return (now_s() - start) / STEPS * 1e6;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, size_t n) {
    qsort(x, n, sizeof(double), ascending);
    return x[n / 2];
}

static int run_all(const ch_kernels *kernels, double seconds) {
    static double peaks[RUNS_MAX];
    for (int i = 0; i < ROWS_COUNT; i++) {
        if (!row_create(&ROWS[i], kernels)) {
            (void)fprintf(stderr, "engine_bench: cannot create '%s'\n", ROWS[i].name);
            return 1;
        }
    }
    size_t runs = 0;
    for (const double end = now_s() + seconds; runs < RUNS_MAX && (runs < 5 || now_s() < end);
         runs++) {
        peaks[runs] = fma_peak();
        for (int i = 0; i < ROWS_COUNT; i++) {
            ROWS[i].us[runs] = row_run(&ROWS[i]);
        }
    }
    const double peak = median(peaks, runs);
    printf("backend %s, %zu interleaved runs of %d steps, medians; FMA peak %.1f, best %.1f "
           "GFLOP/s\n",
           ch_kernels_name(kernels), runs, STEPS, peak, peaks[runs - 1]);
    if (peak < 0.5 * peaks[runs - 1]) {
        (void)fprintf(stderr, "engine_bench: the median FMA peak is below half of the best, so it "
                              "is no yardstick; is the machine busy?\n");
        return 1;
    }
    printf("%-24s %10s %10s %12s %10s %8s\n", "", "us/step", "best us", "examples/s", "GFLOP/s",
           "of peak");
    for (int i = 0; i < ROWS_COUNT; i++) {
        const double us = median(ROWS[i].us, runs);
        const double gflops = ROWS[i].step_mflop / us * 1e3;
        printf("%-24s %10.1f %10.1f %12.0f %10.1f %7.0f%%\n", ROWS[i].name, us, ROWS[i].us[0],
               ROWS[i].batch / us * 1e6, gflops, peak > 0.0 ? 100.0 * gflops / peak : 0.0);
        ch_net_destroy(ROWS[i].net);
    }
    return 0;
}

int main(int argc, char **argv) {
    const ch_kernels *kernels = ch_kernels_best();
    double seconds = 5.0;
    fill();
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--backend") == 0) {
            kernels = ch_kernels_find(argv[i + 1]);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            seconds = strtod(argv[i + 1], NULL);
        } else if (strcmp(argv[i], "--images") != 0 || !read_images(argv[i + 1])) {
            (void)fprintf(stderr, "engine_bench: cannot use %s %s\n", argv[i], argv[i + 1]);
            return 1;
        }
    }
    if (kernels == NULL) {
        (void)fprintf(stderr, "engine_bench: this CPU has no such backend\n");
        return 1;
    }
    return run_all(kernels, seconds);
}
