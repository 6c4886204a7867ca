/*
 * Dense kernels: every backend against the reference over awkward shapes, and the backends that
 * fuse multiply-adds against each other, bit for bit.
 */
#include "support/backends.h"

#include "base/rng.h"
#include "math/dense.h"
#include "math/panels.h"

#include <string.h>

enum { M_MAX = 70, K_MAX = 100, N_MAX = 100, ROWS_MAX = 120 };

/* One call's operands and results; the results start alike for every backend. */
typedef struct bench {
    uint32_t m, k, n;
    ch_dense_shape shape;
    float x[M_MAX * K_MAX];
    uint32_t rows[K_MAX];
    float y[M_MAX * 112], gy[M_MAX * 112], gx[M_MAX * 128];
    float bias[112];
    float w[ROWS_MAX * 112], g[ROWS_MAX * 112], v[ROWS_MAX * 112], anchor[ROWS_MAX * 112];
} bench;

static float noise(ch_rng *rng) {
    return (float)(2.0 * ch_rng_unit(rng) - 1.0);
}

static void fill_matrix(ch_rng *rng, float *x, uint32_t rows, uint32_t cols) {
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t c = 0; c < cols; c++) {
            x[ch_panel_offset(rows, r, c)] = noise(rng);
        }
    }
}

/* gathered: x meets every other row of w only. */
static void bench_fill(bench *b, uint32_t m, uint32_t k, uint32_t n, bool gathered) {
    ch_rng rng = ch_rng_stream(m, CH_PURPOSE_TEST, k, n);
    *b = (bench){.m = m, .k = k, .n = n};
    b->shape = (ch_dense_shape){.rows = gathered ? k + k / 2 : k, .n = n};
    for (uint32_t i = 0; i < k; i++) {
        b->rows[i] = i + i / 2;
    }
    for (uint32_t i = 0; i < m * k; i++) {
        b->x[i] = noise(&rng);
    }
    for (uint32_t r = 0; r < m; r++) {
        for (uint32_t c = 0; c < n; c++) {
            b->gy[r * ch_padded(n) + c] = noise(&rng);
        }
    }
    fill_matrix(&rng, b->bias, 1, n);
    fill_matrix(&rng, b->w, b->shape.rows, n);
    fill_matrix(&rng, b->g, b->shape.rows, n);
    fill_matrix(&rng, b->v, b->shape.rows, n);
    fill_matrix(&rng, b->anchor, b->shape.rows, n);
    memset(b->y, 0x7f, sizeof(b->y));
    memset(b->gx, 0x7f, sizeof(b->gx));
}

static void bench_run(bench *b, const ch_kernels *k, bool gathered, bool relu,
                      const ch_update *update) {
    const ch_dense_input in = {
        .x = b->x, .stride = b->k, .k = b->k, .rows = gathered ? b->rows : NULL};
    const ch_weights w = {.w = b->w, .g = b->g, .v = b->v, .anchor = b->anchor};
    k->dense->forward(b->y, &in, b->m, b->shape, b->w, relu ? b->bias : NULL, relu);
    if (update->continued) { // as those of gradients, sums may start from what is there
        k->dense->forward_added(b->y, &in, b->m, b->shape, b->w);
    }
    k->dense->input_gradient(b->gx, b->gy, b->m, b->shape, b->w);
    k->dense->weight_gradient(&w, &in, b->gy, b->m, b->shape, update);
}

static const struct {
    uint32_t m, k, n;
} SHAPES[] = {
    {1, 1, 1},    {1, 7, 10},   {2, 3, 17},   {3, 16, 16},  {5, 8, 9},    {6, 31, 33},
    {7, 33, 8},   {10, 20, 24}, {10, 79, 25}, {11, 9, 40},  {12, 64, 64}, {13, 80, 100},
    {25, 50, 10}, {64, 5, 32},  {65, 12, 7},  {70, 61, 48},
};

enum { SHAPES_COUNT = sizeof(SHAPES) / sizeof(SHAPES[0]) };

static const ch_update UPDATES[] = {
    {.applied = false},
    {.applied = false, .continued = true},
    {.applied = true, .rate = 0.1F},
    {.applied = true, .rate = -1.0F},
    {.applied = true, .rate = 0.1F, .continued = true},
    {.applied = true, .rate = 0.1F, .momentum = 0.9F, .decay = 0.01F, .proximal = 0.5F},
};

enum { UPDATES_COUNT = sizeof(UPDATES) / sizeof(UPDATES[0]) };

static void check_close(const char *what, const float *a, const float *b, size_t n, double bound) {
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)a[i] - (double)b[i]) <= bound)) {
            fail_msg("%s[%zu]: %g against %g", what, i, (double)a[i], (double)b[i]);
        }
    }
}

/* A sum of n products of numbers below one, rounded n times: n^2 / 2 units of 2^-24 at most. */
static double bound(uint32_t n) {
    return ((double)n * n / 2.0 + 4.0) * 0x1p-24;
}

static void check_like_reference(const ch_kernels *k, uint32_t shape, uint32_t update,
                                 bool gathered, bool relu) {
    static bench want;
    static bench have;
    const ch_kernels *reference = ch_kernels_find("reference");
    bench_fill(&want, SHAPES[shape].m, SHAPES[shape].k, SHAPES[shape].n, gathered);
    have = want;
    bench_run(&want, reference, gathered, relu, &UPDATES[update]);
    bench_run(&have, k, gathered, relu, &UPDATES[update]);
    const size_t n = ch_padded(have.n);
    const size_t size = ch_panels_size(have.shape.rows, have.n);
    const uint32_t k_all = UPDATES[update].continued ? 2 * have.k : have.k;
    check_close("y", have.y, want.y, have.m * n, bound(k_all));
    check_close("gx", have.gx, want.gx, have.m * ch_padded(have.shape.rows), bound(have.n));
    check_close("w", have.w, want.w, size, bound(have.m));
    check_close("v", have.v, want.v, size, bound(have.m));
    if (!UPDATES[update].applied) {
        check_close("g", have.g, want.g, size, bound(have.m));
    }
}

