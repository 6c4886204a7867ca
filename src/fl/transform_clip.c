/*
 * Clip: bounds the L2 norm of one client's update, and with it what one client can do to the sum.
 *
 *   client       u  ->  u * min(1, C / |u|)            C = knob
 *   server       refuses |u| > C (1 + 2^-20)
 *   sensitivity  min(before, C (1 + 2^-20))
 *
 * The slack: a clipped coordinate is rounded to fp32 once, which moves |u| by at most 2^-24 of
 * itself; |u| and the factor are computed in double. 2^-20 leaves room for devices that multiply in
 * fp32 and sum the squares in another order.
 *
 * Source: Abadi et al., "Deep Learning with Differential Privacy", CCS 2016, sec. 3; used per
 * client in McMahan et al., "Learning Differentially Private Recurrent Language Models", 2018.
 */
#include "fl/transform.h"

static const double SLACK = 0x1p-20;

static void clip_client(const ch_transform *t, ch_payload *p) {
    const double norm = ch_fold_measure(p->delta, p->dim).norm;
    if (norm > t->knob) {
        const double factor = t->knob / norm;
        for (uint32_t i = 0; i < p->dim; i++) {
            p->delta[i] = (float)((double)p->delta[i] * factor);
        }
    }
}

static choir_status clip_server(const ch_transform *t, ch_offer *offer) {
    return offer->norm <= t->knob * (1 + SLACK) ? CHOIR_OK : CHOIR_ERANGE; // refuses NaN as well
}

static double clip_sensitivity(const ch_transform *t, double before, uint32_t examples_max) {
    (void)examples_max;
    const double clipped = t->knob * (1 + SLACK);
    return before < clipped ? before : clipped;
}

const ch_transform_ops ch_transform_clip = {
    .name = "clip",
    .stage = CH_STAGE_CLIP,
    .place = "write it once, and before the weight: clipping what has been weighted does not bound "
             "the mean",
    .from = CH_DOMAIN_UPDATE,
    .to = CH_DOMAIN_UPDATE,
    .knob = "the largest L2 norm of an update",
    .knob_min = 1e-6,
    .knob_max = 1e6,
    .knob_default = 1.0,
    .client = clip_client,
    .server = clip_server,
    .sensitivity = clip_sensitivity,
};
