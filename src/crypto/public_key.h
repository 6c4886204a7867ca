/*
 * Public key: others' signatures, RSA and ECDSA, as identity providers make them. By GnuTLS, which
 * allocates.
 *
 * A key has one algorithm: RS256 where it is RSA's, ES256 where it is a point of P-256. Nothing
 * that comes with a signature chooses another.
 *
 * Source: RFC 7518 "JSON Web Algorithms", sections 3.3 and 3.4.
 */
#ifndef CH_CRYPTO_PUBLIC_KEY_H
#define CH_CRYPTO_PUBLIC_KEY_H

#include "choir/bytes.h"
#include "choir/status.h"

#include <stdbool.h>

enum {
    CH_RSA_BITS_MIN = 2048,
    CH_RSA_BITS_MAX = 8192,
    CH_P256_BYTES = 32, // of a coordinate, and of each half of a signature
};

struct gnutls_pubkey_st;

typedef struct ch_public_key {
    const char *algorithm;           // "RS256" | "ES256"; NULL: none
    struct gnutls_pubkey_st *handle; // owned
} ch_public_key;

/*
 * Takes a key: RSA's modulus and exponent, or a point's coordinates; big-endian, copied.
 *
 * Returns OK and a key to release; EINVAL when the modulus has not CH_RSA_BITS_MIN to _MAX bits,
 * the exponent is even or beyond 64 bits, a coordinate has not CH_P256_BYTES, or the point is not
 * on the curve; ENOMEM. *out is all zero then.
 */
CHOIR_NODISCARD choir_status ch_public_key_rsa(ch_public_key *out, choir_bytes modulus,
                                               choir_bytes exponent, choir_error *err);
CHOIR_NODISCARD choir_status ch_public_key_p256(ch_public_key *out, choir_bytes x, choir_bytes y,
                                                choir_error *err);

/* Safe on one that is all zero. */
void ch_public_key_release(ch_public_key *key);

/* Whether the key's owner signed exactly this message. A signature of ES256 is r and s, 32 bytes
 * each; of RS256 as long as the modulus. */
bool ch_public_key_check(const ch_public_key *key, choir_bytes message, choir_bytes signature);

#endif
