/* Token: see token.h. */
#include "net/token.h"

#include "base/assert.h"
#include "base/error.h"
#include "crypto/encode.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { CLAIMS_MAX = 256, SEAL_MAX = CH_SIGNATURE_BYTES };

static choir_bytes text_bytes(const char *text, size_t size) {
    return (choir_bytes){.data = (const uint8_t *)text, .size = size};
}

// ----- algorithms -------------------------------------------------------------------------------

static void hs256_seal(uint8_t *out, choir_bytes message, const ch_token_key *key) {
    ch_mac(out, message, key->shared);
}

static bool hs256_check(const uint8_t *seal, choir_bytes message, const ch_token_key *key) {
    return ch_mac_check(seal, message, key->shared);
}

static void eddsa_seal(uint8_t *out, choir_bytes message, const ch_token_key *key) {
    ch_sign(out, message, key->pair.secret_key);
}

static bool eddsa_check(const uint8_t *seal, choir_bytes message, const ch_token_key *key) {
    return ch_sign_check(seal, message, key->pair.public_key);
}

static const ch_token_algorithm ALGORITHMS[] = {
    // {"alg":"HS256","typ":"JWT"}
    {"HS256", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", CH_MAC_BYTES, hs256_seal, hs256_check},
    // {"alg":"EdDSA","typ":"JWT"}
    {"EdDSA", "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9", CH_SIGNATURE_BYTES, eddsa_seal, eddsa_check},
};

const ch_token_algorithm *ch_token_algorithm_find(const char *name) {
    for (size_t i = 0; i < sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]); i++) {
        if (strcmp(ALGORITHMS[i].name, name) == 0) {
            return &ALGORITHMS[i];
        }
    }
    return NULL;
}

// ----- tokens -----------------------------------------------------------------------------------

void ch_token_make(char out[CH_TOKEN_MAX], const ch_claims *claims, const ch_token_key *key) {
    char text[CLAIMS_MAX]; // job names have no letter that JSON would want escaped
    const int size = snprintf(text, sizeof(text),
                              "{\"sub\":\"%" PRId64 "\",\"job\":\"%s\",\"client\":%" PRIu32
                              ",\"exp\":%" PRIu64 "}",
                              claims->subject, claims->job, claims->client, claims->expires_s);
    CH_ASSERT(size > 0);
    CH_ASSERT((size_t)size < sizeof(text));
    char body[CH_BASE64_MAX(CLAIMS_MAX)];
    ch_base64(body, text_bytes(text, (size_t)size));
    const int signed_size = snprintf(out, CH_TOKEN_MAX, "%s.%s", key->algorithm->head, body);
    uint8_t seal[SEAL_MAX];
    key->algorithm->seal(seal, text_bytes(out, (size_t)signed_size), key);
    char last[CH_BASE64_MAX(SEAL_MAX)];
    ch_base64(last, (choir_bytes){.data = seal, .size = key->algorithm->seal_bytes});
    const int end = snprintf(out + signed_size, CH_TOKEN_MAX - (size_t)signed_size, ".%s", last);
    CH_ASSERT((size_t)signed_size + (size_t)end < CH_TOKEN_MAX);
}

/* The claims of a token whose seal is right: then they are as we wrote them. */
static bool claims_read(ch_claims *out, const char *body, size_t size) {
    uint8_t text[CLAIMS_MAX];
    size_t length = 0;
    if (ch_base64_read(text, sizeof(text), &length, body, size) != CHOIR_OK) {
        return false;
    }
    json_t *root = json_loadb((const char *)text, length, JSON_REJECT_DUPLICATES, NULL);
    const char *subject = NULL;
    const char *job = NULL;
    json_int_t client = -1;
    json_int_t expires = -1;
    char *end = NULL;
    bool is_read = json_unpack(root, "{s:s, s:s, s:I, s:I}", "sub", &subject, "job", &job, "client",
                               &client, "exp", &expires) == 0;
    if (is_read) {
        *out = (ch_claims){.subject = strtoll(subject, &end, 10),
                           .client = (uint32_t)client,
                           .expires_s = (uint64_t)expires};
        (void)snprintf(out->job, sizeof(out->job), "%s", job);
        is_read = *end == '\0' && out->subject > 0 && client >= 0 && client <= UINT32_MAX &&
                  expires >= 0 && strlen(job) < sizeof(out->job);
    }
    json_decref(root);
    return is_read;
}

/* Whether the seal at last, behind the message, is one by the key's own algorithm. */
static bool is_sealed(const char *token, const char *last, const ch_token_key *key) {
    const ch_token_algorithm *a = key->algorithm;
    uint8_t seal[SEAL_MAX];
    size_t size = 0;
    return ch_base64_read(seal, sizeof(seal), &size, last + 1, strlen(last + 1)) == CHOIR_OK &&
           size == a->seal_bytes && a->check(seal, text_bytes(token, (size_t)(last - token)), key);
}

choir_status ch_token_read(ch_claims *out, const char *token, const ch_token_key *key,
                           uint64_t now_s, choir_error *err) {
    const size_t head = strlen(key->algorithm->head);
    const char *seal = strrchr(token, '.');
    if (strlen(token) >= CH_TOKEN_MAX || strncmp(token, key->algorithm->head, head) != 0 ||
        token[head] != '.' || seal <= token + head || !is_sealed(token, seal, key)) {
        return ch_error_set(err, CHOIR_EPROTO, "token: not one that this server gave");
    }
    ch_claims found;
    const char *body = token + head + 1;
    if (!claims_read(&found, body, (size_t)(seal - body))) {
        return ch_error_set(err, CHOIR_EPROTO, "token: its claims are not what this server writes");
    }
    if (now_s >= found.expires_s) {
        return ch_error_set(err, CHOIR_ESTALE, "token: its time is over; join again");
    }
    *out = found;
    return CHOIR_OK;
}
