/* Entropy: bytes that nobody can guess, for secrets. Not for experiments, which are seeded: those
 * use base/rng.h. */
#ifndef CH_CRYPTO_ENTROPY_H
#define CH_CRYPTO_ENTROPY_H

#include "choir/status.h"

#include <stddef.h>

/* Makes the layer ready; any number of times, from any thread. Returns OK; EIO when the system
 * gives no random bytes. Before anything else of src/crypto. */
CHOIR_NODISCARD choir_status ch_crypto_start(choir_error *err);

/* Fills out with size bytes. */
void ch_entropy_fill(void *out, size_t size);

/* Overwrites size bytes of a secret that is no longer needed; never optimised away. */
void ch_wipe(void *secret, size_t size);

/* Whether size bytes are equal, in a time that does not tell where they differ. */
int ch_secret_equal(const void *a, const void *b, size_t size);

#endif