/* How operands meet: all combinations of the two. */
static const struct {
    bool gathered, relu;
} WAYS[] = {{false, false}, {false, true}, {true, false}, {true, true}};

enum { WAYS_COUNT = sizeof(WAYS) / sizeof(WAYS[0]) };

static void check_all_like_reference(const ch_kernels *k) {
    for (uint32_t i = 0; i < SHAPES_COUNT * UPDATES_COUNT * WAYS_COUNT; i++) {
        const uint32_t way = i % WAYS_COUNT;
        check_like_reference(k, i / WAYS_COUNT % SHAPES_COUNT, i / WAYS_COUNT / SHAPES_COUNT,
                             WAYS[way].gathered, WAYS[way].relu);
    }
}

static void every_backend_agrees_with_the_reference(void **state) {
    (void)state;
    for_backends(check_all_like_reference);
}

static void check_same_bits(const ch_kernels *narrow, const ch_kernels *wide) {
    static bench first;
    static bench other;
    for (uint32_t i = 0; i < SHAPES_COUNT * UPDATES_COUNT * WAYS_COUNT; i++) {
        const uint32_t shape = i / WAYS_COUNT % SHAPES_COUNT;
        const ch_update *update = &UPDATES[i / WAYS_COUNT / SHAPES_COUNT];
        const bool gathered = WAYS[i % WAYS_COUNT].gathered;
        const bool relu = WAYS[i % WAYS_COUNT].relu;
        bench_fill(&first, SHAPES[shape].m, SHAPES[shape].k, SHAPES[shape].n, gathered);
        other = first;
        bench_run(&first, narrow, gathered, relu, update);
        bench_run(&other, wide, gathered, relu, update);
        if (update->applied && ch_update_is_plain(update)) {
            memcpy(other.g, first.g, sizeof(first.g)); // a plain step need not store it
        }
        assert_memory_equal(&first, &other, sizeof(first));
    }
}

static void vector_width_does_not_change_a_bit(void **state) {
    (void)state;
    for_vector_widths(check_same_bits);
}

static void a_gradient_in_parts_is_the_gradient(void **state) {
    (void)state;
    static bench whole;
    static bench parts;
    const ch_kernels *k = ch_kernels_best();
    bench_fill(&whole, 25, 50, 24, false);
    parts = whole;
    const ch_dense_input in = {.x = whole.x, .stride = 50, .k = 50};
    const ch_weights w = {.w = whole.w, .g = whole.g};
    const ch_weights w_parts = {.w = parts.w, .g = parts.g};
    const ch_update all = {.applied = true, .rate = 0.5F};
    k->dense->weight_gradient(&w, &in, whole.gy, 25, whole.shape, &all);
    for (uint32_t at = 0; at < 25; at += 10) {
        const ch_dense_input some = {.x = parts.x + (size_t)at * 50, .stride = 50, .k = 50};
        const uint32_t m = at == 20 ? 5 : 10;
        const ch_update part = {.continued = at > 0, .applied = at == 20, .rate = 0.5F};
        k->dense->weight_gradient(&w_parts, &some, parts.gy + (size_t)at * 32, m, parts.shape,
                                  &part);
    }
    assert_memory_equal(whole.w, parts.w, sizeof(whole.w));
}

/* Positions of sequences: more rows than the kernel sums at a time. */
static void a_sum_over_many_rows_is_one_chain(void **state) {
    (void)state;
    enum { M = 700, K = 5, N = 20 };
    static float x[M * K];
    static float gy[M * 32];
    const ch_kernels *k = ch_kernels_best();
    const ch_dense_shape shape = {.rows = K, .n = N};
    ch_rng rng = ch_rng_stream(4, CH_PURPOSE_TEST, 0, 0);
    for (uint32_t i = 0; i < M * 32; i++) {
        gy[i] = i % 32 < N ? noise(&rng) : 0.0F;
        x[i % (M * K)] = noise(&rng);
    }
    for (uint32_t i = 0; i < UPDATES_COUNT; i++) {
        float w[2][K * 32] = {{0}};
        float g[2][K * 32] = {{0}};
        float v[2][K * 32] = {{0}};
        const float anchor[K * 32] = {0};
        const ch_weights one = {.w = w[0], .g = g[0], .v = v[0], .anchor = (float *)anchor};
        const ch_weights other = {.w = w[1], .g = g[1], .v = v[1], .anchor = (float *)anchor};
        const ch_dense_input all = {.x = x, .stride = K, .k = K};
        k->dense->weight_gradient(&one, &all, gy, M, shape, &UPDATES[i]);
        for (uint32_t row = 0; row < M; row++) { // one by one
            const ch_dense_input input = {.x = x + (size_t)row * K, .stride = K, .k = K};
            ch_update part = UPDATES[i];
            part.continued = part.continued || row > 0;
            part.applied = part.applied && row == M - 1;
            k->dense->weight_gradient(&other, &input, gy + (size_t)row * 32, 1, shape, &part);
        }
        assert_memory_equal(w[0], w[1], sizeof(w[0]));
        assert_memory_equal(v[0], v[1], sizeof(v[0]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_backend_agrees_with_the_reference),
        cmocka_unit_test(vector_width_does_not_change_a_bit),
        cmocka_unit_test(a_gradient_in_parts_is_the_gradient),
        cmocka_unit_test(a_sum_over_many_rows_is_one_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
