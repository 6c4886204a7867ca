/* Crossing: see crossing.h. */
#include "paper/crossing.h"

#include "base/assert.h"

#include <math.h>

void ch_crossing_init(ch_crossing *c, double target) {
    *c = (ch_crossing){.target = target, .rounds = INFINITY};
}

/* best(a) at round a is below the target, accuracy at round b is not: where the line between them
 * crosses. */
static double interpolate(const ch_crossing *c, uint32_t round, double accuracy) {
    if (c->judged == 0 || accuracy <= c->best) {
        return round;
    }
    const double share = (c->target - c->best) / (accuracy - c->best);
    return c->judged + share * (round - c->judged);
}

void ch_crossing_add(ch_crossing *c, uint32_t round, double accuracy, double bytes) {
    CH_ASSERT(round > c->closed);
    c->closed = round;
    if (!c->has_reached) {
        c->bytes += bytes;
    }
    if (isnan(accuracy)) {
        return;
    }
    if (!c->has_reached && c->target > 0 && accuracy >= c->target) {
        c->has_reached = true;
        c->rounds = interpolate(c, round, accuracy);
    }
    c->best = fmax(c->best, accuracy);
    c->judged = round;
}

ch_crossing_end ch_crossing_judge(const ch_crossing *c, double best, uint32_t limit) {
    if (c->has_reached) {
        return CH_CROSSING_REACHED;
    }
    if (c->judged >= best) {
        return CH_CROSSING_BEATEN;
    }
    return c->closed >= limit ? CH_CROSSING_LIMIT : CH_CROSSING_GOES_ON;
}

bool ch_crossing_is_behind(const ch_crossing *c, double best, const double *rounds,
                           const double *accuracies, uint32_t count) {
    double other = 0;
    const bool is_early =
        c->judged < CH_CROSSING_LAG_ROUNDS || (double)c->judged * CH_CROSSING_LAG_SHARE < best;
    if (is_early || c->has_reached) {
        return false;
    }
    for (uint32_t i = 0; i < count && rounds[i] * CH_CROSSING_LAG <= c->judged; i++) {
        other = fmax(other, accuracies[i]);
    }
    return c->best < other;
}

const char *ch_crossing_end_text(ch_crossing_end end) {
    static const char *const texts[] = {
        [CH_CROSSING_GOES_ON] = "going on",  [CH_CROSSING_REACHED] = "reached",
        [CH_CROSSING_BEATEN] = "beaten",     [CH_CROSSING_LIMIT] = "not reached",
        [CH_CROSSING_BEHIND] = "far behind", [CH_CROSSING_DIVERGED] = "diverged",
    };
    return texts[end];
}

uint32_t ch_crossing_thin(uint32_t *out, uint32_t count, uint32_t keep) {
    CH_ASSERT(keep >= 2);
    if (count <= keep) {
        for (uint32_t i = 0; i < count; i++) {
            out[i] = i;
        }
        return count;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < keep; i++) { // (i / (keep - 1))^2 of the way
        const uint64_t square = (uint64_t)i * i;
        const uint64_t whole = (uint64_t)(keep - 1) * (keep - 1);
        const uint32_t index = (uint32_t)(square * (count - 1) / whole);
        if (kept == 0 || index > out[kept - 1]) {
            out[kept] = index;
            kept += 1;
        }
    }
    return kept;
}
