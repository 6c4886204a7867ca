/*
 * Panels: how parameters lie in memory while a net trains.
 *
 * A matrix (rows, cols) is cut into panels of 16 columns, each stored as one dense (rows, 16)
 * block:
 *
 *     element (r, c)  at  (c / 16) * rows * 16  +  r * 16  +  c % 16
 *
 * A kernel that walks down the rows of one panel reads memory in order, whatever the vector width.
 * Columns beyond cols are there and always zero. A vector is a matrix of one row, and a
 * convolution's weight (kh, kw, in, out) is the matrix (kh * kw * in, out).
 */
#ifndef CH_MATH_PANELS_H
#define CH_MATH_PANELS_H

#include "math/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CH_PANEL = 16 };

/* n rounded up to whole panels: also the row stride of every activation, in floats. */
static inline size_t ch_padded(size_t n) {
    return (n + CH_PANEL - 1) / CH_PANEL * CH_PANEL;
}

/* Where element (r, c) of a matrix with that many rows is. */
static inline size_t ch_panel_offset(size_t rows, size_t r, size_t c) {
    return c / CH_PANEL * rows * CH_PANEL + r * CH_PANEL + c % CH_PANEL;
}

/* Floats that a matrix (rows, cols) takes. */
static inline size_t ch_panels_size(size_t rows, size_t cols) {
    return rows * ch_padded(cols);
}

/* Parameters in and out of panels: a matrix (rows, cols) as the flat vectors hold it, row by row;
 * and from panels to panels. */
struct ch_panel_kernels {
    /* panels = flat. What is beyond cols is left as it is. */
    void (*load)(float *panels, const float *flat, uint32_t rows, uint32_t cols);

    /* flat = panels. */
    void (*store)(float *flat, const float *panels, uint32_t rows, uint32_t cols);

    /* change = panels - from, both flat. Returns whether all of it is finite. */
    bool (*store_change)(float *change, const float *panels, const float *from, uint32_t rows,
                         uint32_t cols);

    /* to (cols, rows) = from (rows, cols) transposed, both in panels; the padding of to becomes
     * zero. */
    void (*transpose)(float *to, const float *from, uint32_t rows, uint32_t cols);
};

#endif
