/*
 * Client: see include/choir/client.h.
 *
 * A participant decides what is to be done; this does it, with an HTTP client. Two clocks must not
 * be confused: wake_ms is of choir_client_now_ms, tokens end by the server's own.
 *
 *     step:  participant_next ── SEND ──> POST /v1/exchange ──> participant_receive | _lost
 *                             ── FETCH ─> GET /v1/models/H ──> participant_fetched | _lost
 *                             ── TRAIN ─> trainer
 *                             ── WAIT ──> event WAIT
 *
 * 401 means that the token's time is over: it joins again, and the same request is sent with
 * another.
 */
#include "choir/client.h"

#include "base/arena.h"
#include "base/error.h"
#include "choir/blob.h"
#include "choir/participant.h"
#include "choir/route.h"
#include "client/identity.h"
#include "client/joined.h"
#include "client/promoted.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "net/http_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SIGNED_MAX = 512,
    HEAD_MAX = 1 << 20,
    SILENCE_S = 30,
    TOLD_MAX_MS = 3600 * 1000, // of a pause that the server asks for
    PATIENCE_MAX_S = 60
};

struct choir_client {
    choir_env env;
    char job[CHOIR_JOB_TEXT_MAX];
    char secret[sizeof(((choir_join *)0)->secret)];
    uint8_t signing_key[CH_PUBLIC_KEY_BYTES]; // of jobs
    char name[64];
    char platform[64];
    char version[64];
    char tags[256];
    uint32_t wanted;
    uint32_t dim_max;
    uint32_t retry_ms;
    uint32_t retry_max_ms;
    char prefer[32]; // "Prefer: wait=25"; "" for no patience

    ch_identity identity;
    ch_http_client *http;
    ch_joined joined; // last

    choir_participant *participant;
    choir_workspace *room;
    uint32_t room_dim;
    float *params; // (params_dim) the model of the task, as it was fetched
    uint32_t params_dim;
    uint32_t failures; // in a row
    ch_promoted promoted;
    uint32_t told_version; // of the last JOINED
    bool has_joined;       // and has a token, and an offer of the version whose tasks it is given
    uint64_t join_ms;      // not before
};

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
                                  .request_ms = 300 * 1000};
}

uint64_t choir_client_now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// ----- life -------------------------------------------------------------------------------------

/* Copies a text of the options; false, with a sentence, when it is missing or too long. */
static bool take(char *out, size_t size, const char *text, const char *key, choir_error *err) {
    if (text == NULL || strlen(text) >= size) {
        (void)ch_error_set(err, CHOIR_EINVAL, "client: %s must be a text of less than %zu bytes",
                           key, size);
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static choir_status options_take(choir_client *c, const choir_client_options *o, choir_error *err) {
    if (o->join == NULL || o->job == NULL || o->job[0] == '\0') {
        return ch_error_set(err, CHOIR_EINVAL, "client: join and job are required");
    }
    if (o->dim_max == 0 || o->dim_max > CHOIR_DIM_MAX || o->retry_ms == 0 ||
        o->retry_max_ms < o->retry_ms || o->request_ms == 0 || o->patience_s > PATIENCE_MAX_S) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "client: dim_max must be in [1, %d], retry_ms and request_ms at least "
                            "1, retry_max_ms no less than retry_ms, patience_s at most %d",
                            CHOIR_DIM_MAX, PATIENCE_MAX_S);
    }
    c->wanted = o->client;
    c->dim_max = o->dim_max;
    c->retry_ms = o->retry_ms;
    c->retry_max_ms = o->retry_max_ms;
    if (o->patience_s > 0) {
        (void)snprintf(c->prefer, sizeof(c->prefer), "Prefer: wait=%" PRIu32, o->patience_s);
    }
    const bool fit = take(c->job, sizeof(c->job), o->job, "job", err) &&
                     take(c->secret, sizeof(c->secret), o->join->secret, "secret", err) &&
                     take(c->name, sizeof(c->name), o->name, "name", err) &&
                     take(c->platform, sizeof(c->platform), o->platform, "platform", err) &&
                     take(c->version, sizeof(c->version), o->version, "version", err) &&
                     take(c->tags, sizeof(c->tags), o->tags, "tags", err);
    return fit ? CHOIR_OK : CHOIR_EINVAL;
}

static choir_status signing_key_take(choir_client *c, const choir_join *join, choir_error *err) {
    size_t size = 0;
    if (ch_base64_read(c->signing_key, sizeof(c->signing_key), &size, join->signing_key,
                       strlen(join->signing_key)) != CHOIR_OK ||
        size != sizeof(c->signing_key)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "client: the join file's signing_key must be %d bytes in base64url",
                            CH_PUBLIC_KEY_BYTES);
    }
    return CHOIR_OK;
}

