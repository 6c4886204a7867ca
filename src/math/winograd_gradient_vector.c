/* Winograd's convolution in vectors, backward: see winograd_vector.h. Compiled once per ISA. */
#include "math/winograd_vector.h"

#include "math/conv_vector.h"
#include "math/sgd.h"
#include "math/tiles.h"

// z = row i of A gy A': for each tile a row of six from a square of four

/* Combines the two rows of a square: o[q] = A[i][0] g[0][q] + A[i][1] g[1][q]. */
V_INLINE void square_columns(vfloat o[OUTPUT], vfloat g[OUTPUT][OUTPUT], int i) {
    V_UNROLL
    for (int q = 0; q < OUTPUT; q++) {
        o[q] = v_fma(v_splat(OUTPUT_MATRIX[i][1]), g[1][q], v_splat(OUTPUT_MATRIX[i][0]) * g[0][q]);
    }
}

/* Six points at z, a matrix (tiles, out) apart. */
V_INLINE void store_points(float *z, ptrdiff_t matrix, const vfloat row[SIDE]) {
    V_UNROLL
    for (int j = 0; j < SIDE; j++) {
        v_store(z + j * matrix, row[j]);
    }
}

static void gradient_image(const winograd *n, const float *gy, int i) {
    const ptrdiff_t tiles = n->tiles;
    const ptrdiff_t out = n->out;
    float *to = n->z;
    for (ptrdiff_t tile = 0; tile < tiles; tile++, to += out) {
        const ptrdiff_t top = tile / n->tile_columns * OUTPUT;
        const ptrdiff_t left = tile % n->tile_columns * OUTPUT;
        const float *corner = gy + (top * n->width + left) * out;
        for (ptrdiff_t o = 0; o < out; o += LANES) {
            vfloat g[OUTPUT][OUTPUT];
            vfloat half[OUTPUT];
            vfloat z[SIDE];
            V_UNROLL
            for (int k = 0; k < SQUARE; k++) {
                const float *at = corner + (k / OUTPUT * n->width + k % OUTPUT) * out + o;
                g[k / OUTPUT][k % OUTPUT] = v_load(at);
            }
            square_columns(half, g, i);
            output_adjoint(z, half);
            store_points(to + o, tiles * out, z);
        }
    }
}

/* The same where a maximum kept one of four: the others are zero. */
static void gradient_pooled(const winograd *n, const float *gy, const uint8_t *codes, int i) {
    const vfloat upper = v_splat(OUTPUT_MATRIX[i][0]);
    const vfloat lower = v_splat(OUTPUT_MATRIX[i][1]);
    const ptrdiff_t tiles = n->tiles;
    const ptrdiff_t out = n->out;
    float *to = n->z;
    for (ptrdiff_t tile = 0; tile < tiles; tile++, to += out) {
        for (ptrdiff_t o = 0; o < out; o += LANES) {
            const vfloat pooled = v_load(gy + tile * out + o);
            const vint code = v_load_codes(codes + tile * out + o);
            const vfloat g = pooled * v_select(code < OUTPUT, upper, lower);
            const vint column = code & (CH_POOL_DEAD | 1); // or dead
            vfloat half[OUTPUT];
            vfloat z[SIDE];
            half[0] = (vfloat)((vint)g & (column == 0));
            half[1] = (vfloat)((vint)g & (column == 1));
            output_adjoint(z, half);
            store_points(to + o, tiles * out, z);
        }
    }
}

static void winograd_gradient(const winograd *n, const ch_conv_gradient *gy, size_t image, int i) {
    const float *g = gy->g + image * gy->stride;
    if (gy->codes == NULL) {
        gradient_image(n, g, i);
    } else {
        gradient_pooled(n, g, gy->codes + image * (size_t)(n->tiles * n->out), i);
    }
}

/*
 * B along one direction: neighbouring tiles share four of their six positions, so two are complete
 * after each tile and four are carried on. The first two and the last two lie in the border.
 *
 * to        the first position inside; positions are to_step floats apart
 * from      the first tile's first point; tiles and points are so many floats apart
 */
V_INLINE void overlap_add(float *to, ptrdiff_t to_step, const float *from, ptrdiff_t tile_step,
                          ptrdiff_t point_step, ptrdiff_t tiles) {
    vfloat carried[4] = {{0}};
    for (ptrdiff_t tile = 0; tile < tiles; tile++) {
        vfloat d[SIDE];
        vfloat o[SIDE];
        V_UNROLL
        for (int j = 0; j < SIDE; j++) {
            d[j] = v_load(from + tile * tile_step + j * point_step);
        }
        input_adjoint(o, d);
        if (tile > 0) {
            v_store(to, carried[0] + o[0]);
            v_store(to + to_step, carried[1] + o[1]);
            to += OUTPUT * to_step;
        }
        carried[0] = carried[2] + o[2];
        carried[1] = carried[3] + o[3];
        carried[2] = o[4];
        carried[3] = o[5];
    }
    v_store(to, carried[0]);
    v_store(to + to_step, carried[1]);
}

/* strips = m B, row i of the points. */
static void gradient_columns(const winograd *n, float *strips) {
    for (ptrdiff_t ty = 0; ty < n->tile_rows; ty++) {
        for (ptrdiff_t part = 0; part < CH_PANEL; part += LANES) {
            overlap_add(strips + ty * n->width * CH_PANEL + part, CH_PANEL,
                        n->m + ty * n->tile_columns * CH_PANEL + part, CH_PANEL,
                        n->tiles * CH_PANEL, n->tile_columns);
        }
    }
}

