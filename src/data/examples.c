/* Gathering examples into a batch; see examples.h. */
#include "data/examples.h"

#include "base/assert.h"
#include "math/pixels.h"

#include <stddef.h>
#include <string.h>

enum { CACHE_LINE = 64 };

void ch_holding_gather(const ch_holding *h, const uint32_t *order, uint32_t first, uint32_t count,
                       float *x) {
    const ch_examples *e = h->examples;
    const uint32_t features = ch_shape_features(e->shape);
    CH_ASSERT(!ch_examples_are_sequences(e));
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

void ch_holding_gather_tokens(const ch_holding *h, const uint32_t *order, uint32_t first,
                              uint32_t count, float *x, uint32_t *labels, uint32_t *lengths) {
    const ch_examples *e = h->examples;
    const uint32_t steps = e->shape.channels;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = ch_holding_row(h, order == NULL ? first + i : order[i]);
        const uint16_t *tokens = e->tokens + e->spans[row].first;
        float *inputs = x + (size_t)i * steps;
        uint32_t *answers = labels + (size_t)i * steps;
        lengths[i] = ch_examples_predictions(e, row);
        CH_ASSERT(lengths[i] >= 1 && lengths[i] <= steps);
        for (uint32_t t = 0; t < lengths[i]; t++) {
            inputs[t] = (float)tokens[t];
            answers[t] = tokens[t + 1];
        }
    }
}

uint64_t ch_holding_predictions(const ch_holding *h) {
    if (!ch_examples_are_sequences(h->examples)) {
        return h->count;
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < h->count; i++) {
        sum += ch_examples_predictions(h->examples, ch_holding_row(h, i));
    }
    return sum;
}

/* The next lines' tokens lie anywhere: of each, what its prediction begins with. */
static void tokens_prefetch(const ch_holding *h, const uint32_t *order, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const ch_span *span = &h->examples->spans[ch_holding_row(h, order[i])];
        __builtin_prefetch(h->examples->tokens + span->first);
    }
}

void ch_holding_prefetch(const ch_holding *h, const uint32_t *order, uint32_t count) {
    const ch_examples *e = h->examples;
    if (e->filed != NULL) {
        return;
    }
    const size_t features = ch_shape_features(e->shape);
    if (ch_examples_are_sequences(e)) {
        tokens_prefetch(h, order, count);
        return;
    }
    const size_t size = features * (e->bytes != NULL ? sizeof(e->bytes[0]) : sizeof(e->reals[0]));
    const char *table = e->bytes != NULL ? (const char *)e->bytes : (const char *)e->reals;
    for (uint32_t i = 0; i < count; i++) {
        const char *row = table + ch_holding_row(h, order[i]) * size;
        for (size_t at = 0; at < size; at += CACHE_LINE) {
            __builtin_prefetch(row + at);
        }
    }
}
