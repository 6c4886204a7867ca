/* Entry: see entry.h. The bodies are those of docs/http.md. */
#include "client/entry.h"

#include "base/error.h"
#include "choir/client.h"
#include "crypto/encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

json_t *ch_entry_enroll(const char *secret, const uint8_t public_key[CH_PUBLIC_KEY_BYTES],
                        const ch_entry_about *about) {
    char key[CH_BASE64_MAX(CH_PUBLIC_KEY_BYTES)];
    ch_base64(key, (choir_bytes){.data = public_key, .size = CH_PUBLIC_KEY_BYTES});
    return json_pack("{s:s*, s:s, s:s, s:s, s:s, s:s}", "secret", secret, "key", key, "name",
                     about->name, "platform", about->platform, "version", about->version, "tags",
                     about->tags);
}

choir_status ch_entry_subject(int64_t *out, const json_t *answer, choir_error *err) {
    const json_int_t subject = json_integer_value(json_object_get(answer, "subject"));
    if (subject <= 0) {
        return ch_error_set(err, CHOIR_EPROTO, "enrolment: the server gave no number");
    }
    *out = subject;
    return CHOIR_OK;
}

choir_status ch_entry_challenge(char out[CH_CHALLENGE_MAX], const json_t *answer,
                                choir_error *err) {
    const char *text = json_string_value(json_object_get(answer, "challenge"));
    if (text == NULL || strlen(text) >= CH_CHALLENGE_MAX) {
        return ch_error_set(err, CHOIR_EPROTO, "challenge: the server gave none");
    }
    memcpy(out, text, strlen(text) + 1);
    return CHOIR_OK;
}

json_t *ch_entry_join(const char *job, int64_t subject, const char *challenge, uint32_t client,
                      const ch_key_pair *key) {
    char text[CHOIR_JOB_TEXT_MAX + CH_CHALLENGE_MAX + 64];
    const int size =
        snprintf(text, sizeof(text), "choir-join\n%s\n%" PRId64 "\n%s\n", job, subject, challenge);
    uint8_t signature[CH_SIGNATURE_BYTES];
    ch_sign(signature, (choir_bytes){.data = (const uint8_t *)text, .size = (size_t)size},
            key->secret_key);
    char signature_text[CH_BASE64_MAX(CH_SIGNATURE_BYTES)];
    ch_base64(signature_text, (choir_bytes){.data = signature, .size = sizeof(signature)});
    json_t *body = json_pack("{s:I, s:s, s:s}", "subject", (json_int_t)subject, "challenge",
                             challenge, "signature", signature_text);
    if (client != CHOIR_CLIENT_ANY) {
        (void)json_object_set_new(body, "client", json_integer((json_int_t)client));
    }
    return body;
}

void ch_entry_tell(json_t *body, const ch_entry_about *about) {
    (void)json_object_set_new(body, "platform", json_string(about->platform));
    (void)json_object_set_new(body, "version", json_string(about->version));
    (void)json_object_set_new(body, "tags", json_string(about->tags));
}

void ch_entry_path(char out[CH_ENTRY_PATH_MAX], const char *job) {
    (void)snprintf(out, CH_ENTRY_PATH_MAX, "/v1/jobs/%s/join", job);
}

uint64_t ch_entry_pause_ms(uint32_t retry_ms, uint32_t retry_max_ms, uint32_t failures,
                           uint64_t told_ms) {
    const uint64_t least_ms = told_ms < CH_TOLD_MAX_MS ? told_ms : CH_TOLD_MAX_MS;
    uint64_t pause_ms = retry_ms;
    for (uint32_t i = 0; i < failures && pause_ms < retry_max_ms; i++) {
        pause_ms *= 2;
    }
    pause_ms = pause_ms < retry_max_ms ? pause_ms : retry_max_ms;
    return pause_ms > least_ms ? pause_ms : least_ms;
}
