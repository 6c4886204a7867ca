/* Crossing: the rounds to a target, why a run ends, and which points of a curve are kept. */
#include "support/check.h"

#include "paper/crossing.h"

#include <math.h>

static ch_crossing curve(double target, const double *accuracy, uint32_t count) {
    ch_crossing c;
    ch_crossing_init(&c, target);
    for (uint32_t i = 0; i < count; i++) {
        ch_crossing_add(&c, i + 1, accuracy[i], 100);
    }
    return c;
}

static void the_crossing_is_interpolated_between_the_evaluations_on_either_side(void **state) {
    (void)state;
    const double rising[] = {0.90, 0.96, 0.98};
    const ch_crossing c = curve(0.97, rising, 3);
    assert_true(c.has_reached);
    check_near(c.rounds, 2.5, 1e-9);
    check_near(c.bytes, 300, 0);
}

static void a_fall_before_the_target_does_not_count(void **state) {
    (void)state;
    const double falling[] = {0.96, 0.50, 0.98}; // the running best is 0.96 when 0.98 comes
    check_near(curve(0.97, falling, 3).rounds, 2.5, 1e-9);
}

static void rounds_without_an_evaluation_lie_between_its_points(void **state) {
    (void)state;
    const double sparse[] = {NAN, 0.90, NAN, NAN, NAN, 0.98};
    const ch_crossing c = curve(0.96, sparse, 6);
    check_near(c.rounds, 2 + 0.75 * 4, 1e-9);
    assert_int_equal(c.judged, 6);
}

static void a_first_evaluation_above_the_target_is_the_crossing(void **state) {
    (void)state;
    const double high[] = {NAN, 0.99};
    check_near(curve(0.97, high, 2).rounds, 2, 0);
}

static void what_comes_after_the_target_changes_nothing_of_it(void **state) {
    (void)state;
    const double more[] = {0.96, 0.98, 0.50, 0.99};
    const ch_crossing c = curve(0.97, more, 4);
    check_near(c.rounds, 1.5, 1e-9);
    check_near(c.bytes, 200, 0);
    check_near(c.best, 0.99, 0);
}

static void without_a_target_none_is_reached(void **state) {
    (void)state;
    const double rising[] = {0.90, 1.0};
    const ch_crossing c = curve(0, rising, 2);
    assert_false(c.has_reached);
    assert_true(isinf(c.rounds));
    check_near(c.bytes, 200, 0);
}

static void a_run_ends_when_it_cannot_win_any_more(void **state) {
    (void)state;
    const double slow[] = {0.5, 0.6, 0.7};
    const ch_crossing c = curve(0.97, slow, 3);
    assert_int_equal(ch_crossing_judge(&c, INFINITY, 100), CH_CROSSING_GOES_ON);
    assert_int_equal(ch_crossing_judge(&c, 3.1, 100),
                     CH_CROSSING_GOES_ON); // round 4 may interpolate
    assert_int_equal(ch_crossing_judge(&c, 3, 100), CH_CROSSING_BEATEN);
    assert_int_equal(ch_crossing_judge(&c, INFINITY, 3), CH_CROSSING_LIMIT);
}

static void rounds_since_the_last_evaluation_do_not_beat_it(void **state) {
    (void)state;
    const double sparse[] = {NAN, 0.5, NAN, NAN};
    const ch_crossing c = curve(0.97, sparse, 4); // the next evaluation may cross from round 2 on
    assert_int_equal(ch_crossing_judge(&c, 3, 100), CH_CROSSING_GOES_ON);
    assert_int_equal(ch_crossing_judge(&c, 2, 100), CH_CROSSING_BEATEN);
}

static void a_target_reached_wins_over_every_limit(void **state) {
    (void)state;
    const double rising[] = {0.96, 0.98};
    const ch_crossing c = curve(0.97, rising, 2);
    assert_int_equal(ch_crossing_judge(&c, 1, 1), CH_CROSSING_REACHED);
}

static void a_run_is_behind_that_had_three_times_the_rounds_and_was_never_as_good(void **state) {
    (void)state;
    const double rounds[] = {1, 2, 4, 8};
    const double accuracies[] = {0.50, 0.80, 0.70, 0.97}; // the running best is 0.80 at round 4
    double slow[24];
    for (uint32_t i = 0; i < 24; i++) {
        slow[i] = 0.79;
    }
    ch_crossing c = curve(0.97, slow, 9);
    assert_false(ch_crossing_is_behind(&c, 8, rounds, accuracies, 4)); // too early to tell
    c = curve(0.97, slow, 10);
    assert_true(ch_crossing_is_behind(&c, 8, rounds, accuracies, 4));
    slow[5] = 0.80; // once as good
    c = curve(0.97, slow, 23);
    assert_false(ch_crossing_is_behind(&c, 8, rounds, accuracies, 4));
    c = curve(0.97, slow, 24); // three times 8 rounds, where the other was at 0.97
    assert_true(ch_crossing_is_behind(&c, 8, rounds, accuracies, 4));
    assert_false(ch_crossing_is_behind(&c, 8, rounds, accuracies, 0));
    assert_true(ch_crossing_is_behind(&c, 96, rounds, accuracies, 4));
    assert_false(ch_crossing_is_behind(&c, 97, rounds, accuracies, 4)); // not a quarter of it yet
}

static void a_short_curve_is_kept_whole(void **state) {
    (void)state;
    uint32_t kept[40];
    assert_int_equal(ch_crossing_thin(kept, 0, 40), 0);
    assert_int_equal(ch_crossing_thin(kept, 40, 40), 40);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(kept[i], i);
    }
}

static void a_long_curve_keeps_its_ends_and_more_of_its_beginning(void **state) {
    (void)state;
    uint32_t kept[40];
    for (uint32_t count = 41; count < 5000; count += 97) {
        const uint32_t n = ch_crossing_thin(kept, count, 40);
        assert_in_range(n, 20, 40);
        assert_int_equal(kept[0], 0);
        assert_int_equal(kept[n - 1], count - 1);
        for (uint32_t i = 1; i < n; i++) {
            assert_true(kept[i] > kept[i - 1]);
        }
        assert_true(kept[n / 2] < count / 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_crossing_is_interpolated_between_the_evaluations_on_either_side),
        cmocka_unit_test(a_fall_before_the_target_does_not_count),
        cmocka_unit_test(rounds_without_an_evaluation_lie_between_its_points),
        cmocka_unit_test(a_first_evaluation_above_the_target_is_the_crossing),
        cmocka_unit_test(what_comes_after_the_target_changes_nothing_of_it),
        cmocka_unit_test(without_a_target_none_is_reached),
        cmocka_unit_test(a_run_ends_when_it_cannot_win_any_more),
        cmocka_unit_test(rounds_since_the_last_evaluation_do_not_beat_it),
        cmocka_unit_test(a_target_reached_wins_over_every_limit),
        cmocka_unit_test(a_run_is_behind_that_had_three_times_the_rounds_and_was_never_as_good),
        cmocka_unit_test(a_short_curve_is_kept_whole),
        cmocka_unit_test(a_long_curve_keeps_its_ends_and_more_of_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
