/*
 * Token: what a device shows with every request, so that no request needs a look into the store.
 *
 * A JSON Web Token that this server signed for a subject, a job and a client of it, and that ends
 * soon. Only HS256 with the server's own key is believed: what a token says of its own algorithm is
 * compared, never obeyed.
 *
 * Source: RFC 7519 "JSON Web Token", RFC 7515 "JSON Web Signature"; RFC 8725 §3.1 for the last
 * point.
 */
#ifndef CH_NET_TOKEN_H
#define CH_NET_TOKEN_H

#include "choir/job.h"
#include "choir/status.h"
#include "crypto/sign.h"

#include <stdint.h>

enum { CH_TOKEN_MAX = 512 }; // bytes, with the terminating zero

typedef struct ch_claims {
    int64_t subject;          // "sub": its number
    char job[CHOIR_NAME_MAX]; // "job": its name; any version
    uint32_t client;          // "client": which of the job's it is
    uint64_t expires_s;       // "exp": seconds of the Unix epoch
} ch_claims;

void ch_token_make(char out[CH_TOKEN_MAX], const ch_claims *claims,
                   const uint8_t key[CH_SHARED_KEY_BYTES]);

/*
 * Reads a token that a device shows.
 *
 * Returns OK; EPROTO when it is none of this server's; ESTALE when its time is over. err says which
 * and never holds a part of the token.
 */
CHOIR_NODISCARD choir_status ch_token_read(ch_claims *out, const char *token,
                                           const uint8_t key[CH_SHARED_KEY_BYTES], uint64_t now_s,
                                           choir_error *err);

#endif
