/*
 * Winograd's convolution against the direct one, within a bound that is derived and not tuned.
 *
 * Every intermediate value is a sum of products whose absolute values the same algorithm gives when
 * it runs on absolute values with absolute matrices. So an output is off by at most
 *
 *     (n + r) u  |A'| [ |G| |w| |G'| . |B'| |x| |B| ] |A|        u = 2^-24
 *
 * where n products are summed per point and r counts the roundings of the transforms on the way to
 * one output: 5 in each direction for G (two sums, two products, one of them by a rounded
 * constant), 3 for B, 3 for A, which also adds six rows; 27 with the bias. The gradients, adjoints,
 * alike.
 *
 * Source: Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., 2002, sec. 3.1
 * and 23.2; Barabasz, Anderson, Soodhalter, Gregg, "Error Analysis and Improving the Accuracy of
 * Winograd Convolution for Deep Neural Networks", TOMS 2020, for two dimensions.
 */
#include "conv_case.h"

#include "support/backends.h"

enum { SIDE = 6, TAPS = 5, TAPS_ALL = 25, ROUNDINGS = 27 };

/* Absolute values of the matrices, by name: (rows, columns). */
static const double A[SIDE][2] = {{1, 0}, {1, 1}, {1, 1}, {1, 2}, {1, 2}, {0, 1}};
static const double B[SIDE][SIDE] = {{4, 0, 0, 0, 0, 0}, {0, 4, 4, 2, 2, 4}, {5, 4, 4, 1, 1, 0},
                                     {0, 1, 1, 2, 2, 5}, {1, 1, 1, 1, 1, 0}, {0, 0, 0, 0, 0, 1}};
static const double G[SIDE][TAPS] = {
    {1.0 / 4, 0, 0, 0, 0},
    {1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6},
    {1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6, 1.0 / 3, 2.0 / 3},
    {1.0 / 24, 1.0 / 12, 1.0 / 6, 1.0 / 3, 2.0 / 3},
    {0, 0, 0, 0, 1},
};

static const ch_conv_shape SHAPES[] = {
    {14, 14, 16, 32, 5, 5},
    {2, 2, 16, 16, 5, 5},
    {6, 4, 48, 16, 5, 5},
    {2, 10, 16, 48, 5, 5},
};

enum { SHAPES_COUNT = sizeof(SHAPES) / sizeof(SHAPES[0]) };

/* m = |G| |w| |G'| of one filter. */
static void filter_sizes(double m[SIDE][SIDE], const conv_case *c, size_t in, size_t out) {
    const size_t rows = (size_t)TAPS_ALL * c->s.in;
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            m[i][j] = 0.0;
            for (size_t t = 0; t < TAPS_ALL; t++) {
                const float w = c->w[ch_panel_offset(rows, t * c->s.in + in, out)];
                m[i][j] += G[i][t / TAPS] * G[j][t % TAPS] * fabs((double)w);
            }
        }
    }
}

/* m = |B'| |x| |B| of one tile of one channel. */
static void input_sizes(double m[SIDE][SIDE], const conv_case *c, size_t image, int top, int left,
                        size_t in) {
    memset(m, 0, sizeof(double) * SIDE * SIDE);
    for (int p = 0; p < SIDE * SIDE; p++) {
        const int y = top + p / SIDE - 2;
        const int x = left + p % SIDE - 2;
        if (y < 0 || y >= (int)c->s.height || x < 0 || x >= (int)c->s.width) {
            continue;
        }
        const size_t at = ((size_t)y * c->s.width + (size_t)x) * c->s.in + in;
        for (int i = 0; i < SIDE; i++) {
            for (int j = 0; j < SIDE; j++) {
                m[i][j] += B[p / SIDE][i] * B[p % SIDE][j] * fabs((double)c->x[image * c->in + at]);
            }
        }
    }
}

/* m = |A| |gy| |A'| of one tile of one channel. */
static void output_sizes(double m[SIDE][SIDE], const conv_case *c, size_t image, int top, int left,
                         size_t out) {
    memset(m, 0, sizeof(double) * SIDE * SIDE);
    for (int p = 0; p < 4; p++) {
        const size_t pixel = (size_t)(top + p / 2) * c->s.width + (size_t)(left + p % 2);
        const double g = fabs((double)c->gy[image * c->out + pixel * c->s.out + out]);
        for (int i = 0; i < SIDE; i++) {
            for (int j = 0; j < SIDE; j++) {
                m[i][j] += A[i][p / 2] * A[j][p % 2] * g;
            }
        }
    }
}

