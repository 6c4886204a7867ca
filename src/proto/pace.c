/* Pace: see pace.h. */
#include "proto/pace.h"

#include "base/rng.h"

// A population of up to so many cohorts is a small one: all of it at a time is no crowd.
enum { SMALL_COHORTS = 8 };

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

void ch_pace_learn(ch_pace *p, uint64_t took_ms) {
    const uint64_t took = took_ms > 0 ? took_ms : 1;
    p->usual_ms = p->usual_ms == 0 ? took : p->usual_ms - p->usual_ms / 4 + took / 4;
    p->usual_ms = p->usual_ms > 0 ? p->usual_ms : 1;
}

/* Until the round is expected to have closed. */
static uint64_t until_closed(const ch_pace *p, const ch_pace_question *q) {
    if (p->usual_ms == 0) {
        return q->left_ms / 4;
    }
    const uint64_t expected =
        q->lasts_ms < p->usual_ms ? p->usual_ms - q->lasts_ms : q->lasts_ms / 4;
    return least(expected, q->left_ms);
}

static uint64_t span(uint64_t usual_ms, const ch_pace_question *q) {
    if (q->clients / SMALL_COHORTS < q->cohort) {
        return 0;
    }
    const double cohorts = q->all_must_come ? 1 : (double)q->clients / q->cohort;
    return (uint64_t)((double)least(usual_ms, CH_PACE_MS_MAX) * cohorts / 2);
}

uint32_t ch_pace_wait_ms(const ch_pace *p, const ch_pace_question *q) {
    const uint64_t usual_ms = p->usual_ms == 0 ? q->left_ms / 4 : p->usual_ms;
    const uint64_t wide = least(span(usual_ms, q), CH_PACE_MS_MAX);
    ch_rng rng = ch_rng_stream(q->seed, CH_PURPOSE_PACE, q->round, q->client);
    const uint64_t own = (uint64_t)(ch_rng_unit(&rng) * (double)wide);
    const uint64_t later = least(usual_ms, CH_PACE_MS_MAX) * (q->rounds - 1);
    // Who would come only after the longest wait there is comes spread over its end.
    const uint64_t wait = least(until_closed(p, q) + later, CH_PACE_MS_MAX - wide) + own;
    return wait < CH_PACE_MS_MIN ? CH_PACE_MS_MIN : (uint32_t)wait;
}
