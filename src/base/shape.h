/*
 * Shape: height x width x channels, of one input and of what layers make of it.
 */
#ifndef CH_BASE_SHAPE_H
#define CH_BASE_SHAPE_H

#include <stdint.h>

/* A picture, or a flat row of n features as {1, 1, n}. */
typedef struct ch_shape {
    uint32_t height;
    uint32_t width;
    uint32_t channels; // innermost
} ch_shape;

/* How many numbers; of shapes whose makers have seen to it that they fit. */
static inline uint32_t ch_shape_features(ch_shape s) {
    return s.height * s.width * s.channels;
}

#endif
