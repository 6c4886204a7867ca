/*
 * Fixed: exactly m = max(round(C K), 1) clients, every set of m equally likely.
 *
 * They are the first m images of a keyed permutation of [0, K), so nothing of size K is ever held.
 * The permutation is a Feistel network on the fewest bits that hold K - 1, walked until it lands
 * below K: less than two steps a client on average.
 *
 * Source: m is McMahan et al., "Communication-Efficient Learning of Deep Networks from
 * Decentralized Data", AISTATS 2017, alg. 1, with round for its truncation. Cycle walking: Black,
 * Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, sec. 3.
 */
#include "fl/sampler.h"

#include <string.h>

// Tiny domains mix slowly: with 6 pairs of steps the sets of 4 out of 8 are off by a quarter; with
// 24 no bias shows in 100 000 draws from any population of 3 to 12.
enum { FEISTEL_PAIRS = 24 };

enum { RADIX_BITS = 8, RADIX = 1 << RADIX_BITS };

/* The halves are as equal as the number of bits allows. */
typedef struct feistel {
    uint64_t keys[2 * FEISTEL_PAIRS];
    uint32_t low_bits;
    uint32_t low_mask;
    uint32_t high_mask;
} feistel;

static feistel feistel_keyed(uint32_t clients, ch_rng *rng) {
    uint32_t bits = 0;
    while ((UINT64_C(1) << bits) < clients) {
        bits += 1;
    }
    feistel f = {.low_bits = bits / 2};
    f.low_mask = (UINT32_C(1) << f.low_bits) - 1;
    f.high_mask = (UINT32_C(1) << (bits - f.low_bits)) - 1;
    for (int i = 0; i < 2 * FEISTEL_PAIRS; i++) {
        f.keys[i] = ch_rng_next(rng);
    }
    return f;
}

static uint32_t scramble(uint64_t key, uint32_t half) {
    ch_rng rng = {.key = key, .counter = half};
    return (uint32_t)(ch_rng_next(&rng) >> 32);
}

/*   high ^= F(low);  low ^= F(high);   each step is undone by itself, so the whole is one-to-one */
static uint32_t feistel_image(const feistel *f, uint32_t x) {
    uint32_t high = x >> f->low_bits;
    uint32_t low = x & f->low_mask;
    for (int i = 0; i < 2 * FEISTEL_PAIRS; i += 2) {
        high ^= scramble(f->keys[i], low) & f->high_mask;
        low ^= scramble(f->keys[i + 1], high) & f->low_mask;
    }
    return high << f->low_bits | low;
}

static void sort_ascending(uint32_t *values, uint32_t *scratch, uint32_t count) {
    for (int shift = 0; shift < 32; shift += RADIX_BITS) {
        uint32_t start[RADIX + 1] = {0};
        for (uint32_t i = 0; i < count; i++) {
            start[(values[i] >> shift) % RADIX + 1] += 1;
        }
        for (int digit = 0; digit < RADIX; digit++) {
            start[digit + 1] += start[digit];
        }
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t digit = (values[i] >> shift) % RADIX;
            scratch[start[digit]] = values[i];
            start[digit] += 1;
        }
        memcpy(values, scratch, count * sizeof(values[0]));
    }
}

static uint32_t fixed_cohort_max(uint32_t clients, double rate) {
    const uint32_t m = (uint32_t)(rate * clients + 0.5);
    return m < 1 ? 1 : m;
}

static uint32_t fixed_draw(const ch_sampler *s, ch_rng *rng, uint32_t *out, uint32_t *scratch) {
    const feistel f = feistel_keyed(s->clients, rng);
    for (uint32_t i = 0; i < s->cohort_max; i++) {
        uint32_t client = feistel_image(&f, i);
        while (client >= s->clients) {
            client = feistel_image(&f, client);
        }
        out[i] = client;
    }
    sort_ascending(out, scratch, s->cohort_max);
    return s->cohort_max;
}

const ch_sampler_ops ch_sampler_fixed = {
    .name = "fixed",
    .cohort_max = fixed_cohort_max,
    .draw = fixed_draw,
};
