/* Gathering examples into a batch; see examples.h. */
#include "data/examples.h"

#include <stddef.h>
#include <string.h>

/* x = byte * (1/255) in fp32: one multiply a pixel, at most one unit in the last place from the
 * quotient, and the same on every machine. */
static void scale_bytes(float *restrict x, const uint8_t *restrict bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        x[i] = (float)bytes[i] * (1.0F / 255.0F);
    }
}

void ch_holding_gather(const ch_holding *h, const uint32_t *order, uint32_t first, uint32_t count,
                       float *x) {
    const ch_examples *e = h->examples;
    const uint32_t features = ch_shape_features(e->shape);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t position = order == NULL ? first + i : order[i];
        const size_t from = (size_t)ch_holding_row(h, position) * features;
        float *to = x + (size_t)i * features;
        if (e->bytes != NULL) {
            scale_bytes(to, e->bytes + from, features);
        } else {
            memcpy(to, e->reals + from, features * sizeof(to[0]));
        }
    }
}
