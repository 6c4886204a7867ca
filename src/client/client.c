/*
 * Client: see include/choir/client.h.
 *
 * A participant decides what is to be done; this does it, with an HTTP client. Two clocks must not
 * be confused: wake_ms is of choir_client_now_ms, tokens end by the server's own.
 *
 *     step:  participant_next ── SEND ──> POST /v1/exchange ──> participant_receive | _lost
 *                             '─ a large report: PUT /v1/uploads/H, part by part
 *                             ── FETCH ─> GET /v1/models/H ──> participant_fetched | _lost
 *                             ── TRAIN ─> trainer
 *                             ── WAIT ──> event WAIT
 *
 * 401 means that the token's time is over: it joins again, and the same request is sent with
 * another.
 */
#include "client/client_parts.h"

#include "base/arena.h"
#include "base/error.h"
#include "choir/blob.h"
#include "client/entry.h"
#include "client/gate.h"
#include "net/http_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

choir_client_options choir_client_defaults(void) {
    return (choir_client_options){.state_dir = "",
                                  .client = CHOIR_CLIENT_ANY,
                                  .name = "",
                                  .platform = "",
                                  .version = "",
                                  .tags = "",
                                  .dim_max = 1 << 26,
                                  .retry_ms = 1000,
                                  .retry_max_ms = 60 * 1000,
                                  .request_ms = 300 * 1000,
                                  .part_bytes = CHOIR_PART_BYTES};
}

uint64_t choir_client_now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t pause_next(choir_client *c) {
    const uint64_t pause_ms = ch_entry_pause_ms(c->retry_ms, c->retry_max_ms, c->failures,
                                                ch_http_client_retry_after_ms(c->http));
    c->failures += c->failures < UINT32_MAX;
    return pause_ms;
}

static void lost(choir_client *c, uint64_t now_ms, choir_event *event, const char *why) {
    // The participant pauses by retry_ms from the time it is told.
    choir_participant_lost(c->participant, now_ms + pause_next(c) - c->retry_ms);
    event->kind = CHOIR_EVENT_LOST;
    (void)snprintf(event->message, sizeof(event->message), "%s", why);
}

/* What its owner refuses the host is told of, and each version once, and again when it is another
 * client of it, whose data are others; before anything is done. */
static bool has_news(choir_client *c, choir_trainer trainer, uint64_t now_ms, choir_event *event) {
    const choir_offer *offer = &c->joined.offer;
    if (!ch_approval_of_job(&c->approval, offer, trainer, now_ms, event)) {
        c->has_joined = now_ms < event->wake_ms; // in time there may be a next version
        return true;
    }
    if (offer->version == c->told_version && offer->client == c->told_client) {
        return false;
    }
    event->kind = CHOIR_EVENT_JOINED;
    event->wake_ms = now_ms;
    c->told_version = offer->version;
    c->told_client = offer->client;
    return true;
}

/* A server that does not answer is asked again later; what it refuses is the host's to know. */
static choir_status join(choir_client *c, choir_trainer trainer, choir_event *event,
                         choir_error *err) {
    choir_error why = {.message = ""};
    const choir_status status = ch_client_join(c, &why);
    if (status == CHOIR_EIO) {
        c->join_ms = choir_client_now_ms() + pause_next(c);
        event->kind = CHOIR_EVENT_LOST;
        (void)snprintf(event->message, sizeof(event->message), "%s", why.message);
        return CHOIR_OK;
    }
    if (c->rejected != CHOIR_WHY_NONE) {
        event->kind = CHOIR_EVENT_REJECTED;
        event->why = c->rejected;
        event->wake_ms = c->join_ms;
        (void)snprintf(event->message, sizeof(event->message), "%s", why.message);
        return CHOIR_OK;
    }
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "%s", why.message);
    }
    c->failures = 0;
    event->wake_ms = choir_client_now_ms();
    if (!has_news(c, trainer, event->wake_ms, event)) {
        event->kind = CHOIR_EVENT_WAIT;
    }
    return CHOIR_OK;
}

choir_status choir_client_promoted(choir_client *c, const choir_promoted **out, choir_error *err) {
    bool is_expired = !c->has_joined;
    choir_status status = CHOIR_OK;
    if (!is_expired) {
        status = ch_promoted_fetch(&c->promoted, c->http, c->joined.offer.name, c->joined.token,
                                   c->dim_max, &is_expired, err);
    }
    if (is_expired) {
        status = ch_client_join(c, err);
        if (status == CHOIR_OK) {
            status = ch_promoted_fetch(&c->promoted, c->http, c->joined.offer.name, c->joined.token,
                                       c->dim_max, &is_expired, err);
        }
    }
    if (status == CHOIR_OK) {
        *out = &c->promoted.model;
    }
    return status;
}

