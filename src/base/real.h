/*
 * Real functions in double precision that give the same bits everywhere.
 *
 * libm's last bit differs between versions and machines, and who is sampled in a round, or how a
 * learning rate falls, must not. These are built from + - * / alone, each rounded once, so every
 * IEEE 754 machine agrees. Errors stay below 4 units in the last place, which is plenty for what
 * they decide; kernels have their own, faster ones in single precision.
 */
#ifndef CH_BASE_REAL_H
#define CH_BASE_REAL_H

#include <stdint.h>

/* Natural logarithm. -inf at 0, NaN below it and for NaN, inf at inf. */
double ch_real_log(double x);

/* e^x. 0 below -745, inf above 709.8, NaN for NaN. */
double ch_real_exp(double x);

/* cos(pi x), exact at multiples of 1/2; |x| <= 2^31. */
double ch_real_cospi(double x);

/* base^n by squaring, within a relative error of n 2^-53; 1 for n = 0. */
double ch_real_powi(double base, uint32_t n);

#endif
