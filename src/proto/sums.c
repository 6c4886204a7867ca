/*
 * Sums: what a round adds up, and what it is applied as.
 *
 *   | update: dim | part: dim or 1 | part |      one row of integers, aggregator.sum
 *
 * The aggregator is the update's. A part has its own scale, and a weighting of its own: the
 * update's, or uniform; so its divisor follows from the aggregator's, and nothing more is kept.
 */
#include "proto/coordinator_parts.h"

#include "base/error.h"
#include "choir/blob.h"
#include "math/fold.h"

#include <math.h>
#include <string.h>

choir_status ch_coordinator_parts_init(choir_coordinator *c, choir_error *err) {
    const ch_algorithm_ops *algorithm = c->algorithm;
    const ch_aggregator *update = &c->aggregator;
    uint64_t numbers = update->dim;
    for (uint32_t i = 0; i < algorithm->parts_count; i++) {
        const ch_part *part = &algorithm->parts[i];
        ch_aggregator sum;
        const choir_status status = ch_part_sum_init(&sum, algorithm, i, update, "algorithm", err);
        if (status != CHOIR_OK) {
            return status;
        }
        c->parts[i] = (ch_part_sum){.part = part,
                                    .dim = sum.dim,
                                    .offset = (uint32_t)numbers,
                                    .scale_bits = sum.scale_bits,
                                    .max = sum.coordinate_max};
        numbers += sum.dim;
    }
    const uint64_t fetched = update->dim * (UINT64_C(1) + algorithm->shared_per_param);
    const uint64_t most = numbers > fetched ? numbers : fetched;
    if (most > CHOIR_DIM_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "coordinator: dim is %u, of which %s moves %llu numbers at once, but "
                            "at most %d can be",
                            update->dim, algorithm->name, (unsigned long long)most, CHOIR_DIM_MAX);
    }
    c->numbers = (uint32_t)numbers;
    c->fetched = (uint32_t)fetched;
    return CHOIR_OK;
}

void ch_coordinator_sum_reset(const choir_coordinator *c, ch_aggregator *a) {
    ch_aggregator_reset(a);
    memset(a->sum + a->dim, 0, (c->numbers - a->dim) * sizeof(a->sum[0]));
}

static const uint8_t *part_of(const ch_part_sum *p, const void *delta) {
    return (const uint8_t *)delta + p->offset * sizeof(float);
}

void ch_coordinator_sum_add(const choir_coordinator *c, ch_aggregator *a, const void *delta,
                            uint32_t weight) {
    ch_aggregator_add(a, delta, weight);
    for (uint32_t i = 0; i < c->algorithm->parts_count; i++) {
        const ch_part_sum *p = &c->parts[i];
        ch_fold_add(a->sum + p->offset, part_of(p, delta), p->dim, p->scale_bits,
                    p->part->is_uniform ? 1 : weight);
    }
}

choir_refusal ch_coordinator_parts_judge(const choir_coordinator *c, const void *delta) {
    for (uint32_t i = 0; i < c->algorithm->parts_count; i++) {
        const ch_part_sum *p = &c->parts[i];
        const ch_measure measure = ch_fold_measure(part_of(p, delta), p->dim);
        float first = 0;
        memcpy(&first, part_of(p, delta), sizeof(first));
        if (!measure.is_finite) {
            return CHOIR_REFUSAL_NOT_FINITE;
        }
        if (p->part->is_vector && measure.norm > c->options.update_norm_max) {
            return CHOIR_REFUSAL_NORM;
        }
        if ((double)measure.magnitude > p->max || (!p->part->is_vector && !(first > 0))) {
            return CHOIR_REFUSAL_RANGE;
        }
    }
    return CHOIR_REFUSAL_COUNT;
}

/* Whether so many integers can be the sum of numbers up to max that weigh so much together. */
static bool is_sane(const uint8_t *sum, uint32_t count, double max, uint32_t scale_bits,
                    uint64_t weight) {
    const double limit = (double)weight * (ldexp(max, (int)scale_bits) + 0.5);
    for (uint32_t i = 0; i < count; i++) {
        int64_t value = 0;
        memcpy(&value, sum + i * sizeof(value), sizeof(value));
        if (fabs((double)value) > limit) {
            return false;
        }
    }
    return true;
}

/* Every report adds at least 1 and at most weight_max, and no coordinate beyond coordinate_max. */
bool ch_coordinator_sum_is_sane(const choir_coordinator *c, uint32_t reports, uint64_t weight,
                                const uint8_t *sum) {
    const ch_aggregator *a = &c->aggregator;
    if (weight < reports || weight > (uint64_t)reports * a->weight_max) {
        return false;
    }
    if (ch_coordinator_sum_bytes(c, reports) == 0) {
        return true;
    }
    bool all = is_sane(sum, a->dim, a->coordinate_max, a->scale_bits, weight);
    for (uint32_t i = 0; i < c->algorithm->parts_count && all; i++) {
        const ch_part_sum *p = &c->parts[i];
        all = is_sane(sum + p->offset * sizeof(int64_t), p->dim, p->max, p->scale_bits,
                      p->part->is_uniform ? reports : weight);
    }
    return all;
}

size_t ch_coordinator_sum_bytes(const choir_coordinator *c, uint32_t reports) {
    return reports == 0 || c->is_evaluating ? 0 : (size_t)c->numbers * sizeof(int64_t);
}

void ch_coordinator_name(choir_coordinator *c) {
    c->hash = choir_hash_params(c->params, c->options.dim);
    c->offered = c->fetched == c->options.dim ? c->hash : choir_hash_params(c->params, c->fetched);
}

bool ch_coordinator_apply(choir_coordinator *c) {
    const ch_aggregator *a = &c->aggregator;
    c->unfit = "";
    if (a->reports < c->options.quorum) {
        return false;
    }
    const ch_algorithm_options options = ch_coordinator_algorithm_options(c);
    ch_round_sums sums = {.update = {a->sum, ch_aggregator_divisor(a)}, .reports = a->reports};
    for (uint32_t i = 0; i < c->algorithm->parts_count; i++) {
        const ch_part_sum *p = &c->parts[i];
        const uint64_t weight = p->part->is_uniform ? a->reports : a->weight;
        sums.parts[i] =
            (ch_round_sum){a->sum + p->offset, ldexp((double)weight, (int)p->scale_bits)};
    }
    if (c->algorithm->is_fit != NULL && !c->algorithm->is_fit(&sums)) {
        c->unfit = c->algorithm->unfit;
        return false;
    }
    c->algorithm->apply(&options, c->params, c->state, &sums, c->options.dim);
    ch_coordinator_name(c);
    return true;
}

const char *choir_coordinator_unfit(const choir_coordinator *c) {
    return c->unfit == NULL ? "" : c->unfit;
}
