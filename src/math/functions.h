/*
 * Functions: exp, log, tanh and the logistic function of a vector. For kernel sources only
 * (vector.h).
 *
 * The same operations in the same order on every CPU, unlike a C library's.
 *
 * Source: Moshier, "Methods and Programs for Mathematical Functions", 1989: the polynomials and the
 * split of ln 2 are those of Cephes' expf, logf and tanhf; here without branches and with fused
 * multiply-adds.
 */
#ifndef CH_MATH_FUNCTIONS_H
#define CH_MATH_FUNCTIONS_H

#include "math/vector.h"

#include <math.h>

#define LN2_HIGH 0.693359375F    // 9 bits, so that n * LN2_HIGH is exact
#define LN2_LOW  -2.12194440e-4F // ln 2 - LN2_HIGH
#define EXP_MIN  -87.33654475F   // below, exp is no normal number: zero
#define EXP_MAX  88.72283173F    // above, exp is no number: infinity
#define SHIFTER  12582912.0F     // 1.5 * 2^23: adding it leaves the nearest whole number below

/* exp(x) = 2^n exp(r),  n = round(x / ln 2),  r = x - n ln 2 in +-0.35 */
V_INLINE vfloat v_exp(vfloat x) {
    const vfloat above = v_select(x < EXP_MIN, v_splat(EXP_MIN), x); // or n would be no int
    const vfloat in = v_select(x > EXP_MAX, v_splat(EXP_MAX), above);
    const vfloat shifted = v_fma(in, v_splat(1.44269504F), v_splat(SHIFTER));
    const vfloat n = shifted - SHIFTER;
    vfloat r = v_fma(n, v_splat(-LN2_HIGH), in);
    r = v_fma(n, v_splat(-LN2_LOW), r);
    vfloat p = v_splat(1.9875691500e-4F);
    p = v_fma(p, r, v_splat(1.3981999507e-3F));
    p = v_fma(p, r, v_splat(8.3334519073e-3F));
    p = v_fma(p, r, v_splat(4.1665795894e-2F));
    p = v_fma(p, r, v_splat(1.6666665459e-1F));
    p = v_fma(p, r, v_splat(5.0000001201e-1F));
    p = v_fma(p, r * r, r) + 1.0F;
    const vint whole = (vint)shifted - (vint)v_splat(SHIFTER);
    const vint half = whole >> 1; // 2^n in two factors: 2^128 is none
    const vfloat y = p * (vfloat)((half + 127) << 23) * (vfloat)((whole - half + 127) << 23);
    const vfloat small = v_select(x < EXP_MIN, v_splat(0.0F), y);
    return v_select(x > EXP_MAX, v_splat(INFINITY), small);
}

/* log(m 2^e) = e ln 2 + log(1 + f),  f = m - 1,  m in [sqrt(1/2), sqrt(2)); x > 0 and finite, or
 * NaN, which stays */
V_INLINE vfloat v_log(vfloat x) {
    const vint sqrt_half = (vint){0} + 0x3f3504f3;
    const vint exponent = ((vint)x - sqrt_half) >> 23;
    const vfloat f = (vfloat)((vint)x - exponent * (1 << 23)) - 1.0F;
    const vfloat e = __builtin_convertvector(exponent, vfloat);
    vfloat p = v_splat(7.0376836292e-2F);
    p = v_fma(p, f, v_splat(-1.1514610310e-1F));
    p = v_fma(p, f, v_splat(1.1676998740e-1F));
    p = v_fma(p, f, v_splat(-1.2420140846e-1F));
    p = v_fma(p, f, v_splat(1.4249322787e-1F));
    p = v_fma(p, f, v_splat(-1.6668057665e-1F));
    p = v_fma(p, f, v_splat(2.0000714765e-1F));
    p = v_fma(p, f, v_splat(-2.4999993993e-1F));
    p = v_fma(p, f, v_splat(3.3333331174e-1F));
    const vfloat square = f * f;
    p = v_fma(p * f, square, e * LN2_LOW);
    p = v_fma(v_splat(-0.5F), square, p);
    return v_select(x == x, v_fma(e, v_splat(LN2_HIGH), f + p), x);
}

/* 1 / (1 + exp(-x)) */
V_INLINE vfloat v_sigmoid(vfloat x) {
    return 1.0F / (1.0F + v_exp(-x));
}

/* tanh(x) = x + x^3 p(x^2) where |x| < 0.625, and +-(1 - 2 / (exp(2 |x|) + 1)) elsewhere */
V_INLINE vfloat v_tanh(vfloat x) {
    const vint sign = (vint){0} + INT32_MIN;
    const vfloat size = (vfloat)((vint)x & ~sign);
    const vfloat square = x * x;
    vfloat p = v_splat(-5.70498872745e-3F);
    p = v_fma(p, square, v_splat(2.06390887954e-2F));
    p = v_fma(p, square, v_splat(-5.37397155531e-2F));
    p = v_fma(p, square, v_splat(1.33314422036e-1F));
    p = v_fma(p, square, v_splat(-3.33332819422e-1F));
    const vfloat large = 1.0F - 2.0F / (v_exp(size + size) + 1.0F);
    const vfloat signed_large = (vfloat)((vint)large | ((vint)x & sign));
    return v_select(size < 0.625F, v_fma(p * square, x, x), signed_large);
}

#endif