/* gx = B strips, one panel of channels. */
static void gradient_rows(const winograd *n, float *gx, const float *strips) {
    const ptrdiff_t row = n->width * CH_PANEL;
    for (ptrdiff_t k = 0; k < row; k += LANES) {
        overlap_add(gx + k / CH_PANEL * n->in + k % CH_PANEL, n->width * n->in, strips + k, row,
                    n->tile_rows * row, n->tile_rows);
    }
}

/* One point row of all panels of one image: strips of the gradient of x. */
static void input_gradient_row(const winograd *n, int i) {
    const ptrdiff_t strip = n->tile_rows * n->width * CH_PANEL;
    for (ptrdiff_t c = 0; c < n->in; c += CH_PANEL) {
        for (ptrdiff_t j = 0; j < SIDE; j++) {
            const product p = {.a = n->z + j * n->tiles * n->out,
                               .a_row = n->out,
                               .a_k = 1,
                               .b = n->ut + (i * (ptrdiff_t)SIDE + j) * n->in * n->out + c * n->out,
                               .b_k = CH_PANEL,
                               .c = n->m + j * n->tiles * CH_PANEL,
                               .c_row = CH_PANEL,
                               .rows = (uint32_t)n->tiles,
                               .panels = 1,
                               .length = (uint32_t)n->out,
                               .segments = 1};
            product_run(&p);
        }
        gradient_columns(n, n->strips + (c / CH_PANEL * SIDE + i) * strip);
    }
}

void CH_EXPORT(ch_winograd_input_gradient)(float *gx, size_t gx_stride, const ch_conv_gradient *gy,
                                           uint32_t count, const ch_conv_shape *s,
                                           float *workspace) {
    winograd n;
    winograd_cut(&n, s, workspace);
    const ptrdiff_t panel = SIDE * n.tile_rows * n.width * CH_PANEL;
    for (size_t b = 0; b < count; b++) {
        for (int i = 0; i < SIDE; i++) {
            winograd_gradient(&n, gy, b, i);
            input_gradient_row(&n, i);
        }
        for (ptrdiff_t c = 0; c < n.in; c += CH_PANEL) {
            gradient_rows(&n, gx + b * gx_stride + c, n.strips + c / CH_PANEL * panel);
        }
    }
}

/* gu += v' z for the points of row i. */
static void weight_gradient_row(const winograd *n, int i, bool added) {
    for (ptrdiff_t j = 0; j < SIDE; j++) {
        const product p = {.a = n->v + j * n->tiles * n->in,
                           .a_row = 1,
                           .a_k = n->in,
                           .b = n->z + j * n->tiles * n->out,
                           .b_k = n->out,
                           .b_panel = CH_PANEL,
                           .c = n->gu + (i * (ptrdiff_t)SIDE + j) * n->in * n->out,
                           .c_row = CH_PANEL,
                           .c_panel = n->in * CH_PANEL,
                           .rows = (uint32_t)n->in,
                           .panels = (uint32_t)(n->out / CH_PANEL),
                           .length = (uint32_t)n->tiles,
                           .segments = 1,
                           .added = added};
        product_run(&p);
    }
}

/* g = G' gu G of the LANES filters at gu, then what update says; taps are a matrix apart. */
V_INLINE void filter_update(const ch_weights *w, ptrdiff_t at, ptrdiff_t tap, const float *gu,
                            ptrdiff_t point, const ch_update *update, bool plain) {
    vfloat half[TAPS][SIDE];
    V_UNROLL
    for (int j = 0; j < SIDE; j++) {
        vfloat column[SIDE];
        vfloat o[TAPS];
        V_UNROLL
        for (int i = 0; i < SIDE; i++) {
            column[i] = v_load(gu + (i * SIDE + j) * point);
        }
        filter_adjoint(o, column);
        V_UNROLL
        for (int y = 0; y < TAPS; y++) {
            half[y][j] = o[y];
        }
    }
    for (int y = 0; y < TAPS; y++) {
        vfloat o[TAPS];
        filter_adjoint(o, half[y]);
        for (int x = 0; x < TAPS; x++) {
            const size_t offset = (size_t)(at + (y * TAPS + x) * tap);
            sgd_finish(w, offset, o[x], update, plain);
        }
    }
}

void CH_EXPORT(ch_winograd_weight_gradient)(const ch_weights *w, const ch_images *x,
                                            const ch_conv_gradient *gy, const ch_conv_shape *s,
                                            const ch_update *update, float *workspace) {
    winograd n;
    winograd_cut(&n, s, workspace);
    winograd_clear_border(&n);
    for (int i = 0; i < SIDE; i++) {
        for (size_t b = 0; b < x->count; b++) {
            winograd_input(&n, x->x + b * x->stride, i);
            winograd_gradient(&n, gy, b, i);
            weight_gradient_row(&n, i, update->continued || b > 0);
        }
    }
    const bool plain = ch_update_is_plain(update);
    const ptrdiff_t tap = n.in * CH_PANEL;
    for (ptrdiff_t o = 0; o < n.out; o += CH_PANEL) {
        for (ptrdiff_t k = 0; k < tap; k += LANES) {
            filter_update(w, o * TAPS * TAPS * n.in + k, tap, n.gu + o * n.in + k, n.in * n.out,
                          update, plain);
        }
    }
}
