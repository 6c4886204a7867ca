/* Entropy: see entropy.h. libsodium's. */
#include "crypto/entropy.h"

#include "base/error.h"

#include <sodium.h>

choir_status ch_crypto_start(choir_error *err) {
    if (sodium_init() < 0) {
        return ch_error_set(err, CHOIR_EIO, "crypto: the system gives no random bytes");
    }
    return CHOIR_OK;
}

void ch_entropy_fill(void *out, size_t size) {
    randombytes_buf(out, size);
}

void ch_wipe(void *secret, size_t size) {
    sodium_memzero(secret, size);
}

int ch_secret_equal(const void *a, const void *b, size_t size) {
    return sodium_memcmp(a, b, size) == 0;
}
