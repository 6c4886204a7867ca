/*
 * Dense kernels in vectors: see dense.h. Compiled once per instruction set.
 *
 * Every product is cut into tiles whose sums stay in registers:
 *
 *     forward          rows of x  by  columns of y      one broadcast of x, one vector of w
 *     weight_gradient  rows of w  by  columns of w      one broadcast of x, one vector of gy
 *     input_gradient   rows of gy by  rows of w         as forward, w transposed on the way
 *
 * TILE_ROWS x TILE_VECTORS leaves registers for one vector of each operand. Rows are divided into
 * tiles of nearly equal height, so that ten rows are 5 + 5 and not 6 + 4.
 */
#include "math/dense.h"

#include "math/rows.h"
#include "math/sgd.h"
#include "math/turn.h"
#include "math/vector.h"

enum {
    TILE_ROWS = CH_TILE_ROWS,
    TILE_ROWS_MAX = TILE_ROWS < 6 ? 2 * TILE_ROWS : 12, // of a tile of one vector
    TILE_VECTORS = 2,
    PART_ROWS = 128, // of a weight gradient's sum
};

/* A tile of sums is rows x vectors, both compile-time constants where it matters. */
typedef struct tile {
    vfloat sum[TILE_ROWS_MAX][TILE_VECTORS];
} tile;

/* Column c of a panel matrix, as an offset to which row * CH_PANEL is added. */
V_INLINE size_t column_offset(size_t rows, size_t c) {
    return ch_panel_offset(rows, 0, c);
}

V_INLINE size_t input_row(const ch_dense_input *input, size_t i, bool gathered) {
    return gathered ? input->rows[i] : i;
}

/* The most rows of a tile that wide. */
V_INLINE uint32_t rows_limit(const int vectors) {
    return vectors == 1 ? TILE_ROWS_MAX : TILE_ROWS;
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
    bool continued; // sums start from what is in y
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
            t.sum[i][j] = f->continued
                              ? v_load(f->y + (r + (size_t)i) * f->stride + c + (size_t)j * LANES)
                              : v_splat(0.0F);
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
    share tiles = share_of(m, rows_limit(vectors));
    for (uint32_t r = 0; r < m;) {
        const uint32_t rows = share_next(&tiles);
#define CALL(n) forward_tile(f, r, c, n, vectors, gathered)
        FOR_ROWS(rows, rows_limit(vectors), CALL)
#undef CALL
        r += rows;
    }
}

/* One column of tiles, that many vectors wide. */
static void forward_some(const forward_call *f, uint32_t m, size_t c, int vectors) {
    const bool gathered = f->input->rows != NULL;
    if (vectors == TILE_VECTORS && !gathered) {
        forward_columns(f, m, c, TILE_VECTORS, false);
    } else if (vectors == TILE_VECTORS) {
        forward_columns(f, m, c, TILE_VECTORS, true);
    } else if (!gathered) {
        forward_columns(f, m, c, 1, false);
    } else {
        forward_columns(f, m, c, 1, true);
    }
}

/* Columns 0 .. n; returns the first that is behind the last tile. */
static size_t forward_all(const forward_call *f, uint32_t m, uint32_t n) {
    size_t c = 0;
    for (; c + (TILE_VECTORS - 1) * LANES < n; c += (size_t)TILE_VECTORS * LANES) {
        forward_some(f, m, c, TILE_VECTORS);
    }
    for (; c < n; c += LANES) {
        forward_some(f, m, c, 1);
    }
    return c;
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
    for (size_t c = forward_all(&f, m, shape.n); c < f.stride; c += LANES) {
        for (size_t r = 0; r < m; r++) {
            v_store(y + r * f.stride + c, v_splat(0.0F));
        }
    }
}

static void dense_forward_added(float *y, const ch_dense_input *input, uint32_t m,
                                ch_dense_shape shape, const float *w) {
    const forward_call f = {.y = y,
                            .input = input,
                            .w = w,
                            .rows = shape.rows,
                            .stride = ch_padded(shape.n),
                            .continued = true};
    (void)forward_all(&f, m, shape.n);
}

