/*
 * Cost: how long a part of an experiment will take on this machine, from a few of its rounds.
 *
 * A round of m clients that each train for E epochs takes the time of m E n examples, spread over
 * as many workers as have a client each, and an evaluation. What an example costs depends on the
 * model and on B; so a few measured rounds tell of all cells with the same model and B.
 */
#ifndef CH_PAPER_COST_H
#define CH_PAPER_COST_H

#include <stdint.h>

/* What makes a round of a cell long or short. */
typedef struct ch_cost_shape {
    uint32_t clients; // m, in a round
    uint32_t epochs;  // E
    uint32_t workers; // that train at once
    double evaluated; // share of the rounds that end with an evaluation
} ch_cost_shape;

/* What was measured: times of the fastest round, since others may have been disturbed. */
typedef struct ch_cost_sample {
    ch_cost_shape shape;
    double train_s;    // of a round without its evaluation
    double evaluate_s; // of one evaluation
} ch_cost_sample;

/* Seconds of a round of another shape, of the same model, B and data. */
double ch_cost_round(const ch_cost_sample *sample, const ch_cost_shape *shape);

/*
 * Rounds that a cell will still take, as far as can be told.
 *
 * expected   rounds to the target, by the paper or by a rate that was measured; NaN: unknown
 * limit      rounds at most
 * rates_left rates to be tried yet: none takes longer than the best, once that is known
 */
double ch_cost_rounds(double expected, uint32_t limit, uint32_t rates_left);

/* The middle of (count) ratios of ours to the paper's, which are sorted; 1 when there is none. */
double ch_cost_ratio(double *ratios, uint32_t count);

/*
 * How many cells to measure side by side: rounds of few clients leave workers idle.
 *
 * clients  m, of the rounds
 * workers  of the machine
 * cells    that are there to be measured
 *
 * Returns at least 1; each then has workers / lanes of them.
 */
uint32_t ch_cost_lanes(uint32_t clients, uint32_t workers, uint32_t cells);

#endif
