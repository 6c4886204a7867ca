/* Fold: against plain references, equal bits on every instruction set, hostile values. */
#include "support/check.h"

#include "base/rng.h"
#include "math/fold.h"

#include <float.h>
#include <string.h>

enum { COUNT = 1000, GUARD = 4 };

static const int64_t GUARD_VALUE = INT64_C(0x5A5A5A5A5A5A5A5A);

/* Values of all magnitudes below 16, and the awkward ones. */
static void values_fill(float values[COUNT], uint32_t stream) {
    ch_rng rng = ch_rng_stream(5, CH_PURPOSE_TEST, stream, 0);
    for (int i = 0; i < COUNT; i++) {
        const int exponent = (int)ch_rng_below(&rng, 60) - 56;
        values[i] = (float)ldexp(2 * ch_rng_unit(&rng) - 1, exponent);
    }
    values[0] = -0.0F;
    values[1] = FLT_TRUE_MIN;
    values[2] = 16;
    values[3] = -16;
    values[4] = ldexpf(1, -25);       // half a unit at 24 bits: to the even 0
    values[5] = ldexpf(3, -25);       // one and a half: to the even 2
    values[6] = ldexpf(-5, -25);      // two and a half: to the even -2
    values[7] = ldexpf(1.0001F, -25); // just above half: to 1
}

/* Copies values to an address that no vector would choose. */
static const void *values_misplace(const float values[COUNT], uint32_t offset) {
    static uint8_t room[COUNT * sizeof(float) + 64];
    memcpy(room + offset, values, COUNT * sizeof(float));
    return room + offset;
}

static void the_sum_is_that_of_whole_numbers(void **state) {
    (void)state;
    const uint32_t weights[] = {1, 3, 600, 65536};
    float values[COUNT];
    for (uint32_t w = 0; w < 4; w++) {
        values_fill(values, w);
        for (uint32_t v = 0; ch_fold_variant(v) != NULL; v++) {
            int64_t sum[COUNT];
            for (int i = 0; i < COUNT; i++) {
                sum[i] = INT64_C(1) << (i % 62);
            }
            ch_fold_variant(v)->add(sum, values, COUNT, 24, weights[w]);
            for (int i = 0; i < COUNT; i++) {
                const int64_t whole = llrintl(ldexpl((long double)values[i], 24));
                assert_true(sum[i] == (INT64_C(1) << (i % 62)) + whole * weights[w]);
            }
        }
    }
}

static void halves_go_to_the_even_neighbour(void **state) {
    (void)state;
    float values[COUNT];
    int64_t sum[COUNT] = {0};
    values_fill(values, 0);
    ch_fold_add(sum, values, 8, 24, 1);
    const int64_t expected[8] = {0, 0, INT64_C(1) << 28, -(INT64_C(1) << 28), 0, 2, -2, 1};
    assert_memory_equal(sum, expected, sizeof(expected));
}

/* The largest that the header allows: |weight * value * 2^scale| just below 2^50. */
static void the_largest_products_are_exact(void **state) {
    (void)state;
    const float value = nextafterf(16, 0);
    const struct {
        uint32_t scale_bits;
        uint32_t weight;
    } cases[] = {{46, 1}, {30, 65536}, {30, 65535}, {16, 1U << 30}, {0, 1U << 30}};
    for (int c = 0; c < 5; c++) {
        for (uint32_t v = 0; ch_fold_variant(v) != NULL; v++) {
            const float values[2] = {value, -value};
            int64_t sum[2] = {0};
            ch_fold_variant(v)->add(sum, values, 2, cases[c].scale_bits, cases[c].weight);
            const int64_t whole = llrintl(ldexpl((long double)value, (int)cases[c].scale_bits));
            assert_true(sum[0] == whole * cases[c].weight);
            assert_true(sum[1] == -sum[0]);
        }
    }
}

static void the_norm_is_the_norm(void **state) {
    (void)state;
    float values[COUNT];
    values_fill(values, 9);
    long double squares = 0;
    for (int i = 0; i < COUNT; i++) {
        squares += (long double)values[i] * (long double)values[i];
    }
    const ch_measure m = ch_fold_measure(values, COUNT);
    check_near(m.norm, (double)sqrtl(squares), 1e-14 * m.norm);
    assert_true(m.magnitude == 16);
    assert_true(m.is_finite);
    const ch_measure nothing = ch_fold_measure(NULL, 0);
    assert_true(nothing.norm == 0);
    assert_true(nothing.magnitude == 0);
    assert_true(nothing.is_finite);
}

static void every_variant_size_and_address_gives_the_same_bits(void **state) {
    (void)state;
    float values[COUNT];
    values_fill(values, 10);
    for (size_t count = 0; count <= 200; count++) {
        const ch_measure first = ch_fold_measure(values, count);
        int64_t expected[COUNT] = {0};
        ch_fold_add(expected, values, count, 24, 7);
        for (uint32_t v = 0; ch_fold_variant(v) != NULL; v++) {
            const void *loose = values_misplace(values, (uint32_t)(1 + count % 61));
            const ch_measure m = ch_fold_variant(v)->measure(loose, count);
            assert_memory_equal(&m.norm, &first.norm, sizeof(m.norm));
            assert_memory_equal(&m.magnitude, &first.magnitude, sizeof(m.magnitude));
            assert_true(m.is_finite);
            int64_t sum[COUNT + GUARD] = {0};
            sum[count] = GUARD_VALUE;
            ch_fold_variant(v)->add(sum, loose, count, 24, 7);
            assert_memory_equal(sum, expected, count * sizeof(sum[0]));
            assert_true(sum[count] == GUARD_VALUE);
        }
    }
}

static void one_value_that_is_no_number_is_found_anywhere(void **state) {
    (void)state;
    const float bad[] = {INFINITY, -INFINITY, NAN, -NAN};
    float values[COUNT];
    for (int b = 0; b < 4; b++) {
        for (int at = 0; at < 100; at++) {
            values_fill(values, 11);
            values[at] = bad[b];
            for (uint32_t v = 0; ch_fold_variant(v) != NULL; v++) {
                assert_false(ch_fold_variant(v)->measure(values, 100).is_finite);
                assert_true(ch_fold_variant(v)->measure(values, (size_t)at).is_finite);
            }
        }
    }
    values_fill(values, 12);
    values[50] = FLT_MAX;
    const ch_measure m = ch_fold_measure(values, 100);
    assert_true(m.is_finite);
    assert_true(m.magnitude == FLT_MAX);
    check_near(m.norm / (double)FLT_MAX, 1, 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_is_that_of_whole_numbers),
        cmocka_unit_test(halves_go_to_the_even_neighbour),
        cmocka_unit_test(the_largest_products_are_exact),
        cmocka_unit_test(the_norm_is_the_norm),
        cmocka_unit_test(every_variant_size_and_address_gives_the_same_bits),
        cmocka_unit_test(one_value_that_is_no_number_is_found_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
