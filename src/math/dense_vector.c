/*
 * Dense kernels in vectors: see dense.h. Compiled once per instruction set.
 *
 * Every product is cut into tiles whose sums stay in registers:
 *
 *     forward          rows of x  by  columns of y      one broadcast of x, one vector of w
 *     weight_gradient  rows of w  by  columns of w      one broadcast of x, one vector of gy
 *     input_gradient   rows of gy by  rows of w         a v16 of each, summed over lanes at the end
 *
 * TILE_ROWS x TILE_VECTORS leaves registers for one vector of each operand. Rows are divided into
 * tiles of nearly equal height, so that ten rows are 5 + 5 and not 6 + 4.
 */
#include "math/dense.h"

#include "math/sgd.h"
#include "math/vector.h"

enum {
    TILE_ROWS = CH_TILE_ROWS,
    TILE_VECTORS = 2,
};

/* A tile of sums is rows x vectors, both compile-time constants where it matters. */
typedef struct tile {
    vfloat sum[TILE_ROWS][TILE_VECTORS];
} tile;

/* Column c of a panel matrix, as an offset to which row * CH_PANEL is added. */
V_INLINE size_t column_offset(size_t rows, size_t c) {
    return ch_panel_offset(rows, 0, c);
}

V_INLINE size_t input_row(const ch_dense_input *input, size_t i, bool gathered) {
    return gathered ? input->rows[i] : i;
}

/* Runs CALL(n) with the constant n equal to rows, which is in 1 .. TILE_ROWS. */
#define ROWS_CASE(n, CALL)                                                                         \
    case n:                                                                                        \
        if (n <= TILE_ROWS) {                                                                      \
            CALL(n <= TILE_ROWS ? n : 1);                                                          \
        }                                                                                          \
        break;
#define FOR_ROWS(rows, CALL)                                                                       \
    switch (rows) {                                                                                \
        ROWS_CASE(1, CALL)                                                                         \
        ROWS_CASE(2, CALL)                                                                         \
        ROWS_CASE(3, CALL)                                                                         \
        ROWS_CASE(4, CALL)                                                                         \
        ROWS_CASE(5, CALL)                                                                         \
        ROWS_CASE(6, CALL)                                                                         \
        ROWS_CASE(7, CALL)                                                                         \
        ROWS_CASE(8, CALL)                                                                         \
        ROWS_CASE(9, CALL)                                                                         \
        ROWS_CASE(10, CALL)                                                                        \
        ROWS_CASE(11, CALL)                                                                        \
        ROWS_CASE(12, CALL)                                                                        \
    default:                                                                                       \
        break;                                                                                     \
    }

/* How count rows are shared out: the first `more` tiles have height + 1, the others height. */
typedef struct share {
    uint32_t tiles, height, more;
} share;

static share share_of(uint32_t count, uint32_t limit) {
    const uint32_t tiles = (count + limit - 1) / limit;
    return tiles > 0 ? (share){tiles, count / tiles, count % tiles} : (share){0};
}

/* The height of the next tile. */
V_INLINE uint32_t share_next(share *s) {
    if (s->more == 0) {
        return s->height;
    }
    s->more -= 1;
    return s->height + 1;
}

typedef struct forward_call {
    float *y;
    const ch_dense_input *input;
    const float *w;
    const float *bias;
    size_t rows; // of w
    size_t stride;
    bool relu;
} forward_call;

// y[r + i][c ..] = act(sum over k of x[r + i][k] w[k][c ..] + bias[c ..])

V_INLINE void forward_tile(const forward_call *f, size_t r, size_t c, const int rows,
                           const int vectors, const bool gathered) {
    const ch_dense_input *input = f->input;
    const float *x = input->x + r * input->stride;
    const float *w[TILE_VECTORS];
    tile t;
    for (int j = 0; j < vectors; j++) {
        w[j] = f->w + column_offset(f->rows, c + (size_t)j * LANES);
    }
    V_UNROLL
    for (int i = 0; i < rows; i++) {
        V_UNROLL
        for (int j = 0; j < vectors; j++) {
            t.sum[i][j] = v_splat(0.0F);
        }
    }
    for (size_t k = 0; k < input->k; k++) {
        const size_t row = input_row(input, k, gathered) * CH_PANEL;
        vfloat b[TILE_VECTORS];
        V_UNROLL
        for (int j = 0; j < vectors; j++) {
            b[j] = v_load(w[j] + row);
        }
        V_UNROLL
        for (int i = 0; i < rows; i++) {
            const vfloat a = v_splat(x[(size_t)i * input->stride + k]);
            V_UNROLL
            for (int j = 0; j < vectors; j++) {
                t.sum[i][j] = v_fma(a, b[j], t.sum[i][j]);
            }
        }
    }
    V_UNROLL
    for (int j = 0; j < vectors; j++) {
        const size_t column = c + (size_t)j * LANES;
        const vfloat bias = f->bias != NULL ? v_load(f->bias + column) : v_splat(0.0F);
        V_UNROLL
        for (int i = 0; i < rows; i++) {
            const vfloat sum = t.sum[i][j] + bias;
            v_store(f->y + (r + (size_t)i) * f->stride + column, f->relu ? v_relu(sum) : sum);
        }
    }
}

