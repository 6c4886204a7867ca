/* Coordinator: see coordinator.h. */
#include "job/coordinator.h"

#include "base/error.h"
#include "fl/schedule.h"

#include <string.h>

choir_coordinator_options ch_job_coordinator(const choir_job *job, uint32_t clients, uint32_t dim) {
    choir_coordinator_options o = choir_coordinator_defaults();
    o.dim = dim;
    o.clients = clients;
    o.rounds = job->rounds;
    o.population = job->population;
    o.goal = job->goal;
    o.over_selection = job->over_selection;
    o.rounds_between = job->rounds_between;
    o.sampler = job->sampler;
    o.sample_rate = job->sample_rate;
    o.quorum = job->quorum;
    o.evaluation_every = job->evaluation_every;
    o.announce = job->announce;
    o.deadline_ms = (uint32_t)(job->deadline_s * 1000.0 + 0.5);
    o.algorithm = job->algorithm;
    o.server_learning_rate = (float)job->server_learning_rate;
    o.server_momentum = (float)job->server_momentum;
    o.server_beta1 = (float)job->server_beta1;
    o.server_beta2 = (float)job->server_beta2;
    o.server_tau = (float)job->server_tau;
    o.server_q = (float)job->server_q;
    o.client_epochs = job->epochs;
    o.client_batch_size = job->batch_size;
    o.client_learning_rate = (float)job->client_learning_rate;
    o.client_momentum = (float)job->momentum;
    o.client_weight_decay = (float)job->weight_decay;
    o.client_proximal_mu = (float)job->proximal_mu;
    o.schedule_learning_rate = job->schedule_learning_rate;
    o.schedule_epochs = job->schedule_epochs;
    o.schedule_batch_size = job->schedule_batch_size;
    o.chain = job->chain;
    o.examples_max = job->examples_max;
    o.update_norm_max = job->update_norm_max;
    o.coordinate_max = job->coordinate_max;
    o.seed = job->seed;
    return o;
}

choir_status ch_job_hosting_check(const choir_job *job, choir_error *err) {
    if (strcmp(job->data.holder, "clients") != 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.holder: is '%s', for simulations; what devices hold is their "
                            "own, so it must be clients",
                            job->data.holder);
    }
    const struct {
        const char *key, *text;
    } schedules[] = {{"schedule.learning_rate", job->schedule_learning_rate},
                     {"schedule.epochs", job->schedule_epochs},
                     {"schedule.batch_size", job->schedule_batch_size}};
    for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
        ch_schedule schedule;
        const choir_status status =
            ch_schedule_parse(&schedule, schedules[i].text, schedules[i].key, err);
        if (status != CHOIR_OK) {
            return status;
        }
        if (schedule.ops->observe != NULL) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "%s: '%s' waits for the loss on a test set, and a server has none; "
                                "use constant, step, exponential or cosine",
                                schedules[i].key, schedules[i].text);
        }
    }
    return CHOIR_OK;
}
