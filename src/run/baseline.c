/* Baselines: see baseline.h. */
#include "run/baseline.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/error.h"
#include "data/deviates.h"
#include "job/rules.h"
#include "run/baseline_log.h"
#include "store/run_dir.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum {
    LOCAL_CLIENTS_MAX = 100, // trained alone; more would take longer than the run itself
    LOCAL_POINTS = 5,        // evaluations along the way
};

static bool is_stopped(const volatile sig_atomic_t *stop) {
    return stop != NULL && *stop != 0;
}

/* What a client would be asked to do in the run's round, for so many epochs. */
static choir_task task_of(const ch_session *s, const ch_metrics_row *round, uint32_t epochs) {
    return (choir_task){.round = round->round,
                        .dim = s->dim,
                        .epochs = epochs,
                        .batch_size = round->batch_size,
                        .learning_rate = (float)round->learning_rate,
                        .momentum = (float)s->job.momentum,
                        .weight_decay = (float)s->job.weight_decay,
                        .seed = s->job.seed + round->round};
}

static ch_metrics_row row_of(const ch_metrics_row *round) {
    const choir_round_summary summary = {.round = round->round, .applied = true};
    ch_metrics_row row = ch_metrics_row_of(&summary);
    row.learning_rate = round->learning_rate;
    row.epochs = round->epochs;
    row.batch_size = round->batch_size;
    return row;
}

// ---- central

typedef struct central {
    ch_session *s;
    const ch_metrics_table *run;
    const volatile sig_atomic_t *stop;
    ch_progress *progress;
    char folder[CHOIR_PATH_MAX];
    ch_arena arena; // owns the arrays below
    ch_metrics_log *log;
    uint32_t *rows;  // (count) the pooled rows in this pass's order
    uint32_t count;  // pooled examples
    uint32_t at;     // next of the pass
    uint32_t passes; // begun
    bool is_told;    // the run's metrics say how many examples its reports were trained on
    float *params;   // (dim)
    float *delta;    // (dim)
} central;

choir_status ch_baseline_central_check(const ch_session *s, choir_error *err) {
    if (ch_federation_pooled(s->federation)->count == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "baseline central: '%s' is generated client by client and too large "
                            "to pool; fewer data.clients or data.examples would be pooled, and "
                            "baseline local needs no pool",
                            s->job.data.source);
    }
    return CHOIR_OK;
}

/* Whether every client counts for all that it holds, so that a round's weight is how many examples
 * there were. */
static choir_status weights_judge(bool *out, const ch_session *s, choir_error *err) {
    uint32_t most = 0;
    const choir_status status = ch_job_weight_max(&most, &s->job, err);
    *out = status == CHOIR_OK && ch_federation_count_max(s->federation, CH_SPLIT_TRAIN) <= most;
    return status;
}

static choir_status central_open(central *c, const char *dir, choir_error *err) {
    const ch_session *s = c->s;
    const ch_holding *pooled = ch_federation_pooled(s->federation);
    choir_status status = ch_baseline_central_check(s, err);
    if (status == CHOIR_OK) {
        status = weights_judge(&c->is_told, s, err);
    }
    if (status == CHOIR_OK) {
        status = ch_run_dir_file(c->folder, dir, "baseline-central", err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    c->count = pooled->count;
    c->at = pooled->count;
    const size_t bytes =
        ch_arena_cost(c->count, sizeof(uint32_t)) + 2 * ch_arena_cost(s->dim, sizeof(float));
    status = ch_arena_init(&c->arena, bytes, &s->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "baseline central: no memory for %u pooled examples",
                            c->count);
    }
    c->rows = CH_NEW(&c->arena, uint32_t, c->count);
    c->params = CH_NEW(&c->arena, float, s->dim);
    c->delta = CH_NEW(&c->arena, float, s->dim);
    for (uint32_t i = 0; i < c->count; i++) {
        c->rows[i] = ch_holding_row(pooled, i);
    }
    memcpy(c->params, s->params, s->dim * sizeof(float));
    return ch_baseline_log_open(&c->log, c->folder, &s->env, err);
}

static void pass_begin(central *c) {
    ch_rng rng = ch_rng_stream(c->s->job.seed, CH_PURPOSE_SHUFFLE, c->passes, UINT32_MAX);
    ch_rng_shuffle(&rng, c->rows, c->count);
    c->passes += 1;
    c->at = 0;
}

/* The examples that the round's reports were trained on; where that is not told, as many as so many
 * clients hold on average. */
static uint64_t central_budget(const central *c, const ch_metrics_row *round) {
    const double clients = ch_federation_clients(c->s->federation);
    const double mean = (double)c->count / clients * round->reports;
    return (uint64_t)ceil((c->is_told ? (double)round->examples : mean) * round->epochs);
}

static choir_status central_round(central *c, const ch_metrics_row *round, uint64_t budget,
                                  choir_error *err) {
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
        status = status == CHOIR_OK && is_stopped(c->stop) ? CHOIR_EAGAIN : status;
    }
    if (status == CHOIR_ERANGE) { // the engine has named a client, and this is none
        return ch_error_set(err, status,
                            "baseline central: training on the pooled examples diverged in round "
                            "%u at learning rate %g",
                            round->round, round->learning_rate);
    }
    return status;
}