static choir_status client_build(choir_client *c, const choir_client_options *o, choir_error *err) {
    choir_status status = options_take(c, o, err);
    if (status == CHOIR_OK) {
        status = ch_crypto_start(err);
    }
    if (status == CHOIR_OK) {
        status = signing_key_take(c, o->join, err);
    }
    if (status == CHOIR_OK) {
        status = ch_identity_open(&c->identity, o->state_dir, o->join->url, &c->env, err);
    }
    if (status == CHOIR_OK) {
        ch_http_client_options http = ch_http_client_defaults();
        http.url = o->join->url;
        http.ca_file = o->ca_file;
        http.pin = o->join->pin[0] == '\0' || o->ca_file != NULL ? NULL : o->join->pin;
        http.certificate_file = o->certificate_file;
        http.key_file = o->key_file;
        http.request_ms = o->request_ms;
        http.silence_s = o->patience_s + SILENCE_S;
        http.is_stopped = o->is_stopped;
        http.self = o->self;
        http.body_max = (size_t)o->dim_max * sizeof(float) + HEAD_MAX;
        status = ch_http_client_create(&c->http, &http, &c->env, err);
    }
    return status;
}

choir_status choir_client_create(choir_client **out, const choir_client_options *options,
                                 const choir_env *env, choir_error *err) {
    *out = NULL;
    choir_client *c = env->alloc(env->self, ch_arena_cost(1, sizeof(*c)));
    if (c == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a client");
    }
    *c = (choir_client){.env = *env, .promoted = {.env = *env}};
    const choir_status status = client_build(c, options, err);
    if (status != CHOIR_OK) {
        choir_client_destroy(c);
        return status;
    }
    *out = c;
    return CHOIR_OK;
}

void choir_client_destroy(choir_client *c) {
    if (c == NULL) {
        return;
    }
    const choir_env env = c->env;
    choir_participant_destroy(c->participant);
    choir_workspace_destroy(c->room);
    if (c->params != NULL) {
        env.free(env.self, c->params);
    }
    ch_joined_release(&c->joined);
    ch_promoted_release(&c->promoted);
    ch_http_client_destroy(c->http);
    ch_wipe(c, sizeof(*c));
    env.free(env.self, c);
}

// ----- joining ----------------------------------------------------------------------------------

static choir_status enroll(choir_client *c, choir_error *err) {
    char key[CH_BASE64_MAX(CH_PUBLIC_KEY_BYTES)];
    ch_base64(key, (choir_bytes){.data = c->identity.key.public_key, .size = CH_PUBLIC_KEY_BYTES});
    json_t *answer = NULL;
    const choir_status status = ch_http_ask(
        c->http, "POST", "/v1/enroll", NULL,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "secret", c->secret, "key", key, "name",
                  c->name, "platform", c->platform, "version", c->version, "tags", c->tags),
        "enrolment", &answer, err);
    if (status != CHOIR_OK) {
        return status;
    }
    c->identity.subject = json_integer_value(json_object_get(answer, "subject"));
    json_decref(answer);
    if (c->identity.subject <= 0) {
        c->identity.subject = 0;
        return ch_error_set(err, CHOIR_EPROTO, "enrolment: the server gave no number");
    }
    return ch_identity_save(&c->identity, err);
}

