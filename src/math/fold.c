/* Fold: see fold.h. */
#include "math/fold.h"

#include <math.h>
#include <string.h>

static float value_at(const void *values, size_t i) {
    float value = 0;
    memcpy(&value, (const uint8_t *)values + i * sizeof(value), sizeof(value));
    return value;
}

/* 2^bits */
static double two_to(uint32_t bits) {
    return (double)(UINT64_C(1) << bits);
}

ch_measure ch_fold_measure(const void *values, size_t count) {
    double lanes[CH_FOLD_LANES] = {0};
    ch_measure m = {.is_finite = true};
    for (size_t i = 0; i < count; i++) {
        const float value = value_at(values, i);
        lanes[i % CH_FOLD_LANES] += (double)value * (double)value;
        m.is_finite = m.is_finite && isfinite(value);
        m.magnitude = fabsf(value) > m.magnitude ? fabsf(value) : m.magnitude;
    }
    for (size_t width = CH_FOLD_LANES / 2; width > 0; width /= 2) {
        for (size_t l = 0; l < width; l++) {
            lanes[l] += lanes[l + width];
        }
    }
    m.norm = sqrt(lanes[0]);
    return m;
}

void ch_fold_add(int64_t *sum, const void *values, size_t count, uint32_t scale_bits,
                 uint32_t weight) {
    const double scale = two_to(scale_bits);
    for (size_t i = 0; i < count; i++) {
        sum[i] += (int64_t)nearbyint((double)value_at(values, i) * scale) * weight;
    }
}
