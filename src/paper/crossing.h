/*
 * Crossing: in how many rounds a run reached its target, and its curve in a few points.
 *
 * The accuracy is made monotone, the best so far; where that crosses the target it is interpolated
 * linearly between the two evaluations on either side.
 *
 *     ch_crossing_init(&c, 0.97)
 *     ch_crossing_add(&c, round, accuracy, bytes)     for each round, in order
 *
 * Source: McMahan et al., AISTATS 2017, section 3: "we then calculate the number of rounds where
 * the curve crosses the target accuracy, using linear interpolation between the discrete points".
 */
#ifndef CH_PAPER_CROSSING_H
#define CH_PAPER_CROSSING_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_crossing {
    double target;    // accuracy; 0: none is sought
    double best;      // highest accuracy so far; 0: none yet
    double rounds;    // in which the target was reached; INFINITY: not yet
    double bytes;     // sent until the end of the round that reached it; until now if none did
    uint32_t judged;  // the last round with an accuracy; 0: none
    uint32_t closed;  // the last round
    bool has_reached; //
} ch_crossing;

void ch_crossing_init(ch_crossing *c, double target);

/*
 * One more round.
 *
 * round     greater than the last
 * accuracy  in [0, 1]; NaN: not evaluated
 * bytes     sent in this round, both ways
 *
 * A target that the first evaluation is above was reached in that round: what was before is not
 * known.
 */
void ch_crossing_add(ch_crossing *c, uint32_t round, double accuracy, double bytes);

/* Why a run needs no further round. */
typedef enum ch_crossing_end {
    CH_CROSSING_GOES_ON,
    CH_CROSSING_REACHED, // the target
    CH_CROSSING_BEATEN,  // another rate got there in fewer rounds than this one has had
    CH_CROSSING_LIMIT,   // as many rounds as it may have
    CH_CROSSING_BEHIND,  // far behind another rate that got there: ch_crossing_is_behind
    CH_CROSSING_DIVERGED // its loss left the numbers; like the last, ch_crossing_judge never says
                         // so
} ch_crossing_end;

/*
 * Whether it goes on.
 *
 * best   rounds in which the best of the other rates reached the target; INFINITY: none has
 * limit  rounds at most
 */
ch_crossing_end ch_crossing_judge(const ch_crossing *c, double best, uint32_t limit);

enum {
    CH_CROSSING_LAG = 3,         // times as many rounds as another rate for the same accuracy
    CH_CROSSING_LAG_ROUNDS = 10, // before which nobody is behind,
    CH_CROSSING_LAG_SHARE = 4,   // nor before such a part of the other's crossing
};

/*
 * Whether a run is so far behind another one that it is given up: it has had three times the rounds
 * and was never as good. A neighbour of the grid has steps 2.15 times as small or as large, so it
 * is not given up for being slower by that. First rounds, which swing where data are not IID, do
 * not count.
 *
 * best                rounds in which the other reached the target
 * rounds, accuracies  (count) points of the other's curve, in order
 */
bool ch_crossing_is_behind(const ch_crossing *c, double best, const double *rounds,
                           const double *accuracies, uint32_t count);

/* One word for each: "reached". */
const char *ch_crossing_end_text(ch_crossing_end end);

/*
 * Which of (count) points of a curve to keep so that about `keep`, >= 2, are left: the first and
 * the last, and between them steps that grow with the round, because curves bend early. Writes
 * indexes in ascending order to out (room for keep); returns how many.
 */
uint32_t ch_crossing_thin(uint32_t *out, uint32_t count, uint32_t keep);

#endif
