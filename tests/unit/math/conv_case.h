/*
 * One convolution to be tested: a shape with random images, filters, biases and gradients, and what
 * a kernel table made of them.
 */
#ifndef CHOIR_TESTS_CONV_CASE_H
#define CHOIR_TESTS_CONV_CASE_H

#include "support/check.h"

#include "base/rng.h"
#include "math/conv.h"
#include "math/panels.h"

#include <stdlib.h>
#include <string.h>

typedef struct conv_case {
    ch_conv_shape s;
    uint32_t count;
    bool pooled, relu;
    size_t in, out, filters, bias; // floats: an image, an output, all filters, all biases
    float *x, *w, *b, *gy;         // operands; (count, ...) where they are images
    float *y, *gx, *gw, *gb;       // results
    uint8_t *codes;                // result of forward, operand of the gradients
    float *workspace;
} conv_case;

/* Floats that start 64 bytes aligned; zero. */
static inline float *floats(size_t count) {
    const size_t bytes = (count * sizeof(float) + 63) / 64 * 64 + 64;
    float *x = aligned_alloc(64, bytes);
    assert_non_null(x);
    memset(x, 0, bytes);
    return x;
}

/* steps = 0: uniform in [-1, 1); else whole numbers in [-steps, steps]. */
static inline void fill(float *x, size_t count, uint32_t steps, ch_rng *rng) {
    for (size_t i = 0; i < count; i++) {
        const double u = 2.0 * ch_rng_unit(rng) - 1.0;
        x[i] = steps == 0 ? (float)u : (float)floor(u * (steps + 0.5) + 0.5);
    }
}

/* The matrix (rows, cols) in panels, padding zero. */
static inline void fill_panels(float *w, size_t rows, size_t cols, uint32_t steps, ch_rng *rng) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < cols; c++) {
            fill(w + ch_panel_offset(rows, r, c), 1, steps, rng);
        }
    }
}

static inline conv_case conv_case_make(ch_conv_shape s, uint32_t count, bool pooled,
                                       uint32_t steps) {
    ch_rng rng = ch_rng_stream(7, CH_PURPOSE_TEST, s.in, s.out);
    const size_t rows = (size_t)s.kernel_height * s.kernel_width * s.in;
    conv_case c = {.s = s, .count = count, .pooled = pooled, .relu = pooled};
    c.in = (size_t)s.height * s.width * s.in;
    c.out = (size_t)s.height * s.width * s.out / (pooled ? 4 : 1);
    c.filters = ch_panels_size(rows, s.out);
    c.bias = ch_padded(s.out);
    c.x = floats(count * c.in);
    c.w = floats(c.filters);
    c.b = floats(c.bias);
    c.gy = floats(count * c.out);
    c.y = floats(count * c.out);
    c.gx = floats(count * c.in);
    c.gw = floats(c.filters);
    c.gb = floats(c.bias);
    c.codes = calloc(count * c.out, 1);
    fill(c.x, count * c.in, steps, &rng);
    fill_panels(c.w, rows, s.out, steps, &rng);
    fill(c.b, s.out, steps, &rng);
    fill(c.gy, count * c.out, steps, &rng);
    return c;
}

static inline void conv_case_release(conv_case *c) {
    float *const blocks[] = {c->x, c->w, c->b, c->gy, c->y, c->gx, c->gw, c->gb, c->workspace};
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        free(blocks[i]);
    }
    free(c->codes);
}

/* Forward into c->y and c->codes. */
static inline void conv_case_forward(conv_case *c, const ch_conv_kernels *k) {
    const ch_images x = {c->x, c->in, c->count};
    const ch_conv_output y = {c->y, c->pooled ? c->codes : NULL, c->out, c->relu};
    free(c->workspace);
    c->workspace = floats(k->workspace(&c->s));
    k->prepare(c->workspace, &c->s, c->w);
    k->forward(&y, &x, &c->s, c->b, c->workspace);
}

/* All three gradients, of gy as c->codes spread it; after conv_case_forward. */
static inline void conv_case_backward(conv_case *c, const ch_conv_kernels *k) {
    const ch_images x = {c->x, c->in, c->count};
    const ch_conv_gradient gy = {c->gy, c->pooled ? c->codes : NULL, c->out};
    const ch_weights w = {.w = c->w, .g = c->gw};
    const ch_weights b = {.w = c->b, .g = c->gb};
    const ch_update keep = {.applied = false};
    k->prepare_gradient(c->workspace, &c->s);
    k->input_gradient(c->gx, c->in, &gy, c->count, &c->s, c->workspace);
    k->weight_gradient(&w, &x, &gy, &c->s, &keep, c->workspace);
    k->bias_gradient(&b, &gy, c->count, &c->s, &keep);
}

#endif
