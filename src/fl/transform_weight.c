/*
 * Weight: makes the mean of a round one over examples, not over clients.
 *
 *   client       (u, n)  ->  (u, min(n, cap))           cap = knob
 *   server       adds min(n, cap) u;  mean = sum_k n_k u_k / sum_k n_k
 *   sensitivity  before * min(cap, examples_max)
 *   metrics      both ends: sums over at most E min(n, cap) examples, so they count as u does; what
 *                was right of more is rounded up or down by chance, so that no mean moves
 *
 * The cap bounds how much one client can matter, or claim to.
 *
 * Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
 * Data", AISTATS 2017, alg. 1: w = sum_k (n_k / n) w_k.
 */
#include "fl/metrics.h"
#include "fl/transform.h"

static uint32_t capped(const ch_transform *t, uint32_t examples) {
    return (double)examples > t->knob ? (uint32_t)t->knob : examples;
}

static void weight_client(const ch_transform *t, ch_payload *p) {
    p->examples = capped(t, p->examples);
    ch_metrics_shrink(&p->metrics, (uint64_t)p->epochs * p->examples, p->dither);
}

static choir_status weight_server(const ch_transform *t, ch_offer *offer) {
    offer->weight = capped(t, offer->weight);
    ch_metrics_shrink(&offer->metrics, (uint64_t)offer->epochs * offer->weight, offer->dither);
    return CHOIR_OK;
}

static double weight_sensitivity(const ch_transform *t, double before, uint32_t examples_max) {
    return before * capped(t, examples_max);
}

const ch_transform_ops ch_transform_weight = {
    .name = "weight",
    .stage = CH_STAGE_WEIGHT,
    .place = "exactly one link, 'weight' or 'uniform', says how examples count, and it stands "
             "before noise, quantise and mask",
    .from = CH_DOMAIN_UPDATE,
    .to = CH_DOMAIN_SUMMAND,
    .knob = "the most examples a client counts for",
    .knob_min = 1,
    .knob_max = 1 << 30,
    .knob_default = 1 << 30,
    .knob_is_whole = 1,
    .client = weight_client,
    .server = weight_server,
    .sensitivity = weight_sensitivity,
};
