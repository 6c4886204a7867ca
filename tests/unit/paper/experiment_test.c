/* Experiment: what a file says of its cells, and what is refused. */
#include "support/check.h"

#include "made_experiment.h"
#include "paper/experiment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static ch_paper_experiment made;

static void a_file_says_what_its_cells_are(void **state) {
    (void)state;
    made_experiment(&made);
    assert_string_equal(made.name, "made");
    assert_string_equal(made.columns[0].label, "Left");
    assert_string_equal(made.columns[1].label, "right"); // its name, when it has no other
    check_near(made.facts[0][0].expect, 120, 0);
    assert_true(isinf(made.facts[0][1].expect));
    assert_string_equal(made.facts[1][0].note, "a reason");
    assert_true(ch_paper_has_cell(&made, 0, 1));
    assert_false(ch_paper_has_cell(&made, 1, 1));
}

static void what_is_said_closer_to_a_cell_wins(void **state) {
    (void)state;
    int32_t start[CH_PAPER_START_MAX];
    made_experiment(&made);
    assert_int_equal(ch_paper_rounds(&made, 0, 0), 90);
    assert_int_equal(ch_paper_rounds(&made, 1, 0), 40);
    assert_int_equal(ch_paper_rounds(&made, 0, 1), 500);
    check_near(ch_paper_target(&made, 0), 0.97, 0);
    check_near(ch_paper_target(&made, 1), 0.5, 0);
    assert_int_equal(ch_paper_start(start, &made, 0), 1);
    assert_int_equal(start[0], 0);
    assert_int_equal(ch_paper_start(start, &made, 1), 2);
    assert_int_equal(start[0], -4);
    assert_int_equal(start[1], -6);
}

static void settings_are_the_columns_then_the_rows(void **state) {
    (void)state;
    char text[200];
    made_experiment(&made);
    ch_paper_settings(text, sizeof(text), &made, 0, 0);
    assert_string_equal(text, "data.partition=iid client.batch_size=0 server.sample_rate=0.01");
    ch_paper_settings(text, 20, &made, 0, 0);
    assert_int_equal(strlen(text), 19);
}

static void what_is_wrong_is_told_with_its_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"columns: {a: {set: {client.epoch: 5}}}\n",
         "made.yaml:1: columns.a.set: client.epoch is not known; did you mean 'client.epochs'?"},
        {"columns: {a: {label: x}}\nrows:\n  e5: {set: {client.epochs: -1}}\n",
         "made.yaml:3: rows.e5.set: client.epochs: '-1' is not a whole number in [1, 1000] epochs"},
        {"titel: x\n", "made.yaml:1: titel is not known; did you mean 'title'?"},
        {"title: x\njob: j\n", "made.yaml: must have columns, and rows after them"},
        {"columns: {a: {label: x}}\nrows: {r: {label: y}}\n",
         "made.yaml: title and job must be given"},
        {"rates: [0.3]\ntitle: x\njob: j\ncolumns: {a: {label: x}}\nrows: {r: {label: y}}\n",
         "made.yaml: rates: '0.3' must be 1 to 5 rates of the grid: 0.1, 0.215, 0.464, 1 and these "
         "times 10, 100, 0.1 and so on"},
        {"rates: 0.1 0.215\ntitle: x\njob: j\ncolumns: {a: {label: x}}\nrows: {r: {label: y}}\n",
         "made.yaml: rates: '0.1 0.215' must be 1 to 5 rates of the grid: 0.1, 0.215, 0.464, 1 and "
         "these times 10, 100, 0.1 and so on"},
        {"rows: {r: {expect: {a: 1}}}\n",
         "made.yaml:1: rows.r.expect.a: there is no such column; columns stand before rows"},
        {"columns: {a: {wide: 1}}\n",
         "made.yaml:1: columns.a.wide: a column has label, set, rounds, rates and target"},
        {"columns: {a: {label: x}}\nrows: {r: {wide: {a: 1}}}\n",
         "made.yaml:2: rows.r.wide.a: a row has label, set, rounds, expect, note, "
         "scale and baselines"},
        {"axis: \"it's\"\ntitle: x\njob: j\ncolumns: {a: {label: x}}\nrows: {r: {label: y}}\n",
         "made.yaml: axis: 'it's' must be letters, digits, blanks and commas"},
        {"columns: {a: {label: x}}\nrows: {r: {expect: {a: -3}}}\n",
         "made.yaml:2: rows.r.expect.a: '-3' must be a number from 0 to 1000000000, or never"},
        {"columns: {a: {label: x}}\nrows: {r: {baselines: loca}}\n",
         "made.yaml:2: rows.r.baselines: must be central, local or central,local"},
        {"title: x\nrounds: 5\nrounds: 7\n", "made.yaml:3: rounds: was given in line 2 already"},
        {"columns: {a: {set: {seed: 5}}}\n",
         "made.yaml:1: columns.a.set.seed: is not a setting's: rates, rounds and target are keys "
         "of their own, --seed and --data flags"},
        {"column: {a: {label: x}}\n",
         "made.yaml:1: column.a.label: is not known; only columns and rows have keys below them"},
        {"columns: {a: {label: x}}\nbaseline: q\ntitle: x\njob: j\nrows: {r: {label: y}}\n",
         "made.yaml: baseline: there is no row 'q'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        check_status(
            ch_paper_experiment_parse(&made, rows[i].text, strlen(rows[i].text), "made.yaml", &err),
            CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
}

