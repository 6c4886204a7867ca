/*
 * Real functions in double precision: see real.h.
 *
 * Source: argument reduction as in Muller, "Elementary Functions", 3rd ed., 2016, ch. 11; then the
 * plain Taylor series, long enough for double on the reduced interval.
 */
#include "base/real.h"

#include <math.h>
#include <string.h>

// ln 2 in two parts: the first has 21 trailing zero bits, so k * LN2_HIGH is exact for |k| < 2^21.
static const double LN2_HIGH = 0x1.62e42feep-1;
static const double LN2_LOW = 0x1.a39ef35793c76p-33;
static const double LN2_INVERSE = 0x1.71547652b82fep+0;
static const double PI = 0x1.921fb54442d18p+1;

static uint64_t bits_of(double x) {
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static double of_bits(uint64_t bits) {
    double x = 0;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* 2^k as a normal number; -1022 <= k <= 1023. */
static double two_to(int k) {
    return of_bits((uint64_t)(k + 1023) << 52);
}

/*
 *   x = 2^k m,  m in [sqrt(1/2), sqrt(2))
 *   log x = k ln 2 + 2 artanh(s),  s = (m - 1) / (m + 1),  |s| < 0.1716
 *   artanh(s) = s + s^3/3 + s^5/5 + ...
 */
double ch_real_log(double x) {
    if (!(x > 0)) {
        return x == 0 ? -INFINITY : NAN;
    }
    if (x == INFINITY) {
        return x;
    }
    int k = 0;
    if (x < 0x1p-1022) { // subnormal
        x *= 0x1p54;
        k = -54;
    }
    k += (int)(bits_of(x) >> 52) - 1023;
    double m = of_bits((bits_of(x) & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52);
    if (m > 0x1.6a09e667f3bcdp+0) {
        m *= 0.5;
        k += 1;
    }
    const double s = (m - 1) / (m + 1);
    const double s2 = s * s;
    double series = 0;
    for (int n = 21; n >= 3; n -= 2) {
        series = (series + 1.0 / n) * s2;
    }
    return k * LN2_HIGH + (2 * s + (2 * s * series + k * LN2_LOW));
}

/*   x = k ln 2 + r,  |r| <= ln 2 / 2;   e^x = 2^k (1 + r + r^2/2! + ... + r^14/14!) */
double ch_real_exp(double x) {
    if (!(x > -745.2)) {
        return x != x ? x : 0;
    }
    if (x > 709.8) {
        return INFINITY;
    }
    const double scaled = x * LN2_INVERSE;
    const int k = (int)(scaled + (scaled < 0 ? -0.5 : 0.5));
    const double r = (x - k * LN2_HIGH) - k * LN2_LOW;
    double series = 0;
    for (int n = 14; n >= 1; n--) {
        series = (series + 1) * r / n;
    }
    const int half = k / 2; // in two steps, because 2^k itself may be subnormal or too large
    return (1 + series) * two_to(half) * two_to(k - half);
}

/* Taylor: sin for odd first, cos for even; |x| <= pi / 4. */
static double circular(double x, int first) {
    const double x2 = x * x;
    double series = 0;
    for (int n = first + 16; n > first; n -= 2) {
        series = (1 - series) * x2 / (n * (n - 1));
    }
    return (1 - series) * (first == 1 ? x : 1);
}

/*   x mod 2 = q / 2 + r,  |r| <= 1/4;   cos(pi x) = cos, -sin, -cos, sin of (pi r) for q = 0 .. 3
 */
double ch_real_cospi(double x) {
    const double a = fabs(x);
    const double turn = a - 2 * (double)(uint64_t)(a * 0.5);
    const int q = (int)(2 * turn + 0.5);
    const double r = PI * (turn - 0.5 * q);
    switch (q % 4) {
    case 0:
        return circular(r, 0);
    case 1:
        return -circular(r, 1);
    case 2:
        return -circular(r, 0);
    default:
        return circular(r, 1);
    }
}

double ch_real_powi(double base, uint32_t n) {
    double power = 1;
    for (; n > 0; n >>= 1) {
        power *= (n & 1) != 0 ? base : 1;
        base *= base;
    }
    return power;
}
