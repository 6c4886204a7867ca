/*
 * Deviates: see deviates.h.
 *
 * Sources: Marsaglia, Bray, "A Convenient Method for Generating Normal Variables", SIAM Review 6,
 * 1964 (polar method); Marsaglia, Tsang, "A Simple Method for Generating Gamma Variables", ACM TOMS
 * 26, 2000, and its section 6 for shapes below 1.
 */
#include "data/deviates.h"

#include "base/assert.h"

#include <math.h>
#include <string.h>

static const double LN2_HIGH = 0x1.62e42fee00000p-1; // ends in zeros: exact times an exponent
static const double LN2_LOW = 0x1.a39ef35793c76p-33;

double ch_real_log(double x) {
    CH_ASSERT(x >= 0x1p-1022);
    // x = 2^e m with m in [sqrt(1/2), sqrt(2)), taken from the bits.
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    int e = (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0x000FFFFFFFFFFFFF)) | UINT64_C(0x3FF0000000000000);
    double m;
    memcpy(&m, &bits, sizeof(m));
    if (m > 0x1.6a09e667f3bcdp+0) {
        m *= 0.5;
        e += 1;
    }
    // ln m = 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) / (m + 1), |s| < 0.172
    const double s = (m - 1) / (m + 1);
    const double square = s * s;
    double sum = 0;
    for (int k = 21; k >= 1; k -= 2) {
        sum = sum * square + 1.0 / k;
    }
    return e * LN2_HIGH + (2 * s * sum + e * LN2_LOW);
}

double ch_real_exp(double x) {
    if (x < -700) {
        return 0;
    }
    x = x > 700 ? 700 : x;
    // e^x = 2^k e^r with |r| <= ln(2) / 2
    const int k = (int)(x * 0x1.71547652b82fep+0 + (x < 0 ? -0.5 : 0.5));
    const double r = (x - k * LN2_HIGH) - k * LN2_LOW;
    double sum = 1;
    for (int n = 14; n >= 1; n--) {
        sum = 1 + sum * r / n;
    }
    const uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof(power));
    return power * sum;
}

double ch_real_pow(double x, double y) {
    return ch_real_exp(y * ch_real_log(x));
}

double ch_rng_normal(ch_rng *rng) {
    for (;;) {
        const double u = 2 * ch_rng_unit(rng) - 1;
        const double v = 2 * ch_rng_unit(rng) - 1;
        const double s = u * u + v * v;
        if (s < 1 && s > 1e-300) {
            return u * sqrt(-2 * ch_real_log(s) / s);
        }
    }
}

/* Uniform in (0, 1]: its logarithm exists. */
static double unit_above_zero(ch_rng *rng) {
    return 1 - ch_rng_unit(rng);
}

double ch_rng_log_gamma(ch_rng *rng, double shape) {
    CH_ASSERT(shape > 0);
    if (shape < 1) { // Gamma(a) = Gamma(a + 1) U^(1/a)
        const double above = ch_rng_log_gamma(rng, shape + 1);
        return above + ch_real_log(unit_above_zero(rng)) / shape;
    }
    const double d = shape - 1.0 / 3;
    const double c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = ch_rng_normal(rng);
        const double root = 1 + c * x;
        if (root > 1e-100) {
            const double v = root * root * root;
            const double log_v = 3 * ch_real_log(root);
            if (ch_real_log(unit_above_zero(rng)) < 0.5 * x * x + d - d * v + d * log_v) {
                return ch_real_log(d) + log_v;
            }
        }
    }
}

void ch_rng_shuffle(ch_rng *rng, uint32_t *items, uint32_t count) {
    for (uint32_t i = count; i > 1; i--) { // Fisher and Yates
        const uint32_t j = ch_rng_below(rng, i);
        const uint32_t held = items[i - 1];
        items[i - 1] = items[j];
        items[j] = held;
    }
}
