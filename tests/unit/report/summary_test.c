/* Summary: the figures of a run's rows, and the lines they become. */
#include "support/check.h"

#include "report/summary.h"

#include <math.h>
#include <string.h>

static ch_metrics_row row_of(uint32_t round, double accuracy, double loss) {
    ch_metrics_row row = {.round = round, .clients = 10, .reports = 10, .applied = true};
    row.accuracy = accuracy;
    row.loss = loss;
    row.bytes_up = 8000000;
    row.bytes_down = 8100000;
    row.seconds = 2;
    row.evaluation_seconds = 0.1;
    row.virtual_seconds = 60.0 * round;
    return row;
}

static void the_best_the_last_and_the_first_on_target_are_told_apart(void **state) {
    (void)state;
    const ch_metrics_row rows[] = {row_of(1, 0.5, 2), row_of(2, NAN, NAN), row_of(3, 0.9, 0.4),
                                   row_of(4, 0.95, 0.2), row_of(5, 0.94, 0.25)};
    const ch_summary s = ch_summary_of(rows, 5, 6, 0.9);
    assert_int_equal(s.round, 5);
    assert_int_equal(s.target_round, 3);
    assert_int_equal(s.best_round, 4);
    check_near(s.best, 0.95, 0);
    check_near(s.accuracy, 0.94, 0);
    check_near(s.loss, 0.25, 0);
    assert_true(s.bytes_up == 40000000 && s.bytes_down == 40500000);
    check_near(s.seconds, 10, 1e-12);
    check_near(s.virtual_seconds, 300, 1e-12);
}

static void a_finished_run_says_what_it_came_to(void **state) {
    (void)state;
    const ch_metrics_row rows[] = {row_of(1, 0.95, 0.2), row_of(2, 0.94, 0.25)};
    ch_summary s = ch_summary_of(rows, 2, 2, 0.97);
    s.name = "demo";
    s.report = "runs/demo-1/report.html";
    char text[CH_SUMMARY_MAX];
    ch_summary_text(text, sizeof(text), &s, false);
    assert_string_equal(text, "\ndemo: done, 2 of 2 rounds\n"
                              "  accuracy  94.00 %  (best 95.00 % in round 1)\n"
                              "  loss      0.2500\n"
                              "  target    97.00 %, not reached\n"
                              "  sent      16.0 MB up, 16.2 MB down\n"
                              "  time      4.0 s training, 200 ms evaluation; 2 min 00 s in the "
                              "simulated network\n"
                              "  report    runs/demo-1/report.html\n");
    ch_summary_text(text, sizeof(text), &s, true);
    assert_non_null(strstr(text, "\033[1m94.00 %\033[0m"));
}

static void updates_and_rounds_that_did_not_count_are_told(void **state) {
    (void)state;
    ch_metrics_row rows[] = {row_of(1, 0.95, 0.2), row_of(2, 0.94, 0.25)};
    rows[0].refused[CHOIR_REFUSAL_NORM] = 2;
    rows[0].refused[CHOIR_REFUSAL_RANGE] = 1;
    rows[1].refused[CHOIR_REFUSAL_RANGE] = 4;
    rows[1].applied = false;
    rows[1].reports = 6;
    const ch_summary s = ch_summary_of(rows, 2, 2, 0);
    assert_int_equal(s.discarded_reports, 6);
    char text[CH_SUMMARY_MAX];
    ch_summary_text(text, sizeof(text), &s, false);
    assert_non_null(strstr(text, "\n  refused   5 out_of_range, 2 norm\n"
                                 "  discarded 1 of 2 rounds, the model is as before them\n"));
    ch_summary_refusals(text, 4, &s);
    assert_string_equal(text, "5 o");
}

static void a_report_that_was_repeated_was_not_refused(void **state) {
    (void)state;
    ch_metrics_row rows[] = {row_of(1, 0.95, 0.2)};
    rows[0].refused[CHOIR_REFUSAL_DUPLICATE] = 22;
    ch_summary s = ch_summary_of(rows, 1, 1, 0);
    char text[CH_SUMMARY_MAX];
    ch_summary_text(text, sizeof(text), &s, false);
    assert_null(strstr(text, "refused"));
    s.refused[CHOIR_REFUSAL_NORM] = 1;
    ch_summary_refusals(text, sizeof(text), &s);
    assert_string_equal(text, "1 norm");
}

static void a_run_without_rounds_has_a_summary(void **state) {
    (void)state;
    ch_summary s = ch_summary_of(NULL, 0, 10, 0);
    s.is_interrupted = true;
    char text[CH_SUMMARY_MAX];
    ch_summary_text(text, sizeof(text), &s, false);
    assert_string_equal(text, "\nrun: stopped after 0 of 10 rounds\n"
                              "  sent      0 B up, 0 B down\n"
                              "  time      0 ms training, 0 ms evaluation\n");
}

static void a_summary_is_cut_where_its_buffer_ends(void **state) {
    (void)state;
    const ch_metrics_row rows[] = {row_of(1, 0.95, NAN)};
    ch_summary s = ch_summary_of(rows, 1, 2, 0.9);
    char whole[CH_SUMMARY_MAX];
    ch_summary_text(whole, sizeof(whole), &s, true);
    assert_non_null(strstr(whole, "loss      not finite"));
    for (size_t size = 1; size <= strlen(whole); size++) {
        char text[CH_SUMMARY_MAX];
        memset(text, '#', sizeof(text));
        ch_summary_text(text, size, &s, true);
        assert_true(strlen(text) == size - 1);
        assert_memory_equal(text, whole, size - 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_the_last_and_the_first_on_target_are_told_apart),
        cmocka_unit_test(a_finished_run_says_what_it_came_to),
        cmocka_unit_test(updates_and_rounds_that_did_not_count_are_told),
        cmocka_unit_test(a_report_that_was_repeated_was_not_refused),
        cmocka_unit_test(a_run_without_rounds_has_a_summary),
        cmocka_unit_test(a_summary_is_cut_where_its_buffer_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
