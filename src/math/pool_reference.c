/* Pooling kernels in plain C: see pool.h. */
#include "math/pool.h"

#include <string.h>

/* The largest of one window that starts at corner, of every channels-th value there. */
static float window_max(uint8_t *code, const float *corner, const ch_pool_shape *s, ch_pool_span h,
                        ch_pool_span w) {
    float best = *corner;
    *code = (uint8_t)(h.first * s->window + w.first);
    for (uint32_t i = h.first; i < h.last; i++) {
        for (uint32_t j = w.first; j < w.last; j++) {
            const size_t at = (size_t)(i - h.first) * s->width + (j - w.first);
            if (corner[at * s->channels] > best) {
                best = corner[at * s->channels];
                *code = (uint8_t)(i * s->window + j);
            }
        }
    }
    return best;
}

static void pool_forward(float *y, size_t y_stride, uint8_t *codes, const ch_images *x,
                         const ch_pool_shape *s) {
    const uint32_t width = ch_pool_size(s->width, s->stride);
    const size_t size = (size_t)ch_pool_size(s->height, s->stride) * width * s->channels;
    for (size_t b = 0; b < x->count; b++) {
        for (size_t k = 0; k < size; k++) {
            const uint32_t column = (uint32_t)(k / s->channels % width);
            const uint32_t row = (uint32_t)(k / s->channels / width);
            const ch_pool_span h = ch_pool_span_of(s->height, s->window, s->stride, row);
            const ch_pool_span w = ch_pool_span_of(s->width, s->window, s->stride, column);
            const size_t corner = (size_t)h.start * s->width + w.start;
            const float *from = x->x + b * x->stride + corner * s->channels + k % s->channels;
            y[b * y_stride + k] = window_max(&codes[b * size + k], from, s, h, w);
        }
    }
}

static void pool_input_gradient(float *gx, size_t gx_stride, const float *gy, size_t gy_stride,
                                const uint8_t *codes, uint32_t count, const ch_pool_shape *s) {
    const uint32_t width = ch_pool_size(s->width, s->stride);
    const size_t size = (size_t)ch_pool_size(s->height, s->stride) * width * s->channels;
    const uint32_t above = ch_pool_before(s->height, s->window, s->stride);
    const uint32_t before = ch_pool_before(s->width, s->window, s->stride);
    for (size_t b = 0; b < count; b++) {
        float *image = gx + b * gx_stride;
        memset(image, 0, (size_t)s->height * s->width * s->channels * sizeof(float));
        for (size_t k = 0; k < size; k++) {
            const size_t c = k % s->channels;
            const size_t code = codes[b * size + k];
            const size_t column = k / s->channels % width * s->stride + code % s->window - before;
            const size_t row = k / s->channels / width * s->stride + code / s->window - above;
            image[(row * s->width + column) * s->channels + c] += gy[b * gy_stride + k];
        }
    }
}

const ch_pool_kernels ch_pool_reference = {
    .forward = pool_forward,
    .input_gradient = pool_input_gradient,
};
