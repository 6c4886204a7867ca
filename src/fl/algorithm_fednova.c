/*
 * FedNova: clients that do more steps do not pull harder for it.
 *
 *   client   a = |a|_1, by which its steps weigh its gradients;  sends  delta / a  and a
 *   server   w  <-  w + eta_s tau_eff mean_k(delta_k / a_k),   tau_eff = mean_k(a_k)
 *
 * Both means are weighted as the chain says: p_k = n_k / n with 'weight'. For plain steps a is
 * their number. With momentum rho and a proximal term mu the update is, for a gradient of one in
 * each step, -eta times
 *
 *   u  <-  rho u + 1 - eta mu s;   s  <-  s + u          from u = s = 0;   a = s after the last
 *
 * which is the paper's closed form where either is zero. Clients may do fewer epochs than they are
 * asked for. When all a_k are equal this is FedAvg.
 *
 * Source: Wang et al., "Tackling the Objective Inconsistency Problem in Heterogeneous Federated
 * Optimization", NeurIPS 2020, eq. 6 and sec. 4, with tau_eff = sum_k p_k |a_k|_1. The authors'
 * code takes the number of steps for tau_eff when there is a proximal term; this does not. Weight
 * decay is taken for a part of the loss.
 */
#include "fl/algorithm.h"

/* |a|_1 of so many steps. */
static double steps_weigh(const choir_task *t, uint64_t steps) {
    const double pull = (double)t->learning_rate * (double)t->proximal_mu;
    double u = 0;
    double s = 0;
    for (uint64_t i = 0; i < steps; i++) {
        u = (double)t->momentum * u + 1 - pull * s;
        s += u;
    }
    return s;
}

static void fednova_report(const ch_local *l, float *delta, float *kept_next) {
    (void)kept_next;
    const uint32_t dim = l->task->dim;
    const double a = steps_weigh(l->task, l->steps);
    for (uint32_t i = 0; i < dim; i++) {
        delta[i] = (float)((double)delta[i] / a);
    }
    delta[dim] = (float)a;
}

static void fednova_apply(const ch_algorithm_options *o, float *params, float *state,
                          const ch_round_sums *in, uint32_t dim) {
    (void)state;
    const double rate = o->learning_rate * ch_round_mean(&in->parts[0], 0);
    for (uint32_t i = 0; i < dim; i++) {
        params[i] = (float)((double)params[i] + rate * ch_round_mean(&in->update, i));
    }
}

const ch_algorithm_ops ch_algorithm_fednova = {
    .name = "fednova",
    .knobs = CH_KNOB_PARTIAL | CH_NEEDS_LENGTHS,
    .parts = {{.name = "steps", .max = 65536}},
    .parts_count = 1,
    .range_advice = "what a client's steps weigh together must be at most 65536: fewer "
                    "client.epochs, a larger client.batch_size or a lower client.momentum "
                    "lessens it",
    .apply = fednova_apply,
    .method = CHOIR_METHOD_FEDNOVA,
    .report = fednova_report,
};
