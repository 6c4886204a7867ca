/* Evaluate: see evaluate.h. */
#include "run/evaluate.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 250 }; // examples of a holding that one worker takes at a time

struct ch_evaluator {
    choir_env env;
    ch_arena arena; // owns the arrays below
    ch_pool *pool;
    ch_engine *const *engines; // borrowed
    const ch_federation *federation;
    ch_holding test;
    ch_holding judged; // what the pieces below are of
    uint32_t clients;
    ch_score *piece;      // one for each piece of the larger holding
    uint32_t *id;         // (clients) ascending
    double *accuracy;     // (clients)
    double *sorted;       // (clients) room for the decile
    choir_status *failed; // (workers) what stopped it; OK: nothing
    choir_error *why;     // (workers)
};

/* A keyed sample of count of the clients, ascending: Floyd's would need a set, a walk does not. */
static void clients_choose(uint32_t *id, uint32_t count, uint32_t all, uint64_t seed) {
    // Knuth, "The Art of Computer Programming", vol. 2, 3.4.2, algorithm S.
    ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_EVALUATE, 0, 0);
    uint32_t chosen = 0;
    for (uint32_t k = 0; k < all && chosen < count; k++) {
        if (ch_rng_below(&rng, all - k) < count - chosen) {
            id[chosen] = k;
            chosen += 1;
        }
    }
    CH_ASSERT(chosen == count);
}

static uint32_t pieces_of(uint32_t examples) {
    return examples / PIECE + (examples % PIECE > 0 ? 1 : 0);
}

choir_status ch_evaluator_create(ch_evaluator **out, ch_pool *pool, ch_engine *const *engines,
                                 const ch_federation *federation, uint32_t clients, uint64_t seed,
                                 const choir_env *env) {
    *out = NULL;
    const uint32_t all = ch_federation_clients(federation);
    const bool has_heldout = ch_federation_count_max(federation, CH_SPLIT_HELDOUT) > 0;
    const uint32_t some = clients == 0 || clients > all ? all : clients;
    const uint32_t count = has_heldout ? some : 0;
    const ch_examples *test = ch_federation_test(federation);
    const uint32_t pooled = ch_federation_pooled(federation)->count;
    const uint32_t pieces = pieces_of(test->count > pooled ? test->count : pooled);
    const uint32_t workers = ch_pool_workers(pool);
    ch_evaluator *v = env->alloc(env->self, ch_arena_cost(1, sizeof(*v)));
    if (v == NULL) {
        return CHOIR_ENOMEM;
    }
    *v = (ch_evaluator){.env = *env,
                        .pool = pool,
                        .engines = engines,
                        .federation = federation,
                        .test = {.examples = test, .count = test->count},
                        .clients = count};
    const size_t bytes =
        ch_arena_cost(pieces, sizeof(ch_score)) + ch_arena_cost(count, sizeof(uint32_t)) +
        2 * ch_arena_cost(count, sizeof(double)) + ch_arena_cost(workers, sizeof(choir_status)) +
        ch_arena_cost(workers, sizeof(choir_error));
    const choir_status status = ch_arena_init(&v->arena, bytes + 1, env);
    if (status != CHOIR_OK) {
        ch_evaluator_destroy(v);
        return status;
    }
    v->piece = CH_NEW(&v->arena, ch_score, pieces);
    v->id = CH_NEW(&v->arena, uint32_t, count);
    v->accuracy = CH_NEW(&v->arena, double, count);
    v->sorted = CH_NEW(&v->arena, double, count);
    v->failed = CH_NEW(&v->arena, choir_status, workers);
    v->why = CH_NEW(&v->arena, choir_error, workers);
    clients_choose(v->id, count, all, seed);
    for (uint32_t i = 0; i < count; i++) {
        v->accuracy[i] = (double)NAN;
    }
    *out = v;
    return CHOIR_OK;
}

void ch_evaluator_destroy(ch_evaluator *v) {
    if (v != NULL) {
        const choir_env env = v->env;
        ch_arena_release(&v->arena);
        env.free(env.self, v);
    }
}

static void piece_run(void *self, uint32_t worker, uint32_t index) {
    ch_evaluator *v = self;
    const uint32_t first = index * PIECE;
    const uint32_t left = v->judged.count - first;
    v->piece[index] = (ch_score){0};
    if (v->failed[worker] == CHOIR_OK) {
        v->failed[worker] =
            ch_engine_evaluate(v->engines[worker], &v->judged, first, left < PIECE ? left : PIECE,
                               &v->piece[index], &v->why[worker]);
    }
}

