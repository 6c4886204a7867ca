/*
 * Participant: see include/choir/participant.h.
 *
 *   CHECKIN --TASK--> FETCH --model--> READY --train--> REPORT --ACK, REFUSED--> CHECKIN
 *    ^    |             |                |               ^  |
 *    |    |             |                |               '--'--PROCEED: its next exchange
 *    |    |             '--lost----------+--no report---------> CHECKIN, after retry_ms
 *    |    '--TASK that it cannot do--> REPORT, of a failure
 *    '--WAIT, lost, bad bytes                              any --DONE--> FINISHED
 *
 * In REPORT it goes along the exchanges of its task. What a report without an update says is no
 * longer than an announcement, so that has none.
 */
#include "proto/participant_parts.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/env.h"
#include "base/error.h"
#include "fl/metrics.h"
#include "proto/refusal.h"

#include <math.h>
#include <string.h>

// A report that arrives damaged is sent again, but not for ever: the fault may be ours. A round
// that was refused once is not trained for again; a coordinator that offers it is asked again
// later.
enum { DAMAGED_MAX = 8, GIVEN_UP_PAUSES = 8 };

choir_participant_options choir_participant_defaults(void) {
    return (choir_participant_options){.job = "", .retry_ms = 1000};
}

choir_status choir_participant_create(choir_participant **out,
                                      const choir_participant_options *options,
                                      const choir_env *env, choir_error *err) {
    *out = NULL;
    if (options->dim_max == 0 || options->dim_max > CHOIR_DIM_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "participant: dim_max is %u, must be in [1, %d]",
                            options->dim_max, CHOIR_DIM_MAX);
    }
    if (options->job == NULL || strlen(options->job) >= CHOIR_JOB_TEXT_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "participant: job must be a text of less than %d "
                            "bytes",
                            CHOIR_JOB_TEXT_MAX);
    }
    choir_participant *p = env->alloc(env->self, choir_participant_bytes());
    if (p == NULL) {
        return CHOIR_ENOMEM;
    }
    *p = (choir_participant){.options = *options, .env = *env};
    p->options.job = NULL; // the caller's text is not ours to keep
    memcpy(p->job, options->job, strlen(options->job) + 1);
    *out = p;
    return CHOIR_OK;
}

void choir_participant_destroy(choir_participant *p) {
    if (p != NULL) {
        const choir_env env = p->env;
        env.free(env.self, p);
    }
}

void choir_participant_reset(choir_participant *p, uint32_t client) {
    choir_participant fresh = {.options = p->options, .env = p->env};
    fresh.options.client = client;
    memcpy(fresh.job, p->job, sizeof(fresh.job));
    *p = fresh;
}

size_t choir_participant_bytes(void) {
    return ch_arena_cost(1, sizeof(choir_participant));
}

size_t choir_workspace_bytes(uint32_t dim) {
    return ch_arena_cost(1, sizeof(choir_workspace)) + ch_arena_cost(CH_REQUEST_HEAD_MAX, 1) +
           ch_arena_cost(dim, sizeof(float));
}

choir_status choir_workspace_create(choir_workspace **out, uint32_t dim_max, const choir_env *env) {
    *out = NULL;
    CH_ASSERT(dim_max >= 1);
    CH_ASSERT(dim_max <= CHOIR_DIM_MAX);
    const size_t self = ch_arena_cost(1, sizeof(**out));
    uint8_t *block = env->alloc(env->self, choir_workspace_bytes(dim_max));
    if (block == NULL) {
        return CHOIR_ENOMEM;
    }
    uint8_t *head = block + self;
    choir_workspace *w = (choir_workspace *)(void *)block;
    *w = (choir_workspace){.env = *env,
                           .dim_max = dim_max,
                           .head = head,
                           .delta = (float *)(void *)(head + CH_REQUEST_HEAD_MAX)};
    *out = w;
    return CHOIR_OK;
}

void choir_workspace_destroy(choir_workspace *w) {
    if (w != NULL) {
        const choir_env env = w->env;
        env.free(env.self, w);
    }
}

bool choir_participant_is_refused(const choir_participant *p, choir_refusal *refusal) {
    if (p->is_refused) {
        *refusal = p->refusal;
    }
    return p->is_refused;
}

