/*
 * JWT: what an identity provider says of somebody, signed by it.
 *
 *     base64url(head) "." base64url(claims) "." base64url(signature)
 *
 * The head says which key, by its "kid"; that key has one algorithm, and the head's "alg" must be
 * that one. Nothing of the claims is looked at before the signature is found to be right.
 *
 * Source: RFC 7519 "JSON Web Token", RFC 7515 "JSON Web Signature"; RFC 8725 "JSON Web Token Best
 * Current Practices", sections 3.1, 3.8, 3.9 and 3.11.
 */
#ifndef CH_NET_JWT_H
#define CH_NET_JWT_H

#include "net/jwks.h"

enum {
    CH_JWT_MAX = 4096,        // bytes of one that is read, its zero included
    CH_JWT_SUBJECT_MAX = 256, // of its "sub", likewise
    CH_JWT_LEEWAY_S = 60,     // by how much clocks may differ
};

/* What is asked of the claims beside their time. */
typedef struct ch_jwt_rules {
    const char *issuer;   // "iss" is to be this; "": whatever it is
    const char *audience; // "aud" is to be or have this; "": likewise
} ch_jwt_rules;

typedef struct ch_jwt {
    char subject[CH_JWT_SUBJECT_MAX]; // "sub", printable
} ch_jwt;

/*
 * Reads a token.
 *
 * now_s  seconds of the Unix epoch
 *
 * Returns OK; ESTALE when its time is over or has not come; EPROTO when it is no token, not signed
 * by one of the keys, or not for us. err says which, and never holds a part of it; out is then as
 * it was.
 */
CHOIR_NODISCARD choir_status ch_jwt_read(ch_jwt *out, const char *token, const ch_jwks *keys,
                                         const ch_jwt_rules *rules, uint64_t now_s,
                                         choir_error *err);

/* The same of claims, JSON, whose signature was right: its second half. */
CHOIR_NODISCARD choir_status ch_jwt_claims(ch_jwt *out, choir_bytes claims,
                                           const ch_jwt_rules *rules, uint64_t now_s,
                                           choir_error *err);

#endif
