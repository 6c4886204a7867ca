/* Gathering examples into a batch; see examples.h. */
#include "data/examples.h"

#include "math/pixels.h"

#include <stddef.h>
#include <string.h>

enum { CACHE_LINE = 64 };

void ch_holding_gather(const ch_holding *h, const uint32_t *order, uint32_t first, uint32_t count,
                       float *x) {
    const ch_examples *e = h->examples;
    const uint32_t features = ch_shape_features(e->shape);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t position = order == NULL ? first + i : order[i];
        const size_t from = (size_t)ch_holding_row(h, position) * features;
        float *to = x + (size_t)i * features;
        if (e->bytes != NULL) {
            ch_pixels_scale(to, e->bytes + from, features);
        } else {
            memcpy(to, e->reals + from, features * sizeof(to[0]));
        }
    }
}

void ch_holding_prefetch(const ch_holding *h, const uint32_t *order, uint32_t count) {
    const ch_examples *e = h->examples;
    const size_t features = ch_shape_features(e->shape);
    const size_t size = features * (e->bytes != NULL ? sizeof(e->bytes[0]) : sizeof(e->reals[0]));
    const char *table = e->bytes != NULL ? (const char *)e->bytes : (const char *)e->reals;
    for (uint32_t i = 0; i < count; i++) {
        const char *row = table + ch_holding_row(h, order[i]) * size;
        for (size_t at = 0; at < size; at += CACHE_LINE) {
            __builtin_prefetch(row + at);
        }
    }
}
