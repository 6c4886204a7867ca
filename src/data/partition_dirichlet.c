/*
 * dirichlet: every label's examples are shared out in proportions drawn from a symmetric Dirichlet
 * distribution, so sizes differ as well as labels. Small alpha: a label goes to few clients; large
 * alpha: near iid. A client that got nothing is then given one example of somebody who has two.
 *
 *   q_c ~ Dir_K(alpha) for each label c;  client k gets  q_ck  of the examples of label c
 *   as normalised gammas:  q_ck = g_k / sum_j g_j,  g_k ~ Gamma(alpha, 1)
 *
 * Source: Yurochkin et al., "Bayesian Nonparametric Federated Learning of Neural Networks", ICML
 * 2019, sec. 4; Li et al., "Federated Learning on Non-IID Data Silos", ICDE 2022, sec. 4.2. They
 * draw again until every client holds enough.
 */
#include "base/error.h"
#include "base/real.h"
#include "data/deviates.h"
#include "data/partition.h"

#include <string.h>

/* Fills shares (clients) with cumulative proportions; the last is 1. */
static void proportions_draw(double *shares, uint32_t clients, double alpha, ch_rng *rng) {
    double largest = -1e300;
    for (uint32_t k = 0; k < clients; k++) {
        shares[k] = ch_rng_log_gamma(rng, alpha);
        largest = shares[k] > largest ? shares[k] : largest;
    }
    double sum = 0;
    for (uint32_t k = 0; k < clients; k++) {
        sum += ch_real_exp(shares[k] - largest); // the largest is 1: no underflow of all
        shares[k] = sum;
    }
    for (uint32_t k = 0; k < clients; k++) {
        shares[k] /= sum;
    }
    shares[clients - 1] = 1;
}

/* Deals the examples order[0 .. count-1], all of one label, in the given cumulative shares. */
static void label_deal(ch_partition *p, const uint32_t *order, uint32_t count) {
    uint32_t next = 0;
    for (uint32_t k = 0; k < p->clients; k++) {
        const uint32_t end = (uint32_t)(p->shares[k] * count + 0.5);
        for (; next < end; next++) {
            p->owners[order[next]] = k;
            p->counts[k] += 1;
        }
    }
}

/* Gives every client that has nothing one example of a client that has more than one. */
static void poor_help(ch_partition *p) {
    uint32_t poor = 0;
    ch_partition_shuffle(p->order, p->examples->count, p->seed);
    for (uint32_t i = 0; i < p->examples->count; i++) {
        while (poor < p->clients && p->counts[poor] > 0) {
            poor += 1;
        }
        if (poor == p->clients) {
            return;
        }
        uint32_t *owner = &p->owners[p->order[i]];
        if (p->counts[*owner] > 1) {
            p->counts[*owner] -= 1;
            p->counts[poor] = 1;
            *owner = poor;
        }
    }
}

static choir_status dirichlet_deal(ch_partition *p, choir_error *err) {
    const ch_examples *e = p->examples;
    const double alpha = p->options->alpha;
    if (!(alpha >= 1e-3 && alpha <= 1e6)) {
        return ch_error_set(err, CHOIR_EINVAL, "data.alpha: %g is not in [0.001, 1e6]", alpha);
    }
    ch_partition_sort(p);
    memset(p->counts, 0, p->clients * sizeof(p->counts[0]));
    for (uint32_t first = 0; first < e->count;) {
        const uint32_t label = e->labels[p->order[first]];
        uint32_t end = first;
        while (end < e->count && e->labels[p->order[end]] == label) {
            end += 1;
        }
        ch_rng rng = ch_rng_stream(p->seed, CH_PURPOSE_PARTITION, 2, label);
        proportions_draw(p->shares, p->clients, alpha, &rng);
        label_deal(p, p->order + first, end - first);
        first = end;
    }
    poor_help(p);
    return CHOIR_OK;
}

const ch_partitioner ch_partitioner_dirichlet = {
    .name = "dirichlet",
    .about = "label proportions drawn with concentration data.alpha; sizes differ too",
    .wants_labels = true,
    .deal = dirichlet_deal,
};
