/* Lookup kernels in vectors: see lookup.h. Compiled once per instruction set. */
#include "math/lookup.h"

#include "math/sgd.h"
#include "math/vector.h"

#include <string.h>

/* Row r's token's row of a matrix in panels, at column c. */
V_INLINE size_t row_offset(ch_dense_shape shape, const float *tokens, uint32_t r, size_t c) {
    return ch_panel_offset(shape.rows, (uint32_t)tokens[r], c);
}

static void lookup_forward(float *y, const float *tokens, uint32_t m, ch_dense_shape shape,
                           const float *w) {
    for (uint32_t r = 0; r < m; r++, y += ch_padded(shape.n)) {
        for (size_t c = 0; c < ch_padded(shape.n); c += LANES) {
            v_store(y + c, v_load(w + row_offset(shape, tokens, r, c)));
        }
    }
}

/* g[tokens[r]] += gy[r] */
static void rows_add(float *g, const float *tokens, const float *gy, uint32_t m,
                     ch_dense_shape shape) {
    for (uint32_t r = 0; r < m; r++, gy += ch_padded(shape.n)) {
        for (size_t c = 0; c < ch_padded(shape.n); c += LANES) {
            float *to = g + row_offset(shape, tokens, r, c);
            v_store(to, v_load(to) + v_load(gy + c));
        }
    }
}

static void rows_zero(float *g, const float *tokens, uint32_t m, ch_dense_shape shape) {
    for (uint32_t r = 0; r < m; r++) {
        for (size_t c = 0; c < ch_padded(shape.n); c += LANES) {
            v_store(g + row_offset(shape, tokens, r, c), v_splat(0.0F));
        }
    }
}

/* A plain step on the rows that tokens name: on each once, as its gradient is zero afterwards. */
static void rows_step(const ch_weights *w, const float *tokens, uint32_t m, ch_dense_shape shape,
                      const ch_update *update) {
    for (uint32_t r = 0; r < m; r++) {
        for (size_t c = 0; c < ch_padded(shape.n); c += LANES) {
            const size_t at = row_offset(shape, tokens, r, c);
            sgd_apply(w, at, v_load(w->g + at), update, true);
            v_store(w->g + at, v_splat(0.0F));
        }
    }
}

static void lookup_gradient(const ch_weights *w, const float *tokens, const float *gy, uint32_t m,
                            ch_dense_shape shape, const ch_update *update) {
    const bool plain = ch_update_is_plain(update);
    const size_t size = ch_panels_size(shape.rows, shape.n);
    if (update->applied && plain && !update->continued) {
        rows_zero(w->g, tokens, m, shape);
        rows_add(w->g, tokens, gy, m, shape);
        rows_step(w, tokens, m, shape, update);
        return;
    }
    if (!update->continued) {
        memset(w->g, 0, size * sizeof(float));
    }
    rows_add(w->g, tokens, gy, m, shape);
    for (size_t i = 0; update->applied && i < size; i += LANES) {
        sgd_apply(w, i, v_load(w->g + i), update, plain);
    }
}

const ch_lookup_kernels CH_EXPORT(ch_lookup) = {
    .forward = lookup_forward,
    .gradient = lookup_gradient,
};
