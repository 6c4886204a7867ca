/*
 * Direct convolution in vectors: see conv.h. Compiled once per instruction set.
 *
 * A row of outputs is one product (tiles.h): pixels are rows of a matrix whose windows overlap in a
 * padded copy of the image, so nothing is unfolded. The rows go through a small buffer, which is
 * where bias, relu and maximum meet them, and where pooled gradients are spread out.
 */
#include "math/conv.h"

#include "math/conv_vector.h"
#include "math/sgd.h"
#include "math/tiles.h"

#include <string.h>

enum {
    BUFFER_FLOATS = 4096, // rows of gradients that are worth one pass over the filters
};

/* One shape, and its workspace cut up. */
typedef struct direct {
    ptrdiff_t height, width, in, out;
    ptrdiff_t kernel_height, kernel_width;
    ptrdiff_t in_padded, out_padded; // to panels
    ptrdiff_t block;                 // rows in the buffer
    float *w;                        // the filters
    float *turned;                   // rotated by half a turn, (kernel, out, in): of the adjoint
    float *image;                    // with its border, in or out channels
    float *rows;                     // (block, width, in or out padded)
} direct;

static ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b) {
    return a > b ? a : b;
}

static float *direct_part(float *workspace, size_t *used, ptrdiff_t size) {
    float *const part = workspace != NULL ? workspace + *used : NULL;
    *used += ch_padded((size_t)size);
    return part;
}

/* Cuts the workspace up. Returns its size in floats; workspace may be NULL to ask for that. */
static size_t direct_cut(direct *n, const ch_conv_shape *s, float *workspace) {
    size_t used = 0;
    n->height = s->height;
    n->width = s->width;
    n->in = s->in;
    n->out = s->out;
    n->kernel_height = s->kernel_height;
    n->kernel_width = s->kernel_width;
    n->in_padded = (ptrdiff_t)ch_padded(s->in);
    n->out_padded = (ptrdiff_t)ch_padded(s->out);
    const ptrdiff_t taps = n->kernel_height * n->kernel_width;
    const ptrdiff_t border_height = n->height + n->kernel_height - 1;
    const ptrdiff_t border_width = n->width + n->kernel_width - 1;
    const ptrdiff_t row = n->width * larger(n->in_padded, n->out_padded);
    n->block = larger(2, BUFFER_FLOATS / row);
    n->w = direct_part(workspace, &used, taps * n->in * n->out_padded);
    n->turned = direct_part(workspace, &used, taps * n->out * n->in_padded);
    n->image = direct_part(workspace, &used, border_height * border_width * larger(n->in, n->out));
    n->rows = direct_part(workspace, &used, n->block * row);
    return used;
}

static bool direct_fits(const ch_conv_shape *s) {
    return s->kernel_height % 2 == 1 && s->kernel_width % 2 == 1;
}

static size_t direct_workspace(const ch_conv_shape *s) {
    direct n;
    return direct_cut(&n, s, NULL);
}

static void direct_prepare(float *workspace, const ch_conv_shape *s, const float *w) {
    direct n;
    direct_cut(&n, s, workspace);
    const size_t rows = (size_t)(n.kernel_height * n.kernel_width * n.in);
    memcpy(n.w, w, ch_panels_size(rows, s->out) * sizeof(float));
}

/* turned[taps - 1 - t][o][c] = w[t][c][o] */
static void direct_prepare_gradient(float *workspace, const ch_conv_shape *s) {
    direct n;
    direct_cut(&n, s, workspace);
    const size_t taps = (size_t)(n.kernel_height * n.kernel_width);
    const size_t in = s->in;
    const size_t out = s->out;
    memset(n.turned, 0, taps * out * (size_t)n.in_padded * sizeof(float));
    for (size_t t = 0; t < taps; t++) {
        for (size_t c = 0; c < in; c++) {
            for (size_t o = 0; o < out; o++) {
                n.turned[ch_panel_offset(taps * out, (taps - 1 - t) * out + o, c)] =
                    n.w[ch_panel_offset(taps * in, t * in + c, o)];
            }
        }
    }
}

/* Where the image begins inside its border, and how far apart its rows are. */
static float *image_inside(const direct *n, ptrdiff_t channels, ptrdiff_t *row) {
    *row = (n->width + n->kernel_width - 1) * channels;
    return n->image + n->kernel_height / 2 * *row + n->kernel_width / 2 * channels;
}

static void image_clear(const direct *n, ptrdiff_t channels) {
    const ptrdiff_t pixels = (n->height + n->kernel_height - 1) * (n->width + n->kernel_width - 1);
    memset(n->image, 0, (size_t)(pixels * channels) * sizeof(float));
}

