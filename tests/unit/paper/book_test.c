/* Book: which cells are marked, and that texts of experiments and results can be nothing but text.
 */
#include "support/check.h"

#include "made_experiment.h"
#include "paper/book.h"
#include "support/folder.h"

#include "base/disk.h"

#include <string.h>

static ch_paper_experiment made;
static ch_outcome outcome;

static void cells_further_than_a_quarter_from_the_paper_are_outside(void **state) {
    (void)state;
    static const struct {
        double ours, paper;
        bool is_outside;
    } rows[] = {{100, 100, false},     {75, 100, false},
                {74.9, 100, true},     {125, 100, false},
                {125.1, 100, true},    {INFINITY, 100, true},
                {100, INFINITY, true}, {INFINITY, INFINITY, false},
                {NAN, 100, false},     {100, NAN, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ch_book_is_outside(rows[i].ours, rows[i].paper), rows[i].is_outside);
    }
}

/* The made experiment's page, with the results in folder. Owned. */
static ch_disk_file page_of(const char *folder, ch_book_result *result) {
    const choir_env env = choir_env_default();
    const ch_catalogue catalogue = {.items = &made, .count = 1, .env = env};
    const char *path = folder_file(folder, "page.html");
    choir_error err = {.message = ""};
    ch_disk_file file = {0};
    check_status(ch_book_write(result, &catalogue, folder, 1, path, &env, &err), CHOIR_OK);
    check_status(ch_disk_read(&file, path, 1 << 22, &env, &err), CHOIR_OK);
    return file;
}

/* Writes the outcome as that of a cell. */
static void outcome_keep(const char *folder, uint32_t row, uint32_t column) {
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    char path[CHOIR_PATH_MAX];
    check_status(ch_outcome_path(path, folder, &made, row, column, 1, &err), CHOIR_OK);
    check_status(ch_outcome_write(&outcome, path, &env, &err), CHOIR_OK);
}

/* A rate, and both its neighbours, which were not as good. */
static void measure(const char *folder, uint32_t row, uint32_t column, double crossing) {
    ch_outcome_init(&outcome, &made, row, column, 1);
    outcome.is_complete = true;
    outcome.arms_count = 3;
    outcome.arms[0] = (ch_outcome_arm){
        .rate = -4, .end = CH_CROSSING_REACHED, .rounds = 120, .crossing = crossing, .best = 0.97};
    outcome.arms[1] = (ch_outcome_arm){
        .rate = -6, .end = CH_CROSSING_BEATEN, .rounds = 119, .crossing = INFINITY, .best = 0.9};
    outcome.arms[2] = outcome.arms[1];
    outcome.arms[2].rate = -2;
    (void)snprintf(outcome.cpu, sizeof(outcome.cpu), "a <script> & co");
    outcome_keep(folder, row, column);
}

static void check_markdown(const char *folder, const char *expected) {
    const choir_env env = choir_env_default();
    const ch_catalogue catalogue = {.items = &made, .count = 1, .env = env};
    ch_draft text;
    ch_draft_init(&text, &env);
    check_status(ch_book_markdown(&text, &catalogue, folder, 1, &env, NULL), CHOIR_OK);
    assert_string_equal(text.size == 0 ? "" : text.text, expected);
    ch_draft_release(&text);
}

static void a_page_without_results_says_so_in_every_cell(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    ch_book_result result;
    folder_make(folder);
    made_experiment(&made);
    ch_disk_file page = page_of(folder, &result);
    const char *text = (const char *)page.data;
    uint32_t count = 0;
    for (const char *at = text; (at = strstr(at, "not measured")) != NULL; at++) {
        count += 1;
    }
    assert_int_equal(count, 3); // the paper does not have the fourth cell
    assert_int_equal(result.cells, 3);
    assert_int_equal(result.measured, 0);
    assert_null(strstr(text, "class=\"off\""));
    ch_disk_release(&page);
    folder_remove(folder);
}

