/*
 * FedAdagrad: Adagrad on the server.
 *
 *   v  <-  v + mean_k(delta_k)^2
 *   w  <-  w + eta_s mean_k(delta_k) / (sqrt(v) + tau)
 *
 * v starts at tau^2: alg. 2 asks for v_{-1} >= tau^2, and this is the least of it. The paper's
 * m with beta1 = 0, as in all of its experiments, is the mean itself. v is kept in fp32, and w
 * takes the v that was kept, so a resumed run continues with the same bits.
 *
 * Source: Reddi et al., "Adaptive Federated Optimization", ICLR 2021 (arXiv 2003.00295), alg. 2,
 * FedAdagrad.
 */
#include "fl/algorithm.h"

#include <math.h>

static void fedadagrad_begin(const ch_algorithm_options *o, float *state, uint32_t dim) {
    for (uint32_t i = 0; i < dim; i++) {
        state[i] = (float)(o->tau * o->tau);
    }
}

static void fedadagrad_apply(const ch_algorithm_options *o, float *params, float *state,
                             const ch_round_sums *in, uint32_t dim) {
    float *v = state;
    for (uint32_t i = 0; i < dim; i++) {
        const double mean = ch_round_mean(&in->update, i);
        v[i] = (float)((double)v[i] + mean * mean);
        const double step = mean / (sqrt((double)v[i]) + o->tau);
        params[i] = (float)((double)params[i] + o->learning_rate * step);
    }
}

const ch_algorithm_ops ch_algorithm_fedadagrad = {
    .name = "fedadagrad",
    .knobs = CH_KNOB_TAU,
    .state_per_param = 1,
    .begin = fedadagrad_begin,
    .apply = fedadagrad_apply,
};