static void image_fill(const direct *n, const float *x) {
    ptrdiff_t row;
    float *inside = image_inside(n, n->in, &row);
    const size_t size = (size_t)(n->width * n->in);
    for (ptrdiff_t y = 0; y < n->height; y++) {
        memcpy(inside + y * row, x + (size_t)y * size, size * sizeof(float));
    }
}

/* Output row y before its bias: (width, columns padded) from an image of channels. */
static void row_of_sums(const direct *n, float *sums, const float *w, ptrdiff_t y,
                        ptrdiff_t channels, ptrdiff_t padded) {
    const ptrdiff_t row = (n->width + n->kernel_width - 1) * channels;
    const ptrdiff_t length = n->kernel_width * channels;
    const product p = {.a = n->image + y * row,
                       .a_row = channels,
                       .a_k = 1,
                       .a_segment = row,
                       .b = w,
                       .b_k = CH_PANEL,
                       .b_panel = n->kernel_height * length * CH_PANEL,
                       .b_segment = length * CH_PANEL,
                       .c = sums,
                       .c_row = padded,
                       .c_panel = CH_PANEL,
                       .rows = (uint32_t)n->width,
                       .panels = (uint32_t)(padded / CH_PANEL),
                       .length = (uint32_t)length,
                       .segments = (uint32_t)n->kernel_height};
    product_run(&p);
}

/* y (width, channels) = act(sums + bias) */
static void write_row(const direct *n, float *y, const float *bias, bool relu, size_t channels,
                      ptrdiff_t padded) {
    for (ptrdiff_t x = 0; x < n->width; x++) {
        const float *sums = n->rows + x * padded;
        for (size_t o = 0; o < channels; o += LANES) {
            const vfloat b = bias != NULL ? v_load(bias + o) : v_splat(0.0F);
            const vfloat a = v_load(sums + o) + b;
            v_store_some(y + o, relu ? v_relu(a) : a, channels - o);
        }
        y += channels;
    }
}

/* One row of maxima from the two rows in the buffer. */
static void write_pooled(const direct *n, float *y, uint8_t *codes, const float *bias) {
    const size_t out = (size_t)n->out;
    for (ptrdiff_t x = 0; x < n->width / 2; x++) {
        const float *sums = n->rows + 2 * x * n->out_padded;
        for (size_t o = 0; o < out; o += LANES) {
            const vfloat b = bias != NULL ? v_load(bias + o) : v_splat(0.0F);
            vfloat square[4];
            vint code;
            V_UNROLL
            for (int k = 0; k < 4; k++) {
                square[k] = v_load(sums + (k / 2 * n->width + k % 2) * n->out_padded + o) + b;
            }
            v_store_some(y + o, pool_square(square, &code), out - o);
            v_store_some_codes(codes + o, code, out - o);
        }
        y += out;
        codes += out;
    }
}

static void direct_forward(const ch_conv_output *y, const ch_images *x, const ch_conv_shape *s,
                           const float *bias, float *workspace) {
    direct n;
    direct_cut(&n, s, workspace);
    image_clear(&n, n.in);
    const size_t row = (size_t)(n.width * n.out);
    for (size_t b = 0; b < x->count; b++) {
        float *to = y->y + b * y->stride;
        image_fill(&n, x->x + b * x->stride);
        if (y->codes == NULL) {
            for (ptrdiff_t i = 0; i < n.height; i++) {
                row_of_sums(&n, n.rows, n.w, i, n.in, n.out_padded);
                write_row(&n, to + (size_t)i * row, bias, y->relu, s->out, n.out_padded);
            }
            continue;
        }
        uint8_t *codes = y->codes + b * (size_t)n.height * row / 4;
        for (ptrdiff_t i = 0; i < n.height; i += 2) {
            row_of_sums(&n, n.rows, n.w, i, n.in, n.out_padded);
            row_of_sums(&n, n.rows + n.width * n.out_padded, n.w, i + 1, n.in, n.out_padded);
            write_pooled(&n, to + (size_t)i / 2 * row / 2, codes + (size_t)i / 2 * row / 2, bias);
        }
    }
}