/* What a weight gradient's tiles have in common; what is constant in each of the three is fast. */
typedef enum weight_mode {
    WEIGHT_PLAIN,    // sums start at zero and are added to w, every row of w in order
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
    size_t at[TILE_ROWS_MAX];
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
    float *const base = f->w->w;
    V_UNROLL
    for (int i = 0; i < rows; i++) {
        V_UNROLL
        for (int j = 0; j < vectors; j++) {
            if (mode == WEIGHT_ANY) {
                sgd_finish(f->w, column[j] + at[i], t.sum[i][j], f->update, f->plain);
            } else {
                float *w = base + column[j] + at[i];
                v_store(w, t.sum[i][j] + v_load(w));
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
    const share s = share_of(f->input->k, rows_limit(vectors));
    const size_t k = s.more * (size_t)(s.height + 1);
#define CALL(n) weight_tiles(f, 0, c, s.more, n, vectors, mode)
    FOR_ROWS(s.height + 1, rows_limit(vectors), CALL)
#undef CALL
#define CALL(n) weight_tiles(f, k, c, s.tiles - s.more, n, vectors, mode)
    FOR_ROWS(s.height, rows_limit(vectors), CALL)
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

static void weight_part(const ch_weights *w, const ch_dense_input *input, const float *gy,
                        uint32_t m, ch_dense_shape shape, const ch_update *update) {
    const weight_call f = {.w = w,
                           .input = input,
                           .gy = gy,
                           .update = update,
                           .rows = shape.rows,
                           .stride = ch_padded(shape.n),
                           .m = m,
                           .plain = ch_update_is_plain(update)};
    if (!update->applied || update->continued || !f.plain || update->rate != -1.0F) {
        weight_all(&f, shape.n, WEIGHT_ANY);
    } else if (input->rows != NULL) {
        weight_all(&f, shape.n, WEIGHT_GATHERED);
    } else {
        weight_all(&f, shape.n, WEIGHT_PLAIN);
    }
}

/* Many rows, as the positions of sequences are, go through in parts that stay in the nearer caches;
 * each carries on from what is in the buffer, which changes no bit. */
static void dense_weight_gradient(const ch_weights *w, const ch_dense_input *input, const float *gy,
                                  uint32_t m, ch_dense_shape shape, const ch_update *update) {
    ch_dense_input some = *input;
    ch_update part = *update;
    uint32_t at = 0;
    for (; m - at > 2 * PART_ROWS; at += PART_ROWS) {
        part.applied = false;
        weight_part(w, &some, gy + at * ch_padded(shape.n), PART_ROWS, shape, &part);
        part.continued = true;
        some.x += PART_ROWS * some.stride;
    }
    part.applied = update->applied;
    weight_part(w, &some, gy + at * ch_padded(shape.n), m - at, shape, &part);
}

// gx = gy w^T is a forward product once w is transposed: some rows of w at a time become the panels
// of a matrix that stays in the first cache, and n comes in parts, each carrying on from what is in
// gx.

enum {
    TURNED_COLUMNS = TILE_VECTORS * LANES, // rows of w in the transposed matrix
    TURNED_ROWS = 256,                     // columns of w in it, at most
    TURNED_SIZE = TURNED_ROWS * (TURNED_COLUMNS > CH_PANEL ? TURNED_COLUMNS : CH_PANEL),
};

/* turned (count, TURNED_COLUMNS) = rows k .. and columns n .. n + count of w, transposed. */
static void turn_rows(float *turned, const float *w, ch_dense_shape shape, size_t k, size_t n,
                      size_t count) {
    for (size_t i = 0; i < TURNED_COLUMNS; i += TURN) {
        const size_t left = k + i < shape.rows ? shape.rows - k - i : 0;
        for (size_t c = 0; c < count; c += TURN) {
            const float *from = w + ch_panel_offset(shape.rows, k + i, n + c);
            float *to = turned + ch_panel_offset(TURNED_ROWS, c, i);
            if (left >= TURN) {
                turn_block(to, from, TURN, TURN);
            } else {
                turn_block(to, from, left, TURN);
            }
        }
    }
}

static void dense_input_gradient(float *gx, const float *gy, uint32_t m, ch_dense_shape shape,
                                 const float *w) {
    float turned[TURNED_SIZE];
    ch_dense_input input = {.stride = ch_padded(shape.n)};
    forward_call f = {
        .input = &input, .w = turned, .rows = TURNED_ROWS, .stride = ch_padded(shape.rows)};
    for (size_t k = 0; k < f.stride; k += TURNED_COLUMNS) {
        f.y = gx + k;
        for (uint32_t n = 0; n < shape.n; n += TURNED_ROWS) {
            const uint32_t left = shape.n - n;
            input.k = left < TURNED_ROWS ? left : TURNED_ROWS;
            input.x = gy + n;
            f.continued = n > 0;
            turn_rows(turned, w, shape, k, n, input.k);
            forward_some(&f, m, 0, f.stride - k < TURNED_COLUMNS ? 1 : TILE_VECTORS);
        }
    }
}

const ch_dense_kernels CH_EXPORT(ch_dense) = {
    .forward = dense_forward,
    .forward_added = dense_forward_added,
    .input_gradient = dense_input_gradient,
    .weight_gradient = dense_weight_gradient,
};
