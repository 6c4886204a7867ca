/* A swarm's member: what it does next, and what an answer means to it. See swarm_parts.h. */
#include "swarm/swarm_parts.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/env.h"
#include "base/error.h"
#include "base/text.h"
#include "client/joined.h"
#include "crypto/entropy.h"
#include "net/http_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNTIL_LONG_AGO_MS = 0 }; // for a participant that need not pause

/* ----------------------------------------------------------------------------------------- losing
 */

static uint64_t pause_next(ch_member *m, const ch_http_reply *reply) {
    const uint64_t pause_ms = ch_entry_pause_ms(CH_SWARM_RETRY_MS, CH_SWARM_RETRY_MAX_MS,
                                                m->failures, reply->retry_after_ms);
    m->failures += m->failures < UINT32_MAX;
    return pause_ms;
}

static void lost_log(ch_swarm *s, const ch_member *m, ch_swarm_kind kind, const char *why) {
    s->result->calls[kind].lost += 1;
    char quoted[2 * sizeof(choir_error)];
    (void)ch_text_quote(quoted, sizeof(quoted), why);
    ch_log(&s->env, CHOIR_LEVEL_WARN, "call_lost", "client=%u call=%s why=%s", m->client,
           ch_swarm_kind_name(kind), quoted);
}

/* An exchange or a model that did not come: the participant says when it is asked for again. */
static void work_lost(ch_swarm *s, uint32_t number, ch_swarm_kind kind, const ch_http_reply *reply,
                      const char *why) {
    ch_member *m = &s->members[number];
    lost_log(s, m, kind, why);
    choir_participant_lost(m->participant,
                           choir_client_now_ms() + pause_next(m, reply) - CH_SWARM_RETRY_MS);
    if (choir_participant_holds(m->participant) == NULL) {
        ch_swarm_room_give(s, number);
    }
    ch_swarm_ready(s, number);
}

/* ---------------------------------------------------------------------------------------- entering
 */

static void json_send(ch_swarm *s, uint32_t number, ch_swarm_kind kind, const char *path,
                      json_t *body) {
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (text == NULL) {
        ch_swarm_fail(s, CHOIR_ENOMEM, "no memory for a client to enter");
        return;
    }
    const ch_http_call call = {.method = "POST",
                               .path = path,
                               .type = "application/json",
                               .body = {(const uint8_t *)text, strlen(text)}};
    ch_swarm_send(s, number, kind, call, text);
}

static ch_entry_about about_of(const ch_swarm *s) {
    return (ch_entry_about){.name = "swarm",
                            .platform = s->options.platform,
                            .version = CHOIR_VERSION,
                            .tags = s->options.tags};
}

static void enroll(ch_swarm *s, uint32_t number) {
    const ch_member *m = &s->members[number];
    const ch_entry_about about = about_of(s);
    ch_key_pair key;
    ch_key_pair_derive(&key, s->identities.seed, m->client);
    json_send(s, number, CH_SWARM_ENROL, "/v1/enroll",
              ch_entry_enroll(s->options.join->secret, key.public_key, &about));
    ch_wipe(&key, sizeof(key));
}

static void join(ch_swarm *s, uint32_t number) {
    const ch_member *m = &s->members[number];
    const ch_entry_about about = about_of(s);
    char path[CH_ENTRY_PATH_MAX];
    ch_key_pair key;
    ch_entry_path(path, s->options.job);
    ch_key_pair_derive(&key, s->identities.seed, m->client);
    json_t *body = ch_entry_join(s->options.job, s->identities.subjects[m->client], m->challenge,
                                 m->client, &key);
    ch_entry_tell(body, &about);
    json_send(s, number, CH_SWARM_JOIN, path, body);
    ch_wipe(&key, sizeof(key));
}

/* The first member that meets a version has it offered to the host. */
static choir_status version_meet(ch_swarm *s, const choir_offer *offer, choir_error *err) {
    if (offer->version <= s->version) {
        return CHOIR_OK;
    }
    s->version = offer->version;
    return s->host.offered(s->host.self, offer, &s->trainer, err);
}

