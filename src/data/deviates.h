/*
 * Deviates: random numbers that are not uniform.
 *
 * On base/real.h alone: the same numbers with every compiler and C library.
 */
#ifndef CH_DATA_DEVIATES_H
#define CH_DATA_DEVIATES_H

#include "base/rng.h"

/* x^y for x > 0. */
double ch_real_pow(double x, double y);

/* Standard normal. */
double ch_rng_normal(ch_rng *rng);

/*
 * The logarithm of a Gamma(shape, 1) deviate, shape > 0. As a logarithm, because for a small shape
 * the deviate itself is mostly too small for a double.
 */
double ch_rng_log_gamma(ch_rng *rng, double shape);

/* Shuffles items (count) uniformly. */
void ch_rng_shuffle(ch_rng *rng, uint32_t *items, uint32_t count);

#endif