/* A regression has no hits to count. */
static bool classifies(const ch_evaluator *v) {
    return ch_federation_classes(v->federation) > 0;
}

static void client_run(void *self, uint32_t worker, uint32_t index) {
    ch_evaluator *v = self;
    ch_score score = {0};
    uint32_t count = 0;
    if (v->failed[worker] == CHOIR_OK) {
        v->failed[worker] =
            ch_engine_heldout(v->engines[worker], v->id[index], &count, &score, &v->why[worker]);
    }
    v->accuracy[index] =
        count == 0 || !classifies(v) ? (double)NAN : (double)score.correct / (double)score.count;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void heldout_summarise(ch_evaluator *v, ch_evaluation *out) {
    uint32_t n = 0;
    double sum = 0;
    for (uint32_t i = 0; i < v->clients; i++) {
        if (!isnan(v->accuracy[i])) {
            v->sorted[n] = v->accuracy[i];
            sum += v->accuracy[i];
            n += 1;
        }
    }
    out->heldout_clients = n;
    if (n == 0) {
        out->heldout_mean = out->heldout_worst = out->heldout_spread = (double)NAN;
        return;
    }
    qsort(v->sorted, n, sizeof(v->sorted[0]), by_value);
    const uint32_t decile = n < 10 ? 1 : n / 10;
    double worst = 0;
    double squares = 0;
    for (uint32_t i = 0; i < n; i++) {
        const double off = v->sorted[i] - sum / n;
        squares += off * off;
        worst += i < decile ? v->sorted[i] : 0;
    }
    out->heldout_mean = sum / n;
    out->heldout_worst = worst / decile;
    out->heldout_spread = sqrt(squares / n);
}

/* Has the workers do each of count, with the parameters that they have. */
static choir_status work(ch_evaluator *v, uint32_t count,
                         void (*run)(void *self, uint32_t worker, uint32_t index),
                         choir_error *err) {
    const uint32_t workers = ch_pool_workers(v->pool);
    for (uint32_t i = 0; i < workers; i++) {
        v->failed[i] = CHOIR_OK;
        v->why[i].message[0] = '\0';
    }
    ch_pool_each(v->pool, count, run, v);
    for (uint32_t i = 0; i < workers; i++) {
        if (v->failed[i] != CHOIR_OK) {
            return ch_error_set(err, v->failed[i], "%s", v->why[i].message);
        }
    }
    return CHOIR_OK;
}

static choir_status judge(ch_evaluator *v, const ch_holding *holding, const float *params,
                          ch_evaluation *out, choir_error *err) {
    const uint32_t pieces = pieces_of(holding->count);
    v->judged = *holding;
    for (uint32_t i = 0; i < ch_pool_workers(v->pool); i++) {
        ch_engine_load(v->engines[i], params);
    }
    const choir_status status = work(v, pieces, piece_run, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_score sum = {0};
    for (uint32_t i = 0; i < pieces; i++) {
        sum.loss += v->piece[i].loss;
        sum.correct += v->piece[i].correct;
        sum.count += v->piece[i].count;
    }
    const double count = (double)sum.count;
    *out = (ch_evaluation){.examples = holding->count, .predictions = sum.count};
    out->heldout_mean = out->heldout_worst = out->heldout_spread = (double)NAN;
    out->accuracy = sum.count == 0 || !classifies(v) ? (double)NAN : (double)sum.correct / count;
    out->loss = sum.count == 0 ? (double)NAN : sum.loss / count;
    return CHOIR_OK;
}

choir_status ch_evaluator_test(ch_evaluator *v, const float *params, ch_evaluation *out,
                               choir_error *err) {
    return judge(v, &v->test, params, out, err);
}

choir_status ch_evaluator_pooled(ch_evaluator *v, const float *params, ch_evaluation *out,
                                 choir_error *err) {
    return judge(v, ch_federation_pooled(v->federation), params, out, err);
}

choir_status ch_evaluator_run(ch_evaluator *v, const float *params, ch_evaluation *out,
                              choir_error *err) {
    ch_evaluation tested;
    choir_status status = ch_evaluator_test(v, params, &tested, err);
    if (status == CHOIR_OK) {
        status = work(v, v->clients, client_run, err);
    }
    if (status == CHOIR_OK) {
        *out = tested;
        heldout_summarise(v, out);
    }
    return status;
}

uint32_t ch_evaluator_clients(const ch_evaluator *v, const uint32_t **ids,
                              const double **accuracies) {
    *ids = v->id;
    *accuracies = v->accuracy;
    return v->clients;
}
