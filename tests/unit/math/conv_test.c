/* Convolution kernels: every backend's direct one against plain C, over awkward shapes. */
#include "conv_case.h"

#include "support/backends.h"

static const ch_conv_shape SHAPES[] = {
    {12, 12, 1, 32, 5, 5}, {6, 6, 3, 20, 5, 5},   {5, 7, 2, 3, 3, 3},  {1, 1, 1, 1, 1, 1},
    {4, 2, 17, 33, 3, 5},  {8, 10, 16, 48, 3, 3}, {2, 2, 5, 16, 7, 7}, {3, 9, 8, 24, 1, 3},
};

enum { SHAPES_COUNT = sizeof(SHAPES) / sizeof(SHAPES[0]) };

static bool is_even(const ch_conv_shape *s) {
    return s->height % 2 == 0 && s->width % 2 == 0;
}

static void check_equal(const char *what, const float *a, const float *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!(a[i] == b[i])) {
            fail_msg("%s: element %zu is %.9g, not %.9g", what, i, (double)a[i], (double)b[i]);
        }
    }
}

/* Whole numbers that small are exact in every order, ties of the maximum included. */
static void check_whole_numbers(const ch_kernels *k, ch_conv_shape s, uint32_t count, bool pooled) {
    conv_case a = conv_case_make(s, count, pooled, 3);
    conv_case b = conv_case_make(s, count, pooled, 3);
    conv_case_forward(&a, k->conv);
    conv_case_forward(&b, ch_kernels_find("reference")->conv);
    check_equal("forward", a.y, b.y, count * a.out);
    assert_memory_equal(a.codes, b.codes, count * a.out);
    conv_case_backward(&a, k->conv);
    conv_case_backward(&b, ch_kernels_find("reference")->conv);
    check_equal("input_gradient", a.gx, b.gx, count * a.in);
    check_equal("weight_gradient", a.gw, b.gw, a.filters);
    check_equal("bias_gradient", a.gb, b.gb, a.bias);
    conv_case_release(&a);
    conv_case_release(&b);
}

static void check_shapes(const ch_kernels *k) {
    for (uint32_t i = 0; i < SHAPES_COUNT; i++) {
        for (uint32_t count = 1; count <= 3; count += 2) {
            check_whole_numbers(k, SHAPES[i], count, false);
            if (is_even(&SHAPES[i])) {
                check_whole_numbers(k, SHAPES[i], count, true);
            }
        }
    }
}

static void whole_numbers_come_out_exactly_on_every_backend(void **state) {
    (void)state;
    for_backends(check_shapes);
}

/*
 * A sum of n products, each rounded once, is off by at most n u sum |x w| with u = 2^-24; the bias
 * and the rounding of the reference make it n + 2.
 */
static void check_near_reference(const ch_kernels *k) {
    for (uint32_t i = 0; i < SHAPES_COUNT; i++) {
        const ch_conv_shape s = SHAPES[i];
        conv_case a = conv_case_make(s, 2, false, 0);
        conv_case b = conv_case_make(s, 2, false, 0);
        conv_case sizes = conv_case_make(s, 2, false, 0);
        for (size_t j = 0; j < 2 * a.in; j++) {
            sizes.x[j] = fabsf(sizes.x[j]);
        }
        for (size_t j = 0; j < a.filters; j++) {
            sizes.w[j] = fabsf(sizes.w[j]);
        }
        for (size_t j = 0; j < a.bias; j++) {
            sizes.b[j] = fabsf(sizes.b[j]);
        }
        conv_case_forward(&a, k->conv);
        conv_case_forward(&b, ch_kernels_find("reference")->conv);
        conv_case_forward(&sizes, ch_kernels_find("reference")->conv);
        const double terms = (double)s.kernel_height * s.kernel_width * s.in + 2.0;
        for (size_t j = 0; j < 2 * a.out; j++) {
            check_near((double)a.y[j], (double)b.y[j], terms * 0x1p-24 * (double)sizes.y[j]);
        }
        conv_case_release(&a);
        conv_case_release(&b);
        conv_case_release(&sizes);
    }
}

static void real_numbers_come_out_within_the_rounding_of_their_sums(void **state) {
    (void)state;
    for_backends(check_near_reference);
}

static void check_relu(const ch_kernels *k) {
    conv_case a = conv_case_make(SHAPES[4], 2, false, 3);
    conv_case b = conv_case_make(SHAPES[4], 2, false, 3);
    b.relu = true;
    conv_case_forward(&a, k->conv);
    conv_case_forward(&b, k->conv);
    for (size_t i = 0; i < 2 * a.out; i++) {
        a.y[i] = a.y[i] > 0.0F ? a.y[i] : 0.0F;
    }
    check_equal("relu", b.y, a.y, 2 * a.out);
    conv_case_release(&a);
    conv_case_release(&b);
}