V_INLINE void forward_columns(const forward_call *f, uint32_t m, size_t c, const int vectors,
                              const bool gathered) {
    share tiles = share_of(m, TILE_ROWS);
    for (uint32_t r = 0; r < m;) {
        const uint32_t rows = share_next(&tiles);
#define CALL(n) forward_tile(f, r, c, n, vectors, gathered)
        FOR_ROWS(rows, CALL)
#undef CALL
        r += rows;
    }
}

V_INLINE void forward_all(const forward_call *f, uint32_t m, uint32_t n, const bool gathered) {
    size_t c = 0;
    for (; c + (TILE_VECTORS - 1) * LANES < n; c += (size_t)TILE_VECTORS * LANES) {
        forward_columns(f, m, c, TILE_VECTORS, gathered);
    }
    for (; c < n; c += LANES) {
        forward_columns(f, m, c, 1, gathered);
    }
    const vfloat zero = {0};
    for (; c < f->stride; c += LANES) {
        for (size_t r = 0; r < m; r++) {
            v_store(f->y + r * f->stride + c, zero);
        }
    }
}

static void dense_forward(float *y, const ch_dense_input *input, uint32_t m, ch_dense_shape shape,
                          const float *w, const float *bias, bool relu) {
    const forward_call f = {.y = y,
                            .input = input,
                            .w = w,
                            .bias = bias,
                            .rows = shape.rows,
                            .stride = ch_padded(shape.n),
                            .relu = relu};
    if (input->rows != NULL) {
        forward_all(&f, m, shape.n, true);
    } else {
        forward_all(&f, m, shape.n, false);
    }
}

/* What a weight gradient's tiles have in common; what is constant in each of the three is fast. */
typedef enum weight_mode {
    WEIGHT_PLAIN,    // sums start at zero and end in a plain step, every row of w in order
    WEIGHT_GATHERED, // likewise, the rows that the input names
    WEIGHT_ANY,      // whatever the update says
} weight_mode;

typedef struct weight_call {
    const ch_weights *w;
    const ch_dense_input *input;
    const float *gy;
    const ch_update *update;
    size_t rows; // of w
    size_t stride;
    uint32_t m;
    bool plain;
} weight_call;

// g[k + i][c ..] = sum over b of x[b][k + i] gy[b][c ..]

V_INLINE void weight_sums(tile *t, const weight_call *f, size_t k, size_t c, const int rows,
                          const int vectors) {
    const size_t stride = f->input->stride;
    const float *x = f->input->x + k;
    const float *gy = f->gy + c;
    for (uint32_t b = 0; b < f->m; b++, x += stride, gy += f->stride) {
        vfloat g[TILE_VECTORS];
        V_UNROLL
        for (int j = 0; j < vectors; j++) {
            g[j] = v_load(gy + (ptrdiff_t)j * LANES);
        }
        V_UNROLL
        for (int i = 0; i < rows; i++) {
            const vfloat a = v_splat(x[i]);
            V_UNROLL
            for (int j = 0; j < vectors; j++) {
                t->sum[i][j] = v_fma(a, g[j], t->sum[i][j]);
            }
        }
    }
}

V_INLINE void weight_tile(const weight_call *f, size_t k, size_t c, const int rows,
                          const int vectors, const weight_mode mode) {
    const bool gathered = mode == WEIGHT_ANY ? f->input->rows != NULL : mode == WEIGHT_GATHERED;
    size_t column[TILE_VECTORS];
    size_t at[TILE_ROWS];
    tile t;
    V_UNROLL
    for (int j = 0; j < vectors; j++) {
        column[j] = column_offset(f->rows, c + (size_t)j * LANES);
    }
    V_UNROLL
    for (int i = 0; i < rows; i++) {
        at[i] = input_row(f->input, k + (size_t)i, gathered) * CH_PANEL;
        V_UNROLL
        for (int j = 0; j < vectors; j++) {
            t.sum[i][j] =
                mode == WEIGHT_ANY ? sgd_start(f->w, column[j] + at[i], f->update) : v_splat(0.0F);
        }
    }
    weight_sums(&t, f, k, c, rows, vectors);
    const vfloat rate = v_splat(-f->update->rate);
    V_UNROLL
    for (int i = 0; i < rows; i++) {
        V_UNROLL
        for (int j = 0; j < vectors; j++) {
            if (mode == WEIGHT_ANY) {
                sgd_finish(f->w, column[j] + at[i], t.sum[i][j], f->update, f->plain);
            } else {
                float *w = f->w->w + column[j] + at[i];
                v_store(w, v_fma(rate, t.sum[i][j], v_load(w)));
            }
        }
    }
}

