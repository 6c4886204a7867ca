/* A job small enough for tests, and a run of it that fails the test when it fails. */
#ifndef CHOIR_TESTS_TINY_JOB_H
#define CHOIR_TESTS_TINY_JOB_H

#include "support/check.h"
#include "support/folder.h"

#include "run/run.h"

/* Softmax regression on a generated source: 20 clients, 5 a round, 6 rounds. */
static inline choir_job tiny_job(void) {
    choir_job job = choir_job_defaults();
    (void)snprintf(job.name, sizeof(job.name), "tiny");
    (void)snprintf(job.model.name, sizeof(job.model.name), "softmax");
    (void)snprintf(job.data.source, sizeof(job.data.source), "synthetic");
    job.data.clients = 20;
    job.data.examples = 30;
    job.data.test_examples = 300;
    job.data.heldout = 0.2;
    job.client_learning_rate = 0.2;
    job.sample_rate = 0.25;
    job.rounds = 6;
    job.checkpoint_every = 2;
    return job;
}

static inline ch_run_result tiny_run(const choir_job *job, const ch_run_options *options) {
    const choir_env env = choir_env_default();
    ch_run_result result;
    choir_error err = {.message = ""};
    if (ch_run_sim(&result, job, options, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return result;
}

#endif
