/*
 * Random numbers for experiments: counter-based, so the n-th number of a stream is a pure function
 * of (seed, purpose, round, client, n). Threads and arrival order cannot change it.
 *
 * Not for secrets: who knows the seed knows every number.
 */
#ifndef CH_BASE_RNG_H
#define CH_BASE_RNG_H

#include <stdint.h>

/* One entry per use, so that no two uses ever share numbers. Append only: values are persistent. */
typedef enum ch_purpose {
    CH_PURPOSE_SAMPLING = 1,
    CH_PURPOSE_SHUFFLE = 2,
    CH_PURPOSE_DATA = 3,
    CH_PURPOSE_NETWORK = 4,
    CH_PURPOSE_TASK = 5,
    CH_PURPOSE_INIT = 6,        // model parameters
    CH_PURPOSE_PARTITION = 7,   // who holds which example
    CH_PURPOSE_HELDOUT = 8,     // which of a client's examples are held out
    CH_PURPOSE_DEVICE = 9,      // a simulated device's speed and habits
    CH_PURPOSE_WRITER = 10,     // a digits writer's style
    CH_PURPOSE_GLYPH = 11,      // one drawn digit
    CH_PURPOSE_EVALUATE = 12,   // which clients are evaluated
    CH_PURPOSE_TEST = 13,       // only in tests
    CH_PURPOSE_PACE = 14,       // when a client comes back that is told to
    CH_PURPOSE_ARRIVAL = 15,    // in which order an open population's simulated clients come by
    CH_PURPOSE_MEASURING = 16,  // who evaluates a model
    CH_PURPOSE_PREPROCESS = 17, // how an example is cropped, turned and lit in training
    CH_PURPOSE_DITHER = 18,     // which way a client's metrics are rounded
} ch_purpose;

typedef struct ch_rng {
    uint64_t key;
    uint64_t counter;
} ch_rng;

ch_rng ch_rng_stream(uint64_t seed, ch_purpose purpose, uint64_t round, uint64_t client);

/* Uniform over all 64-bit values. */
uint64_t ch_rng_next(ch_rng *rng);

/* Uniform in [0, 1). */
double ch_rng_unit(ch_rng *rng);

/* Uniform in [0, limit), limit > 0. Bias below 2^-32 for limit < 2^32. */
uint32_t ch_rng_below(ch_rng *rng, uint32_t limit);

#endif
