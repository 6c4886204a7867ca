/* Arm: what is said of one that is under way. */
#include "support/check.h"

#include "paper/arm.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_that_is_run_is_shown_on_the_grid_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
