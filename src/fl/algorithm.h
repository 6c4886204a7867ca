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
    double momentum;      // fedavgm's beta, [0, 1)
    double beta1;         // of fedadam and fedyogi, [0, 1)
    double beta2;         // likewise
    double tau;           // of fedadagrad, fedadam and fedyogi, > 0
} ch_algorithm_options;

/* What a round has come to. */
typedef struct ch_round_sums {
    const int64_t *sum; // (dim) of the weighted updates
    double divisor;     // sum_i / divisor is their mean
} ch_round_sums;

/* Which of the options an algorithm heeds, beside the learning rate: bits. */
typedef enum ch_algorithm_knob {
    CH_KNOB_MOMENTUM = 1,
    CH_KNOB_BETAS = 2,
    CH_KNOB_TAU = 4,
    CH_KNOB_PROXIMAL = 8, // clients' proximal_mu, without which it is nothing
} ch_algorithm_knob;

typedef struct ch_algorithm_ops {
    const char *name;
    uint32_t knobs;           // ch_algorithm_knob
    uint32_t state_per_param; // floats of server state per parameter

    /* Makes the state (dim * state_per_param) that the first round starts from. NULL: zeros. */
    void (*begin)(const ch_algorithm_options *o, float *state, uint32_t dim);

    /*
     * params  (dim) in and out
     * state   (dim * state_per_param) in and out
     * in      of a round that had a quorum
     *
     * Each result is computed in double and rounded once.
     */
    void (*apply)(const ch_algorithm_options *o, float *params, float *state,
                  const ch_round_sums *in, uint32_t dim);
} ch_algorithm_ops;

/* The row with this name; NULL when there is none, and err says so. */
const ch_algorithm_ops *ch_algorithm_find(const char *name, choir_error *err);

/* The state (dim * state_per_param) before the first round. */
void ch_algorithm_begin(const ch_algorithm_ops *ops, const ch_algorithm_options *o, float *state,
                        uint32_t dim);

extern const ch_algorithm_ops ch_algorithm_fedadagrad;
extern const ch_algorithm_ops ch_algorithm_fedadam;
extern const ch_algorithm_ops ch_algorithm_fedavg;
extern const ch_algorithm_ops ch_algorithm_fedavgm;
extern const ch_algorithm_ops ch_algorithm_fedprox;
extern const ch_algorithm_ops ch_algorithm_fedyogi;

#endif