/* Row i of the gradient of one image, spread out if it was pooled: pixels are padded apart. */
static void gradient_row(const direct *n, float *row, ptrdiff_t padded, const ch_conv_gradient *gy,
                         size_t image, ptrdiff_t i) {
    const size_t out = (size_t)n->out;
    const float *g = gy->g + image * gy->stride;
    if (gy->codes == NULL) {
        g += (size_t)(i * n->width) * out;
        for (ptrdiff_t x = 0; x < n->width; x++) {
            memcpy(row + x * padded, g + (size_t)x * out, out * sizeof(float));
        }
        return;
    }
    const size_t pooled = (size_t)(i / 2 * (n->width / 2)) * out;
    const uint8_t *codes = gy->codes + image * (size_t)(n->height * n->width / 4) * out + pooled;
    const int upper = (int)(i % 2 * 2);
    g += pooled;
    for (ptrdiff_t x = 0; x < n->width / 2; x++) {
        for (size_t o = 0; o < out; o += LANES) {
            const vint value = (vint)v_load_some(g + o, out - o);
            const vint code = v_load_some_codes(codes + o, out - o);
            float *left = row + 2 * x * padded + o;
            v_store_some(left, (vfloat)(value & (code == upper)), out - o);
            v_store_some(left + padded, (vfloat)(value & (code == upper + 1)), out - o);
        }
        g += out;
        codes += out;
    }
}

static void direct_input_gradient(float *gx, size_t gx_stride, const ch_conv_gradient *gy,
                                  uint32_t count, const ch_conv_shape *s, float *workspace) {
    direct n;
    direct_cut(&n, s, workspace);
    ptrdiff_t row;
    float *inside = image_inside(&n, n.out, &row);
    image_clear(&n, n.out);
    for (size_t b = 0; b < count; b++) {
        float *to = gx + b * gx_stride;
        for (ptrdiff_t i = 0; i < n.height; i++) {
            gradient_row(&n, inside + i * row, n.out, gy, b, i);
        }
        for (ptrdiff_t i = 0; i < n.height; i++) {
            row_of_sums(&n, n.rows, n.turned, i, n.out, n.in_padded);
            write_row(&n, to + i * n.width * n.in, NULL, false, s->in, n.in_padded);
        }
    }
}

/* g[t][c][o] += the block of gradient rows from i in the buffer, with the image. */
static void rows_to_filters(const direct *n, float *g, ptrdiff_t i, ptrdiff_t rows, bool added) {
    const ptrdiff_t row = (n->width + n->kernel_width - 1) * n->in;
    const ptrdiff_t length = n->kernel_width * n->in;
    for (ptrdiff_t t = 0; t < n->kernel_height; t++) {
        const product p = {.a = n->image + (i + t) * row,
                           .a_row = 1,
                           .a_k = n->in,
                           .a_segment = row,
                           .b = n->rows,
                           .b_k = n->out_padded,
                           .b_panel = CH_PANEL,
                           .b_segment = n->width * n->out_padded,
                           .c = g + t * length * CH_PANEL,
                           .c_row = CH_PANEL,
                           .c_panel = n->kernel_height * length * CH_PANEL,
                           .rows = (uint32_t)length,
                           .panels = (uint32_t)(n->out_padded / CH_PANEL),
                           .length = (uint32_t)n->width,
                           .segments = (uint32_t)rows,
                           .added = added};
        product_run(&p);
    }
}

static void direct_weight_gradient(const ch_weights *w, const ch_images *x,
                                   const ch_conv_gradient *gy, const ch_conv_shape *s,
                                   const ch_update *update, float *workspace) {
    direct n;
    direct_cut(&n, s, workspace);
    image_clear(&n, n.in);
    memset(n.rows, 0, (size_t)(n.block * n.width * n.out_padded) * sizeof(float));
    bool added = update->continued;
    for (size_t b = 0; b < x->count; b++) {
        image_fill(&n, x->x + b * x->stride);
        for (ptrdiff_t i = 0; i < n.height; i += n.block) {
            const ptrdiff_t left = n.height - i;
            const ptrdiff_t rows = left < n.block ? left : n.block;
            for (ptrdiff_t r = 0; r < rows; r++) {
                gradient_row(&n, n.rows + r * n.width * n.out_padded, n.out_padded, gy, b, i + r);
            }
            rows_to_filters(&n, w->g, i, rows, added);
            added = true;
        }
    }
    if (update->applied) {
        const bool plain = ch_update_is_plain(update);
        const size_t size =
            ch_panels_size((size_t)(n.kernel_height * n.kernel_width * n.in), s->out);
        for (size_t k = 0; k < size; k += LANES) {
            sgd_apply(w, k, v_load(w->g + k), update, plain);
        }
    }
}

const ch_conv_kernels CH_EXPORT(ch_conv) = {
    .fits = direct_fits,
    .workspace = direct_workspace,
    .prepare = direct_prepare,
    .prepare_gradient = direct_prepare_gradient,
    .forward = direct_forward,
    .input_gradient = direct_input_gradient,
    .weight_gradient = direct_weight_gradient,
    .bias_gradient = conv_bias_gradient,
};