/* The body of a join, signed over a challenge that the server has just given. */
static choir_status join_body(choir_client *c, json_t **out, choir_error *err) {
    json_t *answer = NULL;
    const choir_status status =
        ch_http_ask(c->http, "GET", "/v1/challenge", NULL, NULL, "challenge", &answer, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const char *challenge = json_string_value(json_object_get(answer, "challenge"));
    char text[SIGNED_MAX];
    const int size = snprintf(text, sizeof(text), "choir-join\n%s\n%" PRId64 "\n%s\n", c->job,
                              c->identity.subject, challenge == NULL ? "" : challenge);
    if (challenge == NULL || (size_t)size >= sizeof(text)) {
        json_decref(answer);
        return ch_error_set(err, CHOIR_EPROTO, "challenge: the server gave none");
    }
    uint8_t signature[CH_SIGNATURE_BYTES];
    ch_sign(signature, (choir_bytes){.data = (const uint8_t *)text, .size = (size_t)size},
            c->identity.key.secret_key);
    char signature_text[CH_BASE64_MAX(CH_SIGNATURE_BYTES)];
    ch_base64(signature_text, (choir_bytes){.data = signature, .size = sizeof(signature)});
    *out = json_pack("{s:I, s:s, s:s}", "subject", (json_int_t)c->identity.subject, "challenge",
                     challenge, "signature", signature_text);
    if (c->wanted != CHOIR_CLIENT_ANY) {
        (void)json_object_set_new(*out, "client", json_integer((json_int_t)c->wanted));
    }
    json_decref(answer);
    return *out != NULL ? CHOIR_OK : ch_error_set(err, CHOIR_ENOMEM, "no memory to join");
}

/* A participant as the client that it now is, unless it is that already: then it goes on. */
static choir_status participant_have(choir_client *c, uint32_t client_before, choir_error *err) {
    if (c->participant != NULL && c->joined.offer.client == client_before) {
        return CHOIR_OK;
    }
    if (c->participant != NULL) {
        choir_participant_reset(c->participant, c->joined.offer.client);
        return CHOIR_OK;
    }
    choir_participant_options o = choir_participant_defaults();
    o.job = c->job;
    o.client = c->joined.offer.client;
    o.dim_max = c->dim_max;
    o.retry_ms = c->retry_ms;
    return choir_participant_create(&c->participant, &o, &c->env, err);
}

static choir_status join_once(choir_client *c, choir_error *err) {
    json_t *body = NULL;
    choir_status status = c->identity.subject == 0 ? enroll(c, err) : CHOIR_OK;
    if (status == CHOIR_OK) {
        status = join_body(c, &body, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    char path[128];
    (void)snprintf(path, sizeof(path), "/v1/jobs/%s/join", c->job);
    const uint32_t before = c->joined.offer.client;
    json_t *answer = NULL;
    status = ch_http_ask(c->http, "POST", path, NULL, body, "join", &answer, err);
    ch_joined joined;
    if (status == CHOIR_OK) {
        status = ch_joined_read(&joined, answer, c->job, c->signing_key, err);
    }
    if (status == CHOIR_OK) {
        ch_joined_release(&c->joined);
        c->joined = joined;
    }
    if (status == CHOIR_OK) {
        status = participant_have(c, before, err);
    }
    return status;
}

const choir_offer *choir_client_offer(const choir_client *c) {
    return &c->joined.offer;
}

// ----- steps ------------------------------------------------------------------------------------

/* A pause that doubles with every failure in a row, and is no shorter than the server said. */
static uint64_t pause_next(choir_client *c) {
    const uint64_t told_ms = ch_http_client_retry_after_ms(c->http);
    const uint64_t least_ms = told_ms < TOLD_MAX_MS ? told_ms : TOLD_MAX_MS;
    uint64_t pause_ms = c->retry_ms;
    for (uint32_t i = 0; i < c->failures && pause_ms < c->retry_max_ms; i++) {
        pause_ms *= 2;
    }
    c->failures += c->failures < UINT32_MAX;
    pause_ms = pause_ms < c->retry_max_ms ? pause_ms : c->retry_max_ms;
    return pause_ms > least_ms ? pause_ms : least_ms;
}

static void lost(choir_client *c, uint64_t now_ms, choir_event *event, const char *why) {
    // The participant pauses by retry_ms from the time it is told.
    choir_participant_lost(c->participant, now_ms + pause_next(c) - c->retry_ms);
    event->kind = CHOIR_EVENT_LOST;
    (void)snprintf(event->message, sizeof(event->message), "%s", why);
}

/* Joins, enrolling first where it must. */
static choir_status join_any(choir_client *c, choir_error *err) {
    choir_status status = join_once(c, err);
    if (status == CHOIR_EINVAL && c->identity.subject != 0) {
        c->identity.subject = 0; // a server that began anew knows nobody: enrol there once more
        status = join_once(c, err);
    }
    c->has_joined = status == CHOIR_OK;
    return status;
}

/* The host is told of a version once. */
static void joined(choir_client *c, choir_event *event) {
    event->kind =
        c->joined.offer.version != c->told_version ? CHOIR_EVENT_JOINED : CHOIR_EVENT_WAIT;
    event->wake_ms = choir_client_now_ms();
    c->told_version = c->joined.offer.version;
}

/* A server that does not answer is asked again later; what it refuses is the host's to know. */
static choir_status join(choir_client *c, choir_event *event, choir_error *err) {
    choir_error why = {.message = ""};
    const choir_status status = join_any(c, &why);
    if (status == CHOIR_EIO) {
        c->join_ms = choir_client_now_ms() + pause_next(c);
        event->kind = CHOIR_EVENT_LOST;
        (void)snprintf(event->message, sizeof(event->message), "%s", why.message);
        return CHOIR_OK;
    }
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "%s", why.message);
    }
    c->failures = 0;
    joined(c, event);
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
        status = join_any(c, err);
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

/* Whether a task is of the version that was offered: "keyboard@3". */
static bool is_offered(const choir_client *c, const choir_task *task) {
    char reference[CHOIR_JOB_TEXT_MAX];
    (void)snprintf(reference, sizeof(reference), "%s@%" PRIu32, c->joined.offer.name,
                   c->joined.offer.version);
    return strcmp(task->job, reference) == 0;
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
        event->round = intent.task->round;
        c->has_joined = is_offered(c, intent.task); // else it joins the next version first
    } else if (intent.kind == CHOIR_INTENT_DONE) {
        event->kind = CHOIR_EVENT_DONE;
    } else if (was_report && intent.kind == CHOIR_INTENT_SEND && intent.task == NULL) {
        event->kind = choir_participant_is_refused(c->participant, &event->refusal)
                          ? CHOIR_EVENT_REFUSED
                          : CHOIR_EVENT_REPORTED;
    }
}

static void send_request(choir_client *c, uint64_t now_ms, const choir_intent *intent,
                         choir_event *event) {
    const bool was_report = intent->task != NULL;
    const ch_http_call call = {.method = "POST",
                               .path = "/v1/exchange",
                               .bearer = c->joined.token,
                               .type = "application/x-protobuf",
                               .headers = {was_report || c->prefer[0] == '\0' ? NULL : c->prefer},
                               .body = intent->request};
    event->round = was_report ? intent->task->round : 0;
    ch_http_reply reply = {0};
    choir_error why = {.message = ""};
    if (ch_http_client_send(c->http, &call, &reply, &why) != CHOIR_OK) {
        lost(c, choir_client_now_ms(), event, why.message);
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
}

/* Room for a model of dim parameters, fetched or trained. */
static choir_status room_have(choir_client *c, uint32_t dim, choir_error *err) {
    if (c->params_dim < dim) {
        if (c->params != NULL) {
            c->env.free(c->env.self, c->params);
        }
        c->params = c->env.alloc(c->env.self, ch_arena_cost(dim, sizeof(float)));
        c->params_dim = c->params == NULL ? 0 : dim;
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
    char hash[2 * CHOIR_HASH_BYTES + 1];
    char path[128];
    const choir_task task = *intent->task;
    choir_hash_text(&task.model, hash);
    (void)snprintf(path, sizeof(path), "/v1/models/%s", hash);
    const choir_status status = room_have(c, task.dim, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const ch_http_call call = {.method = "GET", .path = path};
    ch_http_reply reply = {0};
    choir_error why = {.message = ""};
    event->round = task.round;
    if (ch_http_client_send(c->http, &call, &reply, &why) != CHOIR_OK) {
        lost(c, choir_client_now_ms(), event, why.message);
        return CHOIR_OK;
    }
    if (reply.code != 200 || reply.body.size != task.dim * sizeof(float)) {
        ch_ignore(ch_http_said(&reply, "model", &why), "its sentence is what is wanted");
        lost(c, choir_client_now_ms(), event, why.message);
        return CHOIR_OK;
    }
    memcpy(c->params, reply.body.data, reply.body.size);
    choir_blob blob;
    const choir_bytes bytes = {.data = (const uint8_t *)c->params, .size = reply.body.size};
    if (choir_blob_open(&blob, bytes, &task.model) != CHOIR_OK ||
        choir_participant_fetched(c->participant, now_ms, &blob) != CHOIR_OK) {
        lost(c, choir_client_now_ms(), event, "model: not the one that the task names");
        return CHOIR_OK;
    }
    c->failures = 0;
    event->kind = CHOIR_EVENT_FETCHED;
    return CHOIR_OK;
}

static void train(choir_client *c, const choir_intent *intent, choir_trainer trainer,
                  choir_event *event) {
    choir_error why = {.message = ""};
    event->round = intent->task->round;
    const choir_status status =
        choir_participant_train(c->participant, choir_client_now_ms(), trainer, c->room, &why);
    event->kind = status == CHOIR_OK ? CHOIR_EVENT_TRAINED : CHOIR_EVENT_FAILED;
    (void)snprintf(event->message, sizeof(event->message), "%s", why.message);
}

choir_status choir_client_step(choir_client *c, choir_trainer trainer, choir_event *event,
                               choir_error *err) {
    *event = (choir_event){.kind = CHOIR_EVENT_DONE};
    const uint64_t now_ms = choir_client_now_ms();
    if (!c->has_joined && now_ms >= c->join_ms) {
        return join(c, event, err);
    }
    if (!c->has_joined) {
        event->kind = CHOIR_EVENT_WAIT;
        event->wake_ms = c->join_ms;
        return CHOIR_OK;
    }
    if (c->joined.offer.version != c->told_version) { // it was joined to ask for the promoted model
        joined(c, event);
        return CHOIR_OK;
    }
    choir_intent intent;
    choir_participant_next(c->participant, now_ms, &intent);
    switch (intent.kind) {
    case CHOIR_INTENT_SEND:
        send_request(c, now_ms, &intent, event);
        break;
    case CHOIR_INTENT_FETCH:
        return fetch(c, now_ms, &intent, event, err);
    case CHOIR_INTENT_TRAIN:
        train(c, &intent, trainer, event);
        break;
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
