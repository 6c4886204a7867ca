/*
 * Deviates: see deviates.h.
 *
 * Sources: Marsaglia, Bray, "A Convenient Method for Generating Normal Variables", SIAM Review 6,
 * 1964 (polar method); Marsaglia, Tsang, "A Simple Method for Generating Gamma Variables", ACM TOMS
 * 26, 2000, and its section 6 for shapes below 1.
 */
#include "data/deviates.h"

#include "base/assert.h"
#include "base/real.h"

#include <math.h>

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
