/*
 * FedYogi: Yogi on the server; v follows the squares by steps that do not grow with it.
 *
 *   m  <-  beta1 m + (1 - beta1) mean_k(delta_k)
 *   v  <-  v - (1 - beta2) d^2 sign(v - d^2)         d = mean_k(delta_k)
 *   w  <-  w + eta_s m / (sqrt(v) + tau)
 *
 * v never becomes negative: it falls by (1 - beta2) d^2 only while it is above d^2.
 *
 * m starts at zero and v at tau^2: alg. 2 asks for v_{-1} >= tau^2, and this is the least of it, so
 * that the first steps are bounded and depend on no further number. There is no bias correction, as
 * in the paper. m and v are kept in fp32, and w takes those that were kept, so a resumed run
 * continues with the same bits.
 *
 * Source: Reddi et al., "Adaptive Federated Optimization", ICLR 2021 (arXiv 2003.00295), alg. 2,
 * FedYogi.
 */
#include "fl/algorithm.h"

#include <math.h>

static void fedyogi_begin(const ch_algorithm_options *o, float *state, uint32_t dim) {
    ch_algorithm_fedadam.begin(o, state, dim);
}

static void fedyogi_apply(const ch_algorithm_options *o, float *params, float *state,
                          const ch_round_sums *in, uint32_t dim) {
    float *m = state;
    float *v = state + dim;
    for (uint32_t i = 0; i < dim; i++) {
        const double mean = ch_round_mean(&in->update, i);
        m[i] = (float)(o->beta1 * (double)m[i] + (1 - o->beta1) * mean);
        const double square = mean * mean;
        const double above = (double)v[i] - square;
        const double sign = (double)((above > 0) - (above < 0));
        v[i] = (float)((double)v[i] - (1 - o->beta2) * square * sign);
        const double step = (double)m[i] / (sqrt((double)v[i]) + o->tau);
        params[i] = (float)((double)params[i] + o->learning_rate * step);
    }
}

const ch_algorithm_ops ch_algorithm_fedyogi = {
    .name = "fedyogi",
    .knobs = CH_KNOB_BETAS | CH_KNOB_TAU,
    .state_per_param = 2,
    .begin = fedyogi_begin,
    .apply = fedyogi_apply,
};