choir_metrics choir_participant_metrics(const choir_participant *p) {
    return p->metrics;
}

choir_workspace *choir_participant_holds(const choir_participant *p) {
    return p->room;
}

/* Requests */

static void check_in_prepare(choir_participant *p) {
    ch_request m = {
        .protocol = CH_PROTOCOL, .client = p->options.client, .kind = CH_REQUEST_CHECK_IN};
    memcpy(m.job, p->job, sizeof(m.job));
    p->request = (choir_bytes){.data = p->head, .size = ch_request_head(&m, p->head)};
}

static ch_request report_of(const choir_participant *p, const choir_training *training) {
    ch_request m = {.protocol = CH_PROTOCOL,
                    .client = p->options.client,
                    .kind = CH_REQUEST_REPORT,
                    .report = {.round = p->task.round,
                               .model = p->task.model,
                               .purpose = p->task.purpose,
                               .method = p->task.method, // update_make has seen to it
                               .examples = training->examples,
                               .metrics = training->metrics}};
    memcpy(m.job, p->task.job, sizeof(m.job));
    return m;
}

/* A report without a delta: of a failure, or of what was measured. */
static void words_prepare(choir_participant *p, ch_failure failure,
                          const choir_training *training) {
    ch_request m = report_of(p, training);
    m.report.failure = failure;
    p->request = (choir_bytes){.data = p->head, .size = ch_request_head(&m, p->head)};
    p->exchange = 0;
    p->state = STATE_REPORT;
}

/* The head goes where it ends at the delta, so that the request is one span and nothing is moved.
 */
static void update_prepare(choir_participant *p, choir_workspace *room,
                           const choir_training *training) {
    ch_request m = report_of(p, training);
    m.report.dim = choir_task_sent(&p->task);
    const size_t delta_bytes = m.report.dim * sizeof(float);
    m.report.delta = (choir_bytes){.data = (const uint8_t *)room->delta, .size = delta_bytes};
    const uint32_t size = ch_request_head(&m, p->head);
    uint8_t *start = room->head + CH_REQUEST_HEAD_MAX - size;
    memcpy(start, p->head, size);
    p->request = (choir_bytes){.data = start, .size = size + delta_bytes};
    p->room = room;
    p->examples = training->examples;
    p->exchange = 0;
    p->state = STATE_REPORT;
}

/* The exchange of its report that is under way. */
static choir_exchange exchange_of(const choir_participant *p) {
    const bool is_announcement = p->room != NULL && p->exchange < CHOIR_EXCHANGES_MAX &&
                                 p->task.exchanges[p->exchange] == CHOIR_EXCHANGE_ANNOUNCE;
    return is_announcement ? CHOIR_EXCHANGE_ANNOUNCE : CHOIR_EXCHANGE_REPORT;
}

static choir_bytes announcement_prepare(choir_participant *p) {
    const choir_training training = {.examples = p->examples};
    ch_request m = report_of(p, &training);
    m.kind = CH_REQUEST_ANNOUNCE;
    return (choir_bytes){.data = p->head, .size = ch_request_head(&m, p->head)};
}

static void report_next(choir_participant *p, choir_intent *intent) {
    const choir_exchange exchange = exchange_of(p);
    *intent = (choir_intent){
        .kind = CHOIR_INTENT_SEND,
        .request = exchange == CHOIR_EXCHANGE_ANNOUNCE ? announcement_prepare(p) : p->request,
        .task = &p->task,
        .exchange = exchange};
}

void choir_participant_next(choir_participant *p, uint64_t now_ms, choir_intent *intent) {
    *intent = (choir_intent){.kind = CHOIR_INTENT_DONE, .why = p->why};
    if (p->state == STATE_FINISHED) {
        return;
    }
    if (now_ms < p->wake_ms) {
        *intent = (choir_intent){.kind = CHOIR_INTENT_WAIT, .wake_ms = p->wake_ms, .why = p->why};
        return;
    }
    switch (p->state) {
    case STATE_CHECKIN:
        check_in_prepare(p);
        *intent = (choir_intent){.kind = CHOIR_INTENT_SEND, .request = p->request};
        break;
    case STATE_FETCH:
        *intent = (choir_intent){.kind = CHOIR_INTENT_FETCH, .task = &p->task};
        break;
    case STATE_READY:
        *intent = (choir_intent){.kind = CHOIR_INTENT_TRAIN, .task = &p->task};
        break;
    case STATE_REPORT:
        report_next(p, intent);
        break;
    case STATE_FINISHED:
        break;
    }
}

