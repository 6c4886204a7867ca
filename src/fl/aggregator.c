/* Exact sum in integers: see aggregator.h. */
#include "fl/aggregator.h"

#include "base/assert.h"
#include "base/error.h"
#include "math/fold.h"

#include <math.h>
#include <string.h>

enum { SUM_BITS = 62 }; // sums stay below 2^62 in magnitude

/* The smallest b with value <= 2^b, b >= 0. */
static int bits_for(double value) {
    int bits = 0;
    while (ldexp(1, bits) < value) {
        bits += 1;
    }
    return bits;
}

/*
 *   coordinate_max <= 2^c,  weight_max <= 2^w,  weight_max cohort_max <= 2^t
 *
 *   |n round(x 2^s)| <= 2^(w + c + s)  so  s <= CH_FOLD_BITS - w - c
 *   |sum|            <= 2^(t + c + s)  so  s <= SUM_BITS - t - c
 */
static int scale_bits_of(double coordinate_max, uint32_t weight_max, uint32_t cohort_max) {
    const int c = bits_for(coordinate_max);
    const int w = bits_for(weight_max);
    const int t = bits_for((double)weight_max * cohort_max);
    const int one = CH_FOLD_BITS - w - c;
    const int all = SUM_BITS - t - c;
    return one < all ? one : all;
}

choir_status ch_aggregator_init(ch_aggregator *a, int64_t *sum, uint32_t dim, double coordinate_max,
                                uint32_t weight_max, uint32_t cohort_max, choir_error *err) {
    CH_ASSERT(weight_max > 0);
    CH_ASSERT(cohort_max > 0);
    CH_ASSERT(coordinate_max > 0);
    const int bits = scale_bits_of(coordinate_max, weight_max, cohort_max);
    if (bits < CH_SCALE_BITS_MIN) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "aggregator: coordinate_max %g, weights up to %u and %u clients leave "
                            "%d bits after the binary point of a 64-bit sum, but %d are needed",
                            coordinate_max, weight_max, cohort_max, bits, CH_SCALE_BITS_MIN);
    }
    *a = (ch_aggregator){.dim = dim,
                         .scale_bits = (uint32_t)bits,
                         .weight_max = weight_max,
                         .cohort_max = cohort_max,
                         .coordinate_max = coordinate_max,
                         .sum = sum};
    return CHOIR_OK;
}

void ch_aggregator_reset(ch_aggregator *a) {
    a->reports = 0;
    a->weight = 0;
    memset(a->sum, 0, a->dim * sizeof(a->sum[0]));
}

void ch_aggregator_add(ch_aggregator *a, const void *delta, uint32_t weight) {
    CH_ASSERT(weight >= 1);
    CH_ASSERT(weight <= a->weight_max);
    CH_ASSERT(a->reports < a->cohort_max);
    ch_fold_add(a->sum, delta, a->dim, a->scale_bits, weight);
    a->reports += 1;
    a->weight += weight;
}

void ch_aggregator_merge(ch_aggregator *a, const ch_aggregator *other) {
    CH_ASSERT(a->dim == other->dim);
    CH_ASSERT(a->scale_bits == other->scale_bits);
    CH_ASSERT(other->reports <= a->cohort_max - a->reports);
    for (uint32_t i = 0; i < a->dim; i++) {
        a->sum[i] += other->sum[i];
    }
    a->reports += other->reports;
    a->weight += other->weight;
}

double ch_aggregator_divisor(const ch_aggregator *a) {
    return (double)a->weight * (double)(UINT64_C(1) << a->scale_bits);
}