/* Results of c become bounds on the errors of kernels given the operands of c. */
typedef struct bounds {
    double *y, *gx, *gw;
} bounds;

static double *doubles(size_t count) {
    double *x = calloc(count, sizeof(double));
    assert_non_null(x);
    return x;
}

/* What one tile, one input and one output channel add to the three results. */
static void add_sizes(bounds *to, const conv_case *c, size_t image, int top, int left, size_t in,
                      size_t out) {
    double u[SIDE][SIDE];
    double v[SIDE][SIDE];
    double z[SIDE][SIDE];
    const size_t rows = (size_t)TAPS_ALL * c->s.in;
    filter_sizes(u, c, in, out);
    input_sizes(v, c, image, top, left, in);
    output_sizes(z, c, image, top, left, out);
    for (int p = 0; p < SIDE * SIDE; p++) {
        const int i = p / SIDE;
        const int j = p % SIDE;
        for (int q = 0; q < 4; q++) {
            const size_t pixel = (size_t)(top + q / 2) * c->s.width + (size_t)(left + q % 2);
            to->y[image * c->out + pixel * c->s.out + out] +=
                A[i][q / 2] * A[j][q % 2] * u[i][j] * v[i][j];
        }
        for (int q = 0; q < SIDE * SIDE; q++) {
            const int y = top + q / SIDE - 2;
            const int x = left + q % SIDE - 2;
            if (y >= 0 && y < (int)c->s.height && x >= 0 && x < (int)c->s.width) {
                const size_t pixel = (size_t)y * c->s.width + (size_t)x;
                to->gx[image * c->in + pixel * c->s.in + in] +=
                    B[q / SIDE][i] * B[q % SIDE][j] * u[i][j] * z[i][j];
            }
        }
        for (size_t t = 0; t < TAPS_ALL; t++) {
            to->gw[ch_panel_offset(rows, t * c->s.in + in, out)] +=
                G[i][t / TAPS] * G[j][t % TAPS] * v[i][j] * z[i][j];
        }
    }
}

static bounds bounds_make(const conv_case *c) {
    bounds b = {.y = doubles(c->count * c->out),
                .gx = doubles(c->count * c->in),
                .gw = doubles(c->filters)};
    const size_t columns = c->s.width / 2;
    const size_t tiles = c->s.height / 2 * columns;
    for (size_t tile = 0; tile < c->count * tiles; tile++) {
        const int top = (int)(tile % tiles / columns * 2);
        const int left = (int)(tile % columns * 2);
        for (size_t k = 0; k < (size_t)c->s.in * c->s.out; k++) {
            add_sizes(&b, c, tile / tiles, top, left, k / c->s.out, k % c->s.out);
        }
    }
    return b;
}

static void check_within(const char *what, const float *a, const float *b, const double *sizes,
                         size_t count, double roundings) {
    double worst = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double bound = roundings * 0x1p-24 * sizes[i];
        const double error = fabs((double)a[i] - (double)b[i]);
        if (!(error <= bound)) {
            fail_msg("%s: element %zu is %.9g, not %.9g within %.3g", what, i, (double)a[i],
                     (double)b[i], bound);
        }
        worst = error > worst * bound && bound > 0.0 ? error / bound : worst;
    }
    print_message("%s: %.2g of the bound\n", what, worst);
}