static void relu_in_the_forward_pass_is_relu_after_it(void **state) {
    (void)state;
    for_backends(check_relu);
}

/* The sum over all of y_i gy_i, in double. */
static double inner(const float *a, const float *b, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

/* <conv(x, w), gy> = <x, gx> = <w, gw>: exactly, for whole numbers. */
static void check_adjoint(const ch_kernels *k) {
    for (uint32_t i = 0; i < SHAPES_COUNT; i++) {
        conv_case c = conv_case_make(SHAPES[i], 2, false, 3);
        memset(c.b, 0, c.bias * sizeof(float));
        conv_case_forward(&c, k->conv);
        conv_case_backward(&c, k->conv);
        const double expected = inner(c.y, c.gy, 2 * c.out);
        check_near(inner(c.x, c.gx, 2 * c.in), expected, 0.0);
        check_near(inner(c.w, c.gw, c.filters), expected, 0.0);
        conv_case_release(&c);
    }
}

static void both_gradients_are_adjoint_to_the_forward_pass(void **state) {
    (void)state;
    for_backends(check_adjoint);
}

/* The same gradient from the whole batch and from two parts of it, and the update at its end. */
static void check_update(const ch_kernels *k) {
    for (uint32_t i = 0; i < SHAPES_COUNT; i++) {
        const bool pooled = is_even(&SHAPES[i]);
        conv_case a = conv_case_make(SHAPES[i], 3, pooled, 0);
        conv_case b = conv_case_make(SHAPES[i], 3, pooled, 0);
        conv_case_forward(&a, k->conv);
        conv_case_forward(&b, k->conv);
        const ch_update whole = {.applied = true, .rate = 0.25F};
        const ch_update first = {.applied = false};
        const ch_update last = {.continued = true, .applied = true, .rate = 0.25F};
        const ch_weights aw = {.w = a.w, .g = a.gw};
        const ch_weights bw = {.w = b.w, .g = b.gw};
        const ch_weights ab = {.w = a.b, .g = a.gb};
        const ch_weights bb = {.w = b.b, .g = b.gb};
        const ch_images all = {a.x, a.in, 3};
        const ch_images two = {b.x, b.in, 2};
        const ch_images third = {b.x + 2 * b.in, b.in, 1};
        const ch_conv_gradient gy = {a.gy, pooled ? a.codes : NULL, a.out};
        const ch_conv_gradient begin = {b.gy, pooled ? b.codes : NULL, b.out};
        const ch_conv_gradient rest = {b.gy + 2 * b.out, pooled ? b.codes + 2 * b.out : NULL,
                                       b.out};
        k->conv->weight_gradient(&aw, &all, &gy, &a.s, &whole, a.workspace);
        k->conv->weight_gradient(&bw, &two, &begin, &b.s, &first, b.workspace);
        k->conv->weight_gradient(&bw, &third, &rest, &b.s, &last, b.workspace);
        k->conv->bias_gradient(&ab, &gy, 3, &a.s, &whole);
        k->conv->bias_gradient(&bb, &begin, 2, &b.s, &first);
        k->conv->bias_gradient(&bb, &rest, 1, &b.s, &last);
        assert_memory_equal(a.w, b.w, a.filters * sizeof(float));
        assert_memory_equal(a.b, b.b, a.bias * sizeof(float));
        conv_case_release(&a);
        conv_case_release(&b);
    }
}

static void a_batch_in_parts_ends_in_the_same_update(void **state) {
    (void)state;
    for_vector_backends(check_update); // the reference rounds its sum in double once a part
}

static void check_same_bits(const ch_kernels *narrow, const ch_kernels *wide) {
    for (uint32_t i = 0; i < SHAPES_COUNT; i++) {
        conv_case a = conv_case_make(SHAPES[i], 2, is_even(&SHAPES[i]), 0);
        conv_case b = conv_case_make(SHAPES[i], 2, is_even(&SHAPES[i]), 0);
        conv_case_forward(&a, narrow->conv);
        conv_case_forward(&b, wide->conv);
        conv_case_backward(&a, narrow->conv);
        conv_case_backward(&b, wide->conv);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_come_out_exactly_on_every_backend),
        cmocka_unit_test(real_numbers_come_out_within_the_rounding_of_their_sums),
        cmocka_unit_test(relu_in_the_forward_pass_is_relu_after_it),
        cmocka_unit_test(both_gradients_are_adjoint_to_the_forward_pass),
        cmocka_unit_test(a_batch_in_parts_ends_in_the_same_update),
        cmocka_unit_test(every_vector_width_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
