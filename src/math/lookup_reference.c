/* Lookup kernels in plain C, sums in double: see lookup.h. */
#include "math/lookup.h"

#include "math/panels.h"
#include "math/reference.h"

#include <string.h>

static void lookup_forward(float *y, const float *tokens, uint32_t m, ch_dense_shape shape,
                           const float *w) {
    memset(y, 0, m * ch_padded(shape.n) * sizeof(float));
    for (uint32_t r = 0; r < m; r++) {
        for (uint32_t c = 0; c < shape.n; c++) {
            y[r * ch_padded(shape.n) + c] = w[ch_panel_offset(shape.rows, (size_t)tokens[r], c)];
        }
    }
}

static void lookup_gradient(const ch_weights *w, const float *tokens, const float *gy, uint32_t m,
                            ch_dense_shape shape, const ch_update *update) {
    for (uint32_t k = 0; k < shape.rows; k++) {
        for (uint32_t c = 0; c < shape.n; c++) {
            const size_t at = ch_panel_offset(shape.rows, k, c);
            double sum = update->continued ? (double)w->g[at] : 0.0;
            for (uint32_t r = 0; r < m; r++) {
                sum += (uint32_t)tokens[r] == k ? (double)gy[r * ch_padded(shape.n) + c] : 0.0;
            }
            reference_finish(w, at, sum, update);
        }
    }
}

const ch_lookup_kernels ch_lookup_reference = {
    .forward = lookup_forward,
    .gradient = lookup_gradient,
};
