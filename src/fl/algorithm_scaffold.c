/*
 * SCAFFOLD: each client corrects its steps by how its gradients differ from everybody's.
 *
 *   server state c, client state c_k, both zero at the start;  N clients in all, S in the round
 *   client   each step's gradient gains c - c_k;  K steps
 *            dc = -c - delta / (K eta),  c_k  <-  c_k + dc;    sends  delta and dc
 *   server   w  <-  w + eta_s mean_k(delta_k);   c  <-  c + (S / N) mean_k(dc_k)
 *
 * dc is the paper's c_k+ - c_k with Option II, c_k+ = c_k - c + (x - y) / (K eta). Its mean is
 * uniform whatever the chain says, so that c stays the mean of all c_k; c_k takes the dc that was
 * sent, as fp32. That of delta is uniform in the paper and here as the chain says.
 *
 * A client's c_k changes once its report is acknowledged. One that is not told so within sixteen
 * rounds keeps the older c_k, and c is then no more exactly their mean.
 *
 * Source: Karimireddy et al., "SCAFFOLD: Stochastic Controlled Averaging for Federated Learning",
 * ICML 2020, alg. 1, Option II.
 */
#include "fl/algorithm.h"

#include <stddef.h>

static double kept_of(const ch_local *l, uint32_t i) {
    return l->kept == NULL ? 0 : (double)l->kept[i];
}

static void scaffold_correct(const ch_local *l, float *correction) {
    for (uint32_t i = 0; i < l->task->dim; i++) {
        correction[i] = (float)((double)l->shared[i] - kept_of(l, i));
    }
}

static void scaffold_report(const ch_local *l, float *delta, float *kept_next) {
    const uint32_t dim = l->task->dim;
    const double way = (double)l->steps * (double)l->task->learning_rate;
    float *change = delta + dim;
    for (uint32_t i = 0; i < dim; i++) {
        change[i] = (float)(-(double)l->shared[i] - (double)delta[i] / way);
        kept_next[i] = (float)(kept_of(l, i) + (double)change[i]);
    }
}

static void scaffold_apply(const ch_algorithm_options *o, float *params, float *state,
                           const ch_round_sums *in, uint32_t dim) {
    const double share = (double)in->reports / o->clients;
    for (uint32_t i = 0; i < dim; i++) {
        params[i] = (float)((double)params[i] + o->learning_rate * ch_round_mean(&in->update, i));
        state[i] = (float)((double)state[i] + share * ch_round_mean(&in->parts[0], i));
    }
}

const ch_algorithm_ops ch_algorithm_scaffold = {
    .name = "scaffold",
    .knobs = CH_NEEDS_ROSTER | CH_NEEDS_PLAIN,
    .state_per_param = 1,
    .shared_per_param = 1,
    .parts = {{.name = "control", .is_vector = true, .is_uniform = true}},
    .parts_count = 1,
    .range_advice =
        "clients' mean gradients, which are sent too, have the same bound, whatever the "
        "rate: a larger server.coordinate_max lets them in",
    .norm_advice = "clients' mean gradients, which are sent too, have the same bound, whatever the "
                   "rate: a larger server.update_norm_max lets them in",
    .apply = scaffold_apply,
    .method = CHOIR_METHOD_SCAFFOLD,
    .kept_per_param = 1,
    .correct = scaffold_correct,
    .report = scaffold_report,
};
