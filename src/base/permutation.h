/*
 * Permutation: a keyed order of [0, count), of which any place can be asked for without the others.
 *
 * A Feistel network on the fewest bits that hold count - 1, walked until it lands below count: less
 * than two steps a place on average, and no memory that grows with count.
 *
 * Source: cycle walking, Black, Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002,
 * sec. 3.
 */
#ifndef CH_BASE_PERMUTATION_H
#define CH_BASE_PERMUTATION_H

#include "base/rng.h"

#include <stdint.h>

// Tiny domains mix slowly: with 6 pairs of steps the sets of 4 out of 8 are off by a quarter; with
// 24 no bias shows in 100 000 draws from any population of 3 to 12.
enum { CH_PERMUTATION_PAIRS = 24 };

/* The halves are as equal as the number of bits allows. */
typedef struct ch_permutation {
    uint64_t keys[2 * CH_PERMUTATION_PAIRS];
    uint32_t count;
    uint32_t low_bits;
    uint32_t low_mask;
    uint32_t high_mask;
} ch_permutation;

/* Keys from rng. count: 1 .. 2^31. */
void ch_permutation_init(ch_permutation *p, uint32_t count, ch_rng *rng);

/* What stands at place, below count. */
uint32_t ch_permutation_at(const ch_permutation *p, uint32_t place);

#endif
