/* Baselines: see baseline.h. */
#include "run/baseline.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/error.h"
#include "data/deviates.h"
#include "store/metrics_log.h"
#include "store/run_dir.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

enum {
    LOCAL_CLIENTS_MAX = 100, // trained alone; more would take longer than the run itself
    LOCAL_POINTS = 5,        // evaluations along the way
};

static bool is_stopped(const volatile sig_atomic_t *stop) {
    return stop != NULL && *stop != 0;
}

static uint32_t cohort_size(const ch_session *s) {
    const double share = s->job.sample_rate * (double)ch_federation_clients(s->federation);
    return share < 1.5 ? 1 : (uint32_t)(share + 0.5);
}

static choir_task task_of(const ch_session *s, uint32_t round, uint32_t epochs) {
    return (choir_task){.round = round,
                        .dim = s->dim,
                        .epochs = epochs,
                        .batch_size = s->job.batch_size,
                        .learning_rate = (float)s->job.client_learning_rate,
                        .momentum = (float)s->job.momentum,
                        .weight_decay = (float)s->job.weight_decay,
                        .seed = s->job.seed + round};
}

static choir_status log_open(ch_metrics_log **out, const ch_session *s, const char *dir,
                             const char *name, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    const choir_status status = ch_run_dir_file(path, dir, name, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot make this folder: %s", path,
                            strerror(errno));
    }
    return ch_metrics_log_open(out, path, 0, &s->env, err);
}

static ch_metrics_row row_empty(const ch_session *s, uint32_t round) {
    const choir_round_summary summary = {.round = round, .applied = true};
    ch_metrics_row row = ch_metrics_row_of(&summary);
    row.learning_rate = s->job.client_learning_rate;
    row.epochs = s->job.epochs;
    row.batch_size = s->job.batch_size;
    return row;
}

// ---- central

typedef struct central {
    ch_session *s;
    ch_arena arena; // owns the arrays below
    ch_metrics_log *log;
    uint32_t *rows;  // (count) the pooled rows in this pass's order
    uint32_t count;  // pooled examples
    uint32_t at;     // next of the pass
    uint32_t passes; // begun
    float *params;   // (dim)
    float *delta;    // (dim)
} central;

static choir_status central_open(central *c, const char *dir, choir_error *err) {
    const ch_session *s = c->s;
    const ch_holding *pooled = ch_federation_pooled(s->federation);
    if (pooled->count == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "baseline central: '%s' is generated client by client and too large "
                            "to pool",
                            s->job.data.source);
    }
    c->count = pooled->count;
    c->at = pooled->count;
    const size_t bytes =
        ch_arena_cost(c->count, sizeof(uint32_t)) + 2 * ch_arena_cost(s->dim, sizeof(float));
    const choir_status status = ch_arena_init(&c->arena, bytes, &s->env);
    if (status != CHOIR_OK) {
        return status;
    }
    c->rows = CH_NEW(&c->arena, uint32_t, c->count);
    c->params = CH_NEW(&c->arena, float, s->dim);
    c->delta = CH_NEW(&c->arena, float, s->dim);
    for (uint32_t i = 0; i < c->count; i++) {
        c->rows[i] = ch_holding_row(pooled, i);
    }
    memcpy(c->params, s->params, s->dim * sizeof(float));
    return log_open(&c->log, s, dir, "baseline-central", err);
}

static void pass_begin(central *c) {
    ch_rng rng = ch_rng_stream(c->s->job.seed, CH_PURPOSE_SHUFFLE, c->passes, UINT32_MAX);
    ch_rng_shuffle(&rng, c->rows, c->count);
    c->passes += 1;
    c->at = 0;
}

static choir_status central_round(central *c, uint32_t round, uint64_t budget, choir_error *err) {
    ch_session *s = c->s;
    const choir_task task = task_of(s, round, 1);
    choir_status status = CHOIR_OK;
    for (uint64_t left = budget; left > 0 && status == CHOIR_OK;) {
        if (c->at == c->count) {
            pass_begin(c);
        }
        const uint32_t whole = c->count - c->at;
        const uint32_t some = left < whole ? (uint32_t)left : whole;
        const ch_holding part = {.examples = ch_federation_pooled(s->federation)->examples,
                                 .rows = c->rows + c->at,
                                 .count = some};
        choir_training out;
        status = ch_engine_train(s->engines[0], &part, 0, &task, c->params, c->delta, &out, err);
        for (uint32_t i = 0; i < s->dim && status == CHOIR_OK; i++) {
            c->params[i] += c->delta[i];
        }
        c->at += some;
        left -= some;
    }
    return status;
}

static choir_status central_evaluate(central *c, ch_metrics_row *row, ch_baseline *out,
                                     choir_error *err) {
    ch_evaluation e;
    const choir_status status = ch_evaluator_run(c->s->evaluator, c->params, &e);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "baseline central: held-out data cannot be read");
    }
    row->accuracy = out->accuracy = e.accuracy;
    row->loss = out->loss = e.loss;
    row->heldout_mean = out->heldout = e.heldout_mean;
    row->heldout_worst = e.heldout_worst;
    row->heldout_spread = e.heldout_spread;
    return CHOIR_OK;
}