static void more_rows_columns_or_settings_than_there_may_be_are_refused(void **state) {
    (void)state;
    static char text[8192];
    static const char *const forms[] = {"columns.c%u.label: x\n", "rows.r%u.label: x\n"};
    static const uint32_t most[] = {CH_PAPER_COLUMNS_MAX, CH_PAPER_ROWS_MAX};
    for (size_t f = 0; f < 2; f++) {
        size_t used = 0;
        choir_error err = {.message = ""};
        for (uint32_t i = 0; i <= most[f]; i++) {
            char line[64];
            const char *form = forms[f];
            (void)snprintf(line, sizeof(line), "%.*s%u%s", (int)(strchr(form, '%') - form), form, i,
                           strchr(form, '%') + 2);
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", line);
        }
        check_status(ch_paper_experiment_parse(&made, text, used, "made.yaml", &err), CHOIR_EINVAL);
        assert_non_null(strstr(err.message, "more "));
    }
    static const char settings[] =
        "rows.r.set: {data.clients: 1, data.shards: 1, data.alpha: 1, data.power: 1, data.crop: 1, "
        "data.examples: 1, client.epochs: 1, client.momentum: 0, client.batch_size: 1, server.q: "
        "1, server.tau: 1}\n"; // CH_PAPER_SETS_MAX + 1
    choir_error err = {.message = ""};
    check_status(ch_paper_experiment_parse(&made, settings, strlen(settings), "made.yaml", &err),
                 CHOIR_EINVAL);
    assert_string_equal(err.message, "made.yaml:1: rows.r.set.server.tau: more settings than a "
                                     "row or a column may have");
}

/* It begins the names of runs, whose folders and job files would not be read again. */
static void a_files_name_must_be_one_that_runs_can_have(void **state) {
    (void)state;
    static const char text[] = "title: x\njob: j\nrates: 0.1\ncolumns: {a: {label: x}}\n"
                               "rows: {r: {label: y}}\n";
    static const char *const names[] = {"d/my exp.yaml", "d/-exp.yaml", "d/.yaml", "d/\"x\".yaml"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char message[160];
        choir_error err = {.message = ""};
        (void)snprintf(message, sizeof(message),
                       "%s: the file's name must be letters, digits, '.', '_' or '-', not "
                       "beginning with '.' or '-', before its ending",
                       names[i]);
        check_status(ch_paper_experiment_parse(&made, text, strlen(text), names[i], &err),
                     CHOIR_EINVAL);
        assert_string_equal(err.message, message);
    }
    check_status(ch_paper_experiment_parse(&made, text, strlen(text), "d/my.exp-2.yaml", NULL),
                 CHOIR_OK);
    assert_string_equal(made.name, "my.exp-2");
}

static void rates_may_stand_in_a_text_with_blanks(void **state) {
    (void)state;
    static const char text[] = "rates: \"0.1,  0.215 , 0.464\"\ntitle: x\njob: j\n"
                               "columns: {a: {label: x}}\nrows: {r: {label: y}}\n";
    int32_t start[CH_PAPER_START_MAX];
    check_status(ch_paper_experiment_parse(&made, text, strlen(text), "made.yaml", NULL), CHOIR_OK);
    assert_int_equal(ch_paper_start(start, &made, 0), 3);
    check_near(ch_grid_rate(start[0]), 0.1, 0);
    check_near(ch_grid_rate(start[1]), 0.215, 0);
    check_near(ch_grid_rate(start[2]), 0.464, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_what_its_cells_are),
        cmocka_unit_test(what_is_said_closer_to_a_cell_wins),
        cmocka_unit_test(settings_are_the_columns_then_the_rows),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(a_files_name_must_be_one_that_runs_can_have),
        cmocka_unit_test(rates_may_stand_in_a_text_with_blanks),
        cmocka_unit_test(more_rows_columns_or_settings_than_there_may_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