static void a_page_has_rounds_speed_ups_marks_and_reasons(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    ch_book_result result;
    folder_make(folder);
    made_experiment(&made);
    measure(folder, 0, 0, 118.5); // the paper: 120
    measure(folder, 1, 0, 50);    // the paper: 10, and a reason
    measure(folder, 0, 1, 7.25);  // the paper: its dash, and no reason
    ch_disk_file page = page_of(folder, &result);
    const char *text = (const char *)page.data;
    assert_int_equal(result.measured, 3);
    assert_int_equal(result.compared, 3);
    assert_int_equal(result.outside, 2);
    assert_non_null(strstr(text, "<td><b>118</b><small>paper: 120</small>"
                                 "<small>0.99 of it; 0 B</small></td>"));
    assert_non_null(strstr(text, "<td class=\"off\"><b>50.0</b> <span>(2.4&times;)</span><small>"
                                 "paper: 10 <span>(12.0&times;)</span></small>"
                                 "<small>5.00 of it; 0 B</small></td>"));
    assert_non_null(strstr(text, "<b>two; Left</b>: a reason</li>"));
    assert_non_null(strstr(text, "<b>1 cell is</b> outside 25&nbsp;% of the paper's: no reason"));
    assert_null(strstr(text, "<script>"));
    assert_non_null(strstr(text, "a &lt;script&gt; &amp; co"));
    ch_disk_release(&page);
    folder_remove(folder);
}

static void a_cell_whose_best_rate_has_an_untried_neighbour_is_marked(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    ch_book_result result;
    folder_make(folder);
    made_experiment(&made);
    measure(folder, 0, 0, 118.5);
    measure(folder, 1, 0, 50);
    outcome.arms_count = 2;
    outcome_keep(folder, 1, 0);
    ch_disk_file page = page_of(folder, &result);
    const char *text = (const char *)page.data;
    assert_non_null(strstr(text, "<b>118</b><small>"));
    assert_non_null(strstr(text, "<b>50.0</b>&dagger; <span>(2.4&times;)</span>"));
    assert_non_null(strstr(text, "&dagger; is at the edge of the learning rates that were tried"));
    ch_disk_release(&page);
    check_markdown(folder,
                   "| Table 9. A table of our own | Left | right |\n|---|---|---|\n"
                   "| First | **118**; 120 | not measured; — |\n"
                   "| two | **50.0**† (2.4×); 10 (12.0×) |  |\n\n"
                   "† is at the edge of the learning rates that were tried: another may need "
                   "fewer rounds.\n\n");
    folder_remove(folder);
}

static void a_result_of_other_settings_is_not_measured(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    ch_book_result result;
    folder_make(folder);
    made_experiment(&made);
    measure(folder, 0, 0, 118.5);
    (void)snprintf(made.rows[0].sets[0], sizeof(made.rows[0].sets[0]), "server.sample_rate=0.02");
    ch_disk_file page = page_of(folder, &result);
    assert_int_equal(result.measured, 0);
    assert_null(strstr((const char *)page.data, "<b>118</b>"));
    ch_disk_release(&page);
    folder_remove(folder);
}

static void numbers_of_other_data_are_shown_and_not_held_against_ours(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    ch_book_result result;
    folder_make(folder);
    made_experiment(&made);
    made.is_elsewhere = true;
    measure(folder, 0, 0, 118.5);
    measure(folder, 1, 0, 50);   // the paper: 10, and a note
    measure(folder, 0, 1, 7.25); // the paper: its dash
    ch_disk_file page = page_of(folder, &result);
    const char *text = (const char *)page.data;
    assert_int_equal(result.measured, 3);
    assert_int_equal(result.compared, 0);
    assert_int_equal(result.outside, 0);
    assert_null(strstr(text, "class=\"off\""));
    assert_null(strstr(text, " of it"));
    assert_non_null(strstr(text, "<td><b>50.0</b> <span>(2.4&times;)</span><small>"
                                 "paper: 10 <span>(12.0&times;)</span></small>"
                                 "<small>0 B</small></td>"));
    assert_non_null(strstr(text, "<li><b>two; Left</b>: a reason</li>"));
    ch_disk_release(&page);
    folder_remove(folder);
}

static void curves_are_a_table_for_a_readme_once_one_is_complete(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    folder_make(folder);
    made_experiment(&made);
    (void)snprintf(made.kind, sizeof(made.kind), "curves");
    (void)snprintf(made.columns[0].rates, sizeof(made.columns[0].rates), "0.215");
    measure(folder, 0, 0, 118.5);
    check_markdown(folder, "| Table 9. A table of our own | learning rate | best test accuracy | "
                           "sent both ways |\n|---|---|---|---|\n"
                           "| First | 0.215 | **97.00 %** | nothing |\n\n");
    outcome.is_complete = false;
    outcome_keep(folder, 0, 0);
    check_markdown(folder, "");
    folder_remove(folder);
}

