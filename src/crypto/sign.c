/* Sign: see sign.h. libsodium's. */
#include "crypto/sign.h"

#include "base/assert.h"
#include "base/error.h"

#include <sodium.h>

_Static_assert(CH_PUBLIC_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "sizes are Ed25519's");
_Static_assert(CH_SECRET_KEY_BYTES == crypto_sign_SECRETKEYBYTES, "sizes are Ed25519's");
_Static_assert(CH_SIGNATURE_BYTES == crypto_sign_BYTES, "sizes are Ed25519's");
_Static_assert(CH_SHARED_KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES, "sizes are HMAC's");
_Static_assert(CH_HASH_KEY_BYTES == crypto_shorthash_siphash24_KEYBYTES, "sizes are SipHash's");
_Static_assert(CH_SHARED_KEY_BYTES == crypto_kdf_KEYBYTES, "a seed is a key to derive from");
_Static_assert(CH_MAC_BYTES == crypto_auth_hmacsha256_BYTES, "sizes are HMAC's");

void ch_key_pair_make(ch_key_pair *out) {
    const int failed = crypto_sign_keypair(out->public_key, out->secret_key);
    CH_ASSERT(failed == 0);
}

void ch_key_pair_derive(ch_key_pair *out, const uint8_t seed[CH_SHARED_KEY_BYTES],
                        uint64_t number) {
    uint8_t own[crypto_sign_SEEDBYTES];
    int failed = crypto_kdf_derive_from_key(own, sizeof(own), number, "choirkey", seed);
    CH_ASSERT(failed == 0);
    failed = crypto_sign_seed_keypair(out->public_key, out->secret_key, own);
    CH_ASSERT(failed == 0);
    sodium_memzero(own, sizeof(own));
}

void ch_sign(uint8_t out[CH_SIGNATURE_BYTES], choir_bytes message,
             const uint8_t secret_key[CH_SECRET_KEY_BYTES]) {
    const int failed = crypto_sign_detached(out, NULL, message.data, message.size, secret_key);
    CH_ASSERT(failed == 0);
}

bool ch_sign_check(const uint8_t signature[CH_SIGNATURE_BYTES], choir_bytes message,
                   const uint8_t public_key[CH_PUBLIC_KEY_BYTES]) {
    return crypto_sign_verify_detached(signature, message.data, message.size, public_key) == 0;
}

void ch_mac(uint8_t out[CH_MAC_BYTES], choir_bytes message,
            const uint8_t key[CH_SHARED_KEY_BYTES]) {
    const int failed = crypto_auth_hmacsha256(out, message.data, message.size, key);
    CH_ASSERT(failed == 0);
}

bool ch_mac_check(const uint8_t mac[CH_MAC_BYTES], choir_bytes message,
                  const uint8_t key[CH_SHARED_KEY_BYTES]) {
    return crypto_auth_hmacsha256_verify(mac, message.data, message.size, key) == 0;
}

uint64_t ch_keyed_hash(choir_bytes message, const uint8_t key[CH_HASH_KEY_BYTES]) {
    uint8_t bytes[crypto_shorthash_siphash24_BYTES];
    uint64_t out = 0;
    (void)crypto_shorthash_siphash24(bytes, message.data, message.size, key);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        out |= (uint64_t)bytes[i] << 8 * i;
    }
    return out;
}