/* tiles tiles of rows rows each, from row k of the input's. */
V_INLINE void weight_tiles(const weight_call *f, size_t k, size_t c, uint32_t tiles, const int rows,
                           const int vectors, const weight_mode mode) {
    for (; tiles > 0; tiles--, k += (size_t)rows) {
        weight_tile(f, k, c, rows, vectors, mode);
    }
}

V_INLINE void weight_columns(const weight_call *f, size_t c, const int vectors,
                             const weight_mode mode) {
    const share s = share_of(f->input->k, TILE_ROWS);
    const size_t k = s.more * (size_t)(s.height + 1);
#define CALL(n) weight_tiles(f, 0, c, s.more, n, vectors, mode)
    FOR_ROWS(s.height + 1, CALL)
#undef CALL
#define CALL(n) weight_tiles(f, k, c, s.tiles - s.more, n, vectors, mode)
    FOR_ROWS(s.height, CALL)
#undef CALL
}

V_INLINE void weight_all(const weight_call *f, uint32_t n, const weight_mode mode) {
    size_t c = 0;
    for (; c + (TILE_VECTORS - 1) * LANES < n; c += (size_t)TILE_VECTORS * LANES) {
        weight_columns(f, c, TILE_VECTORS, mode);
    }
    for (; c < n; c += LANES) {
        weight_columns(f, c, 1, mode);
    }
}

static void dense_weight_gradient(const ch_weights *w, const ch_dense_input *input, const float *gy,
                                  uint32_t m, ch_dense_shape shape, const ch_update *update) {
    const weight_call f = {.w = w,
                           .input = input,
                           .gy = gy,
                           .update = update,
                           .rows = shape.rows,
                           .stride = ch_padded(shape.n),
                           .m = m,
                           .plain = ch_update_is_plain(update)};
    if (!update->applied || update->continued || !f.plain) {
        weight_all(&f, shape.n, WEIGHT_ANY);
    } else if (input->rows != NULL) {
        weight_all(&f, shape.n, WEIGHT_GATHERED);
    } else {
        weight_all(&f, shape.n, WEIGHT_PLAIN);
    }
}

// gx[r][k ..+ 8] = sum over n of gy[r][n] w[k ..+ 8][n]: dot products over v16, eight rows of w at
// a time, each first folded to eight lanes.

typedef float v8 __attribute__((vector_size(32)));
typedef float v8_anywhere __attribute__((vector_size(32), aligned(4), may_alias));

enum {
    DOT_GROUP = 8,                     // rows of w whose results are one v8
    DOT_COLUMNS = LANES == 16 ? 4 : 2, // rows of w in a tile
    DOT_ROWS = LANES == 16 ? 4 : 3,    // rows of gy in a tile
    DOT_BATCH = 64,                    // rows of gy between two reductions
};

/* Lane l plus lane l + 8. */
V_INLINE v8 v16_fold(v16 a) {
    float x[CH_PANEL];
#if CH_LANES == 8
    (void)x;
    return (v8)(a.part[0] + a.part[1]);
#elif CH_LANES == 16
    (void)x;
    return __builtin_shufflevector(a.part[0], a.part[0], 0, 1, 2, 3, 4, 5, 6, 7) +
           __builtin_shufflevector(a.part[0], a.part[0], 8, 9, 10, 11, 12, 13, 14, 15);
#else
    v16_store(x, a);
    return *(const v8_anywhere *)x + *(const v8_anywhere *)(x + DOT_GROUP);
#endif
}