/* Replies */

static void wake_after(choir_participant *p, uint64_t now_ms, uint64_t delay_ms, choir_why why) {
    const uint64_t then_ms = now_ms > UINT64_MAX - delay_ms ? UINT64_MAX : now_ms + delay_ms;
    p->why = then_ms < p->told_ms ? p->why : why;
    p->wake_ms = then_ms < p->told_ms ? p->told_ms : then_ms;
}

/* What a later version says is no more than that there is nothing to do. */
static choir_why why_of(uint32_t why) {
    return why < CHOIR_WHY_COUNT ? (choir_why)why : CHOIR_WHY_NONE;
}

static void become(choir_participant *p, participant_state state) {
    p->state = state;
    p->room = NULL;
    p->damaged = 0;
}

/* As task.h documents it; the chain is parsed apart. */
static bool task_is_sane(const choir_task *t) {
    const bool rates = t->learning_rate > 0 && isfinite(t->learning_rate) && t->momentum >= 0 &&
                       t->momentum < 1 && t->weight_decay >= 0 && isfinite(t->weight_decay) &&
                       t->proximal_mu >= 0 && isfinite(t->proximal_mu);
    return rates && t->round >= 1 && t->dim >= 1 && t->epochs >= 1 &&
           t->purpose <= CHOIR_PURPOSE_EVALUATE && t->fairness_q >= 0 && isfinite(t->fairness_q);
}

/* To evaluate there is no method. */
static bool method_is_known(const choir_task *t) {
    return t->method == CHOIR_METHOD_PLAIN ||
           (ch_algorithm_of_method(t->method) != NULL && t->purpose == CHOIR_PURPOSE_TRAIN);
}

bool ch_participant_can(const choir_participant *p, const choir_task *task, ch_chain *chain) {
    return task_is_sane(task) && method_is_known(task) && task->dim <= p->options.dim_max &&
           choir_task_fetched(task) <= p->options.dim_max &&
           choir_task_sent(task) <= p->options.dim_max &&
           ch_chain_parse(chain, task->chain, NULL) == CHOIR_OK;
}

/* What it cannot do it reports, instead of asking for the same task again and again. */
static choir_status task_accept(choir_participant *p, uint64_t now_ms, const choir_task *task) {
    if (p->has_given_up && task->round == p->given_up_round &&
        task->purpose == p->given_up_purpose && strcmp(task->job, p->given_up_job) == 0) {
        wake_after(p, now_ms, (uint64_t)p->options.retry_ms * GIVEN_UP_PAUSES, CHOIR_WHY_NONE);
        return CHOIR_OK;
    }
    p->task = *task;
    p->wake_ms = now_ms;
    if (!ch_participant_can(p, task, &p->chain)) {
        const choir_training nothing = {0};
        words_prepare(p, CH_FAILURE_UNSUPPORTED, &nothing);
        return CHOIR_ERANGE;
    }
    become(p, STATE_FETCH);
    return CHOIR_OK;
}

static void report_settled(choir_participant *p, uint64_t now_ms) {
    become(p, STATE_CHECKIN);
    p->wake_ms = now_ms;
}

static void report_refused(choir_participant *p, uint64_t now_ms, uint32_t reason) {
    if (reason == CH_REASON_MALFORMED && p->damaged < DAMAGED_MAX) {
        p->damaged += 1;
        choir_participant_lost(p, now_ms);
        return;
    }
    p->refusal = ch_refusal_of(reason);
    p->is_refused = p->refusal != CHOIR_REFUSAL_DUPLICATE;
    if (p->is_refused) { // the other is as good as an ACK: an earlier copy is in the sum
        p->has_given_up = true;
        p->given_up_round = p->task.round;
        memcpy(p->given_up_job, p->task.job, sizeof(p->given_up_job));
        p->given_up_purpose = p->task.purpose;
    }
    report_settled(p, now_ms);
}