static choir_status participant_have(ch_swarm *s, ch_member *m, choir_error *err) {
    if (m->participant != NULL) {
        return CHOIR_OK;
    }
    choir_participant_options o = choir_participant_defaults();
    o.job = s->options.job;
    o.client = m->client;
    o.dim_max = s->options.dim_max;
    o.retry_ms = CH_SWARM_RETRY_MS;
    return choir_participant_create(&m->participant, &o, &s->env, err);
}

static choir_status token_take(ch_member *m, const char *token) {
    const size_t bytes = strlen(token) + 1;
    char *copy = malloc(bytes);
    if (copy == NULL) {
        return CHOIR_ENOMEM;
    }
    memcpy(copy, token, bytes);
    if (m->token != NULL) {
        ch_wipe(m->token, strlen(m->token));
        free(m->token);
    }
    m->token = copy;
    return CHOIR_OK;
}

/* Takes the reference of answer. */
static choir_status joined(ch_swarm *s, uint32_t number, json_t *answer, choir_error *err) {
    ch_member *m = &s->members[number];
    ch_joined joined;
    choir_status status = ch_joined_read(&joined, answer, s->options.job, s->signing_key, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (joined.offer.client != m->client) {
        status = ch_error_set(err, CHOIR_EPROTO, "join: the server made it client %" PRIu32,
                              joined.offer.client);
    }
    if (status == CHOIR_OK) {
        status = version_meet(s, &joined.offer, err);
    }
    if (status == CHOIR_OK) {
        status = participant_have(s, m, err);
    }
    if (status == CHOIR_OK) {
        status = token_take(m, joined.token);
    }
    m->version = joined.offer.version;
    ch_joined_release(&joined);
    m->stage = CH_STAGE_WORK;
    return status;
}

/* Reads an answer, whose reference is taken. */
static choir_status entry_read(ch_swarm *s, uint32_t number, ch_swarm_kind kind, json_t *answer,
                               choir_error *err) {
    ch_member *m = &s->members[number];
    if (kind == CH_SWARM_JOIN) {
        return joined(s, number, answer, err);
    }
    choir_status status = CHOIR_OK;
    if (kind == CH_SWARM_ENROL) {
        status = ch_entry_subject(&s->identities.subjects[m->client], answer, err);
        m->stage = CH_STAGE_CHALLENGE;
    } else {
        status = ch_entry_challenge(m->challenge, answer, err);
        m->stage = CH_STAGE_JOIN;
    }
    json_decref(answer);
    return status;
}

/* A server that does not answer is asked again; one that began anew knows nobody, so that its
 * devices enrol once more; what else it refuses ends the run. */
static void entry_lost(ch_swarm *s, uint32_t number, ch_swarm_kind kind, choir_status status,
                       const ch_http_reply *reply, const char *why) {
    ch_member *m = &s->members[number];
    const bool is_unknown =
        status == CHOIR_EINVAL && kind == CH_SWARM_JOIN && !m->was_enrolled_anew;
    if (status != CHOIR_EIO && !is_unknown) {
        ch_swarm_fail(s, status, "client %" PRIu32 ": %s", m->client, why);
        return;
    }
    lost_log(s, m, kind, why);
    if (is_unknown) {
        m->was_enrolled_anew = true;
        s->identities.subjects[m->client] = 0;
    }
    m->stage = s->identities.subjects[m->client] == 0 ? CH_STAGE_ENROL : CH_STAGE_CHALLENGE;
    ch_swarm_later(s, number, choir_client_now_ms() + (is_unknown ? 0 : pause_next(m, reply)));
}

static void entry_hear(ch_swarm *s, uint32_t number, ch_swarm_kind kind, choir_status status,
                       const ch_http_reply *reply, const choir_error *err) {
    static const char *const words[] = {"enrolment", "challenge", "join"};
    ch_member *m = &s->members[number];
    choir_error why = *err;
    json_t *answer = NULL;
    if (status == CHOIR_OK) {
        status = ch_http_took(reply, words[kind], &answer, &why);
    }
    if (status == CHOIR_OK) {
        status = entry_read(s, number, kind, answer, &why);
    }
    if (status != CHOIR_OK) {
        entry_lost(s, number, kind, status, reply, why.message);
        return;
    }
    m->failures = 0;
    if (m->stage == CH_STAGE_WORK && !m->has_entered) {
        m->has_entered = true;
        s->result->entered += 1;
    }
    if (m->stage != CH_STAGE_WORK || !s->is_entering) {
        ch_swarm_ready(s, number);
    }
}

/* ----------------------------------------------------------------------------------------- working
 */

static ch_swarm_kind exchange_kind(const choir_intent *intent) {
    switch (intent->exchange) {
    case CHOIR_EXCHANGE_ANNOUNCE:
        return CH_SWARM_ANNOUNCE;
    case CHOIR_EXCHANGE_REPORT:
        return CH_SWARM_REPORT;
    case CHOIR_EXCHANGE_NONE:
        break;
    }
    return CH_SWARM_CHECK_IN;
}

static void exchange_send(ch_swarm *s, uint32_t number, const choir_intent *intent) {
    const ch_swarm_kind kind = exchange_kind(intent);
    const bool may_sleep = kind == CH_SWARM_CHECK_IN && s->prefer[0] != '\0';
    const ch_http_call call = {.method = "POST",
                               .path = "/v1/exchange",
                               .bearer = s->members[number].token,
                               .type = "application/x-protobuf",
                               .headers = {may_sleep ? s->prefer : NULL},
                               .body = intent->request};
    ch_swarm_send(s, number, kind, call, NULL);
}

/* The participant has its model, s->model: it trains, and the report is next. */
static void train(ch_swarm *s, uint32_t number) {
    ch_member *m = &s->members[number];
    choir_error why = {.message = ""};
    choir_status status =
        choir_participant_fetched(m->participant, choir_client_now_ms(), &s->model.blob);
    CH_ASSERT(status == CHOIR_OK); // its hash is the task's
    status = choir_participant_train(m->participant, choir_client_now_ms(), s->trainer,
                                     s->rooms[m->room].workspace, &why);
    if (status != CHOIR_OK) {
        s->result->failures += 1;
        char quoted[2 * sizeof(why.message)];
        (void)ch_text_quote(quoted, sizeof(quoted), why.message);
        ch_log(&s->env, CHOIR_LEVEL_WARN, "training_failed", "client=%" PRIu32 " why=%s", m->client,
               quoted);
    }
    if (choir_participant_holds(m->participant) == NULL) {
        ch_swarm_room_give(s, number);
    }
    ch_swarm_ready(s, number);
}

static bool model_is(const ch_swarm *s, const choir_hash *hash) {
    return s->model.params != NULL && memcmp(&s->model.blob.hash, hash, sizeof(*hash)) == 0;
}

/* "keyboard@3": 3. */
static uint32_t version_of(const choir_task *task) {
    const char *at = strrchr(task->job, '@');
    return at == NULL ? 0 : (uint32_t)strtoul(at + 1, NULL, 10);
}

/* Numbers that the room for a task's report must have. */
static uint32_t room_of(const choir_task *task) {
    const uint32_t sent = choir_task_sent(task);
    return sent > task->dim ? sent : task->dim;
}

static void fetch(ch_swarm *s, uint32_t number, const choir_task *task) {
    ch_member *m = &s->members[number];
    const uint32_t version = version_of(task);
    if (version > m->version) { // it joins that first
        m->stage = CH_STAGE_CHALLENGE;
        ch_swarm_ready(s, number);
        return;
    }
    if (version < s->version) { // there is no trainer for it any more, and no round
        choir_participant_lost(m->participant, UNTIL_LONG_AGO_MS);
        ch_swarm_ready(s, number);
        return;
    }
    if (!ch_swarm_room_take(s, number, room_of(task))) {
        return;
    }
    if (s->options.caches_models && model_is(s, &task->model)) {
        train(s, number);
        return;
    }
    char hash[2 * CHOIR_HASH_BYTES + 1];
    char path[128];
    choir_hash_text(&task->model, hash);
    (void)snprintf(path, sizeof(path), "/v1/models/%s", hash);
    ch_swarm_send(s, number, CH_SWARM_MODEL, (ch_http_call){.method = "GET", .path = path}, NULL);
}

static void over(ch_swarm *s, uint32_t number) {
    s->members[number].stage = CH_STAGE_OVER;
    s->result->over += 1;
}

static void work(ch_swarm *s, uint32_t number) {
    ch_member *m = &s->members[number];
    choir_intent intent;
    choir_participant_next(m->participant, choir_client_now_ms(), &intent);
    switch (intent.kind) {
    case CHOIR_INTENT_SEND:
        exchange_send(s, number, &intent);
        break;
    case CHOIR_INTENT_FETCH:
        fetch(s, number, intent.task);
        break;
    case CHOIR_INTENT_WAIT:
        ch_swarm_later(s, number, intent.wake_ms);
        break;
    case CHOIR_INTENT_TRAIN: // it trains when its model has come
    case CHOIR_INTENT_DONE:
        over(s, number);
        break;
    }
}

void ch_member_act(ch_swarm *s, uint32_t number) {
    switch (s->members[number].stage) {
    case CH_STAGE_ENROL:
        enroll(s, number);
        break;
    case CH_STAGE_CHALLENGE:
        ch_swarm_send(s, number, CH_SWARM_CHALLENGE,
                      (ch_http_call){.method = "GET", .path = "/v1/challenge"}, NULL);
        break;
    case CH_STAGE_JOIN:
        join(s, number);
        break;
    case CH_STAGE_WORK:
        work(s, number);
        break;
    case CH_STAGE_OVER:
        break;
    }
}

/* ----------------------------------------------------------------------------------------- hearing
 */

/* Keeps a model that has the hash; false when these bytes have not. */
static bool model_keep(ch_swarm *s, choir_bytes bytes, const choir_hash *hash) {
    if (model_is(s, hash)) { // what is equal to what had the hash has it
        return bytes.size == (size_t)s->model.blob.dim * sizeof(float) &&
               memcmp(bytes.data, s->model.params, bytes.size) == 0;
    }
    choir_blob blob;
    float *params = s->env.alloc(s->env.self, ch_arena_cost(bytes.size + 1, 1));
    if (params == NULL) {
        return false;
    }
    memcpy(params, bytes.data, bytes.size);
    if (choir_blob_open(&blob, (choir_bytes){(const uint8_t *)params, bytes.size}, hash) !=
        CHOIR_OK) {
        s->env.free(s->env.self, params);
        return false;
    }
    if (s->model.params != NULL) {
        s->env.free(s->env.self, s->model.params);
    }
    s->model = (ch_swarm_model){.params = params, .blob = blob};
    return true;
}

static void model_hear(ch_swarm *s, uint32_t number, choir_status status,
                       const ch_http_reply *reply, const choir_error *err) {
    ch_member *m = &s->members[number];
    choir_error why = *err;
    choir_intent intent;
    choir_participant_next(m->participant, choir_client_now_ms(), &intent);
    CH_ASSERT(intent.kind == CHOIR_INTENT_FETCH);
    const choir_task *task = intent.task;
    if (status == CHOIR_OK && reply->code != 200) {
        status = ch_http_said(reply, "model", &why);
    }
    if (status == CHOIR_OK && (reply->body.size != choir_task_fetched(task) * sizeof(float) ||
                               !model_keep(s, reply->body, &task->model))) {
        status = ch_error_set(&why, CHOIR_EPROTO, "model: not the one that the task names");
    }
    if (status != CHOIR_OK) {
        work_lost(s, number, CH_SWARM_MODEL, reply, why.message);
        return;
    }
    m->failures = 0;
    train(s, number);
}

static void round_note(ch_swarm *s, choir_participant *p) {
    choir_intent intent;
    choir_participant_next(p, choir_client_now_ms(), &intent);
    if (intent.kind == CHOIR_INTENT_FETCH) {
        ch_swarm_result *r = s->result;
        r->first_round = r->first_round == 0 ? intent.task->round : r->first_round;
        r->last_round = intent.task->round;
    }
}

/* What the load makes of an answer; false when the participant goes on by itself. */
static bool load_divert(ch_swarm *s, uint32_t number, choir_answer answer) {
    ch_member *m = &s->members[number];
    if (s->options.load == CH_SWARM_CHECK_INS && answer != CHOIR_ANSWER_DONE) {
        choir_participant_reset(m->participant, m->client);
        ch_swarm_ready(s, number);
        return true;
    }
    if (s->options.load == CH_SWARM_WAITS && answer == CHOIR_ANSWER_TASK) {
        over(s, number);
        return true;
    }
    return false;
}

static void received(ch_swarm *s, uint32_t number, ch_swarm_kind kind, choir_bytes bytes) {
    static const ch_http_reply nothing = {0};
    ch_member *m = &s->members[number];
    choir_answer answer = CHOIR_ANSWER_WAIT;
    choir_status status = choir_answer_read(&answer, bytes);
    if (status == CHOIR_OK && kind == CH_SWARM_REPORT && s->options.load == CH_SWARM_RESENDS) {
        s->result->answers[answer] += 1;
        choir_participant_lost(m->participant, UNTIL_LONG_AGO_MS);
        ch_swarm_ready(s, number);
        return;
    }
    if (status == CHOIR_OK) {
        status = choir_participant_receive(m->participant, choir_client_now_ms(), bytes);
    }
    if (status == CHOIR_EPROTO) {
        work_lost(s, number, kind, &nothing, "exchange: the server's reply makes no sense");
        return;
    }
    m->failures = 0;
    s->result->answers[answer] += 1;
    if (answer == CHOIR_ANSWER_TASK) {
        round_note(s, m->participant);
    } else if (answer == CHOIR_ANSWER_ACK) {
        s->result->last_ack_s = 1e-3 * (double)(choir_client_now_ms() - s->load_us / 1000);
    }
    if (m->room != CH_NOBODY && choir_participant_holds(m->participant) == NULL) {
        ch_swarm_room_give(s, number);
    }
    if (!load_divert(s, number, answer)) {
        ch_swarm_ready(s, number);
    }
}

static void exchange_hear(ch_swarm *s, uint32_t number, ch_swarm_kind kind, choir_status status,
                          const ch_http_reply *reply, const choir_error *err) {
    choir_error why = *err;
    if (status == CHOIR_OK && reply->code == 401) { // the token's time is over
        s->members[number].stage = CH_STAGE_CHALLENGE;
        ch_swarm_ready(s, number);
        return;
    }
    if (status == CHOIR_OK && reply->code != 200) {
        status = ch_http_said(reply, "exchange", &why);
    }
    if (status != CHOIR_OK) {
        work_lost(s, number, kind, reply, why.message);
        return;
    }
    received(s, number, kind, reply->body);
}

void ch_member_hear(ch_swarm *s, uint32_t number, ch_swarm_kind kind, choir_status status,
                    const ch_http_reply *reply, const choir_error *err) {
    switch (kind) {
    case CH_SWARM_ENROL:
    case CH_SWARM_CHALLENGE:
    case CH_SWARM_JOIN:
        entry_hear(s, number, kind, status, reply, err);
        break;
    case CH_SWARM_CHECK_IN:
    case CH_SWARM_ANNOUNCE:
    case CH_SWARM_REPORT:
        exchange_hear(s, number, kind, status, reply, err);
        break;
    case CH_SWARM_MODEL:
        model_hear(s, number, status, reply, err);
        break;
    case CH_SWARM_KINDS:
        break;
    }
}
