/*
 * Winograd F(2 x 2, 5 x 5): two outputs in each direction from six inputs and five taps, with six
 * multiplications instead of ten; 36 instead of 100 for a square of four. For kernel sources only.
 *
 *     forward          y  = A' [ (G w G') . (B' x B) ] A
 *     input_gradient   gx = B  [ (G w G') . (A gy A') ] B'
 *     weight_gradient  gw = G' [ (B' x B) . (A gy A') ] G
 *
 * where the dot is a product over channels, point by point. The gradients are the exact adjoints of
 * the forward pass, not convolutions of their own. One step of the loops takes one row i of the 6 x
 * 6 points: what belongs to it fits the second-level cache beside the transformed filters, and
 * products run from the first-level one.
 *
 *     u   filters, 36 x (in, out) in panels      ut  36 x (out, in) in panels
 *     v   inputs, 6 x (tiles, in)                z   output gradients, 6 x (tiles, out)
 *     m   products, 6 x one panel of tiles
 *
 * Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, sec. 4; the
 * matrices are those of Toom and Cook at the points 0, 1, -1, 2, -2, infinity.
 */
#ifndef CH_MATH_WINOGRAD_VECTOR_H
#define CH_MATH_WINOGRAD_VECTOR_H

#include "math/conv.h"
#include "math/vector.h"

enum {
    TAPS = 5,
    SIDE = 6,   // points in a direction
    OUTPUT = 2, // outputs in a direction
    SQUARE = OUTPUT * OUTPUT,
    BORDER = 2, // of zeros around an image
    POINTS = SIDE * SIDE,
};

