/*
 * Tiles: c (rows, panels of columns) = or += a b, for the matrices inside convolutions. For kernel
 * sources only (vector.h).
 *
 * The sum runs over segments of equal length: where the elements of a, b and c lie is said by
 * strides, so that windows of an image, transposes and panels need no copy. Sums stay in registers:
 * TILE_ROWS x TILE_VECTORS leaves room for one vector of b and one broadcast of a. Rows are divided
 * into tiles of nearly equal height. Each element is one chain of fused multiply-adds, in order.
 */
#ifndef CH_MATH_TILES_H
#define CH_MATH_TILES_H

#include "math/rows.h"
#include "math/vector.h"

enum {
    TILE_ROWS = CH_TILE_ROWS,
    TILE_VECTORS = 2,
};

/* Element (i, k) of a; rows of 16 of b and c, per panel. All strides in floats. */
typedef struct product {
    const float *a;
    ptrdiff_t a_row, a_k, a_segment;
    const float *b;
    ptrdiff_t b_k, b_panel, b_segment;
    float *c;
    ptrdiff_t c_row, c_panel;
    uint32_t rows;
    uint32_t panels;   // columns, in panels
    uint32_t length;   // of a segment
    uint32_t segments; // one after the other
    bool added;        // to what is in c
} product;

/* Where vector v of a row begins. */
V_INLINE ptrdiff_t vector_at(ptrdiff_t panel, ptrdiff_t v) {
    return v * LANES / CH_PANEL * panel + v * LANES % CH_PANEL;
}

/* The sums of one tile, and where its columns of b are. */
typedef struct tile_sums {
    vfloat sum[TILE_ROWS][TILE_VECTORS];
    const float *b[TILE_VECTORS];
} tile_sums;

/* Adds one column of a, at a, times one row of b, k rows on. */
V_INLINE void tile_add(tile_sums *t, const product *p, const float *a, ptrdiff_t k, const int rows,
                       const int vectors) {
    vfloat y[TILE_VECTORS];
    V_UNROLL
    for (int j = 0; j < vectors; j++) {
        y[j] = v_load(t->b[j] + k * p->b_k);
    }
    V_UNROLL
    for (int i = 0; i < rows; i++) {
        const vfloat x = v_splat(a[i * p->a_row]);
        V_UNROLL
        for (int j = 0; j < vectors; j++) {
            t->sum[i][j] = v_fma(x, y[j], t->sum[i][j]);
        }
    }
}

/* One tile: rows from r, vectors from v; rows and vectors are compile-time constants. */
V_INLINE void product_tile(const product *p, ptrdiff_t r, ptrdiff_t v, const int rows,
                           const int vectors) {
    tile_sums t;
    float *c[TILE_VECTORS];
    V_UNROLL
    for (int j = 0; j < vectors; j++) {
        c[j] = p->c + r * p->c_row + vector_at(p->c_panel, v + j);
        V_UNROLL
        for (int i = 0; i < rows; i++) {
            t.sum[i][j] = p->added ? v_load(c[j] + i * p->c_row) : v_splat(0.0F);
        }
    }
    for (uint32_t s = 0; s < p->segments; s++) {
        const float *a = p->a + r * p->a_row + s * p->a_segment;
        V_UNROLL
        for (int j = 0; j < vectors; j++) {
            t.b[j] = p->b + s * p->b_segment + vector_at(p->b_panel, v + j);
        }
        const ptrdiff_t last = p->length;
        for (ptrdiff_t k = 0; k < last; k++) {
            tile_add(&t, p, a + k * p->a_k, k, rows, vectors);
        }
    }
    V_UNROLL
    for (int j = 0; j < vectors; j++) {
        V_UNROLL
        for (int i = 0; i < rows; i++) {
            v_store(c[j] + i * p->c_row, t.sum[i][j]);
        }
    }
}

V_INLINE void product_columns(const product *p, ptrdiff_t v, const int vectors) {
    for (uint32_t r = 0; r < p->rows;) {
        const uint32_t left = p->rows - r;
        const uint32_t tiles = (left + TILE_ROWS - 1) / TILE_ROWS;
        const uint32_t rows = (left + tiles - 1) / tiles; // equal shares
#define CALL(n) product_tile(p, r, v, n, vectors)
        FOR_ROWS(rows, TILE_ROWS, CALL)
#undef CALL
        r += rows;
    }
}

V_INLINE void product_run(const product *p) {
    const ptrdiff_t vectors = (ptrdiff_t)p->panels * V16_PARTS;
    ptrdiff_t v = 0;
    for (; v + TILE_VECTORS <= vectors; v += TILE_VECTORS) {
        product_columns(p, v, TILE_VECTORS);
    }
    for (; v < vectors; v++) {
        product_columns(p, v, 1);
    }
}

#endif