/* The version that was offered: "keyboard@3". */
static void offered(const choir_client *c, char out[CHOIR_JOB_TEXT_MAX]) {
    (void)snprintf(out, CHOIR_JOB_TEXT_MAX, "%s@%" PRIu32, c->joined.offer.name,
                   c->joined.offer.version);
}

static bool is_offered(const choir_client *c, const choir_task *task) {
    char reference[CHOIR_JOB_TEXT_MAX];
    offered(c, reference);
    return strcmp(task->job, reference) == 0;
}

/* Goes on with what an earlier process left. Returns EAGAIN when that is nothing. */
static choir_status resume(choir_client *c, choir_event *event, choir_error *err) {
    char reference[CHOIR_JOB_TEXT_MAX];
    offered(c, reference);
    const ch_kept_place place = {.subject = c->identity->subject,
                                 .job = reference,
                                 .participant = c->participant,
                                 .room = &c->room,
                                 .room_dim = &c->room_dim};
    return ch_kept_resume(&c->kept, &place, choir_client_now_ms(), event, err);
}

static void task_note(choir_event *event, const choir_task *task) {
    event->round = task->round;
    event->purpose = (choir_purpose)task->purpose;
}

/* What the participant will do next says what the reply was. */
static void received(choir_client *c, uint64_t now_ms, bool was_report, choir_event *event) {
    choir_intent intent;
    choir_participant_next(c->participant, now_ms, &intent);
    event->kind = CHOIR_EVENT_WAIT;
    event->wake_ms = intent.kind == CHOIR_INTENT_WAIT ? intent.wake_ms : now_ms;
    event->why = intent.why;
    if (intent.kind == CHOIR_INTENT_FETCH) {
        event->kind = CHOIR_EVENT_TASK;
        task_note(event, intent.task);
        c->has_joined = is_offered(c, intent.task); // else it joins the next version first
    } else if (intent.kind == CHOIR_INTENT_DONE) {
        event->kind = CHOIR_EVENT_DONE;
    } else if (was_report && intent.kind == CHOIR_INTENT_SEND && intent.task == NULL) {
        event->kind = choir_participant_is_refused(c->participant, &event->refusal)
                          ? CHOIR_EVENT_REFUSED
                          : CHOIR_EVENT_REPORTED;
    }
}

static ch_carried_owner owner_of(const choir_client *c, const choir_task *task) {
    return (ch_carried_owner){
        .subject = c->identity->subject, .client = c->joined.offer.client, .job = task->job};
}

/* What the trainer kept of a training is kept for good when the server has counted it. */
static void state_settle(choir_client *c, const choir_task *task, const choir_event *event) {
    const ch_carried_owner owner = owner_of(c, task);
    const bool is_answered =
        event->kind == CHOIR_EVENT_REPORTED || event->kind == CHOIR_EVENT_REFUSED;
    if (is_answered && task->purpose == CHOIR_PURPOSE_TRAIN) {
        ch_carried_settle(&c->carried, &owner, task->round, event->kind == CHOIR_EVENT_REPORTED);
    }
}

static choir_status exchange(const choir_client *c, const choir_intent *intent,
                             ch_http_reply *reply, choir_error *err) {
    const bool is_report = intent->task != NULL;
    const ch_http_call call = {.method = "POST",
                               .path = "/v1/exchange",
                               .bearer = c->joined.token,
                               .type = "application/x-protobuf",
                               .headers = {is_report || c->prefer[0] == '\0' ? NULL : c->prefer},
                               .body = intent->request,
                               .answer_max = CH_ENTRY_ANSWER_MAX};
    return ch_http_client_send(c->http, &call, reply, err);
}

/* A part of the report. What arrives ends a row of failures. */
static choir_status part_send(choir_client *c, const choir_intent *intent, ch_http_reply *reply,
                              bool *is_more, choir_error *err) {
    const ch_delivery_report report = {.body = intent->request,
                                       .job = intent->task->job,
                                       .round = intent->task->round,
                                       .token = c->joined.token};
    bool gains = false;
    const choir_status status =
        ch_delivery_send(&c->delivery, c->http, &report, reply, is_more, &gains, err);
    c->failures = gains ? 0 : c->failures;
    return status;
}

