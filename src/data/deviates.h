/*
 * Deviates: random numbers that are not uniform, and the functions they need.
 *
 * Only + - * / and sqrt, which IEEE 754 rounds in one way: the same numbers with every compiler and
 * C library, which libm's exp and log do not promise.
 */
#ifndef CH_DATA_DEVIATES_H
#define CH_DATA_DEVIATES_H

#include "base/rng.h"

/* Natural logarithm of a finite x > 0 that is not subnormal; relative error below 1e-15. */
double ch_real_log(double x);

/* e^x; 0 below x = -700 and e^700 above x = 700. Relative error below 1e-15. */
double ch_real_exp(double x);

/* x^y for x > 0 as above. */
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
