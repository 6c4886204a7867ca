/*
 * Average: two models trained apart, and the models between them and beyond.
 *
 * Parents w and w' are trained on the examples of the job's clients 0 and 1, which share none, for
 * E epochs each. Measured is the loss of theta w + (1 - theta) w' on all training examples, for 50
 * evenly spaced theta in [-0.2, 1.2]. In the column called "shared" both begin with the same
 * parameters; in any other w' begins with those of the next seed.
 *
 * Source: McMahan et al., AISTATS 2017, figure 1: the 2NN, 600 examples each, 240 steps of 50 at
 * rate 0.1.
 */
#ifndef CH_PAPER_AVERAGE_H
#define CH_PAPER_AVERAGE_H

#include "paper/arm.h"
#include "paper/catalogue.h"

enum { CH_AVERAGE_POINTS = 50 };

/* What the outcome's arms are called: the mixtures, and the parents at theta 0 and 1. */
#define CH_AVERAGE_MIXED   "mixed"
#define CH_AVERAGE_PARENTS "parents"

/* Weight i of the 50, of w. */
double ch_average_theta(uint32_t i);

/* out (dim) = theta w + (1 - theta) other. */
void ch_average_mix(float *out, const float *w, const float *other, double theta, uint32_t dim);

/*
 * Trains and measures a cell, and writes its outcome, unless that is there.
 *
 * Returns OK with the outcome; EAGAIN when it was ended, with nothing kept: it takes seconds; as
 * ch_session_open, ch_outcome_write.
 */
CHOIR_NODISCARD choir_status ch_average_cell(ch_outcome *out, const ch_paper_cell *cell,
                                             const ch_paper_site *site, const choir_env *env,
                                             choir_error *err);

#endif