static choir_status central_evaluate(central *c, ch_metrics_row *row, ch_baseline *out,
                                     choir_error *err) {
    ch_evaluation e;
    const choir_status status = ch_evaluator_run(c->s->evaluator, c->params, &e, err);
    if (status != CHOIR_OK) {
        return status;
    }
    row->accuracy = out->accuracy = e.accuracy;
    row->loss = out->loss = e.loss;
    row->heldout_mean = out->heldout = e.heldout_mean;
    row->heldout_worst = e.heldout_worst;
    row->heldout_spread = e.heldout_spread;
    if (e.examples > 0 && !isfinite(e.loss)) {
        return ch_error_set(err, CHOIR_ERANGE,
                            "baseline central: training on the pooled examples diverged: in round "
                            "%u the loss on the test set is %g",
                            row->round, e.loss);
    }
    return CHOIR_OK;
}

static choir_status central_rounds(central *c, ch_baseline *out, choir_error *err) {
    const ch_session *s = c->s;
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < c->run->count && status == CHOIR_OK; i++) {
        const ch_metrics_row *round = &c->run->rows[i];
        ch_metrics_row row = row_of(round);
        const double start = ch_session_clock();
        row.examples = central_budget(c, round);
        status = central_round(c, round, row.examples, err);
        row.seconds = ch_session_clock() - start;
        const bool last = i + 1 == c->run->count;
        if (status == CHOIR_OK && (last || round->round % s->job.evaluate_every == 0)) {
            status = central_evaluate(c, &row, out, err);
        }
        if (status == CHOIR_OK) {
            status = ch_metrics_log_add(c->log, &row, err);
            ch_progress_round(c->progress, &row, ch_session_clock());
        }
    }
    return status;
}

choir_status ch_baseline_central(ch_baseline *out, ch_session *s, const ch_metrics_table *run,
                                 const char *dir, const volatile sig_atomic_t *stop,
                                 ch_progress *progress, choir_error *err) {
    *out = (ch_baseline){.accuracy = NAN, .loss = NAN, .heldout = NAN};
    central c = {.s = s, .run = run, .stop = stop, .progress = progress};
    choir_error own = {.message = ""};
    choir_error *e = err == NULL ? &own : err;
    const double start = ch_session_clock();
    choir_status status = central_open(&c, dir, e);
    if (status == CHOIR_OK) {
        status = central_rounds(&c, out, e);
    }
    out->seconds = ch_session_clock() - start;
    status =
        ch_baseline_log_end(c.log, c.folder, status, status == CHOIR_ERANGE ? e->message : "", e);
    out->is_done = status == CHOIR_OK;
    ch_arena_release(&c.arena);
    return status;
}

// ---- local

typedef struct local_point {
    double accuracy, loss, heldout;
} local_point;

