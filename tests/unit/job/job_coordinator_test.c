/* Coordinator: what a job says arrives in the options of the coordinator that runs it. */
#include "support/check.h"

#include "job/coordinator.h"
#include "job/rules.h"

#include <stdio.h>
#include <string.h>

static const char JOB[] = "seed: 77\n"
                          "client:\n"
                          "  epochs: 3\n"
                          "  batch_size: 7\n"
                          "  learning_rate: 0.25\n"
                          "  momentum: 0.5\n"
                          "  weight_decay: 0.125\n"
                          "  proximal_mu: 0.75\n"
                          "server:\n"
                          "  algorithm: fedavgm\n"
                          "  learning_rate: 2\n"
                          "  momentum: 0.625\n"
                          "  beta1: 0.25\n"
                          "  beta2: 0.75\n"
                          "  tau: 0.5\n"
                          "  q: 2.5\n"
                          "  sampler: poisson\n"
                          "  sample_rate: 0.375\n"
                          "  rounds: 9\n"
                          "  deadline: 1.5\n"
                          "  quorum: 4\n"
                          "  evaluation_every: 3\n"
                          "  announce: true\n"
                          "  examples_max: 500\n"
                          "  update_norm_max: 32\n"
                          "  coordinate_max: 8\n"
                          "schedule:\n"
                          "  learning_rate: step every=3\n"
                          "  epochs: cosine rounds=9\n"
                          "  batch_size: exponential factor=2\n"
                          "chain: clip=5|weight\n";

