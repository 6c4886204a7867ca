/* Average: see average.h. */
#include "paper/average.h"

#include "base/arena.h"
#include "base/error.h"
#include "run/session.h"
#include "store/run_dir.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -0.2 + 1.4 i / 49 with one rounding, so that theta is exactly 0 where it should be. */
double ch_average_theta(uint32_t i) {
    return (14.0 * i - 98.0) / 490.0;
}

void ch_average_mix(float *out, const float *w, const float *other, double theta, uint32_t dim) {
    for (uint32_t i = 0; i < dim; i++) {
        out[i] = (float)(theta * (double)w[i] + (1 - theta) * (double)other[i]);
    }
}

typedef struct pair {
    ch_session session;
    ch_arena arena;
    float *w[2];  // (dim) each: the parents
    float *delta; // (dim) room; then a mixture
} pair;

/* Trains parent k from where it is, on what client k holds. */
static choir_status parent_train(pair *p, uint32_t k, choir_error *err) {
    ch_session *s = &p->session;
    ch_scratch *scratch = NULL;
    ch_holding holding;
    choir_training training;
    choir_status status = ch_scratch_create(&scratch, s->federation, &s->env);
    if (status == CHOIR_OK) {
        status = ch_federation_holding(s->federation, k, CH_SPLIT_TRAIN, scratch, &holding);
    }
    if (status == CHOIR_OK) {
        const choir_task task = {.round = 1,
                                 .dim = s->dim,
                                 .epochs = s->job.epochs,
                                 .batch_size = s->job.batch_size,
                                 .learning_rate = (float)s->job.client_learning_rate,
                                 .momentum = (float)s->job.momentum,
                                 .weight_decay = (float)s->job.weight_decay,
                                 .seed = s->job.seed};
        status =
            ch_engine_train(s->engines[0], &holding, k, &task, p->w[k], p->delta, &training, err);
    } else {
        (void)ch_error_set(err, status, "client %u has no examples to train on", k);
    }
    for (uint32_t i = 0; i < s->dim && status == CHOIR_OK; i++) {
        p->w[k][i] += p->delta[i];
    }
    ch_scratch_destroy(scratch);
    return status;
}

static choir_status pair_open(pair *p, const choir_job *job, const ch_paper_site *site,
                              bool is_shared, const choir_env *env, choir_error *err) {
    choir_status status =
        ch_session_open(&p->session, job, site->workers, CH_SESSION_TRAIN, env, err);
    const ch_session *s = &p->session;
    if (status == CHOIR_OK) {
        status = ch_arena_init(&p->arena, 3 * ch_arena_cost(s->dim, sizeof(float)), env);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    p->w[0] = CH_NEW(&p->arena, float, s->dim);
    p->w[1] = CH_NEW(&p->arena, float, s->dim);
    p->delta = CH_NEW(&p->arena, float, s->dim);
    memcpy(p->w[0], s->params, s->dim * sizeof(float));
    memcpy(p->w[1], s->params, s->dim * sizeof(float));
    if (!is_shared) {
        choir_job other = *job;
        other.seed += 1;
        status = ch_plan_params(&other, ch_session_net(s), p->w[1], env, err);
    }
    for (uint32_t k = 0; k < 2 && status == CHOIR_OK; k++) {
        status = parent_train(p, k, err);
    }
    return status;
}

static choir_status point_measure(ch_outcome_arm *arm, pair *p, double theta, choir_error *err) {
    ch_evaluation all;
    ch_evaluation test;
    ch_average_mix(p->delta, p->w[0], p->w[1], theta, p->session.dim);
    choir_status status = ch_evaluator_pooled(p->session.evaluator, p->delta, &all, err);
    if (status == CHOIR_OK) {
        status = ch_evaluator_test(p->session.evaluator, p->delta, &test, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    arm->curve[arm->points] = (ch_outcome_point){.round = theta,
                                                 .accuracy = test.accuracy,
                                                 .loss = test.loss,
                                                 .pooled_loss = all.loss,
                                                 .heldout = NAN};
    arm->best = fmax(arm->best, test.accuracy);
    arm->points += 1;
    return CHOIR_OK;
}

static ch_outcome_arm *arm_begin(ch_outcome *o, const char *name, int32_t rate) {
    ch_outcome_arm *arm = &o->arms[o->arms_count];
    memset(arm, 0, sizeof(*arm));
    (void)snprintf(arm->name, sizeof(arm->name), "%s", name);
    arm->rate = rate;
    arm->end = CH_CROSSING_LIMIT;
    arm->crossing = INFINITY;
    o->arms_count += 1;
    return arm;
}

static choir_status pair_measure(ch_outcome *o, pair *p, const ch_paper_site *site, int32_t rate,
                                 choir_error *err) {
    ch_outcome_arm *parents = arm_begin(o, CH_AVERAGE_PARENTS, rate);
    choir_status status = point_measure(parents, p, 0, err);
    if (status == CHOIR_OK) {
        status = point_measure(parents, p, 1, err);
    }
    ch_outcome_arm *mixed = arm_begin(o, CH_AVERAGE_MIXED, rate);
    for (uint32_t i = 0; i < CH_AVERAGE_POINTS && status == CHOIR_OK; i++) {
        if (ch_paper_site_is_over(site)) {
            return CHOIR_EAGAIN;
        }
        status = point_measure(mixed, p, ch_average_theta(i), err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    o->is_complete = true;
    (void)snprintf(o->version, sizeof(o->version), "%s", CHOIR_VERSION);
    (void)snprintf(o->backend, sizeof(o->backend), "%s",
                   ch_kernels_name(p->session.model.net.kernels));
    ch_cpu_name(o->cpu);
    return CHOIR_OK;
}

static choir_status cell_measure(ch_outcome *out, const ch_paper_cell *cell,
                                 const ch_paper_site *site, const choir_env *env,
                                 choir_error *err) {
    pair p = {.arena = {.base = NULL}};
    choir_job job;
    int32_t start[CH_PAPER_START_MAX];
    const ch_paper_experiment *e = cell->e;
    const bool is_shared = strcmp(e->columns[cell->column].name, "shared") == 0;
    (void)ch_paper_start(start, e, cell->column);
    choir_status status =
        ch_paper_job(&job, e, cell->row, cell->column, start[0], site->seed, site->data_dir, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = pair_open(&p, &job, site, is_shared, env, err);
    if (status == CHOIR_OK) {
        status = pair_measure(out, &p, site, start[0], err);
    }
    ch_arena_release(&p.arena);
    ch_session_release(&p.session);
    return status;
}

choir_status ch_average_cell(ch_outcome *out, const ch_paper_cell *cell, const ch_paper_site *site,
                             const choir_env *env, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    const ch_paper_experiment *e = cell->e;
    choir_status status =
        ch_outcome_path(path, site->results, e, cell->row, cell->column, site->seed, err);
    if (status == CHOIR_OK && !out->is_complete) {
        ch_outcome_init(out, e, cell->row, cell->column, site->seed);
        status = cell_measure(out, cell, site, env, err);
        if (status == CHOIR_OK) {
            status = ch_outcome_write(out, path, env, err);
        }
    }
    return status;
}
