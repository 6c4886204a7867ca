/*
 * FedAdam: Adam on the server, without bias correction.
 *
 *   m  <-  beta1 m + (1 - beta1) mean_k(delta_k)
 *   v  <-  beta2 v + (1 - beta2) mean_k(delta_k)^2
 *   w  <-  w + eta_s m / (sqrt(v) + tau)
 *
 * m starts at zero and v at tau^2: alg. 2 asks for v_{-1} >= tau^2, and this is the least of it, so
 * that the first steps are bounded and depend on no further number. There is no bias correction, as
 * in the paper. m and v are kept in fp32, and w takes those that were kept, so a resumed run
 * continues with the same bits.
 *
 * Source: Reddi et al., "Adaptive Federated Optimization", ICLR 2021 (arXiv 2003.00295), alg. 2,
 * FedAdam.
 */
#include "fl/algorithm.h"

#include <math.h>
#include <string.h>

static void fedadam_begin(const ch_algorithm_options *o, float *state, uint32_t dim) {
    memset(state, 0, dim * sizeof(state[0]));
    for (uint32_t i = 0; i < dim; i++) {
        state[dim + i] = (float)(o->tau * o->tau);
    }
}

static void fedadam_apply(const ch_algorithm_options *o, float *params, float *state,
                          const ch_round_sums *in, uint32_t dim) {
    float *m = state;
    float *v = state + dim;
    for (uint32_t i = 0; i < dim; i++) {
        const double mean = ch_round_mean(&in->update, i);
        m[i] = (float)(o->beta1 * (double)m[i] + (1 - o->beta1) * mean);
        v[i] = (float)(o->beta2 * (double)v[i] + (1 - o->beta2) * mean * mean);
        const double step = (double)m[i] / (sqrt((double)v[i]) + o->tau);
        params[i] = (float)((double)params[i] + o->learning_rate * step);
    }
}

const ch_algorithm_ops ch_algorithm_fedadam = {
    .name = "fedadam",
    .knobs = CH_KNOB_BETAS | CH_KNOB_TAU,
    .state_per_param = 2,
    .begin = fedadam_begin,
    .apply = fedadam_apply,
};
