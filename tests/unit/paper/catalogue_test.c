/* Catalogue: which cells a name means, and what is said of names that mean none. */
#include "support/check.h"

#include "made_experiment.h"
#include "paper/catalogue.h"

#include <string.h>

static ch_paper_experiment made;
static ch_choice choice;

static ch_catalogue catalogue(void) {
    made_experiment(&made);
    memset(&choice, 0, sizeof(choice));
    return (ch_catalogue){.items = &made, .count = 1};
}

static void names_mean_tables_rows_columns_and_cells(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t count;
    } rows[] = {{"made", 3},        {"made/one", 2},       {"made/two", 1},
                {"made/*/left", 2}, {"made/one/right", 1}, {"made/*", 3}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_catalogue c = catalogue();
        choir_error err = {.message = ""};
        check_status(ch_choice_add(&choice, &c, rows[i].text, &err), CHOIR_OK);
        assert_int_equal(choice.count, rows[i].count);
    }
}

static void a_cell_named_twice_is_chosen_once(void **state) {
    (void)state;
    const ch_catalogue c = catalogue();
    choir_error err = {.message = ""};
    check_status(ch_choice_add(&choice, &c, "made/one/left", &err), CHOIR_OK);
    check_status(ch_choice_add(&choice, &c, "made", &err), CHOIR_OK);
    assert_int_equal(choice.count, 3);
    assert_int_equal(choice.cells[1].column, 1);
}

static void a_name_that_means_nothing_gets_the_nearest(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"mad", "mad: there is no such experiment; the nearest is 'made'; 'choir paper list' has "
                "all"},
        {"made/won", "made/won: there is no such row; the nearest is 'one'; 'choir paper list' has "
                     "all"},
        {"made/one/rigth", "made/one/rigth: there is no such column; the nearest is 'right'; "
                           "'choir paper list' has all"},
        {"made/two/right", "made/two/right: the experiment has no such cell"},
        {"", ": there is no such experiment; the nearest is 'made'; 'choir paper list' has all"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_catalogue c = catalogue();
        choir_error err = {.message = ""};
        check_status(ch_choice_add(&choice, &c, rows[i].text, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
}

static void every_shipped_experiment_and_job_of_its_cells_is_read(void **state) {
    (void)state;
    static ch_catalogue c;
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    uint32_t cells = 0;
    assert_int_equal(ch_catalogue_open(&c, CHOIR_SOURCE_DIR "/experiments/paper", &env, &err), 0);
    for (uint32_t i = 0; i < c.count; i++) {
        const ch_paper_experiment *e = &c.items[i];
        assert_true(e->like[0] == '\0' || ch_catalogue_find(&c, e->like) != NULL);
        memset(&choice, 0, sizeof(choice));
        check_status(ch_choice_add(&choice, &c, e->name, &err), CHOIR_OK);
        for (uint32_t k = 0; k < choice.count; k++) {
            choir_job job;
            const ch_paper_cell *cell = &choice.cells[k];
            if (ch_paper_job(&job, e, cell->row, cell->column, -6, 1, "", &err) != CHOIR_OK) {
                fail_msg("%s: %s", e->name, err.message);
            }
            cells += strcmp(e->paper, "Table 1") == 0 ? 1 : 0;
        }
    }
    assert_int_equal(cells, 40);
    ch_catalogue_release(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_mean_tables_rows_columns_and_cells),
        cmocka_unit_test(a_cell_named_twice_is_chosen_once),
        cmocka_unit_test(a_name_that_means_nothing_gets_the_nearest),
        cmocka_unit_test(every_shipped_experiment_and_job_of_its_cells_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