static choir_status central_rounds(central *c, ch_baseline *out, const volatile sig_atomic_t *stop,
                                   choir_error *err) {
    const ch_session *s = c->s;
    const double mean = (double)c->count / (double)ch_federation_clients(s->federation);
    const uint64_t budget = (uint64_t)ceil(mean * cohort_size(s) * s->job.epochs);
    choir_status status = CHOIR_OK;
    for (uint32_t round = 1; round <= s->job.rounds && status == CHOIR_OK; round++) {
        ch_metrics_row row = row_empty(s, round);
        const double start = ch_session_clock();
        status = central_round(c, round, budget, err);
        row.seconds = ch_session_clock() - start;
        row.examples = budget;
        out->seconds += row.seconds;
        const bool last = round == s->job.rounds || is_stopped(stop);
        if (status == CHOIR_OK && (last || round % s->job.evaluate_every == 0)) {
            status = central_evaluate(c, &row, out, err);
        }
        if (status == CHOIR_OK) {
            status = ch_metrics_log_add(c->log, &row, err);
        }
        if (last) {
            break;
        }
    }
    return status;
}

choir_status ch_baseline_central(ch_baseline *out, ch_session *s, const char *dir,
                                 const volatile sig_atomic_t *stop, choir_error *err) {
    *out = (ch_baseline){0};
    central c = {.s = s};
    choir_status status = central_open(&c, dir, err);
    if (status == CHOIR_OK) {
        status = central_rounds(&c, out, stop, err);
    }
    ch_metrics_log_close(c.log);
    ch_arena_release(&c.arena);
    return status;
}

// ---- local

typedef struct local_point {
    double accuracy, loss, heldout;
} local_point;

typedef struct local {
    ch_session *s;
    const volatile sig_atomic_t *stop;
    ch_arena arena; // owns the arrays below
    ch_metrics_log *log;
    ch_client_facts **facts; // (clients) of those trained; borrowed
    uint32_t clients;
    uint32_t epochs;      // in all
    float *params;        // (workers, dim)
    float *delta;         // (workers, dim)
    local_point *points;  // (clients, LOCAL_POINTS)
    choir_status *status; // (clients)
} local;

/* Clients that can be compared with the federated model, or all when none can. */
static uint32_t comparable_count(const ch_clients *c) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        count += isnan(c->clients[i].accuracy) ? 0 : 1;
    }
    return count == 0 ? c->count : count;
}

/* An even choice of the comparable clients. */
static void local_choose(local *l, const ch_clients *c, uint32_t comparable) {
    const bool all = comparable == c->count;
    uint32_t chosen = 0;
    uint32_t at = 0; // of the comparable ones
    for (uint32_t i = 0; i < c->count; i++) {
        if (all || !isnan(c->clients[i].accuracy)) {
            if (at == (uint64_t)chosen * comparable / l->clients) {
                l->facts[chosen] = &c->clients[i];
                chosen += 1;
            }
            at += 1;
        }
    }
    CH_ASSERT(chosen == l->clients);
}

static choir_status local_open(local *l, const ch_clients *clients, const char *dir,
                               choir_error *err) {
    const ch_session *s = l->s;
    const uint32_t comparable = comparable_count(clients);
    l->clients = comparable < LOCAL_CLIENTS_MAX ? comparable : LOCAL_CLIENTS_MAX;
    const double share = (double)cohort_size(s) / (double)ch_federation_clients(s->federation);
    const double epochs = share * s->job.rounds * s->job.epochs;
    l->epochs = epochs < LOCAL_POINTS ? LOCAL_POINTS : (uint32_t)(epochs + 0.5);
    const size_t numbers = (size_t)s->workers * s->dim;
    const size_t bytes = 2 * ch_arena_cost(numbers, sizeof(float)) +
                         ch_arena_cost((size_t)l->clients * LOCAL_POINTS, sizeof(local_point)) +
                         ch_arena_cost(l->clients, sizeof(choir_status)) +
                         ch_arena_cost(l->clients, sizeof(l->facts[0]));
    const choir_status status = ch_arena_init(&l->arena, bytes, &s->env);
    if (status != CHOIR_OK) {
        return status;
    }
    l->params = CH_NEW(&l->arena, float, numbers);
    l->delta = CH_NEW(&l->arena, float, numbers);
    l->points = CH_NEW(&l->arena, local_point, (size_t)l->clients * LOCAL_POINTS);
    l->status = CH_NEW(&l->arena, choir_status, l->clients);
    l->facts = CH_NEW(&l->arena, ch_client_facts *, l->clients);
    local_choose(l, clients, comparable);
    return log_open(&l->log, s, dir, "baseline-local", err);
}

