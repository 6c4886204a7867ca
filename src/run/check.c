/* Check: see check.h. */
#include "run/check.h"

#include "base/env.h"
#include "base/error.h"
#include "choir/sim.h"
#include "data/source.h"
#include "job/coordinator.h"
#include "job/rules.h"
#include "run/plan.h"
#include "run/saved.h"
#include "run/session.h"
#include "train/zoo.h"

#include <string.h>

static choir_status file_check(const char *key, const char *path, const choir_env *env,
                               choir_error *err) {
    if (path[0] == '\0') {
        return CHOIR_OK;
    }
    ch_saved saved;
    choir_error why = {.message = ""};
    const choir_status status = ch_saved_open(&saved, path, env, &why);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "%s: %s", key, why.message);
    }
    ch_saved_release(&saved);
    return CHOIR_OK;
}

static choir_status parts_check(const choir_job *job, const choir_env *env, choir_error *err) {
    const ch_kernels *kernels = NULL;
    choir_status status = job->model.name[0] == '\0' ? CHOIR_OK : ch_zoo_check(&job->model, err);
    if (status == CHOIR_OK) {
        status = file_check("model.file", job->model.file, env, err);
    }
    if (status == CHOIR_OK) {
        status = file_check("model.init", job->model.init, env, err);
    }
    if (status == CHOIR_OK) {
        status = ch_plan_kernels(&kernels, job->backend, err);
    }
    if (status == CHOIR_OK && strcmp(job->data.task, "regression") == 0 &&
        ch_source_look(&job->data) == CH_SOURCE_GENERATED) {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "data.task: regression needs numbers to predict; data.source '%s' "
                              "has classes",
                              job->data.source);
    }
    return status;
}

/* Warns of a key that has no effect, unless it has its default value: a run's own job.yaml names
 * every key. */
static void idle_warn(const choir_job *job, const ch_job_places *places, const char *key,
                      const char *what_for, const choir_env *env) {
    const ch_option *row = ch_options_find(&CH_JOB_KEYS, key);
    char value[CH_OPTION_VALUE_MAX];
    char place[CH_JOB_PLACE_MAX];
    if (ch_job_key_differs(value, row, job)) {
        ch_job_place_show(place, places, key);
        ch_log(env, CHOIR_LEVEL_WARN, "key_idle", "%s: %s: '%s' has no effect; it is for %s", place,
               key, value, what_for);
    }
}

/* Keys that only some jobs heed. */
static void idle_find(const choir_job *job, const ch_job_places *places, const choir_env *env) {
    const choir_job_data *d = &job->data;
    const ch_source_form form = ch_source_look(d);
    const bool generated = form == CH_SOURCE_GENERATED;
    const bool columns = form == CH_SOURCE_CSV || form == CH_SOURCE_UNSEEN;
    const bool is_split =
        columns || form == CH_SOURCE_CIFAR || form == CH_SOURCE_MESSAGES || form == CH_SOURCE_LEAF;
    const bool messages = form == CH_SOURCE_MESSAGES || form == CH_SOURCE_UNSEEN;
    const bool text = messages || form == CH_SOURCE_PLAYS || form == CH_SOURCE_LEAF;
    const bool reads = !generated && form != CH_SOURCE_PLAYS && form != CH_SOURCE_MESSAGES;
    const struct {
        const char *key;
        bool matters;
        const char *what_for;
    } keys[] = {
        {"data.shards", strcmp(d->partition, "shards") == 0, "data.partition 'shards'"},
        {"data.alpha", strcmp(d->partition, "dirichlet") == 0, "data.partition 'dirichlet'"},
        {"data.similarity", strcmp(d->partition, "similarity") == 0, "data.partition 'similarity'"},
        {"data.power", strcmp(d->partition, "quantity") == 0, "data.partition 'quantity'"},
        {"data.examples", generated, "generated sources"},
        {"data.test_examples", generated, "generated sources"},
        {"data.memory", reads, "pictures, CSV files and numbers of LEAF"},
        {"data.steps", text, "text"},
        {"data.speech", form == CH_SOURCE_PLAYS || form == CH_SOURCE_UNSEEN, "plays"},
        {"data.vocabulary", messages, "messages"},
        {"data.proxy", messages, "messages"},
        {"data.label", columns, "CSV files"},
        {"data.group", columns, "CSV files"},
        {"data.categorical", columns, "CSV files"},
        {"data.drop", columns, "CSV files"},
        {"data.test_share", is_split, "data that come without a test part"},
        {"schedule.batch_size", job->batch_size > 0, "a client.batch_size above 0"},
        {"evaluate_clients", d->heldout > 0, "a data.heldout above 0"},
        {"server.examples_max", ch_job_heeds(job, "server.examples_max"),
         "the chain's link 'weight'"},
        {"server.momentum", ch_job_heeds(job, "server.momentum"), "server.algorithm 'fedavgm'"},
        {"server.beta1", ch_job_heeds(job, "server.beta1"),
         "server.algorithm 'fedadam' or 'fedyogi'"},
        {"server.beta2", ch_job_heeds(job, "server.beta2"),
         "server.algorithm 'fedadam' or 'fedyogi'"},
        {"server.q", ch_job_heeds(job, "server.q"), "server.algorithm 'q-fedavg'"},
        {"server.tau", ch_job_heeds(job, "server.tau"),
         "server.algorithm 'fedadagrad', 'fedadam' or 'fedyogi'"},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!keys[i].matters) {
            idle_warn(job, places, keys[i].key, keys[i].what_for, env);
        }
    }
}

