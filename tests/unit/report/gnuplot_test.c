/* Gnuplot and charts: the real program, and impostors that fail in every way a child can. */
#include "support/check.h"

#include "report/chart.h"
#include "report/gnuplot.h"
#include "support/folder.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static char folder[FOLDER_PATH_MAX];
static char path_kept[4096];

/* Puts a shell script in front of the PATH under gnuplot's name. */
static void impostor(const char *script) {
    char text[512];
    const int size = snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
    folder_put(folder_file(folder, "gnuplot"), text, (size_t)size);
    assert_int_equal(chmod(folder_file(folder, "gnuplot"), 0755), 0);
    char path[sizeof(path_kept) + FOLDER_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s:%s", folder, path_kept);
    assert_int_equal(setenv("PATH", path, 1), 0);
}

static int honest(void **state) {
    (void)state;
    return setenv("PATH", path_kept, 1);
}

static choir_status run(const char *script, uint32_t time_ms, char *printed, size_t size,
                        choir_error *err) {
    const choir_env env = choir_env_default();
    ch_draft out;
    ch_draft_init(&out, &env);
    const choir_bytes bytes = {.data = (const uint8_t *)script, .size = strlen(script)};
    const choir_status status = ch_gnuplot_run(&out, bytes, time_ms, err);
    (void)snprintf(printed, size, "%s", out.text == NULL ? "" : out.text);
    ch_draft_release(&out);
    return status;
}

static void a_child_gets_the_script_and_what_it_prints_is_kept(void **state) {
    (void)state;
    char printed[256];
    choir_error err = {.message = ""};
    impostor("cat; echo \"$@\"");
    check_status(run("a 'script'\n", CH_GNUPLOT_TIME_MS, printed, sizeof(printed), &err), CHOIR_OK);
    assert_string_equal(printed, "a 'script'\n-d\n");
}

static void a_child_that_misbehaves_is_ended_and_named(void **state) {
    (void)state;
    static const struct {
        const char *script, *message;
        uint32_t time_ms;
    } rows[] = {
        {"exit 1", "gnuplot: failed: ", 20000},
        {"kill -9 $$", "gnuplot: failed: ", 20000},
        {"printf '\\n    ^\\n  line 0: bad \\033[31m\\n more' >&2; exit 1",
         "gnuplot: failed: line 0: bad ?[31m", 20000},
        {"exec sleep 60", "gnuplot: not done after 100 ms", 100},
        {"exec sleep 60 >&-", "gnuplot: not done after 100 ms", 100},
        {"exec cat /dev/zero", "gnuplot: printed more than 16777216 bytes", 20000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char printed[16];
        choir_error err = {.message = ""};
        const time_t before = time(NULL);
        impostor(rows[i].script);
        check_status(run("", rows[i].time_ms, printed, sizeof(printed), &err), CHOIR_EIO);
        assert_string_equal(err.message, rows[i].message);
        assert_true(time(NULL) - before < 30);
    }
}

static void a_gnuplot_that_is_not_there_is_told_by_its_package(void **state) {
    (void)state;
    char printed[16];
    choir_error err = {.message = ""};
    assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
    check_status(run("", 1000, printed, sizeof(printed), &err), CHOIR_EAGAIN);
    assert_string_equal(err.message,
                        "no charts: gnuplot is not installed; install the package gnuplot-nox");
}

// ----- charts -----------------------------------------------------------------------------------

static bool has_gnuplot(void) {
    return system("gnuplot --version > /dev/null 2>&1") == 0;
}

/* Draws a chart; true when there is a picture of it, which must be whole. */
static bool is_drawn(const ch_chart *chart) {
    const choir_env env = choir_env_default();
    ch_draft page;
    choir_error err = {.message = ""};
    ch_draft_init(&page, &env);
    if (ch_chart_put(&page, chart, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    const bool drawn = page.size > 0;
    if (drawn) {
        assert_memory_equal(page.text, "<svg role=\"img\" aria-label=\"", 28);
        assert_string_equal(page.text + page.size - 7, "</svg>\n");
        assert_null(strstr(page.text, " id="));
        assert_null(strstr(page.text, "<defs>"));
    }
    ch_draft_release(&page);
    return drawn;
}

static void every_look_of_every_value_is_drawn(void **state) {
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    static const double values[][4] = {
        {0.1, 0.5, 0.9, 0.97},   {0, 0, 0, 0},           {1, 1, 1, 1},
        {1e-9, 1, 1e3, 1e9},     {-3, -2, -1, 5},        {NAN, 0.5, INFINITY, -INFINITY},
        {1e300, -1e300, 0, 1},   {5e-324, 1e-310, 1, 2}, {1e308, 0.5, 0.9, 1},
        {0.5, 1, -1e308, 1e308},
    };
    enum { VALUES = sizeof(values) / sizeof(values[0]), LOOKS = CH_LOOK_STROKES + 1 };
    for (int n = 0; n < VALUES + LOOKS; n++) { // every value in some look, every look of the first
        const int v = n < VALUES ? n : 0;
        ch_chart c = ch_chart_defaults();
        c.title = "values";
        c.is_percent = v % 2 == 0;
        c.may_be_log = true;
        c.level = v == 0 ? 0.7 : NAN;
        ch_chart_add(&c, &(ch_chart_series){.y = values[v],
                                            .count = 4,
                                            .colour = CH_COLOUR_BLUE,
                                            .look = (ch_chart_look)(n % LOOKS)});
        assert_true(is_drawn(&c));
    }
}

static void charts_of_nothing_are_left_out(void **state) {
    (void)state;
    static const double nothing[] = {NAN, INFINITY};
    ch_chart c = ch_chart_defaults();
    assert_false(is_drawn(&c));
    ch_chart_add(&c, &(ch_chart_series){.y = nothing, .count = 2, .colour = CH_COLOUR_BLUE});
    ch_chart_add(&c, &(ch_chart_series){.y = nothing, .count = 0, .colour = CH_COLOUR_RED});
    c.level = 0.5;
    assert_false(is_drawn(&c));
}

static void an_empty_series_does_not_hide_the_next(void **state) {
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    static const double values[] = {NAN, 2, 3};
    ch_chart c = ch_chart_defaults();
    ch_chart_add(&c, &(ch_chart_series){.y = values, .count = 1, .colour = CH_COLOUR_RED});
    ch_chart_add(&c, &(ch_chart_series){.y = values, .count = 3, .colour = CH_COLOUR_BLUE});
    assert_true(is_drawn(&c));
}

static void a_long_series_is_thinned_and_keeps_its_end(void **state) {
    (void)state;
    enum { LONG = 50001 };
    static double values[LONG];
    for (int i = 0; i < LONG; i++) {
        values[i] = i;
    }
    const choir_env env = choir_env_default();
    ch_chart c = ch_chart_defaults();
    ch_chart_add(&c, &(ch_chart_series){.y = values, .count = LONG, .colour = CH_COLOUR_BLUE});
    ch_draft script;
    ch_draft_init(&script, &env);
    ch_chart_script(&script, &c);
    check_status(ch_draft_status(&script), CHOIR_OK);
    size_t lines = 0;
    for (const char *at = script.text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_true(lines < CH_CHART_POINTS_MAX + 50);
    assert_non_null(strstr(script.text, "\n50001 50000\nEOD\n"));
    ch_draft_release(&script);
}

/* Of rounds of which few were evaluated, all that were are drawn, whatever the distance. */
static void rounds_without_a_value_take_no_room_of_the_others(void **state) {
    (void)state;
    enum { ROUNDS = 10000, EVALUATED_EVERY = 7 };
    static double values[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        values[i] = (i + 1) % EVALUATED_EVERY == 0 ? i + 1 : (double)NAN;
    }
    const choir_env env = choir_env_default();
    ch_chart c = ch_chart_defaults();
    ch_chart_add(&c, &(ch_chart_series){.y = values, .count = ROUNDS});
    ch_draft script;
    ch_draft_init(&script, &env);
    ch_chart_script(&script, &c);
    check_status(ch_draft_status(&script), CHOIR_OK);
    for (int round = EVALUATED_EVERY; round <= ROUNDS; round += EVALUATED_EVERY) {
        char line[32];
        (void)snprintf(line, sizeof(line), "\n%d %d\n", round, round);
        assert_non_null(strstr(script.text, line));
    }
    ch_draft_release(&script);
}

/* Whether the script that draws c has this line. */
static bool has_line(const ch_chart *c, const char *line) {
    const choir_env env = choir_env_default();
    ch_draft script;
    ch_draft_init(&script, &env);
    ch_chart_script(&script, c);
    check_status(ch_draft_status(&script), CHOIR_OK);
    const bool has = strstr(script.text, line) != NULL;
    ch_draft_release(&script);
    return has;
}

static void an_axis_begins_where_it_is_asked_to(void **state) {
    (void)state;
    static const double values[] = {0.1, 0.2, 1};
    ch_chart c = ch_chart_defaults();
    c.is_percent = true;
    ch_chart_add(&c, &(ch_chart_series){.y = values, .count = 3, .colour = CH_COLOUR_BLUE});
    c.low = 0.95;
    assert_true(has_line(&c, "\nset yrange [95:100.25]\n"));
    if (has_gnuplot()) {
        assert_true(is_drawn(&c));
    }
}

static void wide_numbers_at_an_axis_have_room(void **state) {
    (void)state;
    static const struct {
        double most;
        const char *ticks;
    } rows[] = {{10000, "2000"}, {12000, "5000"}, {40000, "10000"}, {51000, "20000"}};
    static const double values[] = {1, 2};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const double x[] = {1, rows[i].most};
        char line[64];
        ch_chart c = ch_chart_defaults();
        ch_chart_add(&c, &(ch_chart_series){.x = x, .y = values, .count = 2});
        (void)snprintf(line, sizeof(line), "\nset xtics %s\n", rows[i].ticks);
        assert_true(has_line(&c, line));
    }
}

/* Also of a single client, or label. */
static void cells_become_an_image(void **state) {
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    static const double values[] = {0, 0.5, 1, NAN, 2, -1};
    static const char *const names[] = {"a", "\u30d6", "c"};
    static const uint32_t shapes[][2] = {{3, 2}, {1, 3}, {3, 1}, {1, 1}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        const choir_env env = choir_env_default();
        ch_chart c = ch_chart_defaults();
        c.cells = (ch_chart_cells){
            .values = values, .names = names, .columns = shapes[i][0], .rows = shapes[i][1]};
        assert_true(is_drawn(&c));
        ch_draft page;
        ch_draft_init(&page, &env);
        check_status(ch_chart_put(&page, &c, NULL), CHOIR_OK);
        assert_non_null(strstr(page.text, "<image "));
        ch_draft_release(&page);
    }
}

static void of_many_rows_every_so_many_are_named(void **state) {
    (void)state;
    enum { ROWS = 256 };
    static double values[ROWS];
    static const char *names[ROWS];
    for (int i = 0; i < ROWS; i++) {
        names[i] = "x";
    }
    const choir_env env = choir_env_default();
    ch_chart c = ch_chart_defaults();
    for (uint32_t rows = 1; rows <= ROWS; rows++) {
        c.cells = (ch_chart_cells){.values = values, .names = names, .columns = 1, .rows = rows};
        ch_draft script;
        ch_draft_init(&script, &env);
        ch_chart_script(&script, &c);
        check_status(ch_draft_status(&script), CHOIR_OK);
        uint32_t marks = 0;
        for (const char *at = script.text; (at = strstr(at, "'@")) != NULL; at++) {
            marks += 1;
        }
        assert_in_range(marks, rows < 16 ? rows : 8, rows < 16 ? rows : 16);
        ch_draft_release(&script);
    }
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    static const double values[] = {1, 2, 3};
    ch_chart c = ch_chart_defaults();
    ch_chart_add(&c, &(ch_chart_series){.y = values, .count = 3, .colour = CH_COLOUR_BLUE});
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_draft page;
        ch_draft_init(&page, &m.env);
        m.status = ch_chart_put(&page, &c, NULL);
        m.status = m.status == CHOIR_OK ? ch_draft_status(&page) : m.status;
        ch_draft_release(&page);
    }
    assert_true(m.tries > 3); // script, picture, page
}

static int remove_folder(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    folder_make(folder);
    const char *path = getenv("PATH");
    (void)snprintf(path_kept, sizeof(path_kept), "%s", path == NULL ? "" : path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_child_gets_the_script_and_what_it_prints_is_kept, honest),
        cmocka_unit_test_teardown(a_child_that_misbehaves_is_ended_and_named, honest),
        cmocka_unit_test_teardown(a_gnuplot_that_is_not_there_is_told_by_its_package, honest),
        cmocka_unit_test(every_look_of_every_value_is_drawn),
        cmocka_unit_test(charts_of_nothing_are_left_out),
        cmocka_unit_test(an_empty_series_does_not_hide_the_next),
        cmocka_unit_test(a_long_series_is_thinned_and_keeps_its_end),
        cmocka_unit_test(rounds_without_a_value_take_no_room_of_the_others),
        cmocka_unit_test(an_axis_begins_where_it_is_asked_to),
        cmocka_unit_test(wide_numbers_at_an_axis_have_room),
        cmocka_unit_test(cells_become_an_image),
        cmocka_unit_test(of_many_rows_every_so_many_are_named),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
