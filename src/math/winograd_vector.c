/* Winograd's convolution in vectors, forward: see winograd_vector.h. Compiled once per ISA. */
#include "math/winograd_vector.h"

#include "math/conv_vector.h"
#include "math/tiles.h"

static bool winograd_fits(const ch_conv_shape *s) {
    return s->kernel_height == TAPS && s->kernel_width == TAPS && s->height % OUTPUT == 0 &&
           s->width % OUTPUT == 0 && s->in % CH_PANEL == 0 && s->out % CH_PANEL == 0;
}

static size_t winograd_workspace(const ch_conv_shape *s) {
    winograd n;
    return winograd_cut(&n, s, NULL);
}

// u = G w G' for the LANES filters at w; taps and points are a matrix (in, out) apart

V_INLINE void filter_square(float *u, const float *w, ptrdiff_t tap, ptrdiff_t point) {
    vfloat half[SIDE][TAPS];
    V_UNROLL
    for (int x = 0; x < TAPS; x++) {
        vfloat column[TAPS];
        vfloat o[SIDE];
        V_UNROLL
        for (int y = 0; y < TAPS; y++) {
            column[y] = v_load(w + (y * TAPS + x) * tap);
        }
        filter_transform(o, column);
        V_UNROLL
        for (int i = 0; i < SIDE; i++) {
            half[i][x] = o[i];
        }
    }
    V_UNROLL
    for (int i = 0; i < SIDE; i++) {
        vfloat o[SIDE];
        filter_transform(o, half[i]);
        V_UNROLL
        for (int j = 0; j < SIDE; j++) {
            v_store(u + (i * SIDE + j) * point, o[j]);
        }
    }
}

static void winograd_prepare(float *workspace, const ch_conv_shape *s, const float *w) {
    winograd n;
    winograd_cut(&n, s, workspace);
    const ptrdiff_t filters = n.in * n.out;
    for (ptrdiff_t o = 0; o < n.out; o += CH_PANEL) {
        const float *panel = w + o * TAPS * TAPS * n.in;
        for (ptrdiff_t k = 0; k < n.in * CH_PANEL; k += LANES) {
            filter_square(n.u + o * n.in + k, panel + k, n.in * CH_PANEL, filters);
        }
    }
}

typedef float v4 __attribute__((vector_size(16)));
typedef float v4_anywhere __attribute__((vector_size(16), aligned(4), may_alias));

/* to = from', a square of four by four in rows of 16. */
V_INLINE void transpose_four(float *to, const float *from) {
    const v4 a = *(const v4_anywhere *)from;
    const v4 b = *(const v4_anywhere *)(from + CH_PANEL);
    const v4 c = *(const v4_anywhere *)(from + (ptrdiff_t)2 * CH_PANEL);
    const v4 d = *(const v4_anywhere *)(from + (ptrdiff_t)3 * CH_PANEL);
    const v4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const v4 cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const v4 ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const v4 cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(v4_anywhere *)to = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(v4_anywhere *)(to + CH_PANEL) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(v4_anywhere *)(to + (ptrdiff_t)2 * CH_PANEL) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
    *(v4_anywhere *)(to + (ptrdiff_t)3 * CH_PANEL) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
}

/* ut = u', each point by itself, from panels of out to panels of in. */
static void winograd_prepare_gradient(float *workspace, const ch_conv_shape *s) {
    winograd n;
    winograd_cut(&n, s, workspace);
    for (ptrdiff_t point = 0; point < POINTS; point++) {
        const float *u = n.u + point * n.in * n.out;
        float *ut = n.ut + point * n.in * n.out;
        for (ptrdiff_t c = 0; c < n.in; c += 4) {
            for (ptrdiff_t o = 0; o < n.out; o += 4) {
                transpose_four(ut + (ptrdiff_t)ch_panel_offset(s->out, (size_t)o, (size_t)c),
                               u + (ptrdiff_t)ch_panel_offset(s->in, (size_t)c, (size_t)o));
            }
        }
    }
}

/* sums[r][q] += A[i][r] o[q], for LANES channels of one tile. */
V_INLINE void sums_add(float *sums, const vfloat o[OUTPUT], const int i) {
    V_UNROLL
    for (ptrdiff_t k = 0; k < SQUARE; k++) {
        const float factor = OUTPUT_MATRIX[i][k / OUTPUT];
        float *at = sums + k * CH_PANEL;
        if (i == 0) {
            v_store(at, v_splat(factor) * o[k % OUTPUT]);
        } else if (factor != 0.0F) {
            v_store(at, v_fma(v_splat(factor), o[k % OUTPUT], v_load(at)));
        }
    }
}