/* The transposed matrices B' and A; G is in filter_transform. */
static const float INPUT_MATRIX[SIDE][SIDE] = {
    {4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
    {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1},
};
static const float OUTPUT_MATRIX[SIDE][OUTPUT] = {{1, 0}, {1, 1}, {1, -1}, {1, 2}, {1, -2}, {0, 1}};

/* One shape, and its workspace cut up. */
typedef struct winograd {
    ptrdiff_t height, width, in, out;
    ptrdiff_t tile_rows, tile_columns, tiles;
    float *u, *ut, *gu; // gu: the gradient of u
    float *v, *z, *m;
    float *sums;   // (out / 16, tiles, 2, 2, 16): outputs without their bias
    float *strips; // (6, tile_rows, width, 16): one panel of gx, its columns done
    float *row;    // (width + 4, in): one row of v, half done
    float *zeros;  // (width, in)
} winograd;

/* o = B' d */
V_INLINE void input_transform(vfloat o[SIDE], const vfloat d[SIDE]) {
    const vfloat four = v_splat(4.0F);
    const vfloat five = v_splat(5.0F);
    const vfloat two = v_splat(2.0F);
    const vfloat a = v_fma(-four, d[2], d[4]);
    const vfloat b = v_fma(-four, d[1], d[3]);
    const vfloat c = d[4] - d[2];
    const vfloat e = d[3] - d[1];
    o[0] = v_fma(four, d[0], v_fma(-five, d[2], d[4]));
    o[1] = a + b;
    o[2] = a - b;
    o[3] = v_fma(two, e, c);
    o[4] = v_fma(-two, e, c);
    o[5] = v_fma(four, d[1], v_fma(-five, d[3], d[5]));
}

/* o = B m */
V_INLINE void input_adjoint(vfloat o[SIDE], const vfloat m[SIDE]) {
    const vfloat four = v_splat(4.0F);
    const vfloat five = v_splat(5.0F);
    const vfloat two = v_splat(2.0F);
    const vfloat sum = m[1] + m[2];
    const vfloat difference = m[1] - m[2];
    const vfloat sum2 = m[3] + m[4];
    const vfloat difference2 = m[3] - m[4];
    o[0] = four * m[0];
    o[1] = v_fma(-two, difference2, four * (m[5] - difference));
    o[2] = v_fma(-four, sum, v_fma(-five, m[0], -sum2));
    o[3] = v_fma(two, difference2, v_fma(-five, m[5], difference));
    o[4] = m[0] + (sum + sum2);
    o[5] = m[5];
}

/* o = A' m */
V_INLINE void output_transform(vfloat o[OUTPUT], const vfloat m[SIDE]) {
    o[0] = m[0] + ((m[1] + m[2]) + (m[3] + m[4]));
    o[1] = v_fma(v_splat(2.0F), m[3] - m[4], (m[1] - m[2]) + m[5]);
}

/* o = A g */
V_INLINE void output_adjoint(vfloat o[SIDE], const vfloat g[OUTPUT]) {
    const vfloat two = v_splat(2.0F);
    o[0] = g[0];
    o[1] = g[0] + g[1];
    o[2] = g[0] - g[1];
    o[3] = v_fma(two, g[1], g[0]);
    o[4] = v_fma(-two, g[1], g[0]);
    o[5] = g[1];
}

/* o = G w */
V_INLINE void filter_transform(vfloat o[SIDE], const vfloat w[TAPS]) {
    const vfloat sixth = v_splat(-1.0F / 6.0F);
    const vfloat small = v_splat(1.0F / 24.0F);
    const vfloat even = (w[0] + w[2]) + w[4];
    const vfloat odd = w[1] + w[3];
    const vfloat even2 = v_fma(v_splat(16.0F), w[4], v_fma(v_splat(4.0F), w[2], w[0]));
    const vfloat odd2 = v_fma(v_splat(8.0F), w[3], v_splat(2.0F) * w[1]);
    o[0] = v_splat(0.25F) * w[0];
    o[1] = sixth * (even + odd);
    o[2] = sixth * (even - odd);
    o[3] = small * (even2 + odd2);
    o[4] = small * (even2 - odd2);
    o[5] = w[4];
}

/* o = G' m */
V_INLINE void filter_adjoint(vfloat o[TAPS], const vfloat m[SIDE]) {
    const vfloat sixth = v_splat(-1.0F / 6.0F);
    const vfloat small = v_splat(1.0F / 24.0F);
    const vfloat sum = sixth * (m[1] + m[2]);
    const vfloat difference = sixth * (m[1] - m[2]);
    const vfloat sum2 = small * (m[3] + m[4]);
    const vfloat difference2 = small * (m[3] - m[4]);
    o[0] = v_fma(v_splat(0.25F), m[0], sum + sum2);
    o[1] = v_fma(v_splat(2.0F), difference2, difference);
    o[2] = v_fma(v_splat(4.0F), sum2, sum);
    o[3] = v_fma(v_splat(8.0F), difference2, difference);
    o[4] = v_fma(v_splat(16.0F), sum2, sum) + m[5];
}

/* Calls CASE(i) with the constant equal to i, 0 .. SIDE - 1. */
#define FOR_POINTS(i, CASE)                                                                        \
    switch (i) {                                                                                   \
        CASE(0)                                                                                    \
        CASE(1)                                                                                    \
        CASE(2)                                                                                    \
        CASE(3)                                                                                    \
        CASE(4)                                                                                    \
        CASE(5)                                                                                    \
    default:                                                                                       \
        __builtin_unreachable();                                                                   \
    }

/* The next size floats of a workspace; NULL when there is none and only the end is asked for. */
V_INLINE float *winograd_part(float *workspace, size_t *used, ptrdiff_t size) {
    float *const part = workspace != NULL ? workspace + *used : NULL;
    *used += ch_padded((size_t)size);
    return part;
}

/* Cuts the workspace up. Returns its size in floats; workspace may be NULL to ask for that. */
static inline size_t winograd_cut(winograd *n, const ch_conv_shape *s, float *workspace) {
    size_t used = 0;
    n->height = s->height;
    n->width = s->width;
    n->in = s->in;
    n->out = s->out;
    n->tile_rows = n->height / OUTPUT;
    n->tile_columns = n->width / OUTPUT;
    n->tiles = n->tile_rows * n->tile_columns;
    n->u = winograd_part(workspace, &used, POINTS * n->in * n->out);
    n->ut = winograd_part(workspace, &used, POINTS * n->in * n->out);
    n->gu = winograd_part(workspace, &used, POINTS * n->in * n->out);
    n->v = winograd_part(workspace, &used, SIDE * n->tiles * n->in);
    n->z = winograd_part(workspace, &used, SIDE * n->tiles * n->out);
    n->m = winograd_part(workspace, &used, SIDE * n->tiles * CH_PANEL);
    n->sums = winograd_part(workspace, &used, SQUARE * n->tiles * n->out);
    n->strips = winograd_part(workspace, &used, SIDE * n->tile_rows * n->width * n->in);
    n->row = winograd_part(workspace, &used, (n->width + (ptrdiff_t)2 * BORDER) * n->in);
    n->zeros = winograd_part(workspace, &used, n->width * n->in);
    return used;
}

/* The rest of row, half of B' x: combines the six image rows under a row of tiles. */
V_INLINE void input_columns(float *row, const float *const rows[SIDE], ptrdiff_t size,
                            const int i) {
    for (ptrdiff_t k = 0; k < size; k += LANES) {
        vfloat sum = v_splat(0.0F);
        V_UNROLL
        for (int r = 0; r < SIDE; r++) {
            if (INPUT_MATRIX[i][r] != 0.0F) {
                sum = v_fma(v_splat(INPUT_MATRIX[i][r]), v_load(rows[r] + k), sum);
            }
        }
        v_store(row + k, sum);
    }
}

/* The other half, along one row of tiles. */
V_INLINE void input_rows(const winograd *n, float *v, const float *row) {
    const ptrdiff_t matrix = n->tiles * n->in;
    for (ptrdiff_t tx = 0; tx < n->tile_columns; tx++) {
        for (ptrdiff_t c = 0; c < n->in; c += LANES) {
            vfloat d[SIDE];
            vfloat o[SIDE];
            V_UNROLL
            for (int j = 0; j < SIDE; j++) {
                d[j] = v_load(row + j * n->in + c);
            }
            input_transform(o, d);
            V_UNROLL
            for (int j = 0; j < SIDE; j++) {
                v_store(v + j * matrix + c, o[j]);
            }
        }
        v += n->in;
        row += OUTPUT * n->in;
    }
}

/* v = row i of B' x B, for all tiles of one image. */
static void winograd_input(const winograd *n, const float *x, int i) {
    const ptrdiff_t size = n->width * n->in;
    for (ptrdiff_t ty = 0; ty < n->tile_rows; ty++) {
        const float *rows[SIDE];
        for (ptrdiff_t r = 0; r < SIDE; r++) {
            const ptrdiff_t y = OUTPUT * ty + r - BORDER;
            rows[r] = y >= 0 && y < n->height ? x + y * size : n->zeros;
        }
#define CASE(c)                                                                                    \
    case c:                                                                                        \
        input_columns(n->row + BORDER * n->in, rows, size, c);                                     \
        break;
        FOR_POINTS(i, CASE)
#undef CASE
        input_rows(n, n->v + ty * n->tile_columns * n->in, n->row);
    }
}

/* What winograd_input expects around an image. */
static void winograd_clear_border(const winograd *n) {
    const vfloat zero = {0};
    for (ptrdiff_t k = 0; k < n->width * n->in; k += LANES) {
        v_store(n->zeros + k, zero);
    }
    for (ptrdiff_t k = 0; k < BORDER * n->in; k += LANES) {
        v_store(n->row + k, zero);
        v_store(n->row + (BORDER + n->width) * n->in + k, zero);
    }
}

/* Of winograd_gradient_vector.c, for the table. */
void CH_EXPORT(ch_winograd_input_gradient)(float *gx, size_t gx_stride, const ch_conv_gradient *gy,
                                           uint32_t count, const ch_conv_shape *s,
                                           float *workspace);
void CH_EXPORT(ch_winograd_weight_gradient)(const ch_weights *w, const ch_images *x,
                                            const ch_conv_gradient *gy, const ch_conv_shape *s,
                                            const ch_update *update, float *workspace);

#endif
