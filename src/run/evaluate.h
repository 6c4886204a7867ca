/*
 * Evaluate: how good a model is, on the central test set and on the clients' held-out examples.
 *
 * Work is cut into fixed pieces and their sums are added in a fixed order, so the figures do not
 * depend on the number of workers.
 */
#ifndef CH_RUN_EVALUATE_H
#define CH_RUN_EVALUATE_H

#include "base/pool.h"
#include "train/engine.h"

typedef struct ch_evaluator ch_evaluator;

/* Accuracy is a share of predictions, loss a mean over them: one an example, or, of text, one a
 * token. NaN where nothing was evaluated. */
typedef struct ch_evaluation {
    double accuracy;          // on the central test set
    double loss;              //
    uint32_t examples;        // in it
    uint64_t predictions;     // of them
    double heldout_mean;      // mean over clients of their own accuracy
    double heldout_worst;     // mean over the worst tenth of the clients, at least one
    double heldout_spread;    // standard deviation over clients
    uint32_t heldout_clients; // that have held-out examples and were evaluated
} ch_evaluation;

/*
 * engines     (ch_pool_workers(pool)) one per worker; borrowed
 * federation  borrowed
 * clients     how many clients' held-out data to evaluate, a keyed sample; 0 = all
 * seed        of that sample
 *
 * Returns OK or ENOMEM with *out == NULL.
 */
CHOIR_NODISCARD choir_status ch_evaluator_create(ch_evaluator **out, ch_pool *pool,
                                                 ch_engine *const *engines,
                                                 const ch_federation *federation, uint32_t clients,
                                                 uint64_t seed, const choir_env *env);
void ch_evaluator_destroy(ch_evaluator *v);

/* Evaluates params (dim). Returns OK, or the status of data that cannot be had: EIO of what stays
 * in files. *out is unchanged then. */
CHOIR_NODISCARD choir_status ch_evaluator_run(ch_evaluator *v, const float *params,
                                              ch_evaluation *out, choir_error *err);

/* The same on the test set alone; what the evaluation says of clients is NaN. */
CHOIR_NODISCARD choir_status ch_evaluator_test(ch_evaluator *v, const float *params,
                                               ch_evaluation *out, choir_error *err);

/* The same on all clients' training examples, pooled: what it says of the test set is of these.
 * examples is 0, and the rest NaN, where clients are drawn on demand. */
CHOIR_NODISCARD choir_status ch_evaluator_pooled(ch_evaluator *v, const float *params,
                                                 ch_evaluation *out, choir_error *err);

/* Clients evaluated last: their ids, ascending, and accuracies (count), NaN for those without
 * held-out data, and for all before the first run; borrowed until the next run. */
uint32_t ch_evaluator_clients(const ch_evaluator *v, const uint32_t **ids,
                              const double **accuracies);

#endif
