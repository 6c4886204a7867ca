/*
 * Dense kernels: products of activations with a weight matrix, and its gradient.
 *
 *     forward         y (m,n) = act(x (m,k) w (k,n) + bias)       over k ascending
 *     forward_added   y (m,n) = y + x w                           over k ascending
 *     input_gradient  gx (m,k) = gy (m,n) w^T                     over n ascending
 *     weight_gradient g (k,n) = x^T gy, and its update            over m ascending
 *
 * Activations are row-major; the rows of y, gy and gx are padded to whole panels (panels.h), and
 * the padding of gy is zero. Padding of what is written becomes zero too. The rows of x need no
 * padding.
 */
#ifndef CH_MATH_DENSE_H
#define CH_MATH_DENSE_H

#include "math/kernels.h"
#include "math/update.h"

#include <stddef.h>
#include <stdint.h>

/* x (count, features) and which rows of w its columns meet. */
typedef struct ch_dense_input {
    const float *x; // (m, k)
    size_t stride;  // floats from one row of x to the next; 0: all rows are the same one
    uint32_t k;
    const uint32_t *rows; // (k) ascending: column i of x meets row rows[i] of w; NULL: row i
} ch_dense_input;

/* A weight matrix in panels. */
typedef struct ch_dense_shape {
    uint32_t rows; // of the whole matrix; at least the input's k
    uint32_t n;
} ch_dense_shape;

struct ch_dense_kernels {
    /*
     * y (m, n) = x w + bias, and the larger of it and zero if relu.
     *
     * y       row stride ch_padded(n)
     * w, bias in panels; bias may be NULL
     */
    void (*forward)(float *y, const ch_dense_input *input, uint32_t m, ch_dense_shape shape,
                    const float *w, const float *bias, bool relu);

    /* y (m, n) += x w: each sum starts from what is in y. */
    void (*forward_added)(float *y, const ch_dense_input *input, uint32_t m, ch_dense_shape shape,
                          const float *w);

    /* gx (m, shape.rows) = gy (m, n) w^T. */
    void (*input_gradient)(float *gx, const float *gy, uint32_t m, ch_dense_shape shape,
                           const float *w);

    /* The gradient of w, or its update: see update.h. Rows of w that input does not name stay. */
    void (*weight_gradient)(const ch_weights *w, const ch_dense_input *input, const float *gy,
                            uint32_t m, ch_dense_shape shape, const ch_update *update);
};

#endif
