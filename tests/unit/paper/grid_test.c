/* Grid: its points, and every turn that a walk over it can take. */
#include "support/check.h"

#include "paper/grid.h"

#include <math.h>
#include <stdlib.h>

static void points_are_six_a_decade_in_three_digits(void **state) {
    (void)state;
    static const struct {
        int32_t k;
        const char *text;
    } rows[] = {{-24, "0.0001"}, {-12, "0.01"}, {-10, "0.0215"}, {-8, "0.0464"},
                {-6, "0.1"},     {-4, "0.215"}, {-2, "0.464"},   {0, "1"},
                {1, "1.47"},     {2, "2.15"},   {12, "100"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[CH_GRID_TEXT_MAX];
        ch_grid_text(text, rows[i].k);
        assert_string_equal(text, rows[i].text);
        check_near(ch_grid_rate(rows[i].k) / pow(10, rows[i].k / 6.0), 1, 3e-3);
    }
}

static void every_point_is_found_by_its_rate_and_nothing_between_them_is(void **state) {
    (void)state;
    int32_t k = 0;
    for (int32_t i = CH_GRID_LEAST; i <= CH_GRID_MOST; i++) {
        assert_true(ch_grid_find(&k, ch_grid_rate(i)));
        assert_int_equal(k, i);
        assert_false(ch_grid_find(&k, ch_grid_rate(i) * 1.2));
    }
    assert_true(ch_grid_find(&k, 0.22));
    assert_int_equal(k, -4);
    assert_false(ch_grid_find(&k, 0));
    assert_false(ch_grid_find(&k, NAN));
}

static void the_best_has_the_least_crossing_then_the_highest_accuracy(void **state) {
    (void)state;
    const ch_grid_trial reached[] = {{-6, 80, 0.97}, {-4, INFINITY, 0.99}, {-2, 70, 0.97}};
    assert_int_equal(ch_grid_best(reached, 3), 2);
    const ch_grid_trial none[] = {{-6, INFINITY, 0.90}, {-4, INFINITY, 0.95}, {-2, INFINITY, -1}};
    assert_int_equal(ch_grid_best(none, 3), 1);
    const ch_grid_trial equal[] = {{-6, 80, 0.97}, {-4, 80, 0.98}};
    assert_int_equal(ch_grid_best(equal, 2), 0);
}

/* Walks with crossings that a rate's distance from `best` decides; returns how many were tried. */
static uint32_t walk(ch_grid_trial *trials, int32_t best, const int32_t *start, uint32_t count,
                     uint32_t max) {
    uint32_t tried = 0;
    int32_t k = 0;
    while (ch_grid_next(&k, trials, tried, start, count, max)) {
        trials[tried] = (ch_grid_trial){k, 100 + 10 * abs(k - best), 0.97};
        tried += 1;
    }
    return tried;
}

static void a_walk_ends_when_both_neighbours_of_the_best_were_tried(void **state) {
    (void)state;
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    const int32_t start[] = {-4};
    for (int32_t best = -14; best <= 6; best += 2) {
        const uint32_t tried = walk(trials, best, start, 1, CH_GRID_RATES_MAX);
        const ch_grid_edge edge = ch_grid_edge_of(trials, tried);
        assert_int_equal(trials[ch_grid_best(trials, tried)].k, best);
        assert_false(edge.is_low || edge.is_high);
        assert_true(tried <= (uint32_t)abs(best + 4) / 2 + 3);
    }
}

static void a_walk_with_few_rates_ends_at_the_edge_and_says_so(void **state) {
    (void)state;
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    const int32_t start[] = {-4, -6, -2};
    assert_int_equal(walk(trials, -2, start, 3, 3), 3);
    assert_true(ch_grid_edge_of(trials, 3).is_high);
    assert_false(ch_grid_edge_of(trials, 3).is_low);
    assert_int_equal(walk(trials, -2, start, 3, 4), 4);
    assert_int_equal(trials[3].k, 0);
    assert_false(ch_grid_edge_of(trials, 4).is_high);
    assert_int_equal(walk(trials, -6, start, 3, 4), 4);
    assert_int_equal(trials[3].k, -8);
}

static void a_walk_stops_at_the_ends_of_the_grid(void **state) {
    (void)state;
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    const int32_t high[] = {CH_GRID_MOST};
    assert_int_equal(walk(trials, CH_GRID_MOST + 5, high, 1, CH_GRID_RATES_MAX), 2);
    const int32_t low[] = {CH_GRID_LEAST};
    assert_int_equal(walk(trials, CH_GRID_LEAST - 5, low, 1, CH_GRID_RATES_MAX), 2);
    assert_int_equal(walk(trials, 0, low, 0, CH_GRID_RATES_MAX), 0);
}

static void the_nearest_point_has_both_neighbours(void **state) {
    (void)state;
    static const struct {
        double rate;
        int32_t k;
    } rows[] = {{0.1, -6},   {0.215, -4}, {0.464, -2},   {0.14, -6}, {0.15, -4},
                {0.147, -4}, {1e-9, -22}, {0.0001, -22}, {1000, 10}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ch_grid_near(rows[i].rate), rows[i].k);
    }
}

static void a_rate_beside_another_is_a_step_away_from_that_one(void **state) {
    (void)state;
    static const struct {
        double rate, low, high;
    } rows[] = {{0.1, 0.0464, 0.215}, {0.215, 0.1, 0.464},       {1, 0.464, 2.15},
                {0.7, 0.325, 1.51},   {0.3, 0.139, 0.646},       {60, 27.8, 129},
                {100, 46.4, 215},     {1e-9, 4.64e-10, 2.15e-9}, {0.147, 0.0681, 0.316}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(ch_grid_beside(rows[i].rate, -CH_GRID_STEP) == rows[i].low);
        assert_true(ch_grid_beside(rows[i].rate, CH_GRID_STEP) == rows[i].high);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_beside_another_is_a_step_away_from_that_one),
        cmocka_unit_test(the_nearest_point_has_both_neighbours),
        cmocka_unit_test(points_are_six_a_decade_in_three_digits),
        cmocka_unit_test(every_point_is_found_by_its_rate_and_nothing_between_them_is),
        cmocka_unit_test(the_best_has_the_least_crossing_then_the_highest_accuracy),
        cmocka_unit_test(a_walk_ends_when_both_neighbours_of_the_best_were_tried),
        cmocka_unit_test(a_walk_with_few_rates_ends_at_the_edge_and_says_so),
        cmocka_unit_test(a_walk_stops_at_the_ends_of_the_grid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
