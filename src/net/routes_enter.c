/*
 * Routes of devices that come in: they enrol once, then join a job.
 *
 *     POST /v1/enroll           the enrolment secret and a public key  -> a subject
 *     GET  /v1/challenge        something fresh to sign
 *     POST /v1/jobs/NAME/join   signed by the subject's key            -> which client, a token
 *
 * What can be told from the request alone is told here; then they stand in line: door.h.
 */
#include "net/routes.h"

#include "base/assert.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHALLENGE_S = 300,
    CHALLENGE_TEXT = CH_BASE64_MAX(CH_MAC_BYTES),
};

// ----- enrolment --------------------------------------------------------------------------------

/* What is fresh for between one and two times CHALLENGE_S, without being remembered. */
static void challenge_make(char out[CHALLENGE_TEXT], const ch_server *s, uint64_t window) {
    char text[64];
    const int size = snprintf(text, sizeof(text), "choir-challenge %" PRIu64, window);
    uint8_t mac[CH_MAC_BYTES];
    ch_mac(mac, (choir_bytes){.data = (const uint8_t *)text, .size = (size_t)size},
           s->token_key.shared);
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

/* Puts one in line, unless the disk refuses what would have to be kept of it. */
static void enter(ch_server *s, const ch_entrant *e) {
    (void)pthread_mutex_lock(&s->lock);
    if (s->disk_fails) {
        ch_answer_busy(e->exchange, "the server cannot write to its disk");
    } else {
        ch_door_enter(s, e);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

/* Reads what it says of itself; false, and 400 was answered. */
static bool attributes_read(ch_entrant *out, const ch_ask *ask, json_t *root) {
    ch_subject *subject = &out->subject;
    out->tells_platform = json_object_get(root, "platform") != NULL;
    out->tells_version = json_object_get(root, "version") != NULL;
    out->tells_tags = json_object_get(root, "tags") != NULL;
    return ch_ask_text(ask, root, "platform", subject->platform, sizeof(subject->platform)) &&
           ch_ask_text(ask, root, "version", subject->version, sizeof(subject->version)) &&
           ch_ask_text(ask, root, "tags", subject->tags, sizeof(subject->tags));
}

/* Whether a device shows a token of the identity provider, for whose account; else 401. */
static bool account_read(const ch_ask *ask, ch_subject *subject) {
    const char *token = ch_http_bearer(ask->exchange);
    choir_error err = {
        .message = "token: missing; devices are enrolled here by one of the identity provider"};
    ch_jwt found;
    if (token != NULL && ch_provider_read(&ask->server->provider, &found, token,
                                          ch_server_unix_ms() / 1000, &err) == CHOIR_OK) {
        _Static_assert(sizeof(found.subject) == sizeof(subject->account), "one fits in the other");
        memcpy(subject->account, found.subject, sizeof(subject->account));
        return true;
    }
    ch_http_answer_header(ask->exchange, "WWW-Authenticate", "Bearer");
    ch_answer_error(ask->exchange, 401, "%s", err.message);
    return false;
}

/* Whether a device shows the server's secret; else 400 or 403 was answered. */
static bool secret_read(const ch_ask *ask, json_t *root) {
    uint8_t secret[CH_SHARED_KEY_BYTES];
    if (!ask_bytes(ask, root, "secret", secret, sizeof(secret))) {
        return false;
    }
    if (!ch_secret_equal(secret, ask->server->secret, sizeof(secret))) {
        ch_answer_error(ask->exchange, 403,
                        "secret: not this server's; is the join file an old one?");
        return false;
    }
    return true;
}

static void enroll(const ch_ask *ask, json_t *root) {
    ch_server *s = ask->server;
    ch_entrant e = {.exchange = ask->exchange,
                    .kind = CH_ENTRANT_ENROLS,
                    .subject = {.enrolled_ms = ch_server_unix_ms()}};
    ch_subject *subject = &e.subject;
    if (!ask_bytes(ask, root, "key", subject->key, sizeof(subject->key)) ||
        !ch_ask_text(ask, root, "name", subject->name, sizeof(subject->name)) ||
        !attributes_read(&e, ask, root)) {
        return;
    }
    if (s->has_provider ? account_read(ask, subject) : secret_read(ask, root)) {
        enter(s, &e);
    }
}

void ch_route_enroll(ch_ask *ask) {
    json_t *root = ch_ask_json(ask);
    if (root != NULL) {
        enroll(ask, root);
        json_decref(root);
    }
}

// ----- joining a job ----------------------------------------------------------------------------

/* Reads "subject" and "client"; false, and 400 was answered. */
static bool joiner_read(ch_entrant *out, const ch_ask *ask, json_t *root) {
    const json_t *client = json_object_get(root, "client");
    out->wanted = CH_ANY_CLIENT;
    out->subject.id = json_integer_value(json_object_get(root, "subject"));
    if (out->subject.id <= 0) {
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
    return true;
}

static void join(const ch_ask *ask, json_t *root) {
    char challenge[CHALLENGE_TEXT];
    ch_entrant e = {.exchange = ask->exchange, .kind = CH_ENTRANT_JOINS};
    if (!joiner_read(&e, ask, root) || !attributes_read(&e, ask, root) ||
        !ch_ask_text(ask, root, "challenge", challenge, sizeof(challenge)) ||
        !ask_bytes(ask, root, "signature", e.signature, sizeof(e.signature))) {
        return;
    }
    if (!challenge_check(challenge, ask->server)) {
        ch_answer_error(ask->exchange, 401, "challenge: too old; ask for another");
        return;
    }
    (void)snprintf(e.job, sizeof(e.job), "%s", ask->wild);
    // docs/http.md
    e.signed_size =
        (size_t)snprintf(e.signed_text, sizeof(e.signed_text), "choir-join\n%s\n%" PRId64 "\n%s\n",
                         ask->wild, e.subject.id, challenge);
    CH_ASSERT(e.signed_size < sizeof(e.signed_text));
    enter(ask->server, &e);
}

void ch_route_join(ch_ask *ask) {
    json_t *root = ch_ask_json(ask);
    if (root != NULL) {
        join(ask, root);
        json_decref(root);
    }
}