static void what_a_job_says_of_rounds_is_what_the_coordinator_does(void **state) {
    (void)state;
    choir_job job;
    choir_error err = {.message = ""};
    if (choir_job_parse(&job, JOB, strlen(JOB), "job.yaml", NULL, 0, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    const choir_coordinator_options o = ch_job_coordinator(&job, 60, 1234);
    assert_int_equal(o.clients, 60);
    assert_int_equal(o.dim, 1234);
    assert_int_equal(o.seed, 77);
    assert_int_equal(o.client_epochs, 3);
    assert_int_equal(o.client_batch_size, 7);
    check_near(o.client_learning_rate, 0.25, 0);
    check_near(o.client_momentum, 0.5, 0);
    check_near(o.client_weight_decay, 0.125, 0);
    check_near(o.client_proximal_mu, 0.75, 0);
    assert_string_equal(o.algorithm, "fedavgm");
    check_near(o.server_learning_rate, 2, 0);
    check_near(o.server_momentum, 0.625, 0);
    check_near(o.server_beta1, 0.25, 0);
    check_near(o.server_beta2, 0.75, 0);
    check_near(o.server_tau, 0.5, 0);
    check_near(o.server_q, 2.5, 0);
    assert_string_equal(o.sampler, "poisson");
    check_near(o.sample_rate, 0.375, 0);
    assert_int_equal(o.rounds, 9);
    assert_int_equal(o.deadline_ms, 1500);
    assert_int_equal(o.quorum, 4);
    assert_int_equal(o.evaluation_every, 3);
    assert_true(o.announce);
    assert_int_equal(o.examples_max, 500);
    check_near(o.update_norm_max, 32, 0);
    check_near(o.coordinate_max, 8, 0);
    assert_string_equal(o.schedule_learning_rate, "step every=3");
    assert_string_equal(o.schedule_epochs, "cosine rounds=9");
    assert_string_equal(o.schedule_batch_size, "exponential factor=2");
    assert_string_equal(o.chain, "clip=5|weight");
}

static void so_does_what_it_says_of_an_open_population(void **state) {
    (void)state;
    static const char text[] = "population: open\n"
                               "server: {goal: 7, over_selection: 1.5, rounds_between: 3}\n";
    choir_job job;
    check_status(choir_job_parse(&job, text, sizeof(text) - 1, "job.yaml", NULL, 0, NULL),
                 CHOIR_OK);
    const choir_coordinator_options o = ch_job_coordinator(&job, 60, 1234);
    assert_string_equal(o.population, "open");
    assert_int_equal(o.goal, 7);
    check_near(o.over_selection, 1.5, 0);
    assert_int_equal(o.rounds_between, 3);
}

/* Also of 1.001 s, which times a thousand is a hair less than 1001. */
static void a_deadline_is_to_the_millisecond(void **state) {
    (void)state;
    choir_job job = choir_job_defaults();
    for (uint32_t ms = 1; ms <= 100000; ms++) {
        job.deadline_s = ms / 1000.0;
        assert_int_equal(ch_job_coordinator(&job, 60, 1234).deadline_ms, ms);
    }
}

static void a_coordinator_can_be_made_of_any_job_that_reads(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = choir_job_defaults();
    const float params[3] = {0};
    choir_coordinator *c = NULL;
    const choir_coordinator_options o = ch_job_coordinator(&job, job.data.clients, 3);
    check_status(choir_coordinator_create(&c, params, &o, &env, NULL), CHOIR_OK);
    assert_int_equal(choir_coordinator_cohort_max(c), 10);
    choir_coordinator_destroy(c);
}

static void a_schedule_that_waits_for_a_loss_cannot_be_hosted(void **state) {
    (void)state;
    static const char *const keys[] = {"learning_rate", "epochs", "batch_size"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *const schedules[] = {"cosine rounds=9", "plateau patience=3"};
        for (size_t s = 0; s < 2; s++) {
            char override[80];
            char message[200];
            const char *overrides[] = {override};
            choir_job job;
            choir_error err = {.message = ""};
            (void)snprintf(override, sizeof(override), "schedule.%s=%s", keys[i], schedules[s]);
            (void)snprintf(message, sizeof(message),
                           "schedule.%s: 'plateau patience=3' waits for the loss on a test set, "
                           "and a server has none; use constant, step, exponential or cosine",
                           keys[i]);
            check_status(choir_job_parse(&job, "", 0, "job.yaml", overrides, 1, &err), CHOIR_OK);
            check_status(ch_job_hosting_check(&job, &err), s == 0 ? CHOIR_OK : CHOIR_EINVAL);
            assert_string_equal(err.message, s == 0 ? "" : message);
        }
    }
}

static void nobody_holds_what_others_do_where_a_job_is_hosted(void **state) {
    (void)state;
    const char *overrides[] = {"data.holder=pooled"};
    choir_job job;
    choir_error err = {.message = ""};
    check_status(choir_job_parse(&job, "", 0, "job.yaml", overrides, 1, &err), CHOIR_OK);
    check_status(ch_job_hosting_check(&job, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "data.holder: is 'pooled', for simulations; what devices hold "
                                     "is their own, so it must be clients");
}

/* 'fixed' asks a whole number of clients, and at least one; 'poisson' has no such rule. */
static void a_round_asks_as_many_clients_as_its_sampler_draws(void **state) {
    (void)state;
    choir_job job = choir_job_defaults();
    job.sample_rate = 0.05;
    check_near(ch_job_asked(&job, 339), 17, 0);
    check_near(ch_job_asked(&job, 2), 1, 0);
    (void)snprintf(job.sampler, sizeof(job.sampler), "poisson");
    check_near(ch_job_asked(&job, 339), 16.95, 1e-12);
    check_near(ch_job_asked(&job, 2), 0.1, 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_job_says_of_rounds_is_what_the_coordinator_does),
        cmocka_unit_test(so_does_what_it_says_of_an_open_population),
        cmocka_unit_test(a_round_asks_as_many_clients_as_its_sampler_draws),
        cmocka_unit_test(a_deadline_is_to_the_millisecond),
        cmocka_unit_test(a_coordinator_can_be_made_of_any_job_that_reads),
        cmocka_unit_test(a_schedule_that_waits_for_a_loss_cannot_be_hosted),
        cmocka_unit_test(nobody_holds_what_others_do_where_a_job_is_hosted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