/* Lane i of the result is the sum of a[i]: lanes l and l + 4, then l + 2, then l + 1. */
V_INLINE v8 v8_sums(const v8 *a) {
    v8 four[4];
    V_UNROLL
    for (int i = 0; i < 4; i++) {
        four[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11) +
                  __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    v8 two[2];
    V_UNROLL
    for (int i = 0; i < 2; i++) {
        const v8 u = four[2 * i];
        const v8 v = four[2 * i + 1];
        two[i] = __builtin_shufflevector(u, v, 0, 1, 8, 9, 4, 5, 12, 13) +
                 __builtin_shufflevector(u, v, 2, 3, 10, 11, 6, 7, 14, 15);
    }
    return __builtin_shufflevector(two[0], two[1], 0, 2, 8, 10, 4, 6, 12, 14) +
           __builtin_shufflevector(two[0], two[1], 1, 3, 9, 11, 5, 7, 13, 15);
}

V_INLINE void dot_tile(v8 *out, const float *gy, const float *w, size_t w_rows, size_t stride,
                       const int rows, const int columns) {
    v16 sum[DOT_ROWS][DOT_COLUMNS];
    V_UNROLL
    for (int i = 0; i < rows; i++) {
        V_UNROLL
        for (int j = 0; j < columns; j++) {
            sum[i][j] = v16_splat(0.0F);
        }
    }
    for (size_t c = 0; c < stride; c += CH_PANEL, w += w_rows * CH_PANEL) {
        V_UNROLL
        for (int p = 0; p < V16_PARTS; p++) {
            vfloat b[DOT_COLUMNS];
            V_UNROLL
            for (int j = 0; j < columns; j++) {
                b[j] = v_load(w + (ptrdiff_t)j * CH_PANEL + (ptrdiff_t)p * LANES);
            }
            V_UNROLL
            for (int i = 0; i < rows; i++) {
                const vfloat a = v_load(gy + (size_t)i * stride + c + (size_t)p * LANES);
                V_UNROLL
                for (int j = 0; j < columns; j++) {
                    sum[i][j].part[p] = v_fma(a, b[j], sum[i][j].part[p]);
                }
            }
        }
    }
    V_UNROLL
    for (int i = 0; i < rows; i++) {
        V_UNROLL
        for (int j = 0; j < columns; j++) {
            out[i * DOT_GROUP + j] = v16_fold(sum[i][j]);
        }
    }
}

V_INLINE void dot_columns(v8 *out, const float *gy, uint32_t m, const float *w, size_t w_rows,
                          size_t stride, const int columns) {
    share tiles = share_of(m, DOT_ROWS);
    for (uint32_t r = 0; r < m;) {
        const uint32_t rows = share_next(&tiles);
        const float *from = gy + r * stride;
        if (rows == 4 && DOT_ROWS == 4) {
            dot_tile(out + (size_t)r * DOT_GROUP, from, w, w_rows, stride, DOT_ROWS, columns);
        } else if (rows == 3) {
            dot_tile(out + (size_t)r * DOT_GROUP, from, w, w_rows, stride, 3, columns);
        } else if (rows == 2) {
            dot_tile(out + (size_t)r * DOT_GROUP, from, w, w_rows, stride, 2, columns);
        } else {
            dot_tile(out + (size_t)r * DOT_GROUP, from, w, w_rows, stride, 1, columns);
        }
        r += rows;
    }
}

static void input_gradient_some(float *gx, const float *gy, uint32_t m, ch_dense_shape shape,
                                const float *w) {
    const size_t stride = ch_padded(shape.n);
    const size_t gx_stride = ch_padded(shape.rows);
    v8 dots[DOT_BATCH][DOT_GROUP] = {0};
    for (size_t k = 0; k < gx_stride; k += DOT_GROUP) {
        const size_t left = k < shape.rows ? shape.rows - k : 0;
        const size_t columns = left < DOT_GROUP ? left : DOT_GROUP;
        size_t j = 0;
        for (; j + DOT_COLUMNS <= columns; j += DOT_COLUMNS) {
            dot_columns(&dots[0][j], gy, m, w + (k + j) * CH_PANEL, shape.rows, stride,
                        DOT_COLUMNS);
        }
        for (; j < columns; j++) {
            dot_columns(&dots[0][j], gy, m, w + (k + j) * CH_PANEL, shape.rows, stride, 1);
        }
        for (; j < DOT_GROUP; j++) {
            for (uint32_t r = 0; r < m; r++) {
                dots[r][j] = (v8){0};
            }
        }
        for (uint32_t r = 0; r < m; r++) {
            *(v8_anywhere *)(gx + r * gx_stride + k) = v8_sums(dots[r]);
        }
    }
}

static void dense_input_gradient(float *gx, const float *gy, uint32_t m, ch_dense_shape shape,
                                 const float *w) {
    for (uint32_t r = 0; r < m; r += DOT_BATCH) {
        const uint32_t some = m - r < DOT_BATCH ? m - r : DOT_BATCH;
        input_gradient_some(gx + r * ch_padded(shape.rows), gy + r * ch_padded(shape.n), some,
                            shape, w);
    }
}

const ch_dense_kernels CH_EXPORT(ch_dense) = {
    .forward = dense_forward,
    .input_gradient = dense_input_gradient,
    .weight_gradient = dense_weight_gradient,
};
