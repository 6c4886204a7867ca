/*
 * Algorithm: what the server does with a round's sums, and what its clients do for it.
 *
 * A row has two ends, and both live in its file. The server's end is pure: state and sums in,
 * numbers out. It sees no clients, no clock and no bytes. The client's end, of rows that have one,
 * is run by the trainer, and what it moves beside the model and the update is declared here:
 * vectors that come with the model, parts that go with the update, and vectors that the client
 * keeps. What clients do to their updates is the chain's business; how much they train is the
 * schedules'.
 *
 *   server state   | shared ... | its own ... |     shared: behind the parameters, in the same blob
 *   update         | delta (dim) | part | part |    each part summed with its own weighting
 *   client state   | kept ... |                     kept once the report is acknowledged
 */
#ifndef CH_FL_ALGORITHM_H
#define CH_FL_ALGORITHM_H

#include "choir/status.h"
#include "choir/task.h"
#include "fl/aggregator.h"

#include <stdbool.h>
#include <stdint.h>

enum { CH_PARTS_MAX = 2 };

typedef struct ch_algorithm_options {
    double learning_rate; // eta_s, > 0
    double momentum;      // fedavgm's beta, [0, 1)
    double beta1;         // of fedadam and fedyogi, [0, 1)
    double beta2;         // likewise
    double tau;           // of fedadagrad, fedadam and fedyogi, > 0
    double alpha;         // feddyn's: the clients' proximal_mu
    uint32_t clients;     // there are in all
} ch_algorithm_options;

/* What goes with an update. */
typedef struct ch_part {
    const char *name;
    bool is_vector;  // (dim); else one number, above zero
    bool is_uniform; // each report counts alike; else as the chain says, as the update does
    double max;      // largest magnitude; 0: the update's
} ch_part;

/* A sum of integers, and what it is to be divided by. */
typedef struct ch_round_sum {
    const int64_t *sum; // sum_i / divisor is a mean
    double divisor;
} ch_round_sum;

/* What a round has come to. */
typedef struct ch_round_sums {
    ch_round_sum update; // (dim)
    ch_round_sum parts[CH_PARTS_MAX];
    uint32_t reports;
} ch_round_sums;

/* Which of the options an algorithm heeds, beside the learning rate, and what it cannot do without:
 * bits. */
typedef enum ch_algorithm_knob {
    CH_KNOB_MOMENTUM = 1,
    CH_KNOB_BETAS = 2,
    CH_KNOB_TAU = 4,
    CH_KNOB_Q = 8,
    CH_KNOB_PARTIAL = 256,  // clients may do less than they are asked for
    CH_NEEDS_PROXIMAL = 16, // clients' proximal_mu above zero
    CH_NEEDS_UNIFORM = 32,  // a chain by which all clients count alike
    CH_NEEDS_ROSTER = 64,   // a closed population: it counts all clients
    CH_NEEDS_PLAIN = 128,   // clients' steps without momentum and proximal term
    CH_NEEDS_LENGTHS = 512, // updates that are sent as long as they are: a chain without clip
} ch_algorithm_knob;

/* One client's training, as its end of the algorithm sees it. Borrowed. */
typedef struct ch_local {
    const choir_task *task;
    const float *shared; // (dim * shared_per_param) as it came with the model
    const float *kept;   // (dim * kept_per_param) of its last counted training; NULL: zeros
    double loss;         // mean over its predictions before the first step; where it is wanted
    uint64_t steps;      // done, >= 1; to report
} ch_local;