static choir_status local_judge(const local *l, ch_engine *e, uint32_t client, const float *params,
                                local_point *out) {
    const ch_examples *test = ch_federation_test(l->s->federation);
    const ch_holding all = {.examples = test, .count = test->count};
    ch_score score = {0};
    ch_engine_load(e, params);
    ch_engine_evaluate(e, &all, 0, all.count, &score);
    // A regression has no hits to count.
    const bool classifies = ch_federation_classes(l->s->federation) > 0;
    out->accuracy =
        test->count == 0 || !classifies ? (double)NAN : (double)score.correct / test->count;
    out->loss = test->count == 0 ? (double)NAN : score.loss / test->count;
    uint32_t count = 0;
    const choir_status status = ch_engine_heldout(e, client, &count, &score);
    out->heldout = count == 0 || !classifies ? (double)NAN : (double)score.correct / count;
    return status;
}

/* Trains one client alone, in LOCAL_POINTS stretches with an evaluation after each. */
static void local_run(void *self, uint32_t worker, uint32_t index) {
    local *l = self;
    const ch_session *s = l->s;
    const uint32_t client = l->facts[index]->id;
    float *params = l->params + (size_t)worker * s->dim;
    float *delta = l->delta + (size_t)worker * s->dim;
    choir_status status = is_stopped(l->stop) ? CHOIR_EAGAIN : CHOIR_OK;
    memcpy(params, s->params, s->dim * sizeof(float));
    for (uint32_t p = 0; p < LOCAL_POINTS && status == CHOIR_OK; p++) {
        const uint32_t before = l->epochs * p / LOCAL_POINTS;
        const uint32_t after = l->epochs * (p + 1) / LOCAL_POINTS;
        const choir_task task = task_of(s, p + 1, after - before);
        const choir_trainer trainer = s->trainers[worker];
        choir_training out;
        status = trainer.ops->train(trainer.self, client, &task, params, delta, &out, NULL);
        for (uint32_t i = 0; i < s->dim && status == CHOIR_OK; i++) {
            params[i] += delta[i];
        }
        if (status == CHOIR_OK) {
            status = local_judge(l, s->engines[worker], client, params,
                                 &l->points[(size_t)index * LOCAL_POINTS + p]);
        }
    }
    l->status[index] = status;
}

/* The mean over the clients that finished, at one point. Returns how many did. */
static uint32_t local_mean(const local *l, uint32_t point, ch_metrics_row *row) {
    uint32_t n = 0;
    uint32_t held = 0;
    local_point sum = {0};
    for (uint32_t k = 0; k < l->clients; k++) {
        if (l->status[k] == CHOIR_OK) {
            const local_point *p = &l->points[(size_t)k * LOCAL_POINTS + point];
            sum.accuracy += p->accuracy;
            sum.loss += p->loss;
            n += 1;
            sum.heldout += isnan(p->heldout) ? 0 : p->heldout;
            held += isnan(p->heldout) ? 0 : 1;
        }
    }
    row->accuracy = n == 0 ? (double)NAN : sum.accuracy / n;
    row->loss = n == 0 ? (double)NAN : sum.loss / n;
    row->heldout_mean = held == 0 ? (double)NAN : sum.heldout / held;
    row->clients = n;
    return n;
}

static choir_status local_record(local *l, ch_baseline *out, choir_error *err) {
    const ch_session *s = l->s;
    choir_status status = CHOIR_OK;
    uint32_t point = 0;
    for (uint32_t round = 1; round <= s->job.rounds && status == CHOIR_OK; round++) {
        ch_metrics_row row = row_empty(s, round);
        if ((uint64_t)round * LOCAL_POINTS >= (uint64_t)(point + 1) * s->job.rounds) {
            point = (uint32_t)((uint64_t)round * LOCAL_POINTS / s->job.rounds);
            out->clients = local_mean(l, point - 1, &row);
            out->accuracy = row.accuracy;
            out->loss = row.loss;
            out->heldout = row.heldout_mean;
        }
        status = ch_metrics_log_add(l->log, &row, err);
    }
    return status;
}

/* What each client's own model came to. One that could not be trained has none. */
static void local_tell(const local *l) {
    for (uint32_t k = 0; k < l->clients; k++) {
        if (l->status[k] == CHOIR_OK) {
            l->facts[k]->alone = l->points[(size_t)k * LOCAL_POINTS + LOCAL_POINTS - 1].heldout;
        }
    }
}

choir_status ch_baseline_local(ch_baseline *out, ch_session *s, ch_clients *clients,
                               const char *dir, const volatile sig_atomic_t *stop,
                               choir_error *err) {
    *out = (ch_baseline){0};
    local l = {.s = s, .stop = stop};
    const double start = ch_session_clock();
    choir_status status = local_open(&l, clients, dir, err);
    if (status == CHOIR_OK) {
        ch_pool_each(s->pool, l.clients, local_run, &l);
        out->seconds = ch_session_clock() - start;
        if (!is_stopped(stop)) {
            local_tell(&l);
            status = local_record(&l, out, err);
        }
    }
    ch_metrics_log_close(l.log);
    ch_arena_release(&l.arena);
    return status;
}
