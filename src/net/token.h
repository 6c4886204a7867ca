/*
 * Token: what a device shows with every request, so that no request needs a look into the store.
 *
 * A JSON Web Token that this server signed for a subject, a job and a client of it, and that ends
 * soon. A server has one algorithm, HS256 or EdDSA, a row of a table: what a token says of its own
 * is compared with that, never obeyed. With EdDSA others can tell its tokens by the public key.
 *
 * Source: RFC 7519 "JSON Web Token", RFC 7515 "JSON Web Signature"; RFC 8037 for EdDSA; RFC 8725
 * §3.1 for what is compared.
 */
#ifndef CH_NET_TOKEN_H
#define CH_NET_TOKEN_H

#include "choir/job.h"
#include "choir/status.h"
#include "crypto/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CH_TOKEN_MAX = 512 }; // bytes, with the terminating zero

typedef struct ch_claims {
    int64_t subject;          // "sub": its number
    char job[CHOIR_NAME_MAX]; // "job": its name; any version
    uint32_t client;          // "client": which of the job's it is
    uint64_t expires_s;       // "exp": seconds of the Unix epoch
} ch_claims;

struct ch_token_key;

/* How tokens are sealed. */
typedef struct ch_token_algorithm {
    const char *name; // "HS256" | "EdDSA"
    const char *head; // of every token, in base64url
    size_t seal_bytes;
    void (*seal)(uint8_t *out, choir_bytes message, const struct ch_token_key *key);
    bool (*check)(const uint8_t *seal, choir_bytes message, const struct ch_token_key *key);
} ch_token_algorithm;

typedef struct ch_token_key {
    const ch_token_algorithm *algorithm;
    uint8_t shared[CH_SHARED_KEY_BYTES]; // HS256's
    ch_key_pair pair;                    // EdDSA's
} ch_token_key;                          // to be wiped

/* NULL: none of that name. */
const ch_token_algorithm *ch_token_algorithm_find(const char *name);

void ch_token_make(char out[CH_TOKEN_MAX], const ch_claims *claims, const ch_token_key *key);

/*
 * Reads a token that a device shows.
 *
 * Returns OK; EPROTO when it is none of this server's; ESTALE when its time is over. err says which
 * and never holds a part of the token.
 */
CHOIR_NODISCARD choir_status ch_token_read(ch_claims *out, const char *token,
                                           const ch_token_key *key, uint64_t now_s,
                                           choir_error *err);

#endif
