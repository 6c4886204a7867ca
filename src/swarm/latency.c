/* Latency: see latency.h. */
#include "swarm/latency.h"

#include <math.h>
#include <stddef.h>

enum { STEPS_LOG2 = 6, BUCKETS = (CH_LATENCY_OCTAVES + 1) * CH_LATENCY_STEPS };

/* us = (STEPS + step) 2^octave, and below STEPS itself. */
static size_t bucket_of(uint64_t us) {
    uint32_t octave = 0;
    for (; us >> octave >= 2 * CH_LATENCY_STEPS; octave++) {
    }
    if (us < CH_LATENCY_STEPS) {
        return (size_t)us;
    }
    const size_t bucket = ((size_t)octave << STEPS_LOG2) + (size_t)(us >> octave);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* The longest time in a bucket. */
static uint64_t bucket_end(size_t bucket) {
    if (bucket < 2 * CH_LATENCY_STEPS) {
        return bucket;
    }
    const uint32_t octave = (uint32_t)(bucket >> STEPS_LOG2) - 1;
    const uint64_t step = bucket - ((size_t)octave << STEPS_LOG2);
    return ((step + 1) << octave) - 1;
}

void ch_latency_add(ch_latency *l, uint64_t us) {
    l->counts[bucket_of(us)] += 1;
    l->count += 1;
    l->longest_us = us > l->longest_us ? us : l->longest_us;
}

uint64_t ch_latency_quantile(const ch_latency *l, double share) {
    uint64_t left = (uint64_t)ceil(share * (double)l->count);
    for (size_t i = 0; i < BUCKETS; i++) {
        if (l->counts[i] >= left) {
            const uint64_t end_us = left == 0 ? 0 : bucket_end(i);
            return end_us < l->longest_us ? end_us : l->longest_us;
        }
        left -= l->counts[i];
    }
    return l->longest_us;
}
