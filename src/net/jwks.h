/*
 * JWKS: the public keys of an operator's identity provider, as it publishes them.
 *
 *     {"keys": [{"kty": "RSA", "kid": "2026-1", "use": "sig", "alg": "RS256", "n": "...", "e":
 * "AQAB"},
 *               {"kty": "EC", "kid": "2026-2", "crv": "P-256", "x": "...", "y": "..."}]}
 *
 * A key is used with one algorithm alone: RS256 for RSA, ES256 for P-256; "alg" may say so and may
 * not say otherwise. Keys for something else are skipped: other algorithms, other curves,
 * encryption. A file with a secret in it is refused: a symmetric or a private key.
 *
 * Source: RFC 7517 "JSON Web Key (JWK)", RFC 7518 section 6.
 */
#ifndef CH_NET_JWKS_H
#define CH_NET_JWKS_H

#include "choir/bytes.h"
#include "choir/status.h"
#include "crypto/public_key.h"

#include <stdint.h>

enum {
    CH_JWKS_KEYS_MAX = 64,
    CH_JWKS_BYTES_MAX = 256 << 10,
    CH_KEY_ID_MAX = 256, // bytes of a "kid", its zero included
};

typedef struct ch_jwk {
    char id[CH_KEY_ID_MAX];
    ch_public_key key;
} ch_jwk;

typedef struct ch_jwks {
    ch_jwk keys[CH_JWKS_KEYS_MAX]; // (count) of different ids
    uint32_t count;
} ch_jwks;

/*
 * Reads a set.
 *
 * name  what messages start with: the file's
 *
 * Returns OK and a set to release, with at least one key; EPROTO when it is no such JSON, has a
 * secret, two keys of one id, a key that is none, or none that can be used; EINVAL when it has more
 * than CH_JWKS_BYTES_MAX; ENOMEM. out is then all zero.
 */
CHOIR_NODISCARD choir_status ch_jwks_parse(ch_jwks *out, choir_bytes text, const char *name,
                                           choir_error *err);

/* Safe on one that is all zero. */
void ch_jwks_release(ch_jwks *set);

/* The key of an id; NULL: there is none. */
const ch_public_key *ch_jwks_find(const ch_jwks *set, const char *id);

#endif
