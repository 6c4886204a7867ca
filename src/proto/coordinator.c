/*
 * Coordinator: see include/choir/coordinator.h.
 *
 * One round at a time:
 *
 *   OPEN --- all sampled clients settled, or deadline --- with quorum: apply ------> next OPEN
 *       '--- in an open population: goal counted --'  '--- without it: discard -----> or done
 *
 * After every so many applied rounds the next one is to evaluate: the same, but that clients report
 * what they measured, and nothing is applied.
 *
 * A client of the cohort is awaited until it is counted or refused, either of them once. Who is in
 * it is drawn when the round opens; in an open population clients are taken in as they come.
 *
 * A report comes in as many exchanges as its task says. Each is answered by itself, from the round
 * as it is then: the coordinator keeps nothing of the ones before, so that an announcement needs no
 * commit, may be repeated, and is no promise.
 */
#include "proto/coordinator_parts.h"

#include "base/assert.h"
#include "base/env.h"
#include "base/error.h"
#include "choir/blob.h"
#include "choir/why.h"
#include "fl/metrics.h"
#include "proto/refusal.h"

#include <math.h>
#include <string.h>

static const choir_refusal NO_REFUSAL = CHOIR_REFUSAL_COUNT;
static const double PARAM_MAX = 1e30;
static const int64_t METRIC_MAX = INT64_C(1) << 62; // of a whole round

/* Making one */

choir_status ch_coordinator_params_check(const float *params, uint32_t dim, choir_error *err) {
    for (uint32_t i = 0; i < dim; i++) {
        if (!(fabsf(params[i]) <= PARAM_MAX)) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "coordinator: initial parameter %u is %g, must be within %g", i,
                                (double)params[i], PARAM_MAX);
        }
    }
    return CHOIR_OK;
}

static choir_status arrays_claim(choir_coordinator *c) {
    const uint32_t dim = c->options.dim;
    const uint32_t cohort = c->cohort.capacity;
    const uint32_t drawn = c->sampler.cohort_max;
    const uint32_t numbers = c->numbers;
    const size_t model = (size_t)dim * (1 + c->algorithm->state_per_param);
    const size_t kept = c->options.keep_sum ? numbers : 0;
    const size_t bytes =
        ch_arena_cost(numbers, sizeof(int64_t)) + ch_arena_cost(kept, sizeof(int64_t)) +
        ch_arena_cost(numbers, sizeof(float)) + ch_arena_cost(model, sizeof(float)) +
        ch_arena_cost(cohort, sizeof(uint32_t)) + ch_arena_cost(drawn, sizeof(uint32_t)) +
        ch_arena_cost(cohort, 1) + ch_recent_cost(c->recent.rounds, c->recent.most);
    const choir_status status = ch_arena_init(&c->arena, bytes, &c->env);
    if (status != CHOIR_OK) {
        return status;
    }
    c->aggregator.sum = CH_NEW(&c->arena, int64_t, numbers);
    c->sum = kept == 0 ? NULL : CH_NEW(&c->arena, int64_t, kept);
    c->params = CH_NEW(&c->arena, float, model);
    c->gathered = CH_NEW(&c->arena, float, numbers);
    c->state = c->params + dim;
    c->cohort.clients = CH_NEW(&c->arena, uint32_t, cohort);
    c->scratch = drawn == 0 ? NULL : CH_NEW(&c->arena, uint32_t, drawn);
    ch_recent_init(&c->recent, c->recent.rounds, c->recent.most, &c->arena);
    c->cohort.standing = CH_NEW(&c->arena, uint8_t, cohort);
    CH_ASSERT(c->cohort.standing != NULL);
    return CHOIR_OK;
}

