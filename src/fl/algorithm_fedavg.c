/*
 * Federated averaging with a server step size.
 *
 *   w  <-  w + eta_s * mean_k(delta_k)
 *
 * Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
 * Data", AISTATS 2017, alg. 1 (eta_s = 1); Reddi et al., "Adaptive Federated Optimization", ICLR
 * 2021, alg. 1 with SERVEROPT = SGD.
 */
#include "fl/algorithm.h"

static void fedavg_apply(const ch_algorithm_options *o, float *params, float *state,
                         const int64_t *sum, double divisor, uint32_t dim) {
    (void)state;
    for (uint32_t i = 0; i < dim; i++) {
        const double mean = (double)sum[i] / divisor;
        params[i] = (float)((double)params[i] + o->learning_rate * mean);
    }
}

const ch_algorithm_ops ch_algorithm_fedavg = {
    .name = "fedavg",
    .apply = fedavg_apply,
};