typedef struct ch_algorithm_ops {
    const char *name;
    uint32_t knobs;            // ch_algorithm_knob
    uint32_t state_per_param;  // floats of server state per parameter
    uint32_t shared_per_param; // of them, that clients are given with the model
    ch_part parts[CH_PARTS_MAX];
    uint32_t parts_count;

    // What helps, beside a lower client.learning_rate, where updates are refused for a coordinate
    // out of range, or for their length. NULL: nothing that is the algorithm's own.
    const char *range_advice;
    const char *norm_advice;

    /* Makes the state (dim * state_per_param) that the first round starts from. NULL: zeros. */
    void (*begin)(const ch_algorithm_options *o, float *state, uint32_t dim);

    /* Whether a step can be made of a round's sums, which had a quorum. NULL: it always can. */
    bool (*is_fit)(const ch_round_sums *in);

    // Of sums that are not fit: what is wrong with them, and what helps. NULL: they always are.
    const char *unfit;

    /*
     * params  (dim) in and out
     * state   (dim * state_per_param) in and out
     * in      of a round that had a quorum, and is fit
     *
     * Each result is computed in double and rounded once.
     */
    void (*apply)(const ch_algorithm_options *o, float *params, float *state,
                  const ch_round_sums *in, uint32_t dim);

    // The client's end; with a method of PLAIN there is none.
    choir_method method;
    uint32_t kept_per_param; // floats of client state per parameter
    bool wants_loss;         // before training

    /* correction (dim) out: what every step's gradient gains. NULL: nothing. */
    void (*correct)(const ch_local *l, float *correction);

    /*
     * delta      (choir_task_sent) its first dim in and out; out: the parts behind them
     * kept_next  (dim * kept_per_param) out
     */
    void (*report)(const ch_local *l, float *delta, float *kept_next);
} ch_algorithm_ops;

/* The row with this name; NULL when there is none, and err says so. */
const ch_algorithm_ops *ch_algorithm_find(const char *name, choir_error *err);

/* The row whose client end a method is; NULL for PLAIN, and for what nobody here knows. */
const ch_algorithm_ops *ch_algorithm_of_method(uint32_t method);

/* The state (dim * state_per_param) before the first round. */
void ch_algorithm_begin(const ch_algorithm_ops *ops, const ch_algorithm_options *o, float *state,
                        uint32_t dim);

/* What a job has of what algorithms cannot do without. */
typedef struct ch_algorithm_setting {
    bool has_proximal, has_momentum; // of clients' steps
    bool is_uniform;                 // the chain
    bool has_clip;                   // it
    bool is_closed;                  // the population
    bool has_quorum;                 // above one report: rounds may be discarded
} ch_algorithm_setting;

/* Whether an algorithm can do with a setting: OK; EINVAL with a sentence that begins with before,
 * like "algorithm". */
CHOIR_NODISCARD choir_status ch_algorithm_check(const ch_algorithm_ops *ops,
                                                const ch_algorithm_setting *s, const char *before,
                                                choir_error *err);

/* Numbers of a part. */
uint32_t ch_part_dim(const ch_part *part, uint32_t dim);

/*
 * The sum of a part, empty and nowhere, in rounds whose updates are summed in (update).
 *
 * which   below ops->parts_count
 * before  as in ch_algorithm_check
 *
 * Returns OK; EINVAL when its bounds leave too few bits in a 64-bit sum, with a sentence.
 */
CHOIR_NODISCARD choir_status ch_part_sum_init(ch_aggregator *out, const ch_algorithm_ops *ops,
                                              uint32_t which, const ch_aggregator *update,
                                              const char *before, choir_error *err);

/* The mean of a number that is summed. */
static inline double ch_round_mean(const ch_round_sum *s, uint32_t i) {
    return (double)s->sum[i] / s->divisor;
}

extern const ch_algorithm_ops ch_algorithm_fedadagrad;
extern const ch_algorithm_ops ch_algorithm_fedadam;
extern const ch_algorithm_ops ch_algorithm_fedavg;
extern const ch_algorithm_ops ch_algorithm_fedavgm;
extern const ch_algorithm_ops ch_algorithm_feddyn;
extern const ch_algorithm_ops ch_algorithm_fednova;
extern const ch_algorithm_ops ch_algorithm_fedprox;
extern const ch_algorithm_ops ch_algorithm_fedyogi;
extern const ch_algorithm_ops ch_algorithm_qfedavg;
extern const ch_algorithm_ops ch_algorithm_scaffold;

#endif
