/*
 * Aggregator: the sum of a round's weighted updates, exact, whatever the order.
 *
 *   sum_i = sum_k n_k round(delta_k,i 2^s)       N = sum_k n_k       mean_i = sum_i / (N 2^s)
 *
 * Integer addition is associative: arrival order, the number of aggregators and the order in which
 * they are merged cannot change a bit of the result. The scale s is derived, not chosen: the
 * largest with which neither the sum of the largest cohort (int64) nor one weighted update
 * (CH_FOLD_BITS) can overflow. Memory does not grow with the number of updates.
 */
#ifndef CH_FL_AGGREGATOR_H
#define CH_FL_AGGREGATOR_H

#include "choir/status.h"

#include <stdint.h>

typedef struct ch_aggregator {
    uint32_t dim;
    uint32_t scale_bits; // s
    uint32_t weight_max; // largest n_k
    uint32_t cohort_max; // most updates in one sum
    double coordinate_max;

    uint32_t reports; // updates in the sum
    uint64_t weight;  // N
    int64_t *sum;     // (dim) borrowed
} ch_aggregator;

/*
 * Makes an empty aggregator over sum.
 *
 * sum             (dim) borrowed; may be NULL when only the scale is of interest
 * coordinate_max  largest magnitude of a parameter's update, > 0
 *
 * Returns OK; EINVAL when the three bounds leave less than CH_SCALE_BITS_MIN bits, with a sentence.
 */
CHOIR_NODISCARD choir_status ch_aggregator_init(ch_aggregator *a, int64_t *sum, uint32_t dim,
                                                double coordinate_max, uint32_t weight_max,
                                                uint32_t cohort_max, choir_error *err);

enum { CH_SCALE_BITS_MIN = 12 }; // coarser than 2^-12, small learning rates would round to nothing

/* Forgets the updates. */
void ch_aggregator_reset(ch_aggregator *a);

/*
 * delta   (dim) fp32 at any address, finite, no coordinate beyond coordinate_max
 * weight  n, 1 .. weight_max
 */
void ch_aggregator_add(ch_aggregator *a, const void *delta, uint32_t weight);

/* Adds what another aggregator with equal bounds has summed; together at most cohort_max. */
void ch_aggregator_merge(ch_aggregator *a, const ch_aggregator *other);

/* N 2^s: what the sum is to be divided by. 0 when it is empty. */
double ch_aggregator_divisor(const ch_aggregator *a);

#endif
