/*
 * Metrics: what clients say about their training, put on a common number of examples.
 *
 * A sum over examples also tells how many there were. The links of the chain that decide how
 * examples count therefore decide what the metrics run over as well: both ends of a link use the
 * functions here.
 */
#ifndef CH_FL_METRICS_H
#define CH_FL_METRICS_H

#include "choir/trainer.h"

#include <stdint.h>

/*
 * What is added before correct is rounded, in [-1/2, 1/2): drawn for one client in one round, the
 * same on both ends. Rounded to the nearest, 3 of 15 is 0 of 1, of every client alike; so it is 1
 * of 1 of every fifth, and sums over many clients stay what they were.
 *
 * seed  the task's
 *
 * Source: Schuchman, "Dither Signals and Their Effect on Quantization Noise", IEEE Transactions on
 * Communication Technology 12, 1964.
 */
double ch_metrics_dither(uint64_t seed, uint32_t round, uint32_t client);

/*
 * Makes the sums run over the given number of examples; their means stay, to rounding.
 *
 * m       any numbers, a liar's too; afterwards correct <= examples. Over no example it stays zero.
 * dither  0: to the nearest
 */
void ch_metrics_scale(choir_metrics *m, uint64_t examples, double dither);

/* The same when they run over more than most examples; else nothing. */
void ch_metrics_shrink(choir_metrics *m, uint64_t most, double dither);

/*
 * Adds one client's metrics to a round's, bounded to what they can be: correct <= examples, and
 * neither sum beyond limit. A mean loss may be anything that this leaves: that of a regression is
 * as large as its targets, squared.
 *
 * limit  >= 0; times the clients added, it must not exceed 2^63 - 1
 */
void ch_metrics_add(choir_metrics *sum, const choir_metrics *m, int64_t limit);

#endif
