/* Token: see token.h. */
#include "net/token.h"

#include "base/assert.h"
#include "base/error.h"
#include "crypto/encode.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

// {"alg":"HS256","typ":"JWT"}
static const char HEAD[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

enum { CLAIMS_MAX = 256 };

static choir_bytes text_bytes(const char *text, size_t size) {
    return (choir_bytes){.data = (const uint8_t *)text, .size = size};
}

void ch_token_make(char out[CH_TOKEN_MAX], const ch_claims *claims,
                   const uint8_t key[CH_SHARED_KEY_BYTES]) {
    char text[CLAIMS_MAX]; // job names have no letter that JSON would want escaped
    const int size = snprintf(text, sizeof(text),
                              "{\"sub\":\"%" PRId64 "\",\"job\":\"%s\",\"client\":%" PRIu32
                              ",\"exp\":%" PRIu64 "}",
                              claims->subject, claims->job, claims->client, claims->expires_s);
    CH_ASSERT(size > 0);
    CH_ASSERT((size_t)size < sizeof(text));
    char body[CH_BASE64_MAX(CLAIMS_MAX)];
    ch_base64(body, text_bytes(text, (size_t)size));
    const int signed_size = snprintf(out, CH_TOKEN_MAX, "%s.%s", HEAD, body);
    uint8_t mac[CH_MAC_BYTES];
    ch_mac(mac, text_bytes(out, (size_t)signed_size), key);
    char seal[CH_BASE64_MAX(CH_MAC_BYTES)];
    ch_base64(seal, (choir_bytes){.data = mac, .size = sizeof(mac)});
    const int end = snprintf(out + signed_size, CH_TOKEN_MAX - (size_t)signed_size, ".%s", seal);
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

choir_status ch_token_read(ch_claims *out, const char *token,
                           const uint8_t key[CH_SHARED_KEY_BYTES], uint64_t now_s,
                           choir_error *err) {
    const size_t size = strlen(token);
    const size_t head = sizeof(HEAD) - 1;
    const char *seal = strrchr(token, '.');
    uint8_t mac[CH_MAC_BYTES];
    size_t mac_size = 0;
    if (size >= CH_TOKEN_MAX || strncmp(token, HEAD, head) != 0 || token[head] != '.' ||
        seal <= token + head ||
        ch_base64_read(mac, sizeof(mac), &mac_size, seal + 1, size - (size_t)(seal - token) - 1) !=
            CHOIR_OK ||
        mac_size != sizeof(mac) ||
        !ch_mac_check(mac, text_bytes(token, (size_t)(seal - token)), key)) {
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
