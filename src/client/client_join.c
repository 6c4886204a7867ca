/* How a client enrols and joins: see client.c. What it signs is a challenge of the server's. */
#include "client/client_parts.h"

#include "base/error.h"
#include "crypto/encode.h"
#include "net/http_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { SIGNED_MAX = 512 };

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

choir_status ch_client_join(choir_client *c, choir_error *err) {
    choir_status status = join_once(c, err);
    if (status == CHOIR_EINVAL && c->identity.subject != 0) {
        c->identity.subject = 0; // a server that began anew knows nobody: enrol there once more
        status = join_once(c, err);
    }
    c->has_joined = status == CHOIR_OK;
    return status;
}
