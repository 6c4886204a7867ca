/*
 * Routes of devices: enrol, join a job, exchange, fetch a model.
 *
 *     POST /v1/enroll           the enrolment secret and a public key  -> a subject
 *     GET  /v1/challenge        something fresh to sign
 *     POST /v1/jobs/NAME/join   signed by the subject's key            -> which client it is, a
 * token POST /v1/exchange         a Request, with the token              -> a Reply GET
 * /v1/models/HASH      parameters; whoever knows the hash has been told it
 */
#include "net/routes.h"

#include "base/assert.h"
#include "base/env.h"
#include "base/error.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "net/offer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MAX_S = 60, // that a check-in sleeps
    CHALLENGE_S = 300,
    CHALLENGE_TEXT = CH_BASE64_MAX(CH_MAC_BYTES),
    SIGNED_MAX = 256,
};

// ----- exchange ---------------------------------------------------------------------------------

static void answer_refused(ch_http_exchange *x, choir_refusal refusal) {
    uint8_t bytes[CHOIR_ANSWER_MAX];
    ch_answer_reply(x, (choir_bytes){bytes, choir_answer_refused(bytes, refusal)});
}

/*
 * Whether the subject is that client. A version that it has not met yet takes it in under the
 * number it has in its token, when that is free.
 */
static bool is_client(ch_server *s, ch_hosted *h, const ch_claims *claims, uint32_t client) {
    if (client != claims->client || client >= h->row.clients ||
        strcmp(claims->job, h->row.name) != 0) {
        return false;
    }
    if (h->roster[client] == 0) {
        uint32_t got = 0;
        choir_error err;
        if (ch_hosting_store_claim(s->store, &got, h->row.id, client, claims->subject, &err) ==
                CHOIR_OK &&
            got == client) {
            h->roster[client] = claims->subject;
        }
    }
    return h->roster[client] == claims->subject;
}

/* How long the client would rather wait than come back, "Prefer: wait=25" (RFC 7240, 4.3), ms. */
static uint64_t patience_ms(const ch_http_exchange *x) {
    static const char word[] = "wait=";
    const char *prefer = ch_http_header(x, "Prefer");
    const char *at = prefer == NULL ? NULL : strstr(prefer, word);
    if (at == NULL) {
        return 0;
    }
    const unsigned long seconds = strtoul(at + sizeof(word) - 1, NULL, 10);
    return 1000 * (seconds < PATIENCE_MAX_S ? seconds : PATIENCE_MAX_S);
}

/* Whether there is nothing to do for a client that rather waits than comes back. */
static bool may_sleep(const ch_ask *ask, const ch_hosted *h, const choir_route *route,
                      choir_bytes reply) {
    return !route->is_report && patience_ms(ask->exchange) > 0 && ch_hosted_is_running(h) &&
           choir_answer_of(reply) == CHOIR_ANSWER_WAIT;
}

/* With the lock. */
static void exchange_answer(ch_ask *ask, const choir_route *route, choir_bytes request) {
    ch_server *s = ask->server;
    ch_hosted *h = ch_server_find(s, route->job);
    if (h == NULL || !is_client(s, h, &ask->claims, route->client)) {
        answer_refused(ask->exchange, CHOIR_REFUSAL_UNSAMPLED);
        return;
    }
    if (s->disk_fails) { // what is learnt now could not be kept
        ch_answer_busy(ask->exchange, "the server cannot write to its disk");
        return;
    }
    if (s->is_draining && !route->is_report) {
        ch_answer_busy(ask->exchange, "the server is stopping");
        return;
    }
    bool hold = false;
    const uint64_t now_ms = ch_server_now_ms();
    const choir_bytes reply = ch_hosted_reply(h, now_ms, route, request, &hold);
    if (route->is_report && hold) {
        ch_hosted_wait(h, ask->exchange, reply);
    } else if (!hold && !may_sleep(ask, h, route, reply)) {
        ch_answer_reply(ask->exchange, reply);
    } else if (!ch_hosted_sleep(h, ask->exchange, now_ms, patience_ms(ask->exchange))) {
        ch_answer_busy(ask->exchange, "too many clients wait");
    }
    ch_server_wake(s);
}

void ch_route_exchange(ch_ask *ask) {
    const choir_bytes request = ch_http_body(ask->exchange);
    choir_route route;
    choir_refusal refusal;
    if (choir_route_read(&route, &refusal, request) != CHOIR_OK) {
        answer_refused(ask->exchange, refusal);
        return;
    }
    (void)pthread_mutex_lock(&ask->server->lock);
    exchange_answer(ask, &route, request);
    (void)pthread_mutex_unlock(&ask->server->lock);
}

