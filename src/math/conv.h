/*
 * Convolution kernels: stride 1, "same" padding, odd filters; activations height x width x
 * channels.
 *
 *     forward          y[p][o] = sum over tap t, channel c of x[p + t][c] w[t][c][o]  + bias[o]
 *     input_gradient   gx[q][c] = sum over t, o of gy[q - t][o] w[t][c][o]
 *     weight_gradient  g[t][c][o] = sum over images, p of x[p + t][c] gy[p][o]
 *
 * Two algorithms fill the same table: direct sums (any shape; the order is image, row, column, tap,
 * channel, each ascending) and Winograd's (winograd_vector.h). Both can end the forward pass with
 * relu, or with relu and a 2 x 2 maximum, and both take gradients as that maximum left them: one
 * number and one code for four positions, never spread out in memory.
 *
 * An image is dense, channels innermost; images follow each other at a stride. Filters are the
 * panel matrix (kernel_height * kernel_width * in, out) of panels.h.
 */
#ifndef CH_MATH_CONV_H
#define CH_MATH_CONV_H

#include "math/update.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ch_conv_shape {
    uint32_t height, width;               // of an image, in and out
    uint32_t in, out;                     // channels
    uint32_t kernel_height, kernel_width; // odd
} ch_conv_shape;

/* What a 2 x 2 maximum remembers: 2 * row + column of the first largest, or that relu stopped it.
 */
enum { CH_POOL_DEAD = 4 };

/* count images of one tensor. */
typedef struct ch_images {
    const float *x;
    size_t stride; // floats from one image to the next
    uint32_t count;
} ch_images;

/* The gradient of what forward wrote. */
typedef struct ch_conv_gradient {
    const float *g;       // height x width x out; pooled: height/2 x width/2 x out
    const uint8_t *codes; // as forward wrote them, dense; NULL: not pooled
    size_t stride;        // floats from one image of g to the next
} ch_conv_gradient;

/* Where forward writes. */
typedef struct ch_conv_output {
    float *y;       // height x width x out; pooled: height/2 x width/2 x out
    uint8_t *codes; // (count, height/2 * width/2 * out), dense; NULL: no maximum is taken
    size_t stride;  // floats from one image of y to the next
    bool relu;      // implied by codes
} ch_conv_output;

typedef struct ch_conv_kernels {
    /* Whether this algorithm can do the shape. */
    bool (*fits)(const ch_conv_shape *s);

    /* Floats of workspace, 64-byte aligned: one for every instruction set, and the reference needs
     * no more. */
    size_t (*workspace)(const ch_conv_shape *s);

    /* Puts what depends on w alone into the workspace: before forward, after each change of w. */
    void (*prepare)(float *workspace, const ch_conv_shape *s, const float *w);

    /* The same for input_gradient; after prepare. */
    void (*prepare_gradient)(float *workspace, const ch_conv_shape *s);

    /* bias (out padded to panels) may be NULL. With codes height and width are even. */
    void (*forward)(const ch_conv_output *y, const ch_images *x, const ch_conv_shape *s,
                    const float *bias, float *workspace);

    /* Images of gx are gx_stride apart and get written, not added to. */
    void (*input_gradient)(float *gx, size_t gx_stride, const ch_conv_gradient *gy, uint32_t count,
                           const ch_conv_shape *s, float *workspace);

    /* The gradient of w, or its update: see update.h. A batch that came in parts continues both
     * buffer w->g and workspace, so that parts change no bit; the buffer is used in any case. */
    void (*weight_gradient)(const ch_weights *w, const ch_images *x, const ch_conv_gradient *gy,
                            const ch_conv_shape *s, const ch_update *update, float *workspace);

    /* The same of the bias: a sum over images and positions ascending. */
    void (*bias_gradient)(const ch_weights *bias, const ch_conv_gradient *gy, uint32_t count,
                          const ch_conv_shape *s, const ch_update *update);
} ch_conv_kernels;

#endif