typedef struct local {
    ch_session *s;
    const ch_metrics_table *run;
    const volatile sig_atomic_t *stop;
    ch_progress *progress; // one worker's, the first
    char folder[CHOIR_PATH_MAX];
    ch_arena arena; // owns the arrays below
    ch_metrics_log *log;
    ch_client_facts **facts; // (clients) of those trained; borrowed
    uint32_t clients;
    atomic_uint done;     // of the clients
    atomic_bool is_cut;   // a stop has kept one from its end
    uint32_t *epochs;     // (run->count) to train in each round
    uint32_t count;       // evaluations along the way, at most LOCAL_POINTS
    choir_error *why;     // (workers) the last failure of each
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

/* In which rounds an epoch is due to a client that trains its share of each round's epochs. */
static void local_plan(local *l) {
    const double clients = ch_federation_clients(l->s->federation);
    double due = 0;
    double done = 0;
    for (uint32_t i = 0; i < l->run->count; i++) {
        const ch_metrics_row *round = &l->run->rows[i];
        due += round->reports / clients * round->epochs;
        l->epochs[i] = (uint32_t)(floor(due + 0.5) - done);
        done += l->epochs[i];
    }
    if (done < 1) {
        l->epochs[l->run->count - 1] = 1;
        done = 1;
    }
    const double most = fmin(done, l->run->count);
    l->count = most < LOCAL_POINTS ? (uint32_t)most : LOCAL_POINTS;
}

/* The rounds that have passed at the end of so many of the stretches. */
static uint32_t local_rounds(const local *l, uint32_t stretches) {
    return (uint32_t)((uint64_t)l->run->count * stretches / l->count);
}

static choir_status local_claim(local *l, const ch_clients *clients, choir_error *err) {
    const ch_session *s = l->s;
    const uint32_t comparable = comparable_count(clients);
    l->clients = comparable < LOCAL_CLIENTS_MAX ? comparable : LOCAL_CLIENTS_MAX;
    const size_t numbers = (size_t)s->workers * s->dim;
    const size_t bytes = 2 * ch_arena_cost(numbers, sizeof(float)) +
                         ch_arena_cost((size_t)l->clients * LOCAL_POINTS, sizeof(local_point)) +
                         ch_arena_cost(l->clients, sizeof(choir_status)) +
                         ch_arena_cost(s->workers, sizeof(choir_error)) +
                         ch_arena_cost(l->run->count, sizeof(uint32_t)) +
                         ch_arena_cost(l->clients, sizeof(l->facts[0]));
    const choir_status status = ch_arena_init(&l->arena, bytes, &s->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "baseline local: no memory for %u models of %u parameters",
                            s->workers, s->dim);
    }
    l->params = CH_NEW(&l->arena, float, numbers);
    l->delta = CH_NEW(&l->arena, float, numbers);
    l->points = CH_NEW(&l->arena, local_point, (size_t)l->clients * LOCAL_POINTS);
    l->status = CH_NEW(&l->arena, choir_status, l->clients);
    l->why = CH_NEW(&l->arena, choir_error, s->workers);
    l->epochs = CH_NEW(&l->arena, uint32_t, l->run->count);
    l->facts = CH_NEW(&l->arena, ch_client_facts *, l->clients);
    local_choose(l, clients, comparable);
    return CHOIR_OK;
}

static choir_status local_open(local *l, const ch_clients *clients, const char *dir,
                               choir_error *err) {
    choir_status status = ch_run_dir_file(l->folder, dir, "baseline-local", err);
    if (status == CHOIR_OK) {
        status = local_claim(l, clients, err);
    }
    if (status == CHOIR_OK) {
        local_plan(l);
        status = ch_baseline_log_open(&l->log, l->folder, &l->s->env, err);
    }
    return status;
}

static choir_status local_judge(const local *l, ch_engine *e, uint32_t client, const float *params,
                                local_point *out, choir_error *err) {
    const ch_examples *test = ch_federation_test(l->s->federation);
    const ch_holding all = {.examples = test, .count = test->count};
    ch_score score = {0};
    ch_engine_load(e, params);
    choir_status status = ch_engine_evaluate(e, &all, 0, all.count, &score, err);
    if (status != CHOIR_OK) {
        return status;
    }
    // A regression has no hits to count.
    const bool classifies = ch_federation_classes(l->s->federation) > 0;
    out->accuracy =
        score.count == 0 || !classifies ? (double)NAN : (double)score.correct / (double)score.count;
    out->loss = score.count == 0 ? (double)NAN : score.loss / (double)score.count;
    uint32_t count = 0;
    status = ch_engine_heldout(e, client, &count, &score, err);
    out->heldout =
        count == 0 || !classifies ? (double)NAN : (double)score.correct / (double)score.count;
    return status;
}

/* Trains one client alone in the rounds from first on, up to end. */
static choir_status local_train(local *l, uint32_t worker, uint32_t client, uint32_t first,
                                uint32_t end) {
    const ch_session *s = l->s;
    const choir_trainer trainer = s->trainers[worker];
    float *params = l->params + (size_t)worker * s->dim;
    float *delta = l->delta + (size_t)worker * s->dim;
    choir_status status = CHOIR_OK;
    for (uint32_t r = first; r < end && status == CHOIR_OK; r++) {
        if (l->epochs[r] == 0) {
            continue;
        }
        if (is_stopped(l->stop)) {
            atomic_store(&l->is_cut, true);
            return CHOIR_EAGAIN;
        }
        const choir_task task = task_of(s, &l->run->rows[r], l->epochs[r]);
        choir_training out;
        status =
            trainer.ops->train(trainer.self, client, &task, params, delta, &out, &l->why[worker]);
        for (uint32_t i = 0; i < s->dim && status == CHOIR_OK; i++) {
            params[i] += delta[i];
        }
    }
    return status;
}

