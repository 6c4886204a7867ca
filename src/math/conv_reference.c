/* Convolution kernels in plain C, sums in double: see conv.h. */
#include "math/conv.h"

#include "math/panels.h"
#include "math/reference.h"

#include <string.h>

static bool conv_fits(const ch_conv_shape *s) {
    return s->kernel_height % 2 == 1 && s->kernel_width % 2 == 1;
}

static size_t filter_rows(const ch_conv_shape *s) {
    return (size_t)s->kernel_height * s->kernel_width * s->in;
}

static size_t conv_workspace(const ch_conv_shape *s) {
    return ch_panels_size(filter_rows(s), s->out);
}

static void conv_prepare(float *workspace, const ch_conv_shape *s, const float *w) {
    memcpy(workspace, w, conv_workspace(s) * sizeof(float));
}

static void conv_prepare_gradient(float *workspace, const ch_conv_shape *s) {
    (void)workspace; // w is all it takes
    (void)s;
}

/* Where tap (ty, tx) of the output at (y, x) looks in an image; false: beyond its edge. */
static bool tap_at(const ch_conv_shape *s, uint32_t y, uint32_t x, size_t tap, size_t *at) {
    const int64_t row = (int64_t)y + (int64_t)(tap / s->kernel_width) - s->kernel_height / 2;
    const int64_t column = (int64_t)x + (int64_t)(tap % s->kernel_width) - s->kernel_width / 2;
    if (row < 0 || row >= s->height || column < 0 || column >= s->width) {
        return false;
    }
    *at = (size_t)(row * s->width + column) * s->in;
    return true;
}

/* Output channel o at (y, x). */
static double output_at(const float *image, const ch_conv_shape *s, const float *w,
                        const float *bias, uint32_t y, uint32_t x, uint32_t o) {
    const size_t rows = filter_rows(s);
    double sum = bias != NULL ? (double)bias[o] : 0.0;
    for (size_t tap = 0; tap < rows / s->in; tap++) {
        size_t at;
        if (!tap_at(s, y, x, tap, &at)) {
            continue;
        }
        for (uint32_t c = 0; c < s->in; c++) {
            sum += (double)image[at + c] * (double)w[ch_panel_offset(rows, tap * s->in + c, o)];
        }
    }
    return sum;
}

/* The largest of four outputs, as pooled forward writes it. */
static float pooled_at(const float *image, const ch_conv_shape *s, const float *w,
                       const float *bias, uint32_t y, uint32_t x, uint32_t o, uint8_t *code) {
    float best = (float)output_at(image, s, w, bias, 2 * y, 2 * x, o);
    *code = 0;
    for (uint32_t k = 1; k < 4; k++) {
        const float a = (float)output_at(image, s, w, bias, 2 * y + k / 2, 2 * x + k % 2, o);
        if (a > best) {
            best = a;
            *code = (uint8_t)k;
        }
    }
    if (!(best > 0.0F)) {
        *code = CH_POOL_DEAD;
    }
    return best < 0.0F ? 0.0F : best;
}

static void conv_forward(const ch_conv_output *y, const ch_images *x, const ch_conv_shape *s,
                         const float *bias, float *workspace) {
    const uint32_t shrink = y->codes != NULL ? 2 : 1;
    const uint32_t width = s->width / shrink;
    const size_t size = (size_t)(s->height / shrink) * width * s->out;
    for (size_t b = 0; b < x->count; b++) {
        const float *image = x->x + b * x->stride;
        for (size_t k = 0; k < size; k++) {
            const uint32_t o = (uint32_t)(k % s->out);
            const uint32_t column = (uint32_t)(k / s->out % width);
            const uint32_t row = (uint32_t)(k / s->out / width);
            float *to = y->y + b * y->stride + k;
            if (y->codes != NULL) {
                *to = pooled_at(image, s, workspace, bias, row, column, o, y->codes + b * size + k);
            } else {
                const float a = (float)output_at(image, s, workspace, bias, row, column, o);
                *to = y->relu && a < 0.0F ? 0.0F : a;
            }
        }
    }
}

/* The gradient of output channel o at (y, x) of one image. */
static float gradient_at(const ch_conv_gradient *gy, const ch_conv_shape *s, size_t image,
                         uint32_t y, uint32_t x, uint32_t o) {
    const float *g = gy->g + image * gy->stride;
    if (gy->codes == NULL) {
        return g[((size_t)y * s->width + x) * s->out + o];
    }
    const size_t at = ((size_t)(y / 2) * (s->width / 2) + x / 2) * s->out + o;
    const size_t size = (size_t)(s->height / 2) * (s->width / 2) * s->out;
    return gy->codes[image * size + at] == y % 2 * 2 + x % 2 ? g[at] : 0.0F;
}

