/*
 * Grid: which learning rates a cell of a table is measured with, one after the other.
 *
 * Point k of the grid is 10^(k/6) in three digits, so that a rate has the same name wherever it is
 * tried. A walk goes in steps of 10^(1/3), two points: 0.0464, 0.1, 0.215, 0.464 and 1 are
 * neighbours. The walk begins with the points that an experiment names and then climbs: while the
 * best point lacks a neighbour, that neighbour is next. It ends with both neighbours of the best
 * tried, or with as many tried as there may be; the best is then at the grid's edge.
 *
 * Source: McMahan, Moore, Ramage, Hampson, Aguera y Arcas, "Communication-Efficient Learning of
 * Deep Networks from Decentralized Data", AISTATS 2017, section 3: 11 to 13 rates with a step of
 * 10^(1/3) or 10^(1/6), the best of which must be in the grid's interior. We begin in the middle
 * instead of measuring all.
 */
#ifndef CH_PAPER_GRID_H
#define CH_PAPER_GRID_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CH_GRID_LEAST = -24, // 0.0001
    CH_GRID_MOST = 12,   // 100
    CH_GRID_STEP = 2,    // points from a rate to its neighbour
    CH_GRID_RATES_MAX = 13,
    CH_GRID_TEXT_MAX = 16, // bytes that any point's text fits in, its zero included
};

/* Point k in three digits, as a job writes it: "0.215". k in [CH_GRID_LEAST, CH_GRID_MOST]. */
void ch_grid_text(char out[CH_GRID_TEXT_MAX], int32_t k);

/* The number that the text is. */
double ch_grid_rate(int32_t k);

/* The point that a rate is, when it is one but for its last digit: 0.21 to 0.22 are 0.215. */
bool ch_grid_find(int32_t *k, double rate);

/* The point that is nearest to a rate, on its logarithm, and has both neighbours on the grid. */
int32_t ch_grid_near(double rate);

/* The rate that is so many points from one that need not be a point itself, > 0, in three digits;
 * for a point of the grid, where the grid has it, the grid's: 0.0464 and 0.215 beside 0.1, 0.325
 * and 1.51 beside 0.7, with CH_GRID_STEP. */
double ch_grid_beside(double rate, int32_t points);

/* What came of one point. */
typedef struct ch_grid_trial {
    int32_t k;
    double crossing; // rounds to the target; INFINITY: not reached
    double best;     // highest accuracy seen, which tells those apart that did not reach it
} ch_grid_trial;

/* The best of (count) trials, >= 1: the least crossing, then the highest accuracy, then the first.
 */
uint32_t ch_grid_best(const ch_grid_trial *trials, uint32_t count);

/* Which neighbours of the best of (count) trials, >= 1, were not tried. */
typedef struct ch_grid_edge {
    bool is_low;  // the rate below it
    bool is_high; // the rate above it
} ch_grid_edge;

ch_grid_edge ch_grid_edge_of(const ch_grid_trial *trials, uint32_t count);

/*
 * The point to try next.
 *
 * trials       (count) done
 * start        (start_count) points to begin with, in this order
 * rates_max    trials in all, at most
 *
 * Returns false when the walk is over.
 */
bool ch_grid_next(int32_t *k, const ch_grid_trial *trials, uint32_t count, const int32_t *start,
                  uint32_t start_count, uint32_t rates_max);

#endif
