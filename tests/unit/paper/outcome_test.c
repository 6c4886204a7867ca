/* Outcome: written and read back, when it still counts, and files that are none. */
#include "support/check.h"

#include "made_experiment.h"
#include "paper/outcome.h"
#include "support/folder.h"

#include <math.h>
#include <string.h>

static ch_paper_experiment made;
static ch_outcome ours;
static ch_outcome theirs;

static void measured(ch_outcome *o) {
    made_experiment(&made);
    ch_outcome_init(o, &made, 0, 0, 1);
    o->arms_count = 3;
    o->arms[0] =
        (ch_outcome_arm){.rate = -4,
                         .end = CH_CROSSING_REACHED,
                         .rounds = 33,
                         .crossing = 32.625,
                         .best = 0.97,
                         .bytes = 525972626,
                         .points = 2,
                         .curve = {{1, 0.84300001, 0.66, 1.38, NAN}, {33, 0.97, 0.098, 0.1, NAN}}};
    o->arms[1] = (ch_outcome_arm){
        .rate = -6, .end = CH_CROSSING_BEATEN, .rounds = 33, .crossing = INFINITY, .best = 0.96};
    o->arms[2] = (ch_outcome_arm){.name = "central",
                                  .rate = -4,
                                  .end = CH_CROSSING_LIMIT,
                                  .rounds = 33,
                                  .crossing = INFINITY,
                                  .best = 0.99};
    o->is_complete = true;
    o->rates_max = 2;
    (void)snprintf(o->cpu, sizeof(o->cpu), "A \"CPU\"");
    (void)snprintf(o->data, sizeof(o->data), "0f5c2b1a93d84e67");
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    char path[CHOIR_PATH_MAX];
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    folder_make(folder);
    measured(&ours);
    check_status(ch_outcome_path(path, folder, &made, 0, 0, 1, &err), CHOIR_OK);
    assert_non_null(strstr(path, "/made/one.left.json"));
    check_status(ch_outcome_read(&theirs, path, &env, &err), CHOIR_EAGAIN);
    check_status(ch_outcome_write(&ours, path, &env, &err), CHOIR_OK);
    check_status(ch_outcome_read(&theirs, path, &env, &err), CHOIR_OK);
    assert_string_equal(theirs.cell, "made/one/left");
    assert_string_equal(theirs.cpu, "A \"CPU\"");
    assert_string_equal(theirs.data, "0f5c2b1a93d84e67");
    assert_int_equal(theirs.rates_max, 2);
    assert_true(theirs.is_complete);
    assert_int_equal(theirs.arms_count, 3);
    check_near(theirs.arms[0].crossing, 32.625, 0);
    check_near(theirs.arms[0].bytes, 525972626, 0);
    check_near(theirs.arms[0].curve[0].accuracy, 0.843, 0); // five digits
    assert_true(isnan(theirs.arms[0].curve[1].heldout));
    assert_true(isinf(theirs.arms[1].crossing));
    assert_int_equal(theirs.arms[1].end, CH_CROSSING_BEATEN);
    assert_string_equal(theirs.arms[2].name, "central");
    assert_true(ch_outcome_is_like(&ours, &theirs));
    folder_remove(folder);
}

static void other_seeds_have_files_of_their_own(void **state) {
    (void)state;
    char path[CHOIR_PATH_MAX];
    made_experiment(&made);
    check_status(ch_outcome_path(path, "d", &made, 1, 0, 7, NULL), CHOIR_OK);
    assert_string_equal(path, "d/made/two.left.seed-7.json");
}

static void a_baseline_is_no_trial_of_the_grid(void **state) {
    (void)state;
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    measured(&ours);
    assert_int_equal(ch_outcome_trials(trials, &ours), 2);
    assert_ptr_equal(ch_outcome_best(&ours), &ours.arms[0]);
    ours.arms_count = 0;
    assert_null(ch_outcome_best(&ours));
}

