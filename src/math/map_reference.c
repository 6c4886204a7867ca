/* Map kernels in plain C, with the C library's functions in double: see map.h. */
#include "math/map.h"

#include "math/panels.h"
#include "math/reference.h"

#include <math.h>
#include <string.h>

static void map_relu(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        y[i] = x[i] < 0.0F ? 0.0F : x[i];
    }
}

static void map_relu_gradient(float *gx, const float *gy, const float *y, size_t n) {
    for (size_t i = 0; i < n; i++) {
        gx[i] = y[i] > 0.0F ? gy[i] : 0.0F;
    }
}

static void map_add_bias(float *y, const float *x, const float *bias, uint32_t m, uint32_t n) {
    for (size_t r = 0; r < m; r++) {
        for (size_t c = 0; c < ch_padded(n); c++) {
            y[r * ch_padded(n) + c] = x[r * ch_padded(n) + c] + bias[c];
        }
    }
}

static uint32_t first_largest(const float *z, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t c = 1; c < n; c++) {
        best = z[c] > z[best] ? c : best;
    }
    return best;
}

static void map_softmax(float *p, const float *z, const ch_loss_input *in, double *loss,
                        uint32_t *correct) {
    for (uint32_t r = 0; r < in->m; r++, z += ch_padded(in->n), p += ch_padded(in->n)) {
        const double largest = (double)z[first_largest(z, in->n)];
        double sum = 0.0;
        for (uint32_t c = 0; c < in->n; c++) {
            sum += exp((double)z[c] - largest);
        }
        if (in->labels != NULL) {
            *loss += log(sum) + largest - (double)z[in->labels[r]];
            *correct += first_largest(z, in->n) == in->labels[r] ? 1 : 0;
        }
        for (uint32_t c = 0; c < in->n; c++) {
            p[c] = (float)(exp((double)z[c] - largest) / sum);
        }
        memset(p + in->n, 0, (ch_padded(in->n) - in->n) * sizeof(float));
    }
}

static float target(const ch_loss_input *in, uint32_t r, uint32_t c) {
    if (in->targets != NULL) {
        return in->targets[(size_t)r * in->n + c];
    }
    return in->labels[r] == c ? 1.0F : 0.0F;
}

static void map_softmax_gradient(float *gz, const float *p, const ch_loss_input *in, float scale) {
    memset(gz, 0, in->m * ch_padded(in->n) * sizeof(float));
    for (uint32_t r = 0; r < in->m; r++, gz += ch_padded(in->n), p += ch_padded(in->n)) {
        for (uint32_t c = 0; c < in->n; c++) {
            gz[c] = scale * (p[c] - (in->labels[r] == c ? 1.0F : 0.0F));
        }
    }
}

static void map_squared(const float *y, const ch_loss_input *in, double *loss, uint32_t *correct) {
    for (uint32_t r = 0; r < in->m; r++, y += ch_padded(in->n)) {
        for (uint32_t c = 0; c < in->n; c++) {
            const double d = (double)y[c] - (double)target(in, r, c);
            *loss += d * d / in->n;
        }
        *correct += in->labels != NULL && first_largest(y, in->n) == in->labels[r] ? 1 : 0;
    }
}

static void map_squared_gradient(float *gy, const float *y, const ch_loss_input *in, float scale) {
    memset(gy, 0, in->m * ch_padded(in->n) * sizeof(float));
    for (uint32_t r = 0; r < in->m; r++, gy += ch_padded(in->n), y += ch_padded(in->n)) {
        for (uint32_t c = 0; c < in->n; c++) {
            gy[c] = 2.0F * scale / (float)in->n * (y[c] - target(in, r, c));
        }
    }
}

static void map_apply(const ch_weights *w, size_t n, const ch_update *update) {
    for (size_t i = 0; i < n; i++) {
        reference_apply(w, i, (double)w->g[i], update);
    }
}

static uint32_t map_active(uint32_t *columns, const float *x, size_t stride, uint32_t m,
                           uint32_t n) {
    uint32_t found = 0;
    for (uint32_t c = 0; c < n; c++) {
        bool any = false;
        for (uint32_t r = 0; r < m; r++) {
            any |= x[r * stride + c] != 0.0F;
        }
        columns[found] = c;
        found += any ? 1 : 0;
    }
    return found;
}

static void map_columns(float *y, const float *x, size_t stride, uint32_t m,
                        const uint32_t *columns, uint32_t n) {
    for (uint32_t r = 0; r < m; r++, x += stride, y += n) {
        for (uint32_t i = 0; i < n; i++) {
            y[i] = x[columns[i]];
        }
    }
}

const ch_map_kernels ch_map_reference = {
    .relu = map_relu,
    .relu_gradient = map_relu_gradient,
    .add_bias = map_add_bias,
    .softmax = map_softmax,
    .softmax_gradient = map_softmax_gradient,
    .squared = map_squared,
    .squared_gradient = map_squared_gradient,
    .apply = map_apply,
    .active = map_active,
    .columns = map_columns,
};
