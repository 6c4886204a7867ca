/*
 * Poisson: every client is in with probability C, independently of the others.
 *
 * Instead of K coin flips, the gaps between the clients that are in: geometric, by inversion,
 *
 *   gap = floor(log(1 - u) / log(1 - C)),  u uniform in [0, 1)
 *
 * The cohort's size varies, K C on average, and may be 0. Room is made for ten standard deviations
 * more; a draw beyond it, less likely than 10^-20, loses its last clients.
 *
 * Source: Devroye, "Non-Uniform Random Variate Generation", 1986, ch. X.2. The sampling that
 * privacy accountants assume: Mironov, Talwar, Zhang, "Renyi Differential Privacy of the Sampled
 * Gaussian Mechanism", 2019.
 */
#include "base/real.h"
#include "fl/sampler.h"

#include <math.h>

enum { SPARE = 20 };

static uint32_t poisson_cohort_max(uint32_t clients, double rate) {
    const double mean = rate * clients;
    const double most = ceil(mean + 10 * sqrt(mean * (1 - rate)) + SPARE);
    return most < clients ? (uint32_t)most : clients;
}

static double poisson_cohort_mean(uint32_t clients, double rate) {
    return rate * clients;
}

static uint32_t poisson_draw(const ch_sampler *s, ch_rng *rng, uint32_t *out, uint32_t *scratch) {
    (void)scratch;
    const double log_stay = ch_real_log(1 - s->rate); // -inf when everybody is in: all gaps are 0
    if (!(log_stay < 0)) {                            // C below 2^-54: nobody among 2^31
        return 0;
    }
    uint32_t count = 0;
    double client = -1; // doubles hold every client's id, and gaps beyond the last
    while (count < s->cohort_max) {
        client += 1 + floor(ch_real_log(1 - ch_rng_unit(rng)) / log_stay);
        if (!(client < s->clients)) {
            break;
        }
        out[count] = (uint32_t)client;
        count += 1;
    }
    return count;
}

const ch_sampler_ops ch_sampler_poisson = {
    .name = "poisson",
    .cohort_max = poisson_cohort_max,
    .cohort_mean = poisson_cohort_mean,
    .draw = poisson_draw,
};