static void a_baseline_has_a_best_rate_of_its_own(void **state) {
    (void)state;
    measured(&ours);
    ours.arms_count = 4;
    ours.arms[0] = (ch_outcome_arm){.rate = -4, .crossing = 10, .best = 0.9};
    ours.arms[1] = (ch_outcome_arm){.name = "central", .rate = -4, .crossing = 8, .best = 0.95};
    ours.arms[2] = (ch_outcome_arm){.rate = -6, .crossing = 12, .best = 0.9};
    ours.arms[3] = (ch_outcome_arm){.name = "central", .rate = -6, .crossing = 5, .best = 0.97};
    assert_ptr_equal(ch_outcome_best(&ours), &ours.arms[0]);
    assert_ptr_equal(ch_outcome_best_named(&ours, "central"), &ours.arms[3]);
    assert_null(ch_outcome_best_named(&ours, "local"));
}

static void a_rate_that_diverged_loses_to_one_that_only_failed(void **state) {
    (void)state;
    measured(&ours);
    ours.arms[0] = (ch_outcome_arm){
        .rate = -4, .end = CH_CROSSING_DIVERGED, .crossing = INFINITY, .best = 0.99};
    assert_ptr_equal(ch_outcome_best(&ours), &ours.arms[1]);
}

static void a_result_counts_while_it_answers_the_same_question(void **state) {
    (void)state;
    measured(&ours);
    theirs = ours;
    ours.arms_count = 0;
    assert_true(ch_outcome_is_like(&ours, &theirs));
    ours.rounds_max += 1; // no rate came to the old limit
    theirs.arms_count = 2;
    assert_true(ch_outcome_is_like(&ours, &theirs));
    theirs.arms[1].end = CH_CROSSING_LIMIT;
    assert_false(ch_outcome_is_like(&ours, &theirs));
    theirs.arms[1].end = CH_CROSSING_BEATEN;
    ours.rounds_max = 32; // they had 33 rounds
    assert_false(ch_outcome_is_like(&ours, &theirs));
    ours.rounds_max = theirs.rounds_max;
    ours.target = 0.98;
    assert_false(ch_outcome_is_like(&ours, &theirs));
    ours.target = theirs.target;
    ours.seed = 2;
    assert_false(ch_outcome_is_like(&ours, &theirs));
    ours.seed = theirs.seed;
    (void)snprintf(ours.job, sizeof(ours.job), "1caa3d0b2fe4");
    assert_true(ch_outcome_is_like(&ours, &theirs)); // older ones do not say what they trained
    (void)snprintf(theirs.job, sizeof(theirs.job), "0badc0de0bad");
    assert_false(ch_outcome_is_like(&ours, &theirs));
    theirs.job[0] = '\0';
    ours.settings[0] = 'x';
    assert_false(ch_outcome_is_like(&ours, &theirs));
}

static void files_that_are_no_result_are_told_so(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"{", "f.json:1: is no JSON: "},
        {"{}", "f.json: is no result: must have cell, settings, version, backend and cpu, each a "
               "text"},
        {"{\"cell\":\"c\",\"settings\":\"\",\"version\":\"\",\"backend\":\"\",\"cpu\":\"\"}",
         "f.json: is no result: must have seed, target, rounds_max and complete"},
        {"{\"cell\":\"c\",\"settings\":\"\",\"version\":\"\",\"backend\":\"\",\"cpu\":\"\","
         "\"seed\":1,\"target\":0.9,\"rounds_max\":5,\"complete\":true,\"rates\":[{}]}",
         "f.json: is no result: learning_rate must be a point of the grid"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        const choir_bytes bytes = {.data = (const uint8_t *)rows[i].text,
                                   .size = strlen(rows[i].text)};
        check_status(ch_outcome_parse(&theirs, bytes, "f.json", &err), CHOIR_EPROTO);
        assert_memory_equal(err.message, rows[i].message, strlen(rows[i].message));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(other_seeds_have_files_of_their_own),
        cmocka_unit_test(a_baseline_is_no_trial_of_the_grid),
        cmocka_unit_test(a_baseline_has_a_best_rate_of_its_own),
        cmocka_unit_test(a_rate_that_diverged_loses_to_one_that_only_failed),
        cmocka_unit_test(a_result_counts_while_it_answers_the_same_question),
        cmocka_unit_test(files_that_are_no_result_are_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
