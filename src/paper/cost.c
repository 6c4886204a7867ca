/* Cost: see cost.h. */
#include "paper/cost.h"

#include <math.h>
#include <stdlib.h>

/* Client-epochs that one worker has to do one after the other. */
static double turns(const ch_cost_shape *shape) {
    const uint32_t busy = shape->clients < shape->workers ? shape->clients : shape->workers;
    return (double)shape->clients * shape->epochs / (busy < 1 ? 1 : busy);
}

double ch_cost_round(const ch_cost_sample *sample, const ch_cost_shape *shape) {
    const double evaluate =
        sample->evaluate_s * sample->shape.workers / (shape->workers < 1 ? 1 : shape->workers);
    return sample->train_s * turns(shape) / turns(&sample->shape) + evaluate * shape->evaluated;
}

double ch_cost_rounds(double expected, uint32_t limit, uint32_t rates_left) {
    const double rounds = isnan(expected) || expected > limit ? limit : expected;
    return rounds * rates_left;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double ch_cost_ratio(double *ratios, uint32_t count) {
    if (count == 0) {
        return 1;
    }
    qsort(ratios, count, sizeof(ratios[0]), by_value);
    return (ratios[(count - 1) / 2] + ratios[count / 2]) / 2;
}

uint32_t ch_cost_lanes(uint32_t clients, uint32_t workers, uint32_t cells) {
    const uint32_t free = clients < 1 ? workers : workers / clients;
    const uint32_t lanes = free < cells ? free : cells;
    return lanes < 1 ? 1 : lanes;
}