static void go_home(choir_participant *p, choir_why why) {
    become(p, STATE_FINISHED);
    p->why = why;
}

static choir_status refused(choir_participant *p, uint64_t now_ms, const ch_reply *m) {
    if (m->reason == CH_REASON_PROTOCOL) { // nothing it could say would be understood
        ch_log(&p->env, CHOIR_LEVEL_WARN, "protocol_refused", "spoken=%d lowest=%u highest=%u",
               CH_PROTOCOL, m->protocol_lowest, m->protocol_highest);
        go_home(p, CHOIR_WHY_ERROR);
    } else if (p->state == STATE_REPORT) {
        report_refused(p, now_ms, m->reason);
    } else if (m->reason == CH_REASON_UNSAMPLED) { // no client of this job
        go_home(p, CHOIR_WHY_NOT_ELIGIBLE);
    } else {
        choir_participant_lost(p, now_ms);
    }
    return CHOIR_OK;
}

/* The exchange that was under way is over, the report is not. */
static choir_status announced(choir_participant *p, uint64_t now_ms) {
    if (p->state != STATE_REPORT || exchange_of(p) == CHOIR_EXCHANGE_REPORT) {
        return CHOIR_EPROTO;
    }
    p->exchange += 1;
    p->damaged = 0;
    p->wake_ms = now_ms;
    return CHOIR_OK;
}

static choir_status reply_act(choir_participant *p, uint64_t now_ms, const ch_reply *m) {
    switch (m->kind) {
    case CH_REPLY_TASK:
        return p->state == STATE_CHECKIN ? task_accept(p, now_ms, &m->task) : CHOIR_EPROTO;
    case CH_REPLY_WAIT:
        wake_after(p, now_ms, m->wait_ms, why_of(m->why));
        p->told_ms = p->wake_ms;
        return CHOIR_OK;
    case CH_REPLY_PROCEED:
        return announced(p, now_ms);
    case CH_REPLY_ACK:
        if (p->state != STATE_REPORT || exchange_of(p) != CHOIR_EXCHANGE_REPORT) {
            return CHOIR_EPROTO;
        }
        p->is_refused = false;
        report_settled(p, now_ms);
        return CHOIR_OK;
    case CH_REPLY_DONE:
        go_home(p, why_of(m->why));
        return CHOIR_OK;
    case CH_REPLY_REFUSED:
        return refused(p, now_ms, m);
    }
    return CHOIR_EPROTO;
}

choir_status choir_participant_receive(choir_participant *p, uint64_t now_ms, choir_bytes reply) {
    if (p->state != STATE_CHECKIN && p->state != STATE_REPORT) {
        return CHOIR_EPROTO; // nothing was sent
    }
    ch_reply m;
    choir_status status = ch_reply_decode(&m, reply);
    if (status == CHOIR_OK) {
        status = reply_act(p, now_ms, &m);
    }
    if (status == CHOIR_EPROTO) {
        choir_participant_lost(p, now_ms);
    }
    return status;
}

void choir_participant_lost(choir_participant *p, uint64_t now_ms) {
    if (p->state == STATE_FETCH) { // the model may be gone because the round is
        become(p, STATE_CHECKIN);
    }
    wake_after(p, now_ms, p->options.retry_ms, CHOIR_WHY_NONE);
}

void choir_participant_decline(choir_participant *p, uint64_t now_ms) {
    CH_ASSERT(p->state == STATE_FETCH || p->state == STATE_READY);
    const choir_training nothing = {0};
    p->blob = (choir_blob){0};
    p->wake_ms = now_ms;
    words_prepare(p, CH_FAILURE_UNSUPPORTED, &nothing);
}

void choir_participant_shorten(choir_participant *p, uint32_t epochs) {
    CH_ASSERT(p->state == STATE_READY);
    CH_ASSERT(p->task.partial);
    CH_ASSERT(epochs >= 1);
    CH_ASSERT(epochs <= p->task.epochs);
    p->task.epochs = epochs;
}

/* Training */

