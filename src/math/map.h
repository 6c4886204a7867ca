/*
 * Map kernels: element by element, row by row, and the losses.
 *
 * exp and log inside the losses are our own: the same operations in the same order on every CPU,
 * within 2 units in the last place of the exact value; exp is 0 below -87.3. NaN or +infinity
 * in a row leaves it no finite loss; -infinity has chance 0. Rows of matrices are padded to whole
 * panels (panels.h).
 */
#ifndef CH_MATH_MAP_H
#define CH_MATH_MAP_H

#include "math/kernels.h"
#include "math/update.h"

#include <stddef.h>
#include <stdint.h>

/* What a loss is told and what it tells. */
typedef struct ch_loss_input {
    const uint32_t *labels; // (m) below n; or NULL
    const float *targets;   // (m, n) dense, not padded; or NULL
    uint32_t m, n;
} ch_loss_input;

struct ch_map_kernels {
    /* y (n) = 0 where x < 0, else x; so NaN stays. May be in place. */
    void (*relu)(float *y, const float *x, size_t n);

    /* gx (n) = gy where y > 0, else 0. May be in place. y may be relu's input or its output. */
    void (*relu_gradient)(float *gx, const float *gy, const float *y, size_t n);

    /* y (m, n) = x (m, n) + bias (n), all padded. May be in place. */
    void (*add_bias)(float *y, const float *x, const float *bias, uint32_t m, uint32_t n);

    /*
     * p (m, n) = softmax of each row of z. With labels: loss += sum of -log p[label], correct +=
     * rows whose first largest z is at the label. Without: only p.
     */
    void (*softmax)(float *p, const float *z, const ch_loss_input *in, double *loss,
                    uint32_t *correct);

    /* gz (m, n) = scale * (p - one-hot label). */
    void (*softmax_gradient)(float *gz, const float *p, const ch_loss_input *in, float scale);

    /*
     * loss += sum over rows of the mean over the columns of (y - t)^2; t is targets, or the one-hot
     * label. correct += as in softmax when there are labels.
     */
    void (*squared)(const float *y, const ch_loss_input *in, double *loss, uint32_t *correct);

    /* gy (m, n) = scale * 2 / n * (y - t). */
    void (*squared_gradient)(float *gy, const float *y, const ch_loss_input *in, float scale);

    /* Applies update to n elements whose gradient is in w->g: the second half of update.h. */
    void (*apply)(const ch_weights *w, size_t n, const ch_update *update);

    /*
     * Which columns of x (m, n) hold anything but zeros, ascending, into columns (n).
     * Returns how many. stride: floats from one row to the next.
     */
    uint32_t (*active)(uint32_t *columns, const float *x, size_t stride, uint32_t m, uint32_t n);

    /* y (m, n) dense = those n columns of x (m, ...), of rows stride floats apart. */
    void (*columns)(float *y, const float *x, size_t stride, uint32_t m, const uint32_t *columns,
                    uint32_t n);
};

#endif
