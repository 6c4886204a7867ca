/* Dense kernels in plain C, sums in double: see dense.h. */
#include "math/dense.h"

#include "math/panels.h"
#include "math/reference.h"

#include <string.h>

static size_t input_row(const ch_dense_input *input, uint32_t i) {
    return input->rows != NULL ? input->rows[i] : i;
}

static void dense_forward(float *y, const ch_dense_input *input, uint32_t m, ch_dense_shape shape,
                          const float *w, const float *bias, bool relu) {
    memset(y, 0, m * ch_padded(shape.n) * sizeof(float));
    for (uint32_t r = 0; r < m; r++) {
        for (uint32_t c = 0; c < shape.n; c++) {
            double sum = bias != NULL ? (double)bias[c] : 0.0;
            for (uint32_t k = 0; k < input->k; k++) {
                const size_t at = ch_panel_offset(shape.rows, input_row(input, k), c);
                sum += (double)input->x[r * input->stride + k] * (double)w[at];
            }
            y[r * ch_padded(shape.n) + c] = relu && sum < 0.0 ? 0.0F : (float)sum;
        }
    }
}

static void dense_forward_added(float *y, const ch_dense_input *input, uint32_t m,
                                ch_dense_shape shape, const float *w) {
    for (uint32_t r = 0; r < m; r++) {
        for (uint32_t c = 0; c < shape.n; c++) {
            double sum = (double)y[r * ch_padded(shape.n) + c];
            for (uint32_t k = 0; k < input->k; k++) {
                const size_t at = ch_panel_offset(shape.rows, input_row(input, k), c);
                sum += (double)input->x[r * input->stride + k] * (double)w[at];
            }
            y[r * ch_padded(shape.n) + c] = (float)sum;
        }
    }
}

static void dense_input_gradient(float *gx, const float *gy, uint32_t m, ch_dense_shape shape,
                                 const float *w) {
    memset(gx, 0, m * ch_padded(shape.rows) * sizeof(float));
    for (uint32_t r = 0; r < m; r++) {
        for (uint32_t k = 0; k < shape.rows; k++) {
            double sum = 0.0;
            for (uint32_t c = 0; c < shape.n; c++) {
                sum += (double)gy[r * ch_padded(shape.n) + c] *
                       (double)w[ch_panel_offset(shape.rows, k, c)];
            }
            gx[r * ch_padded(shape.rows) + k] = (float)sum;
        }
    }
}

static void dense_weight_gradient(const ch_weights *w, const ch_dense_input *input, const float *gy,
                                  uint32_t m, ch_dense_shape shape, const ch_update *update) {
    for (uint32_t k = 0; k < input->k; k++) {
        for (uint32_t c = 0; c < shape.n; c++) {
            const size_t at = ch_panel_offset(shape.rows, input_row(input, k), c);
            double sum = update->continued ? (double)w->g[at] : 0.0;
            for (uint32_t r = 0; r < m; r++) {
                sum += (double)input->x[r * input->stride + k] *
                       (double)gy[r * ch_padded(shape.n) + c];
            }
            reference_finish(w, at, sum, update);
        }
    }
}

const ch_dense_kernels ch_dense_reference = {
    .forward = dense_forward,
    .forward_added = dense_forward_added,
    .input_gradient = dense_input_gradient,
    .weight_gradient = dense_weight_gradient,
};
