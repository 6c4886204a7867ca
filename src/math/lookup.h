/*
 * Lookup kernels: tokens to the rows of a matrix, and what comes back to those rows.
 *
 *     forward    y (m, n) = w[tokens[r]]
 *     gradient   g[k] = sum of gy[r] over the r whose token is k     over r ascending
 *
 * Tokens are whole numbers below the matrix's rows, kept as floats. Activations are row-major and
 * padded to whole panels (panels.h); the padding of gy is zero, and that of y becomes zero.
 */
#ifndef CH_MATH_LOOKUP_H
#define CH_MATH_LOOKUP_H

#include "math/dense.h"

struct ch_lookup_kernels {
    /* y (m, shape.n), row stride ch_padded(n); w (shape.rows, n) in panels. */
    void (*forward)(float *y, const float *tokens, uint32_t m, ch_dense_shape shape,
                    const float *w);

    /* The gradient of w, or its update: see update.h. An update that is plain and not continued
     * touches the rows of its tokens only, and leaves nothing of use in the gradient's buffer. */
    void (*gradient)(const ch_weights *w, const float *tokens, const float *gy, uint32_t m,
                     ch_dense_shape shape, const ch_update *update);
};

#endif