static void curves_of_another_question_are_not_told(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    folder_make(folder);
    made_experiment(&made);
    (void)snprintf(made.kind, sizeof(made.kind), "curves");
    (void)snprintf(made.columns[0].rates, sizeof(made.columns[0].rates), "0.215");
    measure(folder, 0, 0, 118.5);
    made.level = 0.9; // what rounds were counted to
    check_markdown(folder, "");
    made.level = 0;
    (void)snprintf(made.columns[0].rates, sizeof(made.columns[0].rates), "0.1");
    check_markdown(folder, "");
    folder_remove(folder);
}

/* A cell whose walk has not ended has no final number: nobody's speed-up is over it, and its note,
 * like one of another seed, would tell of what is not there. */
static void what_is_not_complete_is_no_baseline_and_has_no_note(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    ch_book_result result;
    folder_make(folder);
    made_experiment(&made);
    (void)snprintf(made.facts[0][0].note, sizeof(made.facts[0][0].note), "a note of the first");
    measure(folder, 1, 0, 50);
    measure(folder, 0, 0, 118.5);
    outcome.is_complete = false;
    outcome_keep(folder, 0, 0);
    ch_disk_file page = page_of(folder, &result);
    const char *text = (const char *)page.data;
    assert_non_null(strstr(text, "<b>118</b> <span>so far</span>"));
    assert_non_null(strstr(text, "<b>50.0</b><small>"));
    assert_null(strstr(text, "a note of the first"));
    assert_non_null(strstr(text, "a reason"));
    ch_disk_release(&page);
    check_markdown(folder, "| Table 9. A table of our own | Left | right |\n|---|---|---|\n"
                           "| First | **118** so far; 120 | not measured; — |\n"
                           "| two | **50.0**; 10 (12.0×) |  |\n\n");
    folder_remove(folder);
}

static void curves_of_e_and_b_are_told_apart_by_both(void **state) {
    (void)state;
    static const char text[] =
        "title: x\njob: j\nkind: curves\ncolumns: {a: {label: x}}\nrows:\n"
        "  one: {set: {client.epochs: 1, client.batch_size: 0}}\n"
        "  two: {set: {client.epochs: 20, client.batch_size: 10}}\n"
        "  three: {set: {client.epochs: 5, client.batch_size: 10}}\n"
        "  four: {set: {client.epochs: 20, client.batch_size: 10, schedule.epochs: constant}}\n";
    static const ch_chart_series wanted[] = {
        {.colour = CH_COLOUR_BLUE, .look = CH_LOOK_DASHED},
        {.colour = CH_COLOUR_GREEN, .look = CH_LOOK_LINE},
        {.colour = CH_COLOUR_ORANGE, .look = CH_LOOK_LINE},
        {.colour = CH_COLOUR_GREEN, .look = CH_LOOK_DASHED},
        {.colour = CH_COLOUR_RED, .look = CH_LOOK_DASHED}, // beside the rows
    };
    choir_error err = {.message = ""};
    check_status(ch_paper_experiment_parse(&made, text, strlen(text), "made.yaml", &err), CHOIR_OK);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(ch_book_look(&made, i).colour, wanted[i].colour);
        assert_int_equal(ch_book_look(&made, i).look, wanted[i].look);
    }
    made_experiment(&made); // its rows differ in C
    assert_int_equal(ch_book_look(&made, 1).colour, CH_COLOUR_ORANGE);
    assert_int_equal(ch_book_look(&made, 1).look, CH_LOOK_LINE);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    ch_book_result result;
    failing_memory m = {.tries = 0};
    folder_make(folder);
    made_experiment(&made);
    measure(folder, 0, 0, 118.5);
    while (failing_memory_next(&m)) {
        const ch_catalogue catalogue = {.items = &made, .count = 1, .env = m.env};
        m.status = ch_book_write(&result, &catalogue, folder, 1, folder_file(folder, "page.html"),
                                 &m.env, NULL);
    }
    assert_true(m.tries > 5); // it does allocate
    folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_further_than_a_quarter_from_the_paper_are_outside),
        cmocka_unit_test(a_page_without_results_says_so_in_every_cell),
        cmocka_unit_test(a_page_has_rounds_speed_ups_marks_and_reasons),
        cmocka_unit_test(a_cell_whose_best_rate_has_an_untried_neighbour_is_marked),
        cmocka_unit_test(a_result_of_other_settings_is_not_measured),
        cmocka_unit_test(numbers_of_other_data_are_shown_and_not_held_against_ours),
        cmocka_unit_test(curves_are_a_table_for_a_readme_once_one_is_complete),
        cmocka_unit_test(curves_of_another_question_are_not_told),
        cmocka_unit_test(what_is_not_complete_is_no_baseline_and_has_no_note),
        cmocka_unit_test(curves_of_e_and_b_are_told_apart_by_both),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
