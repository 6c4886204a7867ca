/*
 * SHA-256, incremental: names models by their bytes.
 *
 * In base and not in crypto because the protocol core must build with libc alone. Uses the CPU's
 * SHA instructions when it has them: hashing the model is part of every round.
 *
 * Source: FIPS 180-4, "Secure Hash Standard", 2015, sec. 6.2.
 */
#ifndef CH_BASE_SHA256_H
#define CH_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct ch_sha256 {
    uint32_t state[8];
    uint64_t bytes;    // hashed so far
    uint8_t block[64]; // the unfinished tail
} ch_sha256;

/* The block function of the standard, of a number of blocks of 64 bytes, in one way of doing it. */
typedef struct ch_sha256_blocks {
    const char *name;
    void (*hash)(uint32_t state[8], const uint8_t *data, size_t blocks);
} ch_sha256_blocks;

/* Those that this CPU can run, the best first, which the functions below use; then NULL. */
const ch_sha256_blocks *ch_sha256_variant(uint32_t index);

void ch_sha256_init(ch_sha256 *h);
/* data may be NULL when size is 0. */
void ch_sha256_add(ch_sha256 *h, const void *data, size_t size);
void ch_sha256_finish(ch_sha256 *h, uint8_t out[32]);

/* All at once. */
void ch_sha256_of(const void *data, size_t size, uint8_t out[32]);

#endif
