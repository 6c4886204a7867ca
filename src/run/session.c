/* Session: see session.h. */
#include "run/session.h"

#include "base/arena.h"
#include "base/error.h"
#include "job/rules.h"
#include "run/labels.h"
#include "run/saved.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { JUDGED_MAX = 250 }; // examples that a model is judged on at a time

static bool is_judging(ch_session_use use) {
    return use == CH_SESSION_EVAL || use == CH_SESSION_PREDICT;
}

uint32_t ch_session_cores(void) {
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (online < 1) {
        return 1;
    }
    return online > CH_WORKERS_MAX ? CH_WORKERS_MAX : (uint32_t)online;
}

static uint32_t step_max(const ch_session *s, ch_session_use use, uint32_t engine) {
    if (is_judging(use)) {
        const uint32_t test = ch_federation_test(s->federation)->count;
        return test < 1 ? 1 : test < JUDGED_MAX ? test : JUDGED_MAX;
    }
    const bool pooled = use == CH_SESSION_POOL && engine == 0;
    const uint32_t held = ch_federation_count_max(s->federation, CH_SPLIT_TRAIN);
    const uint32_t all = ch_federation_pooled(s->federation)->count;
    return ch_plan_step_max(&s->job, pooled && all > held ? all : held);
}

/* A net knows its layers, and not which key of the job brought them. */
static choir_status model_refuse(const choir_job_model *model, const choir_error *why,
                                 choir_error *err) {
    const bool is_file = model->file[0] != '\0';
    const bool is_sized = !is_file && model->hidden[0] != '\0'; // its layers are what hidden says
    return ch_error_set(err, CHOIR_EINVAL, "%s: '%.200s': %s",
                        is_file    ? "model.file"
                        : is_sized ? "model.hidden"
                                   : "model.name",
                        is_file    ? model->file
                        : is_sized ? model->hidden
                                   : model->name,
                        why->message);
}

static choir_status engines_create(ch_session *s, ch_session_use use, choir_error *err) {
    choir_status status = CHOIR_OK;
    choir_error why = {.message = ""};
    for (uint32_t i = 0; i < s->workers && status == CHOIR_OK; i++) {
        status = ch_engine_create(&s->engines[i], &s->model.net, s->federation, step_max(s, use, i),
                                  ch_job_method(&s->job), &s->env, &why);
        if (status == CHOIR_OK) {
            s->trainers[i] = ch_engine_trainer(s->engines[i]);
        }
    }
    if (status == CHOIR_EINVAL) {
        return model_refuse(&s->job.model, &why, err);
    }
    return status == CHOIR_OK ? status : ch_error_set(err, status, "%s", why.message);
}

static choir_status params_create(ch_session *s, choir_error *err) {
    s->dim = ch_net_layout(ch_session_net(s))->dim;
    s->params = s->env.alloc(s->env.self, ch_arena_cost(s->dim, sizeof(float)));
    if (s->params == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for %u parameters", s->dim);
    }
    return ch_plan_params(&s->job, ch_session_net(s), s->params, &s->env, err);
}

static choir_status pool_create(ch_session *s, choir_error *err) {
    const choir_status status = ch_pool_create(&s->pool, s->workers, &s->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status,
                            "workers: the system does not give %u threads; fewer --workers need "
                            "less",
                            s->workers);
    }
    return status;
}

static choir_status evaluator_create(ch_session *s, choir_error *err) {
    const choir_status status =
        ch_evaluator_create(&s->evaluator, s->pool, s->engines, s->federation,
                            s->job.evaluate_clients, s->job.seed, &s->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status,
                            "no memory for evaluation; a smaller evaluate_clients needs less");
    }
    return status;
}

/* Reads the data as the model's encoding says, if it has one. */
static choir_status data_read(ch_session *s, ch_session_use use, const ch_encoding *encoding,
                              const char *model, choir_error *err) {
    const ch_reading reading = {.encoding = encoding,
                                .is_test_only = is_judging(use),
                                .may_lack_labels = use == CH_SESSION_PREDICT};
    const char *source = s->job.data.source;
    const choir_status status =
        ch_federation_open(&s->federation, &s->job.data, &reading, s->job.seed, &s->env, err);
    if (status == CHOIR_OK && encoding != NULL && ch_federation_encoding(s->federation) == NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%.120s: was trained on the columns of a CSV file; data.source "
                            "'%.120s' is none",
                            model, source);
    }
    return status;
}