static void check_near_direct(const ch_kernels *k) {
    const ch_conv_kernels *direct = ch_kernels_find("reference")->conv;
    for (uint32_t i = 1; i < SHAPES_COUNT; i++) {
        const ch_conv_shape s = SHAPES[i];
        assert_true(k->winograd->fits(&s));
        conv_case a = conv_case_make(s, 2, false, 0);
        conv_case b = conv_case_make(s, 2, false, 0);
        conv_case_forward(&a, k->winograd);
        conv_case_forward(&b, direct);
        conv_case_backward(&a, k->winograd);
        conv_case_backward(&b, direct);
        bounds sizes = bounds_make(&a);
        for (size_t j = 0; j < 2 * a.out; j++) {
            sizes.y[j] += fabs((double)a.b[j % s.out]);
        }
        const double tiles = 2.0 * s.height * s.width / 4;
        check_within("forward", a.y, b.y, sizes.y, 2 * a.out, s.in + ROUNDINGS);
        check_within("input_gradient", a.gx, b.gx, sizes.gx, 2 * a.in, s.out + ROUNDINGS);
        check_within("weight_gradient", a.gw, b.gw, sizes.gw, a.filters, tiles + ROUNDINGS);
        free(sizes.y);
        free(sizes.gx);
        free(sizes.gw);
        conv_case_release(&a);
        conv_case_release(&b);
    }
}

static void results_are_those_of_the_direct_algorithm_within_rounding(void **state) {
    (void)state;
    for_backends(check_near_direct);
}

/* Pooled gradients against the same gradients spread out by hand: the same bits. */
static void check_pooled(const ch_kernels *k) {
    for (uint32_t i = 0; i < SHAPES_COUNT; i++) {
        const ch_conv_shape s = SHAPES[i];
        conv_case a = conv_case_make(s, 2, true, 0);
        conv_case b = conv_case_make(s, 2, false, 0);
        b.relu = true;
        memcpy(b.w, a.w, a.filters * sizeof(float));
        memcpy(b.x, a.x, 2 * a.in * sizeof(float));
        memcpy(b.b, a.b, a.bias * sizeof(float));
        memset(b.gy, 0, 2 * b.out * sizeof(float));
        conv_case_forward(&a, k->winograd);
        conv_case_forward(&b, k->winograd);
        for (size_t j = 0; j < 2 * a.out; j++) {
            const size_t row = j / s.out / (s.width / 2); // of squares, all images on end
            const size_t column = j / s.out % (s.width / 2);
            float best = 0.0F;
            for (size_t q = 0; q < 4; q++) {
                const size_t pixel = (2 * row + q / 2) * s.width + 2 * column + q % 2;
                const size_t at = pixel * s.out + j % s.out;
                best = b.y[at] > best ? b.y[at] : best;
                b.gy[at] = a.codes[j] == q ? a.gy[j] : 0.0F;
                assert_true(a.codes[j] != q || b.y[at] == a.y[j]);
            }
            assert_true(a.y[j] == best);
            assert_true((a.codes[j] == CH_POOL_DEAD) == (best == 0.0F));
        }
        conv_case_backward(&a, k->winograd);
        conv_case_backward(&b, k->winograd);
        for (size_t j = 0; j < 2 * a.in; j++) {
            assert_true(a.gx[j] == b.gx[j]);
        }
        for (size_t j = 0; j < a.filters; j++) {
            assert_true(a.gw[j] == b.gw[j]);
        }
        for (size_t j = 0; j < a.bias; j++) {
            assert_true(a.gb[j] == b.gb[j]);
        }
        conv_case_release(&a);
        conv_case_release(&b);
    }
}

static void a_maximum_in_the_transform_is_relu_and_a_maximum_after_it(void **state) {
    (void)state;
    for_vector_backends(check_pooled);
}

static double inner(const float *a, const float *b, size_t count, double *size) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
        *size += fabs((double)a[i] * (double)b[i]);
    }
    return sum;
}

/* <conv(x, w), gy> = <x, gx> = <w, gw>, up to the rounding of terms as large as those summed. */
static void check_adjoint(const ch_kernels *k) {
    for (uint32_t i = 0; i < SHAPES_COUNT; i++) {
        conv_case c = conv_case_make(SHAPES[i], 2, false, 0);
        memset(c.b, 0, c.bias * sizeof(float));
        conv_case_forward(&c, k->winograd);
        conv_case_backward(&c, k->winograd);
        double size = 0.0;
        const double expected = inner(c.y, c.gy, 2 * c.out, &size);
        check_near(inner(c.x, c.gx, 2 * c.in, &size), expected, 0x1p-20 * size);
        check_near(inner(c.w, c.gw, c.filters, &size), expected, 0x1p-20 * size);
        conv_case_release(&c);
    }
}

