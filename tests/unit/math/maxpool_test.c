/* Pooling kernels: every backend against plain C, which is checked by hand. */
#include "conv_case.h"

#include "support/backends.h"

#include "math/pool.h"

static const ch_pool_shape SHAPES[] = {
    {24, 24, 64, 3, 2}, {4, 6, 3, 2, 2},  {5, 5, 17, 3, 2}, {7, 3, 1, 3, 1},
    {1, 1, 2, 3, 3},    {9, 8, 16, 4, 3}, {6, 6, 33, 2, 1}, {3, 3, 5, 15, 4},
};

enum { SHAPES_COUNT = sizeof(SHAPES) / sizeof(SHAPES[0]), COUNT = 2 };

static size_t outputs(const ch_pool_shape *s) {
    return (size_t)ch_pool_size(s->height, s->stride) * ch_pool_size(s->width, s->stride) *
           s->channels;
}

/*
 * Two backends on one shape. steps = 0: real numbers; else whole ones in [-steps, steps], among
 * which there are ties, and whose sums are exact in any order.
 */
static void check_shape(const ch_kernels *a, const ch_kernels *b, const ch_pool_shape *s,
                        uint32_t steps) {
    const size_t in = (size_t)s->height * s->width * s->channels;
    const size_t out = outputs(s);
    ch_rng rng = ch_rng_stream(3, CH_PURPOSE_TEST, s->window, s->stride);
    float *x = floats(COUNT * in);
    float *gy = floats(COUNT * out);
    float *results[2][2] = {{floats(COUNT * out), floats(COUNT * in)},
                            {floats(COUNT * out), floats(COUNT * in)}};
    uint8_t *codes[2] = {calloc(COUNT, out), calloc(COUNT, out)};
    fill(x, COUNT * in, steps, &rng);
    fill(gy, COUNT * out, steps, &rng);
    const ch_images images = {x, in, COUNT};
    const ch_pool_kernels *both[2] = {a->pool, b->pool};
    for (int i = 0; i < 2; i++) {
        both[i]->forward(results[i][0], out, codes[i], &images, s);
        both[i]->input_gradient(results[i][1], in, gy, out, codes[i], COUNT, s);
    }
    assert_memory_equal(codes[0], codes[1], COUNT * out);
    for (size_t j = 0; j < COUNT * out; j++) {
        assert_true(results[0][0][j] == results[1][0][j]);
    }
    for (size_t j = 0; j < COUNT * in; j++) {
        assert_true(results[0][1][j] == results[1][1][j]);
    }
    for (int i = 0; i < 2; i++) {
        free(results[i][0]);
        free(results[i][1]);
        free(codes[i]);
    }
    free(x);
    free(gy);
}

static void check_like_reference(const ch_kernels *k) {
    for (uint32_t i = 0; i < SHAPES_COUNT; i++) {
        check_shape(k, ch_kernels_find("reference"), &SHAPES[i], 2);
    }
}

static void every_backend_is_the_reference(void **state) {
    (void)state;
    for_backends(check_like_reference);
}

static void check_same_bits(const ch_kernels *narrow, const ch_kernels *wide) {
    for (uint32_t i = 0; i < SHAPES_COUNT; i++) {
        check_shape(narrow, wide, &SHAPES[i], 0);
    }
}

static void every_vector_width_gives_the_same_bits(void **state) {
    (void)state;
    for_vector_widths(check_same_bits);
}

static void the_largest_of_each_window_gets_the_gradient(void **state) {
    (void)state;
    const ch_pool_shape s = {3, 4, 1, 2, 2}; // the last row of windows has one row of the image
    const float x[12] = {1, 2, 5, 5, 4, 3, 0, 5, -1, -3, 7, 8};
    const ch_images images = {x, 12, 1};
    const float gy[4] = {10, 20, 30, 40};
    const float expected_y[4] = {4, 5, -1, 8};
    const uint8_t expected_codes[4] = {2, 0, 0, 1};
    const float expected_gx[12] = {0, 0, 20, 0, 10, 0, 0, 0, 30, 0, 0, 40};
    float y[4];
    float gx[12];
    uint8_t codes[4];
    ch_kernels_find("reference")->pool->forward(y, 4, codes, &images, &s);
    ch_kernels_find("reference")->pool->input_gradient(gx, 12, gy, 4, codes, 1, &s);
    assert_memory_equal(y, expected_y, sizeof(y));
    assert_memory_equal(codes, expected_codes, sizeof(codes));
    assert_memory_equal(gx, expected_gx, sizeof(gx));
}

static void windows_that_overlap_add_up_and_borders_are_divided(void **state) {
    (void)state;
    const ch_pool_shape s = {1, 5, 1, 3, 2}; // windows at -1, 1, 3
    const float x[5] = {1, 9, 0, 2, 3};
    const ch_images images = {x, 5, 1};
    const float gy[3] = {1, 10, 100};
    const float expected_y[3] = {9, 9, 3};
    const uint8_t expected_codes[3] = {5, 3, 4}; // the middle row of a window is the image's
    const float expected_gx[5] = {0, 11, 0, 0, 100};
    float y[3];
    float gx[5];
    uint8_t codes[3];
    ch_kernels_find("reference")->pool->forward(y, 3, codes, &images, &s);
    ch_kernels_find("reference")->pool->input_gradient(gx, 5, gy, 3, codes, 1, &s);
    assert_memory_equal(y, expected_y, sizeof(y));
    assert_memory_equal(codes, expected_codes, sizeof(codes));
    assert_memory_equal(gx, expected_gx, sizeof(gx));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_backend_is_the_reference),
        cmocka_unit_test(every_vector_width_gives_the_same_bits),
        cmocka_unit_test(the_largest_of_each_window_gets_the_gradient),
        cmocka_unit_test(windows_that_overlap_add_up_and_borders_are_divided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