choir_status choir_coordinator_create(choir_coordinator **out, const float *params,
                                      const choir_coordinator_options *options,
                                      const choir_env *env, choir_error *err) {
    *out = NULL;
    choir_coordinator made = {.env = *env};
    choir_status status = ch_coordinator_configure(&made, options, err);
    if (status == CHOIR_OK) {
        status = ch_coordinator_params_check(params, options->dim, err);
    }
    if (status == CHOIR_OK) {
        status = arrays_claim(&made);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    choir_coordinator *c = env->alloc(env->self, ch_arena_cost(1, sizeof(*c)));
    if (c == NULL) {
        ch_arena_release(&made.arena);
        return CHOIR_ENOMEM;
    }
    *c = made;
    memcpy(c->params, params, options->dim * sizeof(params[0]));
    const ch_algorithm_options knobs = ch_coordinator_algorithm_options(c);
    ch_algorithm_begin(c->algorithm, &knobs, c->state, options->dim);
    ch_coordinator_name(c);
    for (int i = 0; i < CH_SCHEDULED_COUNT; i++) {
        c->progress[i] = ch_progress_start();
    }
    ch_coordinator_round_open(c, UINT64_MAX);
    *out = c;
    return CHOIR_OK;
}

void choir_coordinator_destroy(choir_coordinator *c) {
    if (c != NULL) {
        const choir_env env = c->env;
        ch_arena_release(&c->arena);
        env.free(env.self, c);
    }
}

/* Opening and closing a round */

static uint64_t later(uint64_t now_ms, uint64_t delay_ms) {
    return now_ms > UINT64_MAX - 1 - delay_ms ? UINT64_MAX - 1 : now_ms + delay_ms;
}

uint32_t ch_coordinator_open_round(const choir_coordinator *c) {
    return c->rounds_closed + (c->is_evaluating ? 0 : 1);
}

/* What everybody in the open round is asked to do. */
static void round_plan(choir_coordinator *c) {
    const choir_coordinator_options *o = &c->options;
    const uint32_t round = ch_coordinator_open_round(c);
    const ch_schedule *rate = &c->schedules[CH_SCHEDULED_RATE];
    // Derived, not handed out: the run's own seed also decides who is sampled.
    ch_rng rng = ch_rng_stream(o->seed, CH_PURPOSE_TASK, round, 0);
    choir_task task = {
        .round = round,
        .dim = o->dim,
        .model = c->offered,
        .method = c->algorithm->method,
        .fairness_q = (c->algorithm->knobs & CH_KNOB_Q) != 0 ? o->server_q : 0,
        .partial = (c->algorithm->knobs & CH_KNOB_PARTIAL) != 0,
        .epochs = ch_schedule_whole(&c->schedules[CH_SCHEDULED_EPOCHS],
                                    &c->progress[CH_SCHEDULED_EPOCHS], round, o->client_epochs),
        .batch_size =
            ch_schedule_whole(&c->schedules[CH_SCHEDULED_BATCH], &c->progress[CH_SCHEDULED_BATCH],
                              round, o->client_batch_size),
        .learning_rate = (float)((double)o->client_learning_rate *
                                 ch_schedule_factor(rate, &c->progress[CH_SCHEDULED_RATE], round)),
        .momentum = o->client_momentum,
        .weight_decay = o->client_weight_decay,
        .proximal_mu = o->client_proximal_mu,
        .seed = ch_rng_next(&rng),
    };
    if (c->is_evaluating) { // once over the examples, and nothing is drawn
        task.purpose = CHOIR_PURPOSE_EVALUATE;
        task.model = c->hash;
        task.method = CHOIR_METHOD_PLAIN;
        task.fairness_q = 0;
        task.partial = 0;
        task.epochs = 1;
        task.seed = 0;
    } else if (o->announce) {
        task.exchanges[0] = CHOIR_EXCHANGE_ANNOUNCE;
        task.exchanges[1] = CHOIR_EXCHANGE_REPORT;
    }
    memcpy(task.chain, c->task.chain, sizeof(task.chain));
    memcpy(task.job, c->task.job, sizeof(task.job));
    c->task = task;
}

void ch_coordinator_round_open(choir_coordinator *c, uint64_t now_ms) {
    ch_coordinator_sum_reset(c, &c->aggregator);
    memset(c->refused, 0, sizeof(c->refused));
    c->metrics = (choir_metrics){0};
    c->has_given_tasks = false;
    c->deadline_ms = UINT64_MAX;
    ch_cohort_open(&c->cohort, 0);
    if (choir_coordinator_is_done(c)) {
        return;
    }
    if (!c->is_open) {
        const ch_purpose purpose = c->is_evaluating ? CH_PURPOSE_MEASURING : CH_PURPOSE_SAMPLING;
        ch_cohort_open(&c->cohort,
                       ch_sampler_draw(&c->sampler, purpose, ch_coordinator_open_round(c),
                                       c->cohort.clients, c->scratch));
    }
    round_plan(c);
    if (now_ms != UINT64_MAX) {
        const bool is_empty = !c->is_open && c->cohort.count == 0;
        c->deadline_ms = is_empty ? now_ms : later(now_ms, c->options.deadline_ms);
    }
}

/* The next round sums where the one before was kept. */
static void sum_keep(choir_coordinator *c) {
    if (c->options.keep_sum) {
        int64_t *sum = c->aggregator.sum;
        c->aggregator.sum = c->sum;
        c->sum = sum;
        c->has_sum = true;
    }
}

/* How long the open round has lasted, by what is left of its time. */
static uint64_t round_lasts(const choir_coordinator *c, uint64_t now_ms) {
    const uint64_t left = c->deadline_ms > now_ms ? c->deadline_ms - now_ms : 0;
    return left < c->options.deadline_ms ? c->options.deadline_ms - left : 0;
}

/* What became of the open round. */
static choir_round_summary summarise(choir_coordinator *c) {
    c->refused[CHOIR_REFUSAL_MISSING] = c->cohort.count - c->cohort.settled;
    choir_round_summary out = {
        .round = c->task.round,
        .cohort = c->cohort.count,
        .reports = c->aggregator.reports,
        .applied = c->aggregator.reports >= c->options.quorum,
        .examples = c->aggregator.weight,
        .metrics = c->metrics,
        .learning_rate = c->task.learning_rate,
        .epochs = c->task.epochs,
        .batch_size = c->task.batch_size,
    };
    memcpy(out.refused, c->refused, sizeof(c->refused));
    return out;
}

static void close_tell(const choir_coordinator *c, const choir_round_summary *s, const char *yes,
                       const char *no) {
    ch_log(&c->env, s->applied ? CHOIR_LEVEL_INFO : CHOIR_LEVEL_WARN, s->applied ? yes : no,
           "round=%u cohort=%u reports=%u missing=%u quorum=%u", s->round, s->cohort, s->reports,
           s->refused[CHOIR_REFUSAL_MISSING], c->options.quorum);
}

static void evaluation_close(choir_coordinator *c) {
    c->evaluation = summarise(c);
    c->is_evaluating = false;
    close_tell(c, &c->evaluation, "round_evaluated", "evaluation_discarded");
}

static void training_close(choir_coordinator *c, uint64_t now_ms) {
    c->summary = summarise(c);
    c->summary.applied = ch_coordinator_apply(c);
    if (c->unfit[0] != '\0') {
        ch_log(&c->env, CHOIR_LEVEL_WARN, "round_unfit", "round=%u reports=%u why=\"%s\"",
               c->summary.round, c->summary.reports, c->unfit);
    }
    close_tell(c, &c->summary, "round_applied", "round_discarded");
    sum_keep(c);
    ch_recent_add(&c->recent, c->task.round, &c->cohort);
    if (c->cohort.count > 0) {
        ch_pace_learn(&c->pace, round_lasts(c, now_ms));
    }
    c->rounds_closed += 1;
    c->applied += c->summary.applied;
    if (c->options.evaluation_every > 0 && c->applied == c->options.evaluation_every) {
        c->applied = 0;
        c->is_evaluating = true;
    }
}

static void round_close(choir_coordinator *c, uint64_t now_ms) {
    if (c->is_evaluating) {
        evaluation_close(c);
    } else {
        training_close(c, now_ms);
    }
    c->closings += 1;
    c->changes += 1;
    ch_coordinator_round_open(c, now_ms);
}

/* Whether nobody's report is waited for any more. */
static bool has_all(const choir_coordinator *c) {
    return c->is_open ? c->aggregator.reports == c->options.goal
                      : c->cohort.settled == c->cohort.count;
}

void choir_coordinator_tick(choir_coordinator *c, uint64_t now_ms) {
    if (choir_coordinator_is_done(c)) {
        return;
    }
    if (c->deadline_ms == UINT64_MAX) {
        c->deadline_ms = later(now_ms, c->options.deadline_ms);
    }
    if (has_all(c) || now_ms >= c->deadline_ms) {
        round_close(c, now_ms);
    }
}

/* Answers */

static ch_reply refuse(choir_coordinator *c, const ch_request *in, choir_refusal refusal,
                       choir_level level) {
    c->refused[refusal] += 1;
    const choir_metrics *m = &in->report.metrics;
    const double loss = m->examples == 0 ? 0 : (double)m->loss_q20 * 0x1p-20 / (double)m->examples;
    ch_log(&c->env, level, "update_refused", "round=%u client=%u reason=%s loss=%g",
           ch_coordinator_open_round(c), in->client, choir_refusal_text(refusal), loss);
    return ch_refusal_reply(refusal);
}

static ch_reply wait_answer(const choir_coordinator *c, uint64_t now_ms, uint32_t client,
                            const ch_unseated *unseated) {
    const uint64_t lasts = round_lasts(c, now_ms);
    const ch_pace_question q = {
        .seed = c->options.seed,
        .round = c->task.round,
        .client = client,
        .lasts_ms = lasts,
        .left_ms = c->options.deadline_ms - lasts,
        .clients = c->is_open ? ch_crowd_count(&c->heard) : c->options.clients,
        .cohort = c->places,
        .all_must_come = !c->is_open,
        .rounds = unseated->rounds,
    };
    return (ch_reply){
        .kind = CH_REPLY_WAIT, .wait_ms = ch_pace_wait_ms(&c->pace, &q), .why = unseated->why};
}

/* The client's place in the round; UINT32_MAX for none. In an open population one that has none is
 * given one, if there is: also when it reports, for a task that a crash has made us forget. */
static uint32_t place_find(choir_coordinator *c, uint32_t client, ch_unseated *why) {
    const bool may_get_one = c->is_open && client < c->options.clients;
    return may_get_one ? ch_coordinator_seat(c, client, why) : ch_cohort_find(&c->cohort, client);
}

static ch_reply check_in_answer(choir_coordinator *c, uint64_t now_ms, const ch_request *in) {
    if (in->client >= c->options.clients) {
        return refuse(c, in, CHOIR_REFUSAL_UNSAMPLED, CHOIR_LEVEL_DEBUG);
    }
    ch_crowd_see(&c->heard, c->options.seed, in->client);
    ch_unseated unseated = {.why = CHOIR_WHY_NONE, .rounds = 1};
    const uint32_t place = place_find(c, in->client, &unseated);
    if (place == UINT32_MAX || c->cohort.standing[place] != CH_STANDING_AWAITED) {
        return wait_answer(c, now_ms, in->client, &unseated);
    }
    c->has_given_tasks = true;
    return (ch_reply){.kind = CH_REPLY_TASK, .task = c->task};
}

static choir_refusal failure_refusal(uint32_t failure) {
    switch (failure) {
    case CH_FAILURE_DIVERGED:
        return CHOIR_REFUSAL_DIVERGED;
    case CH_FAILURE_NO_DATA:
        return CHOIR_REFUSAL_NO_DATA;
    default: // and whatever a later version will have to say
        return CHOIR_REFUSAL_UNSUPPORTED;
    }
}

choir_refusal ch_coordinator_judge(const choir_coordinator *c, const ch_request *in,
                                   const void *delta, const ch_measure *known, ch_offer *offer) {
    const ch_report *report = &in->report;
    const uint32_t examples_max = c->options.examples_max;
    if (report->failure != CH_FAILURE_NONE) {
        return failure_refusal(report->failure);
    }
    if (report->method != (c->is_evaluating ? CHOIR_METHOD_PLAIN : c->algorithm->method)) {
        return CHOIR_REFUSAL_UNSUPPORTED;
    }
    if (report->dim != (c->is_evaluating ? 0 : c->numbers) || report->examples == 0) {
        return CHOIR_REFUSAL_SIZE;
    }
    const uint32_t dim = c->is_evaluating ? 0 : c->options.dim;
    const ch_measure measure = known != NULL ? *known : ch_fold_measure(delta, dim);
    if (!measure.is_finite) {
        return CHOIR_REFUSAL_NOT_FINITE;
    }
    *offer = (ch_offer){
        .norm = measure.norm,
        .weight = report->examples < examples_max ? report->examples : examples_max,
        .epochs = c->task.epochs,
        .dither = ch_metrics_dither(c->task.seed, c->task.round, in->client),
        .metrics = report->metrics,
    };
    if (measure.norm > c->options.update_norm_max ||
        ch_chain_server(&c->chain, offer) != CHOIR_OK) {
        return CHOIR_REFUSAL_NORM;
    }
    if ((double)measure.magnitude > c->options.coordinate_max) {
        return CHOIR_REFUSAL_RANGE;
    }
    return c->is_evaluating ? NO_REFUSAL : ch_coordinator_parts_judge(c, delta);
}

/* What a client hears, whatever it reports, that has no place or one that is settled; false when it
 * is awaited. */
static bool settled_answer(choir_coordinator *c, const ch_request *in, uint32_t place,
                           ch_reply *out) {
    if (place == UINT32_MAX) {
        *out = refuse(c, in, CHOIR_REFUSAL_UNSAMPLED, CHOIR_LEVEL_DEBUG);
        return true;
    }
    const uint32_t standing = c->cohort.standing[place];
    if (standing == CH_STANDING_COUNTED) {
        *out = refuse(c, in, CHOIR_REFUSAL_DUPLICATE, CHOIR_LEVEL_DEBUG);
    } else if (standing != CH_STANDING_AWAITED) { // told once more, counted only the first time
        *out = ch_refusal_reply(standing - CH_STANDING_REFUSED);
    }
    return standing != CH_STANDING_AWAITED;
}

/* As report_answer, as far as goes without the report; a place that it would be given is not. */
static ch_reply announce_answer(choir_coordinator *c, const ch_request *in) {
    ch_unseated unseated;
    ch_reply settled;
    bool is_free = false;
    const uint32_t place = c->is_open && in->client < c->options.clients
                               ? ch_coordinator_seat_find(c, in->client, &is_free, &unseated)
                               : ch_cohort_find(&c->cohort, in->client);
    if (!is_free && settled_answer(c, in, place, &settled)) {
        return settled;
    }
    if (in->report.examples ==
        0) { // which settles nothing, so that it may come any number of times
        return refuse(c, in, CHOIR_REFUSAL_SIZE, CHOIR_LEVEL_DEBUG);
    }
    return (ch_reply){.kind = CH_REPLY_PROCEED};
}

static ch_reply report_answer(choir_coordinator *c, const ch_request *in,
                              const choir_inspection *inspection) {
    const ch_report *report = &in->report;
    ch_unseated unseated;
    ch_reply settled;
    const uint32_t place = place_find(c, in->client, &unseated);
    if (settled_answer(c, in, place, &settled)) {
        return settled;
    }
    const void *delta = report->delta.data;
    if (delta == NULL && report->dim == c->numbers) {
        ch_request_gather(in, c->gathered);
        delta = c->gathered;
    }
    const ch_measure measure = {.norm = inspection->norm,
                                .magnitude = inspection->magnitude,
                                .is_finite = inspection->is_finite};
    const bool is_of_update = inspection->is_measured && c->algorithm->parts_count == 0;
    const ch_measure *known = is_of_update ? &measure : NULL;
    ch_offer offer;
    const choir_refusal refusal = ch_coordinator_judge(c, in, delta, known, &offer);
    if (refusal != NO_REFUSAL) {
        ch_cohort_settle(&c->cohort, place, CH_STANDING_REFUSED + (uint32_t)refusal);
        c->changes += 1;
        return refuse(c, in, refusal, CHOIR_LEVEL_WARN);
    }
    if (c->is_evaluating) {
        c->aggregator.reports += 1;
        c->aggregator.weight += offer.weight;
    } else {
        ch_coordinator_sum_add(c, &c->aggregator, delta, offer.weight);
    }
    ch_metrics_add(&c->metrics, &offer.metrics, METRIC_MAX / c->aggregator.cohort_max);
    ch_cohort_settle(&c->cohort, place, CH_STANDING_COUNTED);
    c->changes += 1;
    return (ch_reply){.kind = CH_REPLY_ACK};
}

static ch_reply answer(choir_coordinator *c, uint64_t now_ms, const choir_inspection *inspection) {
    ch_request in;
    if (ch_request_decode(&in, inspection->request) != CHOIR_OK || !inspection->is_intact) {
        const bool is_foreign = ch_request_is_foreign(inspection->request);
        return refuse(c, &in, is_foreign ? CHOIR_REFUSAL_PROTOCOL : CHOIR_REFUSAL_MALFORMED,
                      CHOIR_LEVEL_DEBUG);
    }
    if (choir_coordinator_is_done(c)) {
        return (ch_reply){.kind = CH_REPLY_DONE, .why = CHOIR_WHY_FINISHED};
    }
    if (in.kind == CH_REQUEST_CHECK_IN) {
        return check_in_answer(c, now_ms, &in);
    }
    const choir_refusal late = ch_coordinator_lateness(c, &in);
    if (late != NO_REFUSAL) {
        return refuse(c, &in, late, CHOIR_LEVEL_DEBUG);
    }
    return in.kind == CH_REQUEST_ANNOUNCE ? announce_answer(c, &in)
                                          : report_answer(c, &in, inspection);
}

choir_bytes choir_coordinator_reply(choir_coordinator *c, uint64_t now_ms, choir_bytes request) {
    // Not measured before it is needed: of what is stale or known already it never is.
    ch_request in;
    const choir_inspection inspection = {.request = request,
                                         .is_intact = ch_request_decode(&in, request) == CHOIR_OK &&
                                                      ch_request_is_intact(&in)};
    return choir_coordinator_reply_inspected(c, now_ms, &inspection);
}

choir_bytes choir_coordinator_reply_inspected(choir_coordinator *c, uint64_t now_ms,
                                              const choir_inspection *inspection) {
    choir_coordinator_tick(c, now_ms);
    const ch_reply out = answer(c, now_ms, inspection);
    const uint32_t size = ch_reply_encode(&out, c->reply);
    if (c->cohort.count > 0) {
        choir_coordinator_tick(c, now_ms); // the last report closes its round at once
    }
    return (choir_bytes){.data = c->reply, .size = size};
}

/* Looking at it */

choir_status choir_coordinator_model(const choir_coordinator *c, const choir_hash *hash,
                                     choir_bytes *out) {
    const bool is_model = memcmp(hash->bytes, c->hash.bytes, CHOIR_HASH_BYTES) == 0;
    const bool is_offered = memcmp(hash->bytes, c->offered.bytes, CHOIR_HASH_BYTES) == 0;
    if (!is_model && !is_offered) {
        return CHOIR_ESTALE;
    }
    const size_t count = is_model ? c->options.dim : c->fetched;
    *out = (choir_bytes){.data = (const uint8_t *)c->params, .size = count * sizeof(c->params[0])};
    return CHOIR_OK;
}

choir_hash choir_coordinator_offered(const choir_coordinator *c) {
    return c->offered;
}

uint32_t choir_coordinator_moved(const choir_coordinator *c) {
    return c->numbers > c->fetched ? c->numbers : c->fetched;
}

uint64_t choir_coordinator_deadline_ms(const choir_coordinator *c) {
    return c->deadline_ms;
}

const uint32_t *choir_coordinator_cohort(const choir_coordinator *c, uint32_t *count) {
    *count = c->cohort.count;
    return c->cohort.clients;
}

uint32_t choir_coordinator_cohort_max(const choir_coordinator *c) {
    return c->cohort.capacity;
}

uint32_t choir_coordinator_round(const choir_coordinator *c) {
    return c->rounds_closed;
}

bool choir_coordinator_is_done(const choir_coordinator *c) {
    return c->rounds_closed == c->options.rounds && !c->is_evaluating;
}

bool choir_coordinator_is_evaluating(const choir_coordinator *c) {
    return c->is_evaluating;
}

uint64_t choir_coordinator_closings(const choir_coordinator *c) {
    return c->closings;
}

const choir_round_summary *choir_coordinator_evaluation(const choir_coordinator *c) {
    return &c->evaluation;
}

const choir_round_summary *choir_coordinator_summary(const choir_coordinator *c) {
    return &c->summary;
}

choir_bytes choir_coordinator_sum(const choir_coordinator *c) {
    const size_t bytes = c->numbers * sizeof(c->sum[0]);
    return c->has_sum ? (choir_bytes){.data = (const uint8_t *)c->sum, .size = bytes}
                      : (choir_bytes){0};
}

const float *choir_coordinator_params(const choir_coordinator *c) {
    return c->params;
}

uint64_t choir_coordinator_changes(const choir_coordinator *c) {
    return c->changes;
}

choir_hash choir_coordinator_hash(const choir_coordinator *c) {
    return c->hash;
}

void choir_coordinator_observe(choir_coordinator *c, double loss) {
    for (int i = 0; i < CH_SCHEDULED_COUNT; i++) {
        ch_schedule_observe(&c->schedules[i], &c->progress[i], loss);
    }
    if (!c->has_given_tasks && !choir_coordinator_is_done(c)) {
        round_plan(c);
    }
}