/* What one output's gradient adds to the gradient of the image. */
static void scatter(float *gx, const ch_conv_shape *s, const float *w, uint32_t y, uint32_t x,
                    uint32_t o, float g) {
    const size_t rows = filter_rows(s);
    for (size_t tap = 0; tap < rows / s->in; tap++) {
        size_t at;
        if (!tap_at(s, y, x, tap, &at)) {
            continue;
        }
        for (uint32_t c = 0; c < s->in; c++) {
            const double product = (double)g * (double)w[ch_panel_offset(rows, tap * s->in + c, o)];
            gx[at + c] = (float)((double)gx[at + c] + product);
        }
    }
}

static void conv_input_gradient(float *gx, size_t gx_stride, const ch_conv_gradient *gy,
                                uint32_t count, const ch_conv_shape *s, float *workspace) {
    const size_t positions = (size_t)s->height * s->width;
    for (size_t b = 0; b < count; b++) {
        float *image = gx + b * gx_stride;
        memset(image, 0, positions * s->in * sizeof(float));
        for (size_t k = 0; k < positions * s->out; k++) {
            const uint32_t o = (uint32_t)(k % s->out);
            const uint32_t x = (uint32_t)(k / s->out % s->width);
            const uint32_t y = (uint32_t)(k / s->out / s->width);
            scatter(image, s, workspace, y, x, o, gradient_at(gy, s, b, y, x, o));
        }
    }
}

/* sum over images and positions of x[p + tap][c] gy[p][o] */
static double weight_sum(const ch_images *x, const ch_conv_gradient *gy, const ch_conv_shape *s,
                         size_t tap, uint32_t c, uint32_t o) {
    const size_t positions = (size_t)s->height * s->width;
    double sum = 0.0;
    for (size_t k = 0; k < x->count * positions; k++) {
        const size_t b = k / positions;
        const uint32_t row = (uint32_t)(k % positions / s->width);
        const uint32_t column = (uint32_t)(k % s->width);
        size_t at;
        if (tap_at(s, row, column, tap, &at)) {
            sum += (double)x->x[b * x->stride + at + c] *
                   (double)gradient_at(gy, s, b, row, column, o);
        }
    }
    return sum;
}

static void conv_weight_gradient(const ch_weights *w, const ch_images *x,
                                 const ch_conv_gradient *gy, const ch_conv_shape *s,
                                 const ch_update *update, float *workspace) {
    (void)workspace;
    const size_t rows = filter_rows(s);
    for (size_t r = 0; r < rows; r++) {
        for (uint32_t o = 0; o < s->out; o++) {
            const size_t at = ch_panel_offset(rows, r, o);
            const double start = update->continued ? (double)w->g[at] : 0.0;
            const double sum = weight_sum(x, gy, s, r / s->in, (uint32_t)(r % s->in), o);
            reference_finish(w, at, start + sum, update);
        }
    }
}

static void conv_bias_gradient(const ch_weights *bias, const ch_conv_gradient *gy, uint32_t count,
                               const ch_conv_shape *s, const ch_update *update) {
    const size_t positions = (size_t)s->height * s->width;
    for (uint32_t o = 0; o < s->out; o++) {
        double sum = update->continued ? (double)bias->g[o] : 0.0;
        for (size_t k = 0; k < count * positions; k++) {
            const uint32_t y = (uint32_t)(k % positions / s->width);
            const uint32_t x = (uint32_t)(k % s->width);
            sum += (double)gradient_at(gy, s, k / positions, y, x, o);
        }
        reference_finish(bias, o, sum, update);
    }
}

#define CONV_REFERENCE                                                                             \
    {                                                                                              \
        .fits = conv_fits, .workspace = conv_workspace, .prepare = conv_prepare,                   \
        .prepare_gradient = conv_prepare_gradient, .forward = conv_forward,                        \
        .input_gradient = conv_input_gradient, .weight_gradient = conv_weight_gradient,            \
        .bias_gradient = conv_bias_gradient,                                                       \
    }

const ch_conv_kernels ch_conv_reference = CONV_REFERENCE;

/* Winograd's algorithm computes the same function: so does its oracle. */
const ch_conv_kernels ch_winograd_reference = CONV_REFERENCE;