choir_status choir_participant_fetched(choir_participant *p, uint64_t now_ms,
                                       const choir_blob *blob) {
    CH_ASSERT(p->state == STATE_FETCH);
    if (blob->dim != choir_task_fetched(&p->task) ||
        memcmp(blob->hash.bytes, p->task.model.bytes, CHOIR_HASH_BYTES) != 0) {
        choir_participant_lost(p, now_ms);
        return CHOIR_EPROTO;
    }
    p->blob = *blob;
    become(p, STATE_READY);
    return CHOIR_OK;
}

/*
 * The chain's client ends, for an update and for a failure alike: what the one must not tell, the
 * other must not either.
 */
static void chain_run(const choir_participant *p, float *delta, uint32_t dim,
                      choir_training *training) {
    ch_payload payload = {.delta = delta,
                          .dim = dim,
                          .examples = training->examples,
                          .epochs = p->task.epochs,
                          .dither =
                              ch_metrics_dither(p->task.seed, p->task.round, p->options.client),
                          .metrics = training->metrics};
    ch_chain_client(&p->chain, &payload);
    training->examples = payload.examples;
    training->metrics = payload.metrics;
}

/* OK when there is an update to send. */
static choir_status update_make(choir_participant *p, choir_trainer trainer, float *delta,
                                choir_training *training, choir_error *err) {
    const choir_status status = trainer.ops->train(trainer.self, p->options.client, &p->task,
                                                   p->blob.params, delta, training, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (training->examples == 0) {
        return ch_error_set(err, CHOIR_EAGAIN, "participant: client %u has no examples",
                            p->options.client);
    }
    if (training->method != p->task.method) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "participant: round %u asks client %u for method %u, its trainer does "
                            "method %u",
                            p->task.round, p->options.client, p->task.method, training->method);
    }
    if (!ch_fold_measure(delta, choir_task_sent(&p->task)).is_finite) {
        return ch_error_set(err, CHOIR_ERANGE,
                            "participant: the update of client %u in round %u is not finite",
                            p->options.client, p->task.round);
    }
    return CHOIR_OK;
}

/* OK when there is something measured to send. */
static choir_status measure_make(choir_participant *p, choir_trainer trainer,
                                 choir_training *training, choir_error *err) {
    if (trainer.ops->evaluate == NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "participant: round %u asks client %u to evaluate, which its trainer "
                            "cannot",
                            p->task.round, p->options.client);
    }
    const choir_status status = trainer.ops->evaluate(trainer.self, p->options.client, &p->task,
                                                      p->blob.params, training, err);
    if (status == CHOIR_OK && training->examples == 0) {
        return ch_error_set(err, CHOIR_EAGAIN, "participant: client %u holds no examples out",
                            p->options.client);
    }
    return status;
}

choir_status choir_participant_train(choir_participant *p, uint64_t now_ms, choir_trainer trainer,
                                     choir_workspace *room, choir_error *err) {
    CH_ASSERT(p->state == STATE_READY);
    CH_ASSERT(room->dim_max >= p->task.dim);
    CH_ASSERT(room->dim_max >= choir_task_sent(&p->task));
    const bool evaluates = p->task.purpose == CHOIR_PURPOSE_EVALUATE;
    choir_training training = {0};
    const choir_status status = evaluates ? measure_make(p, trainer, &training, err)
                                          : update_make(p, trainer, room->delta, &training, err);
    p->blob = (choir_blob){0};
    p->metrics = training.metrics;
    chain_run(p, room->delta, status == CHOIR_OK && !evaluates ? p->task.dim : 0, &training);
    if (status == CHOIR_OK && evaluates) {
        words_prepare(p, CH_FAILURE_NONE, &training);
    } else if (status == CHOIR_OK) {
        update_prepare(p, room, &training);
    } else if (status == CHOIR_ERANGE) {
        words_prepare(p, CH_FAILURE_DIVERGED, &training);
    } else if (status == CHOIR_EAGAIN) {
        words_prepare(p, CH_FAILURE_NO_DATA, &training);
    } else if (status == CHOIR_EINVAL) {
        words_prepare(p, CH_FAILURE_UNSUPPORTED, &training);
    } else {
        become(p, STATE_CHECKIN);
        choir_participant_lost(p, now_ms);
    }
    return status;
}
