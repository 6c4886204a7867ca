/*
 * Latency: how long things took, by quantiles, in memory that does not grow.
 *
 * Times are counted in buckets: below 64 us one for each microsecond, above it 64 for each
 * doubling, so that a quantile is told to 1.6 %. The longest time is kept as it was.
 *
 * Source: the idea of Gil Tene's HdrHistogram: buckets that are linear within powers of two.
 */
#ifndef CH_SWARM_LATENCY_H
#define CH_SWARM_LATENCY_H

#include <stdint.h>

enum {
    CH_LATENCY_STEPS = 64,  // buckets of a doubling
    CH_LATENCY_OCTAVES = 32 // doublings: up to 2^37 us, a day and a half; longer ones count as that
};

/* Begins as all zero. */
typedef struct ch_latency {
    uint64_t counts[(CH_LATENCY_OCTAVES + 1) * CH_LATENCY_STEPS];
    uint64_t count;
    uint64_t longest_us;
} ch_latency;

void ch_latency_add(ch_latency *l, uint64_t us);

/* The time, us, that a share of all, 0 .. 1, did not exceed: at most 1.6 % above it, and never
 * above the longest. 0 when there are none. */
uint64_t ch_latency_quantile(const ch_latency *l, double share);

#endif
