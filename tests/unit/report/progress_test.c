/* Progress: the line at every width, and what logs and terminals are sent. */
#include "support/check.h"

#include "report/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ch_progress_figures FIGURES = {
    .label = "",
    .round = 12,
    .rounds = 60,
    .is_evaluated = true,
    .accuracy = 0.9742,
    .loss = 0.0931,
    .clients = 10,
    .cohort = 10,
    .bytes_up = 16600000,
    .bytes_down = 17100000,
    .rounds_per_s = 3.2,
    .seconds_left = 15,
};

static void what_matters_least_gives_way_first(void **state) {
    (void)state;
    static const struct {
        uint32_t width;
        const char *text;
    } rows[] = {
        {0, "round 12/60  97.42 %  loss 0.0931  10 clients  up 16.6 MB  down 17.1 MB  3.2 rounds/s"
            "  15 s left"},
        {96, "round 12/60  97.42 %  loss 0.0931  10 clients  up 16.6 MB  down 17.1 MB  3.2 rounds/s"
             "  15 s left"},
        {95,
         "round 12/60  97.42 %  loss 0.0931  up 16.6 MB  down 17.1 MB  3.2 rounds/s  15 s left"},
        {80, "round 12/60  97.42 %  up 16.6 MB  down 17.1 MB  3.2 rounds/s  15 s left"},
        {60, "round 12/60  97.42 %  up 16.6 MB  3.2 rounds/s  15 s left"},
        {40, "round 12/60  97.42 %  15 s left"},
        {20, "round 12/60  97.42 %"},
        {11, "round 12/60"},
        {7, "round 1"},
        {1, "r"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[CH_PROGRESS_LINE_MAX];
        ch_progress_line(out, sizeof(out), &FIGURES, rows[i].width);
        assert_string_equal(out, rows[i].text);
    }
}

static void no_figures_overflow_the_line(void **state) {
    (void)state;
    ch_progress_figures g = {.round = UINT32_MAX,
                             .rounds = UINT32_MAX,
                             .is_evaluated = true,
                             .accuracy = -1e5,
                             .loss = -1e-300,
                             .clients = UINT32_MAX - 1,
                             .cohort = UINT32_MAX,
                             .bytes_up = UINT64_MAX,
                             .bytes_down = UINT64_MAX,
                             .rounds_per_s = 1e-8,
                             .seconds_left = 1e308};
    memset(g.label, 'x', sizeof(g.label) - 1);
    char out[CH_PROGRESS_LINE_MAX];
    for (uint32_t width = 0; width < 300; width++) {
        ch_progress_line(out, sizeof(out), &g, width);
        assert_true(strlen(out) < sizeof(out));
        assert_true(width == 0 || strlen(out) <= width);
    }
}

static void where_there_is_no_accuracy_the_loss_is_in_its_place(void **state) {
    (void)state;
    ch_progress_figures g = FIGURES;
    g.accuracy = NAN;
    char out[CH_PROGRESS_LINE_MAX];
    ch_progress_line(out, sizeof(out), &g, 0);
    assert_memory_equal(out, "round 12/60  loss 0.0931  10 clients", 36);
    ch_progress_line(out, sizeof(out), &g, 30);
    assert_string_equal(out, "round 12/60  loss 0.0931");
}

static void a_loss_that_is_not_finite_is_said_before_all_else(void **state) {
    (void)state;
    ch_progress_figures g = FIGURES;
    g.loss = NAN;
    char out[CH_PROGRESS_LINE_MAX];
    ch_progress_line(out, sizeof(out), &g, 40);
    assert_string_equal(out, "round 12/60  97.42 %  loss not finite");
}

static ch_metrics_row row_of(uint32_t round, double accuracy) {
    ch_metrics_row row = {.round = round, .clients = 10, .reports = 9};
    row.accuracy = accuracy;
    row.loss = isnan(accuracy) ? NAN : 1 - accuracy;
    row.bytes_up = 1000;
    row.bytes_down = 2000;
    return row;
}

/* A round that was closed at now_s. */
static void closed(ch_progress *p, uint32_t round, double accuracy, double now_s) {
    const ch_metrics_row row = row_of(round, accuracy);
    ch_progress_round(p, &row, now_s);
}

/* All that was written to f, which is rewound. */
static void written(FILE *f, char *out, size_t size) {
    rewind(f);
    out[fread(out, 1, size - 1, f)] = '\0';
}

static void a_log_gets_evaluated_rounds_once_a_second_and_the_last(void **state) {
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    ch_progress p;
    ch_progress_open(&p, f, "central", 5, 100);
    closed(&p, 1, 0.5, 101);
    closed(&p, 2, 0.6, 101.5); // too soon
    closed(&p, 3, NAN, 103);   // not evaluated
    ch_progress_note(&p, "a note");
    closed(&p, 4, 0.7, 104);
    closed(&p, 5, 0.8, 104.5); // too soon, but the last
    ch_progress_close(&p);
    ch_progress_close(&p);
    char text[1024];
    written(f, text, sizeof(text));
    (void)fclose(f);
    assert_string_equal(
        text, "central round 1/5  50.00 %  loss 0.5000  9 of 10 clients  up 1.00 kB  down 2.00 kB  "
              "1.0 rounds/s  4.0 s left\n"
              "central round 3/5  60.00 %  loss 0.4000  9 of 10 clients  up 3.00 kB  down 6.00 kB  "
              "1.0 rounds/s  2.0 s left\n"
              "a note\n" // which does not overtake what came before it
              "central round 4/5  70.00 %  loss 0.3000  9 of 10 clients  up 4.00 kB  down 8.00 kB  "
              "1.0 rounds/s  1.0 s left\n"
              "central round 5/5  80.00 %  loss 0.2000  9 of 10 clients  up 5.00 kB  down 10.0 kB  "
              "1.1 rounds/s\n");
}

static void a_terminal_gets_one_line_rewritten_in_place(void **state) {
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    ch_progress p;
    ch_progress_open(&p, f, "", 5, 0);
    p.is_terminal = true; // it has no width: 80 columns
    closed(&p, 1, 0.5, 1);
    ch_progress_note(&p, "a note");
    ch_progress_close(&p);
    ch_progress_close(&p);
    char text[1024];
    written(f, text, sizeof(text));
    (void)fclose(f);
    const char *line = "round 1/5  50.00 %  up 1.00 kB  down 2.00 kB  1.0 rounds/s  4.0 s left";
    const char *end = "round 1/5  50.00 %  loss 0.5000  up 1.00 kB  down 2.00 kB  1.0 rounds/s";
    char expected[1024];
    (void)snprintf(expected, sizeof(expected), "\r%s\033[K\ra note\033[K\n\r%s\033[K\r%s\033[K\n",
                   line, line, end);
    assert_string_equal(text, expected);
}

static void others_may_write_while_the_line_is_hidden(void **state) {
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    ch_progress p;
    ch_progress_open(&p, f, "", 5, 0);
    p.is_terminal = true;
    assert_false(ch_progress_hide(&p)); // nothing is drawn yet
    closed(&p, 1, 0.5, 1);
    assert_true(ch_progress_hide(&p));
    assert_false(ch_progress_hide(&p));
    (void)fputs("choir sim: warning: x\n", f);
    ch_progress_show(&p);
    ch_progress_close(&p);
    char text[1024];
    written(f, text, sizeof(text));
    (void)fclose(f);
    const char *line = "round 1/5  50.00 %  up 1.00 kB  down 2.00 kB  1.0 rounds/s  4.0 s left";
    char expected[1024];
    const char *end = "round 1/5  50.00 %  loss 0.5000  up 1.00 kB  down 2.00 kB  1.0 rounds/s";
    (void)snprintf(expected, sizeof(expected),
                   "\r%s\033[K\r\033[Kchoir sim: warning: x\n\r%s\033[K\r%s\033[K\n", line, line,
                   end);
    assert_string_equal(text, expected);
}

static void clients_can_be_counted_instead_of_rounds(void **state) {
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    ch_progress p;
    ch_progress_open(&p, f, "local", 5, 0);
    ch_progress_steps(&p, "client", 20);
    ch_progress_step(&p, 5, 1);
    ch_progress_step(&p, 6, 1.5); // too soon
    ch_progress_step(&p, 20, 1.6);
    ch_progress_close(&p);
    char text[1024];
    written(f, text, sizeof(text));
    (void)fclose(f);
    assert_string_equal(text, "local client 5/20  3.0 s left\nlocal client 20/20\n");
}

static void a_resumed_run_counts_all_its_rounds_and_times_only_its_own(void **state) {
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    const ch_metrics_row earlier[] = {row_of(1, 0.5), row_of(2, NAN), row_of(3, NAN)};
    ch_progress p;
    ch_progress_open(&p, f, "", 5, 50);
    ch_progress_resume(&p, earlier, 3);
    closed(&p, 4, 0.75, 52);
    ch_progress_close(&p);
    char text[1024];
    written(f, text, sizeof(text));
    (void)fclose(f);
    assert_string_equal(text, "round 4/5  75.00 %  loss 0.2500  9 of 10 clients  up 4.00 kB  "
                              "down 8.00 kB  2.0 s/round  2.0 s left\n");
}

static void silence_is_an_output_too(void **state) {
    (void)state;
    ch_progress p;
    ch_progress_open(&p, NULL, "", 5, 0);
    closed(&p, 1, 0.5, 1);
    ch_progress_note(&p, "a note");
    ch_progress_close(&p);
    assert_int_equal(p.figures.round, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matters_least_gives_way_first),
        cmocka_unit_test(no_figures_overflow_the_line),
        cmocka_unit_test(where_there_is_no_accuracy_the_loss_is_in_its_place),
        cmocka_unit_test(a_loss_that_is_not_finite_is_said_before_all_else),
        cmocka_unit_test(a_log_gets_evaluated_rounds_once_a_second_and_the_last),
        cmocka_unit_test(a_terminal_gets_one_line_rewritten_in_place),
        cmocka_unit_test(others_may_write_while_the_line_is_hidden),
        cmocka_unit_test(clients_can_be_counted_instead_of_rounds),
        cmocka_unit_test(a_resumed_run_counts_all_its_rounds_and_times_only_its_own),
        cmocka_unit_test(silence_is_an_output_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
