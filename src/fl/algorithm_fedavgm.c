/*
 * Federated averaging with server momentum.
 *
 *   v  <-  beta * v + mean_k(delta_k)
 *   w  <-  w + eta_s * v
 *
 * v is kept in fp32; w takes the v that was kept, so a resumed run continues with the same bits.
 *
 * Source: Hsu, Qi, Brown, "Measuring the Effects of Non-Identical Data Distribution for Federated
 * Visual Classification", 2019, sec. 4.3 (FedAvgM, eta_s = 1).
 */
#include "fl/algorithm.h"

static void fedavgm_apply(const ch_algorithm_options *o, float *params, float *state,
                          const ch_round_sums *in, uint32_t dim) {
    for (uint32_t i = 0; i < dim; i++) {
        const double mean = ch_round_mean(&in->update, i);
        state[i] = (float)(o->momentum * (double)state[i] + mean);
        params[i] = (float)((double)params[i] + o->learning_rate * (double)state[i]);
    }
}

const ch_algorithm_ops ch_algorithm_fedavgm = {
    .name = "fedavgm",
    .knobs = CH_KNOB_MOMENTUM,
    .state_per_param = 1,
    .apply = fedavgm_apply,
};
