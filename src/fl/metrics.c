/* Metrics on a common number of examples: see metrics.h. */
#include "fl/metrics.h"

#include "base/assert.h"
#include "base/rng.h"

#include <math.h>

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static int64_t within(int64_t value, int64_t bound) {
    const int64_t above = value < bound ? value : bound;
    return above > -bound ? above : -bound;
}

double ch_metrics_dither(uint64_t seed, uint32_t round, uint32_t client) {
    ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_DITHER, round, client);
    return ch_rng_unit(&rng) - 0.5;
}

void ch_metrics_scale(choir_metrics *m, uint64_t examples, double dither) {
    if (m->examples == 0) {
        *m = (choir_metrics){0};
        return;
    }
    m->correct = smaller(m->correct, m->examples);
    if (m->examples == examples) {
        return;
    }
    const double factor = (double)examples / (double)m->examples;
    const double loss = nearbyint((double)m->loss_q20 * factor);
    // Never below 0, which -1/2 is rounded to; 2^64, by rounding, at most.
    const double correct = nearbyint((double)m->correct * factor + dither);
    m->correct = smaller(correct < 0x1p64 ? (uint64_t)correct : UINT64_MAX, examples);
    m->loss_q20 = fabs(loss) < 0x1p62 ? (int64_t)loss
                  : loss < 0          ? -(INT64_C(1) << 62)
                                      : INT64_C(1) << 62;
    m->examples = examples;
}

void ch_metrics_shrink(choir_metrics *m, uint64_t most, double dither) {
    ch_metrics_scale(m, smaller(m->examples, most), dither);
}

void ch_metrics_add(choir_metrics *sum, const choir_metrics *m, int64_t limit) {
    CH_ASSERT(limit >= 0);
    choir_metrics bounded = *m;
    ch_metrics_shrink(&bounded, (uint64_t)limit, 0);
    sum->examples += bounded.examples;
    sum->correct += bounded.correct;
    sum->loss_q20 += within(bounded.loss_q20, limit);
}