/* Trains one client alone, with an evaluation after each stretch of rounds. */
static void local_run(void *self, uint32_t worker, uint32_t index) {
    local *l = self;
    const ch_session *s = l->s;
    const uint32_t client = l->facts[index]->id;
    float *params = l->params + (size_t)worker * s->dim;
    choir_status status = CHOIR_OK;
    memcpy(params, s->params, s->dim * sizeof(float));
    for (uint32_t p = 0; p < l->count && status == CHOIR_OK; p++) {
        status = local_train(l, worker, client, local_rounds(l, p), local_rounds(l, p + 1));
        if (status == CHOIR_OK) {
            status = local_judge(l, s->engines[worker], client, params,
                                 &l->points[(size_t)index * LOCAL_POINTS + p], &l->why[worker]);
        }
    }
    l->status[index] = status;
    const uint32_t done = atomic_fetch_add(&l->done, 1) + 1;
    if (worker == 0) {
        ch_progress_step(l->progress, done, ch_session_clock());
    }
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
    choir_status status = CHOIR_OK;
    uint32_t point = 0;
    for (uint32_t i = 0; i < l->run->count && status == CHOIR_OK; i++) {
        ch_metrics_row row = row_of(&l->run->rows[i]);
        if (i + 1 == local_rounds(l, point + 1)) {
            out->clients = local_mean(l, point, &row);
            out->accuracy = row.accuracy;
            out->loss = row.loss;
            out->heldout = row.heldout_mean;
            point += 1;
        }
        status = ch_metrics_log_add(l->log, &row, err);
    }
    return status;
}

/* Whether all is well that ended. Diverging and having no examples are a client's own matter. */
static choir_status local_check(const local *l, ch_baseline *out, choir_error *err) {
    for (uint32_t k = 0; k < l->clients; k++) {
        const choir_status status = l->status[k];
        if (status != CHOIR_OK && status != CHOIR_ERANGE && status != CHOIR_EAGAIN) {
            const char *why = "";
            for (uint32_t w = 0; w < l->s->workers; w++) {
                why = l->why[w].status == status ? l->why[w].message : why;
            }
            return ch_error_set(err, status, "baseline local: client %u cannot be trained: %s",
                                l->facts[k]->id, why[0] != '\0' ? why : choir_status_text(status));
        }
        out->diverged += status == CHOIR_ERANGE ? 1 : 0;
    }
    if (l->is_cut) {
        return CHOIR_EAGAIN;
    }
    if (out->diverged > 0) {
        (void)ch_error_set(err, CHOIR_ERANGE,
                           "baseline local: training diverged for %u of %u clients alone%s",
                           out->diverged, l->clients,
                           out->diverged == l->clients ? "" : "; the mean is over the others");
    }
    return out->diverged == l->clients ? CHOIR_ERANGE : CHOIR_OK;
}

/* What each client's own model came to. One that could not be trained has none. */
static void local_tell(const local *l) {
    for (uint32_t k = 0; k < l->clients; k++) {
        if (l->status[k] == CHOIR_OK) {
            l->facts[k]->alone = l->points[(size_t)k * LOCAL_POINTS + l->count - 1].heldout;
        }
    }
}

choir_status ch_baseline_local(ch_baseline *out, ch_session *s, const ch_metrics_table *run,
                               ch_clients *clients, const char *dir,
                               const volatile sig_atomic_t *stop, ch_progress *progress,
                               choir_error *err) {
    *out = (ch_baseline){.accuracy = NAN, .loss = NAN, .heldout = NAN};
    local l = {.s = s, .run = run, .stop = stop, .progress = progress};
    choir_error own = {.message = ""};
    choir_error *e = err == NULL ? &own : err;
    const double start = ch_session_clock();
    choir_status status = local_open(&l, clients, dir, e);
    if (status == CHOIR_OK) {
        ch_progress_steps(progress, "client", l.clients);
        ch_pool_each(s->pool, l.clients, local_run, &l);
        ch_progress_step(progress, l.done, ch_session_clock());
        status = local_check(&l, out, e);
    }
    if (status == CHOIR_OK) {
        local_tell(&l);
        status = local_record(&l, out, e);
    }
    out->seconds = ch_session_clock() - start;
    status = ch_baseline_log_end(l.log, l.folder, status,
                                 out->diverged > 0 && status != CHOIR_EAGAIN ? e->message : "", e);
    out->is_done = status == CHOIR_OK;
    ch_arena_release(&l.arena);
    return status;
}
