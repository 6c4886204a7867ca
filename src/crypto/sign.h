/*
 * Sign: Ed25519 keys and signatures, and message authentication with a shared key.
 *
 * Source: Bernstein, Duif, Lange, Schwabe, Yang, "High-speed high-security signatures", CHES 2011;
 * RFC 8032. HMAC: RFC 2104, with SHA-256.
 */
#ifndef CH_CRYPTO_SIGN_H
#define CH_CRYPTO_SIGN_H

#include "choir/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CH_PUBLIC_KEY_BYTES = 32,
    CH_SECRET_KEY_BYTES = 64,
    CH_SIGNATURE_BYTES = 64,
    CH_SHARED_KEY_BYTES = 32,
    CH_MAC_BYTES = 32,
    CH_HASH_KEY_BYTES = 16,
};

typedef struct ch_key_pair {
    uint8_t public_key[CH_PUBLIC_KEY_BYTES];
    uint8_t secret_key[CH_SECRET_KEY_BYTES]; // to be wiped
} ch_key_pair;

/* A key pair that nobody has had before. */
void ch_key_pair_make(ch_key_pair *out);

/* The number-th of the key pairs that a secret seed stands for: always the same, and of no use to
 * find the seed or another of them. Its derivation is libsodium's crypto_kdf (keyed BLAKE2b). */
void ch_key_pair_derive(ch_key_pair *out, const uint8_t seed[CH_SHARED_KEY_BYTES], uint64_t number);

void ch_sign(uint8_t out[CH_SIGNATURE_BYTES], choir_bytes message,
             const uint8_t secret_key[CH_SECRET_KEY_BYTES]);

/* Whether the owner of the public key signed exactly this message. */
bool ch_sign_check(const uint8_t signature[CH_SIGNATURE_BYTES], choir_bytes message,
                   const uint8_t public_key[CH_PUBLIC_KEY_BYTES]);

/* HMAC-SHA-256 of the message. */
void ch_mac(uint8_t out[CH_MAC_BYTES], choir_bytes message, const uint8_t key[CH_SHARED_KEY_BYTES]);

/* Whether mac is the message's, in a time that does not tell where they differ. */
bool ch_mac_check(const uint8_t mac[CH_MAC_BYTES], choir_bytes message,
                  const uint8_t key[CH_SHARED_KEY_BYTES]);

/* A short hash for tables, which nobody can aim at who does not know the key: SipHash-2-4.
 *
 * Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012. */
uint64_t ch_keyed_hash(choir_bytes message, const uint8_t key[CH_HASH_KEY_BYTES]);

#endif