static void both_gradients_are_adjoint_to_the_forward_pass(void **state) {
    (void)state;
    for_backends(check_adjoint);
}

/* One step on the whole batch, and on two parts of it: the same bits. */
static void check_parts(const ch_kernels *k) {
    conv_case a = conv_case_make(SHAPES[2], 3, false, 0);
    conv_case b = conv_case_make(SHAPES[2], 3, false, 0);
    const ch_update whole = {.applied = true, .rate = 0.25F};
    const ch_update first = {.applied = false};
    const ch_update last = {.continued = true, .applied = true, .rate = 0.25F};
    const ch_images all = {a.x, a.in, 3};
    const ch_images two = {b.x, b.in, 2};
    const ch_images third = {b.x + 2 * b.in, b.in, 1};
    const ch_conv_gradient gy = {.g = a.gy, .stride = a.out};
    const ch_conv_gradient rest = {.g = a.gy + 2 * a.out, .stride = a.out};
    const ch_weights aw = {.w = a.w, .g = a.gw};
    const ch_weights bw = {.w = b.w, .g = b.gw};
    a.workspace = floats(k->winograd->workspace(&a.s));
    b.workspace = floats(k->winograd->workspace(&b.s));
    k->winograd->weight_gradient(&aw, &all, &gy, &a.s, &whole, a.workspace);
    k->winograd->weight_gradient(&bw, &two, &gy, &b.s, &first, b.workspace);
    k->winograd->weight_gradient(&bw, &third, &rest, &b.s, &last, b.workspace);
    assert_memory_equal(a.w, b.w, a.filters * sizeof(float));
    conv_case_release(&a);
    conv_case_release(&b);
}

static void a_batch_in_parts_ends_in_the_same_update(void **state) {
    (void)state;
    for_vector_backends(check_parts);
}

static void check_same_bits(const ch_kernels *narrow, const ch_kernels *wide) {
    for (uint32_t i = 0; i < 2 * SHAPES_COUNT; i++) {
        conv_case a = conv_case_make(SHAPES[i / 2], 2, i % 2 == 1, 0);
        conv_case b = conv_case_make(SHAPES[i / 2], 2, i % 2 == 1, 0);
        conv_case_forward(&a, narrow->winograd);
        conv_case_forward(&b, wide->winograd);
        conv_case_backward(&a, narrow->winograd);
        conv_case_backward(&b, wide->winograd);
        assert_memory_equal(a.y, b.y, 2 * a.out * sizeof(float));
        assert_memory_equal(a.codes, b.codes, 2 * a.out);
        assert_memory_equal(a.gx, b.gx, 2 * a.in * sizeof(float));
        assert_memory_equal(a.gw, b.gw, a.filters * sizeof(float));
        assert_memory_equal(a.gb, b.gb, a.bias * sizeof(float));
        conv_case_release(&a);
        conv_case_release(&b);
    }
}

static void every_vector_width_gives_the_same_bits(void **state) {
    (void)state;
    for_vector_widths(check_same_bits);
}

static void shapes_it_cannot_do_are_left_to_the_direct_algorithm(void **state) {
    (void)state;
    const ch_conv_kernels *k = ch_kernels_best()->winograd;
    const ch_conv_shape bad[] = {
        {14, 14, 32, 64, 3, 3}, {13, 14, 32, 64, 5, 5}, {14, 13, 32, 64, 5, 5},
        {14, 14, 24, 64, 5, 5}, {14, 14, 32, 8, 5, 5},  {28, 28, 1, 32, 5, 5},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(k->fits(&bad[i]));
        assert_true(ch_kernels_best()->conv->fits(&bad[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_the_direct_algorithm_within_rounding),
        cmocka_unit_test(a_maximum_in_the_transform_is_relu_and_a_maximum_after_it),
        cmocka_unit_test(both_gradients_are_adjoint_to_the_forward_pass),
        cmocka_unit_test(a_batch_in_parts_ends_in_the_same_update),
        cmocka_unit_test(every_vector_width_gives_the_same_bits),
        cmocka_unit_test(shapes_it_cannot_do_are_left_to_the_direct_algorithm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
