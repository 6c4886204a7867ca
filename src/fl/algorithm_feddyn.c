/*
 * FedDyn: each client's loss gains a term that makes the clients' optima those of all.
 *
 *   server state h, client state g_k, both zero at the start;  m clients in all, P in the round
 *   client   each step's gradient gains  -g_k + alpha (w - w_t)
 *            g_k  <-  g_k - alpha delta;    sends  delta
 *   server   h  <-  h - (alpha / m) sum_k(delta_k)
 *            w  <-  w + eta_s (mean_k(delta_k) - h / alpha)
 *
 * alpha is the clients' proximal_mu. All clients count alike. eta_s = 1 is the paper.
 *
 * A client's g_k changes once its report is acknowledged. The local problem is solved by the steps
 * that the task asks for, where the paper writes argmin.
 *
 * Source: Acar et al., "Federated Learning Based on Dynamic Regularization", ICLR 2021, alg. 1.
 */
#include "fl/algorithm.h"

#include <stddef.h>

static double kept_of(const ch_local *l, uint32_t i) {
    return l->kept == NULL ? 0 : (double)l->kept[i];
}

static void feddyn_correct(const ch_local *l, float *correction) {
    for (uint32_t i = 0; i < l->task->dim; i++) {
        correction[i] = (float)-kept_of(l, i);
    }
}

static void feddyn_report(const ch_local *l, float *delta, float *kept_next) {
    for (uint32_t i = 0; i < l->task->dim; i++) {
        const double moved = (double)l->task->proximal_mu * (double)delta[i];
        kept_next[i] = (float)(kept_of(l, i) - moved);
    }
}

static void feddyn_apply(const ch_algorithm_options *o, float *params, float *state,
                         const ch_round_sums *in, uint32_t dim) {
    const double share = o->alpha * in->reports / o->clients;
    for (uint32_t i = 0; i < dim; i++) {
        const double mean = ch_round_mean(&in->update, i);
        state[i] = (float)((double)state[i] - share * mean);
        const double step = mean - (double)state[i] / o->alpha;
        params[i] = (float)((double)params[i] + o->learning_rate * step);
    }
}

const ch_algorithm_ops ch_algorithm_feddyn = {
    .name = "feddyn",
    .knobs = CH_NEEDS_PROXIMAL | CH_NEEDS_UNIFORM | CH_NEEDS_ROSTER,
    .state_per_param = 1,
    .apply = feddyn_apply,
    .method = CHOIR_METHOD_FEDDYN,
    .kept_per_param = 1,
    .correct = feddyn_correct,
    .report = feddyn_report,
};
