/*
 * Fixed: exactly m = max(round(C K), 1) clients, every set of m equally likely.
 *
 * They are the first m images of a keyed permutation of [0, K), so nothing of size K is ever held.
 *
 * Source: m is McMahan et al., "Communication-Efficient Learning of Deep Networks from
 * Decentralized Data", AISTATS 2017, alg. 1, with round for its truncation.
 */
#include "base/permutation.h"
#include "fl/sampler.h"

#include <string.h>

enum { RADIX_BITS = 8, RADIX = 1 << RADIX_BITS };

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

static double fixed_cohort_mean(uint32_t clients, double rate) {
    return fixed_cohort_max(clients, rate);
}

static uint32_t fixed_draw(const ch_sampler *s, ch_rng *rng, uint32_t *out, uint32_t *scratch) {
    ch_permutation p;
    ch_permutation_init(&p, s->clients, rng);
    for (uint32_t i = 0; i < s->cohort_max; i++) {
        out[i] = ch_permutation_at(&p, i);
    }
    sort_ascending(out, scratch, s->cohort_max);
    return s->cohort_max;
}

const ch_sampler_ops ch_sampler_fixed = {
    .name = "fixed",
    .cohort_max = fixed_cohort_max,
    .cohort_mean = fixed_cohort_mean,
    .draw = fixed_draw,
};