/* Adds row i of the points, one panel of them in m: sums += A' (m A). */
V_INLINE void output_row(const winograd *n, float *sums, const int i) {
    const ptrdiff_t matrix = n->tiles * CH_PANEL;
    for (ptrdiff_t k = 0; k < matrix; k += LANES) {
        vfloat m[SIDE];
        vfloat o[OUTPUT];
        V_UNROLL
        for (int j = 0; j < SIDE; j++) {
            m[j] = v_load(n->m + j * matrix + k);
        }
        output_transform(o, m);
        sums_add(sums + k / CH_PANEL * SQUARE * CH_PANEL + k % CH_PANEL, o, i);
    }
}

/* sums of one image, point row by point row. */
static void winograd_sums(const winograd *n, const float *x) {
    for (int i = 0; i < SIDE; i++) {
        winograd_input(n, x, i);
        for (ptrdiff_t o = 0; o < n->out; o += CH_PANEL) {
            for (ptrdiff_t j = 0; j < SIDE; j++) {
                const product p = {.a = n->v + j * n->tiles * n->in,
                                   .a_row = n->in,
                                   .a_k = 1,
                                   .b = n->u + (i * (ptrdiff_t)SIDE + j) * n->in * n->out +
                                        o * n->in,
                                   .b_k = CH_PANEL,
                                   .c = n->m + j * n->tiles * CH_PANEL,
                                   .c_row = CH_PANEL,
                                   .rows = (uint32_t)n->tiles,
                                   .panels = 1,
                                   .length = (uint32_t)n->in,
                                   .segments = 1};
                product_run(&p);
            }
            float *sums = n->sums + o * n->tiles * SQUARE;
#define CASE(c)                                                                                    \
    case c:                                                                                        \
        output_row(n, sums, c);                                                                    \
        break;
            FOR_POINTS(i, CASE)
#undef CASE
        }
    }
}

/* The four outputs of one tile, LANES channels from o, with their bias. */
V_INLINE void output_square(vfloat y[SQUARE], const winograd *n, ptrdiff_t tile, ptrdiff_t o,
                            const float *bias) {
    const float *sums = n->sums + (o / CH_PANEL * n->tiles + tile) * SQUARE * CH_PANEL;
    const vfloat b = bias != NULL ? v_load(bias + o) : v_splat(0.0F);
    V_UNROLL
    for (ptrdiff_t k = 0; k < SQUARE; k++) {
        y[k] = v_load(sums + k * CH_PANEL + o % CH_PANEL) + b;
    }
}

static void write_image(const winograd *n, float *y, const float *bias, bool relu) {
    for (ptrdiff_t tile = 0; tile < n->tiles; tile++) {
        const ptrdiff_t top = tile / n->tile_columns * OUTPUT;
        const ptrdiff_t left = tile % n->tile_columns * OUTPUT;
        float *corner = y + (top * n->width + left) * n->out;
        for (ptrdiff_t o = 0; o < n->out; o += LANES) {
            vfloat square[SQUARE];
            output_square(square, n, tile, o, bias);
            for (int k = 0; k < SQUARE; k++) {
                float *at = corner + (k / OUTPUT * n->width + k % OUTPUT) * n->out + o;
                v_store(at, relu ? v_relu(square[k]) : square[k]);
            }
        }
    }
}

static void write_pooled(const winograd *n, float *y, uint8_t *codes, const float *bias) {
    for (ptrdiff_t tile = 0; tile < n->tiles; tile++) {
        for (ptrdiff_t o = 0; o < n->out; o += LANES) {
            vfloat square[SQUARE];
            vint code;
            output_square(square, n, tile, o, bias);
            v_store(y + tile * n->out + o, pool_square(square, &code));
            v_store_codes(codes + tile * n->out + o, code);
        }
    }
}

static void winograd_forward(const ch_conv_output *y, const ch_images *x, const ch_conv_shape *s,
                             const float *bias, float *workspace) {
    winograd n;
    winograd_cut(&n, s, workspace);
    winograd_clear_border(&n);
    for (size_t b = 0; b < x->count; b++) {
        winograd_sums(&n, x->x + b * x->stride);
        if (y->codes == NULL) {
            write_image(&n, y->y + b * y->stride, bias, y->relu);
        } else {
            uint8_t *codes = y->codes + b * (size_t)(n.tiles * n.out);
            write_pooled(&n, y->y + b * y->stride, codes, bias);
        }
    }
}

const ch_conv_kernels CH_EXPORT(ch_winograd) = {
    .fits = winograd_fits,
    .workspace = winograd_workspace,
    .prepare = winograd_prepare,
    .prepare_gradient = winograd_prepare_gradient,
    .forward = winograd_forward,
    .input_gradient = CH_EXPORT(ch_winograd_input_gradient),
    .weight_gradient = CH_EXPORT(ch_winograd_weight_gradient),
    .bias_gradient = conv_bias_gradient,
};
