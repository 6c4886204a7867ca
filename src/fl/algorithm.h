/*
 * Algorithm: what the server does with a round's mean. Pure: state and numbers in, numbers out.
 *
 * It sees no clients, no clock and no bytes. What clients do to their updates is the chain's
 * business; what they are asked to do is the schedules'.
 */
#ifndef CH_FL_ALGORITHM_H
#define CH_FL_ALGORITHM_H

#include "choir/status.h"

#include <stdint.h>

typedef struct ch_algorithm_options {
    double learning_rate; // eta_s, > 0
    double momentum;      // beta, [0, 1)
} ch_algorithm_options;

typedef struct ch_algorithm_ops {
    const char *name;
    uint32_t state_per_param; // floats of server state per parameter, zero at the start

    /*
     * params  (dim) in and out
     * state   (dim * state_per_param) in and out
     * sum     (dim) of the round's weighted updates; sum_i / divisor is their mean
     *
     * Each result is computed in double and rounded once.
     */
    void (*apply)(const ch_algorithm_options *o, float *params, float *state, const int64_t *sum,
                  double divisor, uint32_t dim);
} ch_algorithm_ops;

/* The row with this name; NULL when there is none, and err says so. */
const ch_algorithm_ops *ch_algorithm_find(const char *name, choir_error *err);

extern const ch_algorithm_ops ch_algorithm_fedavg;
extern const ch_algorithm_ops ch_algorithm_fedavgm;

#endif