/* A model that goes on being trained sees inputs that are treated as before. */
static choir_status preprocess_check(const choir_job *job, const ch_saved *saved,
                                     choir_error *err) {
    ch_preprocess steps = {.is_on = {false}};
    char own[CH_PREPROCESS_TEXT_MAX];
    const choir_status status = ch_preprocess_parse(&steps, job->data.preprocess, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_preprocess_write_still(&steps, own);
    if (saved->layers[0] == '\0' || strcmp(own, saved->preprocess) == 0) {
        return CHOIR_OK;
    }
    return ch_error_set(err, CHOIR_EINVAL,
                        "data.preprocess: the inputs that %.240s was trained on went through '%s', "
                        "and those of the job through '%s'; make it the same",
                        saved->path, saved->preprocess, own);
}

/* A model of text goes on with the tokens that it knows: those of another vocabulary have the same
 * numbers, and nothing else would tell. */
static choir_status vocabulary_check(const ch_session *s, const ch_saved *saved, choir_error *err) {
    char own[CH_LABELS_TEXT_MAX];
    if (!ch_federation_is_text(s->federation)) {
        return CHOIR_OK;
    }
    (void)ch_labels_text(own, s->federation);
    return ch_labels_check(saved->labels, own, saved->path, s->job.data.source, err);
}

static choir_status data_open(ch_session *s, ch_session_use use, choir_error *err) {
    const choir_job_model *m = &s->job.model;
    const char *path = m->init[0] != '\0' ? m->init : m->file;
    if (path[0] == '\0') {
        return data_read(s, use, NULL, "", err);
    }
    ch_saved saved;
    choir_error why = {.message = ""};
    choir_status status = ch_saved_open(&saved, path, &s->env, &why);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "%s: %s", path == m->init ? "model.init" : "model.file",
                            why.message);
    }
    status = preprocess_check(&s->job, &saved, err);
    if (status == CHOIR_OK) {
        status = data_read(s, use, saved.encoding.width > 0 ? &saved.encoding : NULL, path, err);
    }
    if (status == CHOIR_OK) {
        status = vocabulary_check(s, &saved, err);
    }
    ch_saved_release(&saved);
    return status;
}

choir_status ch_session_open(ch_session *out, const choir_job *job, uint32_t workers,
                             ch_session_use use, const choir_env *env, choir_error *err) {
    *out = (ch_session){
        .env = *env, .job = *job, .workers = workers == 0 ? ch_session_cores() : workers};
    ch_session *s = out;
    if (s->workers > CH_WORKERS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "workers: %u is more than %d", workers,
                            (int)CH_WORKERS_MAX);
    }
    choir_status status = data_open(s, use, err);
    if (status == CHOIR_OK && ch_federation_arrange(s->federation) != CHOIR_OK) {
        status = ch_error_set(err, CHOIR_ENOMEM, "no memory to arrange the examples by client");
    }
    if (status == CHOIR_OK && !is_judging(use)) {
        status = ch_job_fits(&s->job, ch_federation_clients(s->federation), err);
    }
    if (status == CHOIR_OK) {
        status = ch_plan_model_init(&s->model, &s->job, s->federation, env, err);
    }
    if (status == CHOIR_OK) {
        status = engines_create(s, use, err);
    }
    if (status == CHOIR_OK) {
        status = params_create(s, err);
    }
    if (status == CHOIR_OK) {
        status = pool_create(s, err);
    }
    if (status == CHOIR_OK) {
        status = evaluator_create(s, err);
    }
    return status;
}

void ch_session_release(ch_session *s) {
    ch_evaluator_destroy(s->evaluator);
    ch_pool_destroy(s->pool);
    for (uint32_t i = 0; i < s->workers && i < CH_WORKERS_MAX; i++) {
        ch_engine_destroy(s->engines[i]);
    }
    if (s->params != NULL) {
        s->env.free(s->env.self, s->params);
    }
    ch_federation_destroy(s->federation);
    *s = (ch_session){0};
}

double ch_session_clock(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
