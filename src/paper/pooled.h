/*
 * Pooled losses: the loss of a run's model on all of the training data, in some of its rounds, as
 * pooled-loss.csv in the run directory: "round,loss" a line. Rounds that a run goes through again
 * are not measured again.
 */
#ifndef CH_PAPER_POOLED_H
#define CH_PAPER_POOLED_H

#include "choir/env.h"
#include "choir/status.h"

#include <stdint.h>

enum { CH_POOLED_MAX = 400 }; // rounds measured; later ones are left out

typedef struct ch_pooled {
    uint32_t rounds[CH_POOLED_MAX]; // (count) ascending
    double losses[CH_POOLED_MAX];   // (count)
    uint32_t count;
} ch_pooled;

/* The loss after a round; NaN: not measured. */
double ch_pooled_at(const ch_pooled *p, uint32_t round);

/* Adds a round after the last; any other, and one too many, is left out. */
void ch_pooled_add(ch_pooled *p, uint32_t round, double loss);

/* Writes the file in dir, at once or not at all. Returns OK; EIO. */
CHOIR_NODISCARD choir_status ch_pooled_write(const ch_pooled *p, const char *dir, choir_error *err);

/* Reads it; empty when there is none. Returns OK; EPROTO for a line that is none; EIO; ENOMEM. */
CHOIR_NODISCARD choir_status ch_pooled_read(ch_pooled *out, const char *dir, const choir_env *env,
                                            choir_error *err);

#endif
