/*
 * q-FedAvg: clients with a larger loss count for more, so that losses become alike.
 *
 *   client   F = its mean loss before training, L = 1 / eta:   sends  F^q delta   and
 *            h / L = q F^(q-1) L |delta|^2 + F^q
 *   server   w  <-  w + eta_s sum_k(F_k^q delta_k) / sum_k(h_k / L)
 *
 * That is the paper's w - sum_k Delta_k / sum_k h_k with Delta_k = -L F_k^q delta_k, both divided
 * by L. With q = 0 it is FedAvg in which clients count alike. Where the paper draws clients with
 * p_k = n_k / n and they count alike, here they are drawn alike.
 *
 * Source: Li et al., "Fair Resource Allocation in Federated Learning", ICLR 2020, alg. 2
 * (q-FedAvg); the guard of 1e-10 below F is that of the authors' code. A power of F that fp32
 * rounds to nothing is sent with the least h there is, so that its client counts, for nothing.
 *
 * h is summed in integers of 2^-s, each report's rounded. A round whose sum is below a thousand for
 * each report has less than three digits of it for certain, and is not applied.
 */
#include "fl/algorithm.h"

#include "base/real.h"

#include <float.h>

static const double LOSS_MIN = 1e-10;

enum { H_LEAST = 1000 }; // integers of a report, on average: each is rounded by half of one at most

static void qfedavg_report(const ch_local *l, float *delta, float *kept_next) {
    (void)kept_next;
    const uint32_t dim = l->task->dim;
    const double q = l->task->fairness_q;
    const double loss = (l->loss > 0 ? l->loss : 0) + LOSS_MIN;
    const double power = (double)(float)ch_real_exp(q * ch_real_log(loss));
    double square = 0;
    for (uint32_t i = 0; i < dim; i++) {
        square += (double)delta[i] * (double)delta[i];
        delta[i] = (float)(power * (double)delta[i]);
    }
    const double h = q * power / loss * square / (double)l->task->learning_rate + power;
    delta[dim] = (float)(h < (double)FLT_MIN ? (double)FLT_MIN : h);
}

static bool qfedavg_is_fit(const ch_round_sums *in) {
    return in->parts[0].sum[0] >= (int64_t)in->reports * H_LEAST;
}

static void qfedavg_apply(const ch_algorithm_options *o, float *params, float *state,
                          const ch_round_sums *in, uint32_t dim) {
    (void)state;
    const double rate = o->learning_rate / ch_round_mean(&in->parts[0], 0);
    for (uint32_t i = 0; i < dim; i++) {
        params[i] = (float)((double)params[i] + rate * ch_round_mean(&in->update, i));
    }
}

const ch_algorithm_ops ch_algorithm_qfedavg = {
    .name = "q-fedavg",
    .knobs = CH_KNOB_Q | CH_NEEDS_UNIFORM,
    .parts = {{.name = "h", .is_uniform = true, .max = 1 << 20}},
    .parts_count = 1,
    .range_advice = "updates are sent times their client's loss to the power of server.q: a "
                    "smaller server.q makes that less, a larger server.coordinate_max lets it in",
    .norm_advice = "updates are sent times their client's loss to the power of server.q: a "
                   "smaller server.q makes that less, a larger server.update_norm_max lets it in",
    .is_fit = qfedavg_is_fit,
    .unfit =
        "the clients' losses to the power of server.q are too small to be summed up: a smaller "
        "server.q makes them larger",
    .apply = qfedavg_apply,
    .method = CHOIR_METHOD_QFEDAVG,
    .wants_loss = true,
    .report = qfedavg_report,
};
