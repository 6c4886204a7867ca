/*
 * Pooling kernels: the largest of each window, and where it was.
 *
 *     forward         y[p] = max over window positions k of x[stride * p + k - before]
 *     input_gradient  gx[q] = sum of gy[p] over windows p whose largest was at q
 *
 * Windows are square and may overlap. There are ceil(size / stride) of them in each direction; what
 * that asks for beyond the image is divided, the smaller half before, and takes no part. Of equal
 * values the first in reading order counts. Images as in conv.h.
 */
#ifndef CH_MATH_POOL_H
#define CH_MATH_POOL_H

#include "math/conv.h"

#include <stddef.h>
#include <stdint.h>

enum { CH_POOL_WINDOW_MAX = 15 };

typedef struct ch_pool_shape {
    uint32_t height, width, channels; // of x
    uint32_t window, stride;          // 1 <= stride <= window <= CH_POOL_WINDOW_MAX
} ch_pool_shape;

/* Windows along an image side. */
static inline uint32_t ch_pool_size(uint32_t size, uint32_t stride) {
    return (size + stride - 1) / stride;
}

/* Positions of the first window that lie before the image. */
static inline uint32_t ch_pool_before(uint32_t size, uint32_t window, uint32_t stride) {
    const uint32_t needed = (ch_pool_size(size, stride) - 1) * stride + window;
    return needed > size ? (needed - size) / 2 : 0;
}

/* The part of one window that lies in the image, along one side. */
typedef struct ch_pool_span {
    uint32_t first, last; // window positions, last excluded
    uint32_t start;       // position of the first in the image
} ch_pool_span;

/* Of window p. */
static inline ch_pool_span ch_pool_span_of(uint32_t size, uint32_t window, uint32_t stride,
                                           uint32_t p) {
    const uint32_t before = ch_pool_before(size, window, stride);
    const uint32_t at = p * stride; // plus before, where the window starts
    const uint32_t first = at < before ? before - at : 0;
    const uint32_t left = size + before - at;
    return (ch_pool_span){
        .first = first, .last = left < window ? left : window, .start = at + first - before};
}

typedef struct ch_pool_kernels {
    /* codes (count, rows * columns * channels) dense: window * row + column of the largest. */
    void (*forward)(float *y, size_t y_stride, uint8_t *codes, const ch_images *x,
                    const ch_pool_shape *s);

    /* Images of gx are gx_stride apart and get written, not added to. */
    void (*input_gradient)(float *gx, size_t gx_stride, const float *gy, size_t gy_stride,
                           const uint8_t *codes, uint32_t count, const ch_pool_shape *s);
} ch_pool_kernels;

#endif