static void send_request(choir_client *c, uint64_t now_ms, const choir_intent *intent,
                         choir_event *event) {
    const bool was_report = intent->task != NULL;
    const choir_task task = was_report ? *intent->task : (choir_task){.round = 0};
    task_note(event, &task);
    ch_http_reply reply = {0};
    choir_error why = {.message = ""};
    bool is_more = false;
    const choir_status sent = was_report && ch_delivery_takes(&c->delivery, intent->request)
                                  ? part_send(c, intent, &reply, &is_more, &why)
                                  : exchange(c, intent, &reply, &why);
    if (sent != CHOIR_OK) {
        lost(c, choir_client_now_ms(), event, why.message);
        return;
    }
    if (is_more) {
        event->kind = CHOIR_EVENT_WAIT;
        event->wake_ms = now_ms;
        return;
    }
    if (reply.code == 401) {
        c->has_joined = false; // the token's time is over: another one, then the same request
        event->kind = CHOIR_EVENT_WAIT;
        event->wake_ms = now_ms;
        return;
    }
    if (reply.code != 200) {
        ch_ignore(ch_http_said(&reply, "exchange", &why), "its sentence is what is wanted");
        lost(c, choir_client_now_ms(), event, why.message);
        return;
    }
    now_ms = choir_client_now_ms();
    const choir_status status = choir_participant_receive(c->participant, now_ms, reply.body);
    if (status == CHOIR_EPROTO) {
        lost(c, now_ms, event, "exchange: the server's reply makes no sense");
        return;
    }
    c->failures = 0;
    received(c, now_ms, was_report, event);
    state_settle(c, &task, event);
}

/* Room for dim numbers, fetched or sent. */
static choir_status room_have(choir_client *c, uint32_t dim, choir_error *err) {
    if (c->params_dim < dim) {
        if (c->params != NULL) {
            c->env.free(c->env.self, c->params);
        }
        c->params = c->env.alloc(c->env.self, ch_arena_cost(dim, sizeof(float)));
        c->params_dim = c->params == NULL ? 0 : dim;
        ch_fetch_reset(&c->fetch);
    }
    if (c->room_dim < dim) {
        choir_workspace_destroy(c->room);
        c->room_dim = choir_workspace_create(&c->room, dim, &c->env) == CHOIR_OK ? dim : 0;
    }
    if (c->params_dim < dim || c->room_dim < dim) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a model of %" PRIu32 " parameters",
                            dim);
    }
    return CHOIR_OK;
}

