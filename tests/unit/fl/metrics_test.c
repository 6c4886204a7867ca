/* Metrics: other numbers of examples keep their means, and no lie overflows a sum. */
#include "support/check.h"

#include "fl/metrics.h"

static choir_metrics scaled(choir_metrics m, uint64_t examples) {
    ch_metrics_scale(&m, examples);
    return m;
}

static void the_means_stay(void **state) {
    (void)state;
    const choir_metrics m = {.examples = 600, .correct = 450, .loss_q20 = -(600 << 20)};
    const choir_metrics less = scaled(m, 100);
    assert_int_equal(less.examples, 100);
    assert_int_equal(less.correct, 75);
    assert_true(less.loss_q20 == -(100 << 20));
    const choir_metrics more = scaled(less, 600);
    assert_memory_equal(&more, &m, sizeof(m));
    assert_int_equal(scaled((choir_metrics){.examples = 3, .correct = 1}, 100).correct, 33);
    choir_metrics same = m;
    ch_metrics_shrink(&same, 600);
    assert_memory_equal(&same, &m, sizeof(m));
    ch_metrics_shrink(&same, 100);
    assert_memory_equal(&same, &less, sizeof(m));
}

static void over_no_example_there_is_nothing_to_say(void **state) {
    (void)state;
    const choir_metrics m = scaled((choir_metrics){.correct = 5, .loss_q20 = 7}, 100);
    assert_int_equal(m.examples, 0);
    assert_int_equal(m.correct, 0);
    assert_int_equal(m.loss_q20, 0);
    assert_int_equal(scaled((choir_metrics){.examples = 5, .correct = 5}, 0).correct, 0);
}

static void sums_stay_within_their_limit(void **state) {
    (void)state;
    const uint64_t counts[] = {0, 1, 100, UINT64_C(1) << 50, UINT64_MAX};
    const int64_t losses[] = {INT64_MIN, -1, 0, INT64_MAX};
    const int64_t limits[] = {0, 1, INT64_C(1) << 45, INT64_MAX / 2};
    for (int i = 0; i < 5 * 5 * 4 * 4; i++) {
        const choir_metrics m = {.examples = counts[i % 5],
                                 .correct = counts[i / 5 % 5],
                                 .loss_q20 = losses[i / 25 % 4]};
        const int64_t limit = limits[i / 100];
        const choir_metrics most = scaled(m, UINT64_MAX);
        assert_true(m.correct < m.examples || most.correct == most.examples);
        choir_metrics sum = {0};
        ch_metrics_add(&sum, &m, limit);
        ch_metrics_add(&sum, &m, limit);
        assert_true(sum.examples <= 2 * (uint64_t)limit);
        assert_true(sum.correct <= sum.examples);
        assert_true(sum.loss_q20 <= 2 * limit);
        assert_true(sum.loss_q20 >= -2 * limit);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_means_stay),
        cmocka_unit_test(over_no_example_there_is_nothing_to_say),
        cmocka_unit_test(sums_stay_within_their_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