// ----- models -----------------------------------------------------------------------------------

static bool hash_read(choir_hash *out, const char *text) {
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != (size_t)2 * CHOIR_HASH_BYTES) {
        return false;
    }
    for (size_t i = 0; i < CHOIR_HASH_BYTES; i++) {
        const char *high = strchr(digits, text[2 * i]);
        const char *low = strchr(digits, text[2 * i + 1]);
        if (high == NULL || low == NULL) {
            return false;
        }
        out->bytes[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

/* The model of an open round, an owner more; NULL when it is none. */
static ch_model *model_open(ch_server *s, const choir_hash *hash) {
    ch_model *found = NULL;
    (void)pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->jobs_count && found == NULL; i++) {
        if (memcmp(&s->jobs[i]->model->hash, hash, sizeof(*hash)) == 0) {
            found = ch_model_share(s->jobs[i]->model);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    return found;
}

/* The model of a round that has closed. */
static choir_status model_stored(ch_model **out, ch_server *s, const choir_hash *hash) {
    ch_stored stored = {0};
    choir_error err;
    const choir_status status = ch_hosting_store_model(s->store, &stored, hash->bytes, &err);
    if (status == CHOIR_OK) {
        const choir_bytes bytes = {.data = stored.data, .size = stored.size};
        *out = ch_model_create(hash, bytes, &s->env);
    }
    ch_stored_release(&stored);
    return status == CHOIR_OK && *out == NULL ? CHOIR_ENOMEM : status;
}

static bool wants_zstd(const ch_http_exchange *x) {
    const char *accepts = ch_http_header(x, "Accept-Encoding");
    return accepts != NULL && strstr(accepts, "zstd") != NULL;
}

void ch_route_model(ch_ask *ask) {
    choir_hash hash;
    if (!hash_read(&hash, ask->wild)) {
        ch_answer_error(ask->exchange, 404, "a model's name is 64 hexadecimal digits");
        return;
    }
    ch_model *m = model_open(ask->server, &hash);
    const choir_status status = m != NULL ? CHOIR_OK : model_stored(&m, ask->server, &hash);
    if (status == CHOIR_EAGAIN) {
        ch_answer_error(ask->exchange, 404, "there is no model %s, or none any more", ask->wild);
        return;
    }
    if (status != CHOIR_OK) {
        ch_answer_busy(ask->exchange, "the model cannot be read");
        return;
    }
    if (wants_zstd(ask->exchange)) {
        ch_model_pack(m);
    }
    const ch_http_content content = {.bytes = m->bytes,
                                     .packed = m->packed,
                                     .type = "application/octet-stream",
                                     .etag = ask->wild,
                                     .release = ch_model_release,
                                     .owner = m};
    ch_http_answer_header(ask->exchange, "Cache-Control", "public, max-age=31536000, immutable");
    ch_http_answer_content(ask->exchange, &content);
}

// ----- enrolment --------------------------------------------------------------------------------

/* What is fresh for between one and two times CHALLENGE_S, without being remembered. */
static void challenge_make(char out[CHALLENGE_TEXT], const ch_server *s, uint64_t window) {
    char text[64];
    const int size = snprintf(text, sizeof(text), "choir-challenge %" PRIu64, window);
    uint8_t mac[CH_MAC_BYTES];
    ch_mac(mac, (choir_bytes){.data = (const uint8_t *)text, .size = (size_t)size}, s->token_key);
    ch_base64(out, (choir_bytes){.data = mac, .size = sizeof(mac)});
}

static bool challenge_check(const char *text, const ch_server *s) {
    const uint64_t window = ch_server_unix_ms() / 1000 / CHALLENGE_S;
    for (uint64_t i = 0; i < 2; i++) {
        char expected[CHALLENGE_TEXT];
        challenge_make(expected, s, window - i);
        if (strcmp(text, expected) == 0) {
            return true;
        }
    }
    return false;
}

void ch_route_challenge(ch_ask *ask) {
    char text[CHALLENGE_TEXT];
    challenge_make(text, ask->server, ch_server_unix_ms() / 1000 / CHALLENGE_S);
    ch_http_answer_header(ask->exchange, "Cache-Control", "no-store");
    ch_answer_json(ask->exchange, 200, json_pack("{s:s}", "challenge", text));
}

/* A field of so many bytes in base64; else 400 was answered. */
static bool ask_bytes(const ch_ask *ask, json_t *root, const char *key, uint8_t *out, size_t size) {
    const char *text = json_string_value(json_object_get(root, key));
    size_t found = 0;
    if (text == NULL || ch_base64_read(out, size, &found, text, strlen(text)) != CHOIR_OK ||
        found != size) {
        ch_answer_error(ask->exchange, 400, "%s: must be %zu bytes in base64url", key, size);
        return false;
    }
    return true;
}

static void enroll(const ch_ask *ask, json_t *root) {
    ch_server *s = ask->server;
    uint8_t secret[CH_SHARED_KEY_BYTES];
    ch_subject subject = {.enrolled_ms = ch_server_unix_ms()};
    if (!ask_bytes(ask, root, "secret", secret, sizeof(secret)) ||
        !ask_bytes(ask, root, "key", subject.key, sizeof(subject.key)) ||
        !ch_ask_text(ask, root, "name", subject.name, sizeof(subject.name)) ||
        !ch_ask_text(ask, root, "platform", subject.platform, sizeof(subject.platform)) ||
        !ch_ask_text(ask, root, "version", subject.version, sizeof(subject.version)) ||
        !ch_ask_text(ask, root, "tags", subject.tags, sizeof(subject.tags))) {
        return;
    }
    if (!ch_secret_equal(secret, s->secret, sizeof(secret))) {
        ch_answer_error(ask->exchange, 403,
                        "secret: not this server's; is the join file an old one?");
        return;
    }
    int64_t id = 0;
    choir_error err = {.message = ""};
    if (ch_hosting_store_subject_add(s->store, &id, &subject, &err) != CHOIR_OK) {
        ch_log(&s->env, CHOIR_LEVEL_ERROR, "enrolment_failed", "why=\"%s\"", err.message);
        ch_answer_busy(ask->exchange, "the server cannot write to its disk");
        return;
    }
    ch_answer_json(ask->exchange, 200, json_pack("{s:I}", "subject", (json_int_t)id));
}

void ch_route_enroll(ch_ask *ask) {
    json_t *root = ch_ask_json(ask);
    if (root != NULL) {
        enroll(ask, root);
        json_decref(root);
    }
}

// ----- joining a job ----------------------------------------------------------------------------

typedef struct joining {
    int64_t subject;
    uint32_t wanted; // a client, or CH_ANY_CLIENT
    char challenge[CHALLENGE_TEXT];
    uint8_t signature[CH_SIGNATURE_BYTES];
} joining;

static bool joining_read(joining *out, const ch_ask *ask, json_t *root) {
    *out = (joining){.wanted = CH_ANY_CLIENT};
    const json_t *client = json_object_get(root, "client");
    out->subject = json_integer_value(json_object_get(root, "subject"));
    if (out->subject <= 0) {
        ch_answer_error(ask->exchange, 400, "subject: must be the number that enrolment gave");
        return false;
    }
    if (client != NULL) {
        const json_int_t value = json_integer_value(client);
        if (!json_is_integer(client) || value < 0 || value >= CH_ANY_CLIENT) {
            ch_answer_error(ask->exchange, 400, "client: must be a whole number from 0");
            return false;
        }
        out->wanted = (uint32_t)value;
    }
    return ch_ask_text(ask, root, "challenge", out->challenge, sizeof(out->challenge)) &&
           ask_bytes(ask, root, "signature", out->signature, sizeof(out->signature));
}

/* The text that a subject signs to join: docs/http.md. */
static bool signature_fits(const joining *j, const char *job, const ch_subject *subject) {
    char text[SIGNED_MAX];
    const int size = snprintf(text, sizeof(text), "choir-join\n%s\n%" PRId64 "\n%s\n", job,
                              j->subject, j->challenge);
    return ch_sign_check(j->signature,
                         (choir_bytes){.data = (const uint8_t *)text, .size = (size_t)size},
                         subject->key);
}

/* Whether it is who it says; else 401, 403 or 503 was answered. */
static bool subject_proves(const ch_ask *ask, const joining *j) {
    ch_subject subject;
    choir_error err = {.message = ""};
    const choir_status status =
        ch_hosting_store_subject(ask->server->store, &subject, j->subject, &err);
    if (status != CHOIR_OK && status != CHOIR_EAGAIN) {
        ch_answer_busy(ask->exchange, "the store cannot be read");
        return false;
    }
    if (!challenge_check(j->challenge, ask->server)) {
        ch_answer_error(ask->exchange, 401, "challenge: too old; ask for another");
        return false;
    }
    if (status == CHOIR_EAGAIN || !signature_fits(j, ask->wild, &subject)) {
        ch_answer_error(ask->exchange, 401, "subject: unknown here, or its key did not sign this");
        return false;
    }
    if (subject.is_revoked) {
        ch_answer_error(ask->exchange, 403, "subject: %" PRId64 " has been revoked", j->subject);
        return false;
    }
    return true;
}

/* The bundle up to where its parameters begin: what a device needs of it. */
static choir_bytes model_head(const ch_stored *bundle) {
    uint64_t header = 0;
    memcpy(&header, bundle->data, sizeof(header));
    CH_ASSERT(header <= bundle->size - sizeof(header)); // it was checked when it was hosted
    return (choir_bytes){.data = bundle->data, .size = sizeof(header) + (size_t)header};
}

static json_t *base64_json(choir_bytes bytes) {
    char *text = malloc(CH_BASE64_MAX(bytes.size));
    if (text == NULL) {
        return NULL;
    }
    ch_base64(text, bytes);
    json_t *out = json_string(text);
    free(text);
    return out;
}

json_t *ch_model_head(const ch_stored *bundle) {
    return base64_json(model_head(bundle));
}

/* What a device is told of a job that it has joined. */
static json_t *joined(const ch_server *s, const ch_hosted_row *row, const ch_claims *claims,
                      const ch_stored *yaml, const ch_stored *bundle) {
    char token[CH_TOKEN_MAX];
    uint8_t signature[CH_SIGNATURE_BYTES];
    const ch_offer offer = {.name = row->name,
                            .version = row->version,
                            .parameters = row->dim,
                            .job = {.data = yaml->data, .size = yaml->size},
                            .model = model_head(bundle)};
    ch_token_make(token, claims, s->token_key);
    ch_offer_sign(signature, &offer, s->signing.secret_key);
    const choir_bytes seal = {.data = signature, .size = sizeof(signature)};
    return json_pack("{s:s, s:I, s:I, s:I, s:s, s:I, s:s%, s:o, s:o}", "name", row->name, "version",
                     (json_int_t)row->version, "client", (json_int_t)claims->client, "parameters",
                     (json_int_t)row->dim, "token", token, "expires_in_s", (json_int_t)s->token_s,
                     "job", (const char *)yaml->data, yaml->size, "model", base64_json(offer.model),
                     "signature", base64_json(seal));
}

static choir_status description_read(ch_server *s, int64_t job, ch_stored *yaml, ch_stored *bundle,
                                     choir_error *err) {
    choir_status status = ch_hosting_store_job_yaml(s->store, yaml, job, err);
    if (status == CHOIR_OK) {
        status = ch_hosting_store_job_bundle(s->store, bundle, job, err);
    }
    return status;
}

static void claim_answer(const ch_ask *ask, const joining *j, const ch_hosted_row *row) {
    ch_server *s = ask->server;
    ch_claims claims = {.subject = j->subject,
                        .expires_s = ch_server_unix_ms() / 1000 + s->token_s};
    (void)snprintf(claims.job, sizeof(claims.job), "%s", row->name);
    choir_error err = {.message = ""};
    choir_status status =
        ch_hosting_store_claim(s->store, &claims.client, row->id, j->wanted, j->subject, &err);
    if (status == CHOIR_EAGAIN || status == CHOIR_EINVAL) {
        ch_answer_error(ask->exchange, 409, "%s", err.message);
        return;
    }
    ch_stored yaml = {0};
    ch_stored bundle = {0};
    if (status == CHOIR_OK) {
        status = description_read(s, row->id, &yaml, &bundle, &err);
    }
    if (status == CHOIR_OK) {
        ch_answer_json(ask->exchange, 200, joined(s, row, &claims, &yaml, &bundle));
    } else {
        ch_log(&s->env, CHOIR_LEVEL_ERROR, "join_failed", "why=\"%s\"", err.message);
        ch_answer_busy(ask->exchange, "the store does not work");
    }
    ch_stored_release(&yaml);
    ch_stored_release(&bundle);
}

static void join(const ch_ask *ask, json_t *root) {
    joining j;
    if (!joining_read(&j, ask, root) || !subject_proves(ask, &j)) {
        return;
    }
    ch_hosted_row row = {0};
    (void)pthread_mutex_lock(&ask->server->lock);
    const ch_hosted *h = ch_server_find(ask->server, ask->wild);
    if (h != NULL) {
        row = h->row;
    }
    (void)pthread_mutex_unlock(&ask->server->lock);
    if (row.id == 0) {
        ch_answer_error(ask->exchange, 404, "there is no job '%s' here", ask->wild);
        return;
    }
    claim_answer(ask, &j, &row);
}

void ch_route_join(ch_ask *ask) {
    json_t *root = ch_ask_json(ask);
    if (root != NULL) {
        join(ask, root);
        json_decref(root);
    }
}
