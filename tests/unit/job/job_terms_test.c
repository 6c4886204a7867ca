/* Terms: what a job asks of a device, schedules included. */
#include "support/check.h"

#include "choir/job.h"

#include <stdio.h>
#include <string.h>

static choir_job job_with(const char *schedule) {
    choir_job job = choir_job_defaults();
    job.epochs = 4;
    job.rounds = 10;
    job.quorum = 7;
    (void)snprintf(job.chain, sizeof(job.chain), "clip=2|uniform");
    (void)snprintf(job.schedule_epochs, sizeof(job.schedule_epochs), "%s", schedule);
    return job;
}

static void a_job_says_model_chain_and_reports(void **state) {
    (void)state;
    const choir_job job = job_with("constant");
    const choir_terms t = choir_job_terms(&job, 2410);
    assert_int_equal(t.parameters, 2410);
    assert_int_equal(t.reports, 7);
    assert_string_equal(t.chain, "clip=2|uniform");
    assert_true(t.examples == CHOIR_TERMS_UNKNOWN);
    assert_true(t.training_s == CHOIR_TERMS_UNKNOWN);
}

static void epochs_are_the_most_that_a_round_has(void **state) {
    (void)state;
    const struct {
        const char *schedule;
        uint32_t epochs;
    } rows[] = {
        {"constant", 4},
        {"step every=5 factor=0.5", 4},
        {"step every=5 factor=3", 12}, // rounds 6 to 10
        {"exponential factor=1.1", 9}, // 4 * 1.1^9 = 9.4
        {"cosine rounds=5 final=0.01", 4},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const choir_job job = job_with(rows[i].schedule);
        if (choir_job_terms(&job, 1).epochs != rows[i].epochs) {
            fail_msg("%s: %u", rows[i].schedule, choir_job_terms(&job, 1).epochs);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_says_model_chain_and_reports),
        cmocka_unit_test(epochs_are_the_most_that_a_round_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
