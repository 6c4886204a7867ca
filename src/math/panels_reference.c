/* Panels in plain C: see panels.h. */
#include "math/panels.h"

#include <math.h>
#include <string.h>

static void panels_load(float *panels, const float *flat, uint32_t rows, uint32_t cols) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < cols; c++) {
            panels[ch_panel_offset(rows, r, c)] = flat[r * cols + c];
        }
    }
}

static void panels_store(float *flat, const float *panels, uint32_t rows, uint32_t cols) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < cols; c++) {
            flat[r * cols + c] = panels[ch_panel_offset(rows, r, c)];
        }
    }
}

static bool panels_store_change(float *change, const float *panels, const float *from,
                                uint32_t rows, uint32_t cols) {
    bool is_finite = true;
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < cols; c++) {
            const size_t at = r * cols + c;
            change[at] = panels[ch_panel_offset(rows, r, c)] - from[at];
            is_finite = is_finite && isfinite(change[at]);
        }
    }
    return is_finite;
}

static void panels_transpose(float *to, const float *from, uint32_t rows, uint32_t cols) {
    memset(to, 0, ch_panels_size(cols, rows) * sizeof(float));
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < cols; c++) {
            to[ch_panel_offset(cols, c, r)] = from[ch_panel_offset(rows, r, c)];
        }
    }
}

const ch_panel_kernels ch_panel_reference = {
    .load = panels_load,
    .store = panels_store,
    .store_change = panels_store_change,
    .transpose = panels_transpose,
};
