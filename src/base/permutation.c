/* Permutation: see permutation.h. */
#include "base/permutation.h"

#include "base/assert.h"

void ch_permutation_init(ch_permutation *p, uint32_t count, ch_rng *rng) {
    uint32_t bits = 0;
    while ((UINT64_C(1) << bits) < count) {
        bits += 1;
    }
    *p = (ch_permutation){.count = count, .low_bits = bits / 2};
    p->low_mask = (UINT32_C(1) << p->low_bits) - 1;
    p->high_mask = (UINT32_C(1) << (bits - p->low_bits)) - 1;
    for (int i = 0; i < 2 * CH_PERMUTATION_PAIRS; i++) {
        p->keys[i] = ch_rng_next(rng);
    }
}

static uint32_t scramble(uint64_t key, uint32_t half) {
    ch_rng rng = {.key = key, .counter = half};
    return (uint32_t)(ch_rng_next(&rng) >> 32);
}

/*   high ^= F(low);  low ^= F(high);   each step is undone by itself, so the whole is one-to-one */
static uint32_t image(const ch_permutation *p, uint32_t x) {
    uint32_t high = x >> p->low_bits;
    uint32_t low = x & p->low_mask;
    for (int i = 0; i < 2 * CH_PERMUTATION_PAIRS; i += 2) {
        high ^= scramble(p->keys[i], low) & p->high_mask;
        low ^= scramble(p->keys[i + 1], high) & p->low_mask;
    }
    return high << p->low_bits | low;
}

uint32_t ch_permutation_at(const ch_permutation *p, uint32_t place) {
    CH_ASSERT(place < p->count);
    uint32_t found = image(p, place);
    while (found >= p->count) {
        found = image(p, found);
    }
    return found;
}