/* Keys that a server has no use for: it has no test set, and its network is a real one. */
static void hosting_idle_find(const choir_job *job, const ch_job_places *places,
                              const choir_env *env) {
    static const char *const keys[] = {"server.target_accuracy", "evaluate_every",
                                       "checkpoint_every"};
    static const char section[] = "network.";
    static const char what_for[] = "simulations";
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        idle_warn(job, places, keys[i], what_for, env);
    }
    for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
        if (strncmp(CH_JOB_KEYS.rows[i].key, section, sizeof(section) - 1) == 0) {
            idle_warn(job, places, CH_JOB_KEYS.rows[i].key, what_for, env);
        }
    }
    if (job->data.heldout > 0) { // without it, it was warned of
        idle_warn(job, places, "evaluate_clients", what_for, env);
    }
    if (ch_source_look(&job->data) == CH_SOURCE_GENERATED) {
        idle_warn(job, places, "data.test_examples", what_for, env);
    }
}

static choir_status check(const choir_job *job, const ch_job_places *places, bool has_data,
                          const choir_env *env, choir_error *err) {
    choir_status status = parts_check(job, env, err);
    if (status == CHOIR_OK && has_data) {
        status = ch_source_check(&job->data, err);
    }
    if (status != CHOIR_OK) {
        ch_job_locate(places, err);
        return status;
    }
    idle_find(job, places, env);
    return CHOIR_OK;
}

choir_status ch_run_check(const choir_job *job, const ch_job_places *places, const choir_env *env,
                          choir_error *err) {
    return check(job, places, true, env, err);
}

choir_status ch_run_check_apart(const choir_job *job, const ch_job_places *places,
                                const choir_env *env, choir_error *err) {
    return check(job, places, false, env, err);
}

choir_status ch_run_check_open(const choir_job *job, const ch_job_places *places,
                               const choir_env *env, choir_error *err) {
    ch_session s;
    choir_status status = ch_session_open(&s, job, 1, CH_SESSION_TRAIN, env, err);
    if (status == CHOIR_OK) {
        status = ch_plan_test_check(job, s.federation, false, err);
    }
    if (status == CHOIR_OK) {
        choir_sim *sim = NULL;
        const choir_sim_options o = ch_plan_sim(&s.job, s.federation, s.dim, s.workers);
        status = choir_sim_create(&sim, s.params, s.trainers, &o, env, err);
        choir_sim_destroy(sim);
    }
    ch_session_release(&s);
    if (status != CHOIR_OK) {
        ch_job_locate(places, err);
    }
    return status;
}

choir_status ch_run_check_hosting(const choir_job *job, const ch_job_places *places,
                                  const choir_env *env, choir_error *err) {
    choir_status status = ch_run_check(job, places, env, err);
    if (status == CHOIR_OK) {
        status = ch_job_hosting_check(job, err);
        if (status != CHOIR_OK) {
            ch_job_locate(places, err);
        } else {
            hosting_idle_find(job, places, env);
        }
    }
    return status;
}
