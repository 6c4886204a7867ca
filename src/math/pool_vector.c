/* Pooling kernels in vectors, channel by channel side by side: see pool.h. Compiled once per ISA.
 */
#include "math/pool.h"

#include "math/conv_vector.h"

#include <string.h>

/* The largest of one window over LANES channels, of which the image has some. */
V_INLINE vfloat window_max(vint *code, const float *corner, const ch_pool_shape *s, ch_pool_span h,
                           ch_pool_span w, size_t some) {
    const int first = (int)(h.first * s->window + w.first);
    vfloat best = v_load_some(corner, some);
    vint at = (vint){0} + first;
    for (uint32_t i = h.first; i < h.last; i++) {
        const float *row = corner + (size_t)(i - h.first) * s->width * s->channels;
        for (uint32_t j = w.first; j < w.last; j++) {
            const vfloat a = v_load_some(row + (size_t)(j - w.first) * s->channels, some);
            const vint larger = a > best;
            best = v_select(larger, a, best);
            at = (larger & (int)(i * s->window + j)) | (~larger & at);
        }
    }
    *code = at;
    return best;
}

/* One row of windows. */
static void row_max(float *y, uint8_t *codes, const float *image, const ch_pool_shape *s,
                    uint32_t row) {
    const ch_pool_span h = ch_pool_span_of(s->height, s->window, s->stride, row);
    for (uint32_t column = 0; column < ch_pool_size(s->width, s->stride); column++) {
        const ch_pool_span w = ch_pool_span_of(s->width, s->window, s->stride, column);
        const float *corner = image + ((size_t)h.start * s->width + w.start) * s->channels;
        for (size_t c = 0; c < s->channels; c += LANES) {
            const size_t some = s->channels - c;
            vint code;
            v_store_some(y + c, window_max(&code, corner + c, s, h, w, some), some);
            v_store_some_codes(codes + c, code, some);
        }
        y += s->channels;
        codes += s->channels;
    }
}

static void pool_forward(float *y, size_t y_stride, uint8_t *codes, const ch_images *x,
                         const ch_pool_shape *s) {
    const size_t height = ch_pool_size(s->height, s->stride);
    const size_t size = (size_t)ch_pool_size(s->width, s->stride) * s->channels; // of a row
    for (size_t b = 0; b < x->count; b++) {
        for (size_t row = 0; row < height; row++) {
            row_max(y + b * y_stride + row * size, codes + (b * height + row) * size,
                    x->x + b * x->stride, s, (uint32_t)row);
        }
    }
}

/* Gives the gradient of one window over LANES channels to where its largest was. */
V_INLINE void window_scatter(float *corner, vfloat g, vint code, const ch_pool_shape *s,
                             ch_pool_span h, ch_pool_span w, size_t some) {
    for (uint32_t i = h.first; i < h.last; i++) {
        float *row = corner + (size_t)(i - h.first) * s->width * s->channels;
        for (uint32_t j = w.first; j < w.last; j++) {
            float *at = row + (size_t)(j - w.first) * s->channels;
            const vint here = code == (int)(i * s->window + j);
            v_store_some(at, v_load_some(at, some) + (vfloat)((vint)g & here), some);
        }
    }
}

/* One row of windows, from left to right. */
static void row_scatter(float *image, const float *g, const uint8_t *codes, const ch_pool_shape *s,
                        uint32_t row) {
    const ch_pool_span h = ch_pool_span_of(s->height, s->window, s->stride, row);
    for (uint32_t column = 0; column < ch_pool_size(s->width, s->stride); column++) {
        const ch_pool_span w = ch_pool_span_of(s->width, s->window, s->stride, column);
        float *corner = image + ((size_t)h.start * s->width + w.start) * s->channels;
        for (size_t c = 0; c < s->channels; c += LANES) {
            const size_t some = s->channels - c;
            const vint code = v_load_some_codes(codes + c, some);
            window_scatter(corner + c, v_load_some(g + c, some), code, s, h, w, some);
        }
        g += s->channels;
        codes += s->channels;
    }
}

/* Windows in reading order, so that the sums of those that overlap have one. */
static void pool_input_gradient(float *gx, size_t gx_stride, const float *gy, size_t gy_stride,
                                const uint8_t *codes, uint32_t count, const ch_pool_shape *s) {
    const size_t height = ch_pool_size(s->height, s->stride);
    const size_t size = (size_t)ch_pool_size(s->width, s->stride) * s->channels; // of a row
    for (size_t b = 0; b < count; b++) {
        float *image = gx + b * gx_stride;
        memset(image, 0, (size_t)s->height * s->width * s->channels * sizeof(float));
        for (size_t row = 0; row < height; row++) {
            row_scatter(image, gy + b * gy_stride + row * size, codes + (b * height + row) * size,
                        s, (uint32_t)row);
        }
    }
}

const ch_pool_kernels CH_EXPORT(ch_pool) = {
    .forward = pool_forward,
    .input_gradient = pool_input_gradient,
};
