/*
 * FedProx: federated averaging of clients that are held near the model they were given.
 *
 *   client   lowers F_k(w) + mu/2 |w - w_t|^2: each step's gradient gains mu (w - w_t)
 *   server   w  <-  w + eta_s mean_k(delta_k)
 *
 * The client end is the task's proximal_mu, which any trainer knows; the row sees to it that it is
 * not forgotten. Any number of local steps is a gamma-inexact solution of the client's problem, so
 * tasks let who has no time for all epochs do fewer: it counts like any other.
 *
 * Source: Li et al., "Federated Optimization in Heterogeneous Networks", MLSys 2020, alg. 2. There
 * clients are drawn with p_k = n_k / n and count alike; here they are drawn alike and count as the
 * chain says.
 */
#include "fl/algorithm.h"

static void fedprox_apply(const ch_algorithm_options *o, float *params, float *state,
                          const ch_round_sums *in, uint32_t dim) {
    ch_algorithm_fedavg.apply(o, params, state, in, dim);
}

const ch_algorithm_ops ch_algorithm_fedprox = {
    .name = "fedprox",
    .knobs = CH_NEEDS_PROXIMAL | CH_KNOB_PARTIAL,
    .apply = fedprox_apply,
};