static choir_status fetch(choir_client *c, uint64_t now_ms, const choir_intent *intent,
                          choir_event *event, choir_error *err) {
    const choir_task task = *intent->task;
    const uint32_t fetched = choir_task_fetched(&task);
    const uint32_t sent = choir_task_sent(&task);
    const choir_status status = room_have(c, fetched > sent ? fetched : sent, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const choir_bytes bytes = {.data = (const uint8_t *)c->params, .size = fetched * sizeof(float)};
    choir_error why = {.message = ""};
    bool gains = false;
    task_note(event, &task);
    const choir_status got = ch_fetch_get(&c->fetch, c->http, &task.model, (uint8_t *)c->params,
                                          bytes.size, &gains, &why);
    c->failures = gains ? 0 : c->failures; // what has come ends a row of them
    if (got != CHOIR_OK) {
        lost(c, choir_client_now_ms(), event, why.message);
        return CHOIR_OK;
    }
    choir_blob blob;
    if (choir_blob_open(&blob, bytes, &task.model) != CHOIR_OK ||
        choir_participant_fetched(c->participant, now_ms, &blob) != CHOIR_OK) {
        ch_fetch_reset(&c->fetch);
        lost(c, choir_client_now_ms(), event, "model: not the one that the task names");
        return CHOIR_OK;
    }
    c->failures = 0;
    event->kind = CHOIR_EVENT_FETCHED;
    return CHOIR_OK;
}

/* A trainer that fails for want of memory, disk or data that make sense leaves nothing to report:
 * the task was dropped. It may fail so again at once, and so the pauses before the next task grow
 * until one has been done. */
static void training_note(choir_client *c, choir_status status) {
    if (status == CHOIR_EIO || status == CHOIR_ENOMEM || status == CHOIR_EPROTO) {
        const uint64_t pause_ms = ch_entry_pause_ms(c->retry_ms, c->retry_max_ms, c->dropped, 0);
        choir_participant_lost(c->participant, choir_client_now_ms() + pause_ms - c->retry_ms);
        c->dropped += c->dropped < UINT32_MAX;
    } else {
        c->dropped = 0;
    }
}

/* To evaluate changes nothing that a client keeps, and takes no while to tell of. */
static bool is_lent_to(choir_trainer trainer, const choir_task *task) {
    return trainer.ops->lend != NULL && task->purpose == CHOIR_PURPOSE_TRAIN;
}

static choir_status lend(choir_client *c, choir_trainer trainer, const ch_carried_owner *owner,
                         choir_lent *lent, choir_error *err) {
    const choir_status status =
        ch_carried_begin(&c->carried, owner, trainer.ops->state_bytes_max, lent, err);
    if (status == CHOIR_OK) {
        trainer.ops->lend(trainer.self, lent);
    }
    return status;
}

static choir_status train(choir_client *c, const choir_intent *intent, choir_trainer trainer,
                          choir_event *event, choir_error *err) {
    choir_error why = {.message = ""};
    const choir_task task = *intent->task;
    const ch_carried_owner owner = owner_of(c, &task);
    choir_lent lent = {.progress = c->progress, .self = c->self};
    task_note(event, &task);
    const bool is_lent = is_lent_to(trainer, &task);
    choir_status status = is_lent ? lend(c, trainer, &owner, &lent, err) : CHOIR_OK;
    if (status != CHOIR_OK) {
        return status;
    }
    status = choir_participant_train(c->participant, choir_client_now_ms(),
                                     ch_approval_trainer(&c->approval, trainer), c->room, &why);
    if (status == CHOIR_OK && task.purpose == CHOIR_PURPOSE_TRAIN) {
        ch_carried_end(&c->carried, &owner, task.round, &lent);
    }
    if (is_lent) {
        trainer.ops->lend(trainer.self, NULL);
    }
    training_note(c, status);
    event->kind = status == CHOIR_OK ? CHOIR_EVENT_TRAINED : CHOIR_EVENT_FAILED;
    (void)snprintf(event->message, sizeof(event->message), "%s", why.message);
    return CHOIR_OK;
}

/* What is next: before it has joined, a check-in is, unless there is a participant already. */
static void intent_next(choir_client *c, uint64_t now_ms, choir_intent *intent) {
    *intent = (choir_intent){.kind = CHOIR_INTENT_SEND};
    if (c->participant != NULL) {
        choir_participant_next(c->participant, now_ms, intent);
    }
}

static choir_status step(choir_client *c, choir_trainer trainer, choir_event *event,
                         choir_error *err) {
    *event = (choir_event){.kind = CHOIR_EVENT_DONE};
    const uint64_t now_ms = choir_client_now_ms();
    choir_intent intent;
    if (!c->has_joined && now_ms < c->join_ms) {
        event->kind = CHOIR_EVENT_WAIT;
        event->wake_ms = c->join_ms;
        event->why = c->rejected;
        return CHOIR_OK;
    }
    if (c->has_joined && has_news(c, trainer, now_ms, event)) {
        return CHOIR_OK;
    }
    const choir_status left =
        c->has_joined && !c->kept.is_read ? resume(c, event, err) : CHOIR_EAGAIN;
    if (left != CHOIR_EAGAIN) {
        return left;
    }
    intent_next(c, now_ms, &intent);
    if (ch_gate_is_closed(&c->conditions, &intent, c->has_joined, ch_kept_has_left(&c->kept),
                          now_ms, event)) {
        return CHOIR_OK;
    }
    if (!c->has_joined) {
        return join(c, trainer, event, err);
    }
    const bool is_work = intent.kind == CHOIR_INTENT_FETCH || intent.kind == CHOIR_INTENT_TRAIN;
    if (is_work && !ch_approval_of_task(&c->approval, intent.task, trainer, now_ms, event)) {
        choir_participant_decline(c->participant, now_ms);
        return CHOIR_OK;
    }
    switch (intent.kind) {
    case CHOIR_INTENT_SEND:
        send_request(c, now_ms, &intent, event);
        break;
    case CHOIR_INTENT_FETCH:
        return fetch(c, now_ms, &intent, event, err);
    case CHOIR_INTENT_TRAIN:
        return train(c, &intent, trainer, event, err);
    case CHOIR_INTENT_WAIT:
        event->kind = CHOIR_EVENT_WAIT;
        event->wake_ms = intent.wake_ms;
        event->why = intent.why;
        break;
    case CHOIR_INTENT_DONE:
        event->why = intent.why;
        break;
    }
    return CHOIR_OK;
}

choir_status choir_client_step(choir_client *c, choir_trainer trainer, choir_event *event,
                               choir_error *err) {
    const choir_status status = step(c, trainer, event, err);
    if (event->kind != CHOIR_EVENT_WAIT) {
        ch_kept_follow(&c->kept, c->identity->subject, c->participant);
    }
    return status;
}
