/* Arm: what is said of one that is under way, and what its rounds come to. */
#include "support/check.h"
#include "support/folder.h"

#include "paper/arm.h"
#include "store/metrics_log.h"

#include <math.h>

static void the_rate_that_is_run_is_shown_on_the_grid_or_not(void **state) {
    (void)state;
    static const struct {
        double rate;
        const char *line;
    } rows[] = {{0.215, "fedavg  rate 0.215  round 2 of at most 90  best 50.00 %  2.5 rounds/s"},
                {0.2, "fedavg  rate 0.2  round 2 of at most 90  best 50.00 %  2.5 rounds/s"},
                {0.0317, "fedavg  rate 0.0317  round 2 of at most 90  best 50.00 %  2.5 rounds/s"}};
    choir_job job = choir_job_defaults();
    ch_crossing c;
    ch_crossing_init(&c, 0);
    ch_crossing_add(&c, 1, 0.5, 10);
    ch_crossing_add(&c, 2, 0.25, 10);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[128];
        job.client_learning_rate = rows[i].rate;
        const ch_arm_task task = {
            .cell = "fedavg", .job = &job, .rate = ch_grid_near(rows[i].rate), .limit = 90};
        ch_arm_line(line, sizeof(line), &task, &c, 2.5);
        assert_string_equal(line, rows[i].line);
    }
}

/* What a model answers whose loss is no number any more is no accuracy: it is not judged by it. */
static void a_model_that_has_left_the_numbers_reaches_nothing(void **state) {
    (void)state;
    static char folder[FOLDER_PATH_MAX];
    static const double losses[] = {2, (double)NAN, (double)INFINITY};
    const choir_env env = choir_env_default();
    choir_job job = choir_job_defaults();
    const ch_arm_task task = {.cell = "fedavg",
                              .job = &job,
                              .rate = ch_grid_near(1),
                              .target = 0.5,
                              .is_judged = true,
                              .limit = 4,
                              .beaten = INFINITY,
                              .points = CH_ARM_TABLE_POINTS,
                              .baselines = ""};
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        const bool is_number = isfinite(losses[i]);
        ch_metrics_log *log = NULL;
        ch_outcome_arm arm;
        folder_make(folder);
        check_status(ch_metrics_log_open(&log, folder, 0, &env, NULL), CHOIR_OK);
        for (uint32_t round = 1; round <= 2; round++) {
            const ch_metrics_row row = {.round = round,
                                        .accuracy = round == 1 ? 0.25 : 0.75,
                                        .loss = round == 1 ? 3 : losses[i],
                                        .heldout_mean = 0.1};
            check_status(ch_metrics_log_add(log, &row, NULL), CHOIR_OK);
        }
        ch_metrics_log_close(log);
        folder_put(folder_file(folder, "failure.txt"), "round 2", 7);
        check_status(ch_arm_judge(&arm, &task, folder, &env, NULL), CHOIR_OK);
        assert_int_equal(arm.end, is_number ? CH_CROSSING_REACHED : CH_CROSSING_DIVERGED);
        assert_int_equal(isinf(arm.crossing), !is_number);
        check_near(arm.best, is_number ? 0.75 : 0.25, 1e-9);
        assert_int_equal(arm.points, 2);
        assert_int_equal(isnan(arm.curve[1].accuracy), !is_number);
        folder_remove(folder);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_that_has_left_the_numbers_reaches_nothing),
        cmocka_unit_test(the_rate_that_is_run_is_shown_on_the_grid_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
