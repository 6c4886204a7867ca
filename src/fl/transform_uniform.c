/*
 * Uniform: every client counts the same, however many examples it has.
 *
 *   client       (u, n)  ->  (u, 1)                     the server is not told n
 *   server       adds u;  mean = sum_k u_k / K
 *   sensitivity  before
 *   metrics      both ends: sums as if over 100 examples, whatever n: a mean loss, and an accuracy
 *                in whole percents, because a finer fraction would give its denominator away; to
 *                the nearest, because many draws of one fraction would give it away too
 *
 * Source: McMahan et al., "Learning Differentially Private Recurrent Language Models", ICLR 2018,
 * sec. 2, with all weights 1.
 */
#include "fl/metrics.h"
#include "fl/transform.h"

enum { METRICS_EXAMPLES = 100 };

static void uniform_client(const ch_transform *t, ch_payload *p) {
    (void)t;
    p->examples = 1;
    ch_metrics_scale(&p->metrics, METRICS_EXAMPLES, 0);
}

static choir_status uniform_server(const ch_transform *t, ch_offer *offer) {
    (void)t;
    offer->weight = 1;
    ch_metrics_scale(&offer->metrics, METRICS_EXAMPLES, 0);
    return CHOIR_OK;
}

static double uniform_sensitivity(const ch_transform *t, double before, uint32_t examples_max) {
    (void)t;
    (void)examples_max;
    return before;
}

const ch_transform_ops ch_transform_uniform = {
    .name = "uniform",
    .stage = CH_STAGE_WEIGHT,
    .place = "exactly one link, 'weight' or 'uniform', says how examples count, and it stands "
             "before noise, quantise and mask",
    .from = CH_DOMAIN_UPDATE,
    .to = CH_DOMAIN_SUMMAND,
    .client = uniform_client,
    .server = uniform_server,
    .sensitivity = uniform_sensitivity,
};
