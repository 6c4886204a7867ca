/* Aggregator: exact in every order and split, a weighted mean, and never an overflow. */
#include "support/check.h"

#include "base/rng.h"
#include "fl/aggregator.h"

#include <string.h>

enum { DIM = 100, REPORTS = 40, PARTS = 3, WEIGHT_MAX = 1000 };

static float deltas[REPORTS][DIM];
static uint32_t weights[REPORTS];

static void reports_fill(void) {
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    for (int k = 0; k < REPORTS; k++) {
        weights[k] = 1 + ch_rng_below(&rng, WEIGHT_MAX);
        for (int i = 0; i < DIM; i++) {
            deltas[k][i] = (float)(2 * ch_rng_unit(&rng) - 1);
        }
    }
}

static ch_aggregator empty(int64_t sum[DIM]) {
    ch_aggregator a;
    check_status(ch_aggregator_init(&a, sum, DIM, 1, WEIGHT_MAX, REPORTS, NULL), CHOIR_OK);
    ch_aggregator_reset(&a);
    return a;
}

static void any_order_and_any_split_give_equal_bits(void **state) {
    (void)state;
    reports_fill();
    int64_t forward[DIM];
    ch_aggregator a = empty(forward);
    for (int k = 0; k < REPORTS; k++) {
        ch_aggregator_add(&a, deltas[k], weights[k]);
    }
    for (uint32_t trial = 1; trial <= 20; trial++) {
        int64_t sums[PARTS][DIM];
        ch_aggregator parts[PARTS];
        for (int p = 0; p < PARTS; p++) {
            parts[p] = empty(sums[p]);
        }
        ch_rng rng = ch_rng_stream(2, CH_PURPOSE_TEST, trial, 0);
        for (uint32_t i = 0; i < REPORTS; i++) {
            const uint32_t k = (i * 7 + trial) % REPORTS; // 7 has no common factor with 40
            ch_aggregator_add(&parts[ch_rng_below(&rng, PARTS)], deltas[k], weights[k]);
        }
        for (uint32_t p = 1; p < PARTS; p++) {
            ch_aggregator_merge(&parts[0], &parts[p]);
        }
        assert_memory_equal(sums[0], forward, sizeof(forward));
        assert_int_equal(parts[0].reports, REPORTS);
        assert_true(parts[0].weight == a.weight);
        assert_true(ch_aggregator_divisor(&parts[0]) == ch_aggregator_divisor(&a));
    }
}

/* mean_i = sum_k p_k delta_k,i with p_k = n_k / N; the p_k sum to 1 over those that reported. */
static void the_mean_is_weighted_by_examples_over_those_that_reported(void **state) {
    (void)state;
    reports_fill();
    for (int reported = 1; reported <= REPORTS; reported++) {
        int64_t sum[DIM];
        ch_aggregator a = empty(sum);
        long double total = 0;
        for (int k = 0; k < reported; k++) {
            ch_aggregator_add(&a, deltas[k], weights[k]);
            total += weights[k];
        }
        long double shares = 0;
        for (int k = 0; k < reported; k++) {
            shares += weights[k] / total;
        }
        check_near((double)shares, 1, 1e-15);
        for (int i = 0; i < DIM; i++) {
            long double mean = 0;
            for (int k = 0; k < reported; k++) {
                mean += weights[k] / total * (long double)deltas[k][i];
            }
            const double unit = ldexp(1, -(int)a.scale_bits);
            check_near((double)sum[i] / ch_aggregator_divisor(&a), (double)mean, unit / 2 + 1e-15);
        }
    }
}

/* If all were 1, the mean would be 1, exactly: nobody's share is lost. */
static void equal_updates_have_themselves_as_mean(void **state) {
    (void)state;
    reports_fill();
    int64_t sum[DIM];
    ch_aggregator a = empty(sum);
    float ones[DIM];
    for (int i = 0; i < DIM; i++) {
        ones[i] = 1;
    }
    for (int k = 0; k < REPORTS; k++) {
        ch_aggregator_add(&a, ones, weights[k]);
    }
    assert_true((double)sum[0] == ch_aggregator_divisor(&a));
}

static void the_largest_sums_fit(void **state) {
    (void)state;
    const struct {
        double coordinate_max;
        uint32_t weight_max;
        uint32_t cohort_max;
    } cases[] = {
        {16, 65536, 10}, {16, 65536, 1000},     {16, 1, 1U << 30}, {1, 1, 1},
        {0.3, 3, 3},     {1 << 20, 1024, 1024}, {17, 65537, 1000}, {16, 1U << 20, 1U << 20}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ch_aggregator a;
        check_status(ch_aggregator_init(&a, NULL, 1, cases[i].coordinate_max, cases[i].weight_max,
                                        cases[i].cohort_max, NULL),
                     CHOIR_OK);
        const long double one = ldexpl((long double)cases[i].coordinate_max, (int)a.scale_bits) + 1;
        const long double all = one * cases[i].weight_max * cases[i].cohort_max;
        assert_true(all < 9.2e18L);                                    // below 2^63
        assert_true(one * cases[i].weight_max <= 2251799813685248.0L); // 2^51: folded exactly
        assert_true(a.scale_bits >= CH_SCALE_BITS_MIN);
    }
}

static void the_scale_wastes_no_more_than_what_powers_of_two_do(void **state) {
    (void)state;
    ch_aggregator a;
    check_status(ch_aggregator_init(&a, NULL, 1, 16, 65536, 10, NULL), CHOIR_OK);
    assert_int_equal(a.scale_bits, 30); // 50 - 16 - 4
    check_status(ch_aggregator_init(&a, NULL, 1, 16, 65536, 1 << 20, NULL), CHOIR_OK);
    assert_int_equal(a.scale_bits, 22); // 62 - 36 - 4
}

static void bounds_that_leave_no_precision_are_refused(void **state) {
    (void)state;
    ch_aggregator a;
    choir_error err;
    check_status(ch_aggregator_init(&a, NULL, 1, 1 << 20, 1U << 30, 1000, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "aggregator: coordinate_max 1.04858e+06, weights up to 1073741824 and 1000 "
                        "clients leave 0 bits after the binary point of a 64-bit sum, but 12 are "
                        "needed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_and_any_split_give_equal_bits),
        cmocka_unit_test(the_mean_is_weighted_by_examples_over_those_that_reported),
        cmocka_unit_test(equal_updates_have_themselves_as_mean),
        cmocka_unit_test(the_largest_sums_fit),
        cmocka_unit_test(the_scale_wastes_no_more_than_what_powers_of_two_do),
        cmocka_unit_test(bounds_that_leave_no_precision_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
