/* Map kernels in vectors: see map.h. Compiled once per instruction set. */
#include "math/map.h"

#include "math/functions.h"
#include "math/sgd.h"
#include "math/vector.h"

#include <string.h>

static void map_relu(float *y, const float *x, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        v_store(y + i, v_relu(v_load(x + i)));
    }
    for (; i < n; i++) {
        y[i] = x[i] < 0.0F ? 0.0F : x[i];
    }
}

static void map_relu_gradient(float *gx, const float *gy, const float *y, size_t n) {
    const vfloat zero = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        v_store(gx + i, v_select(v_load(y + i) > zero, v_load(gy + i), zero));
    }
    for (; i < n; i++) {
        gx[i] = y[i] > 0.0F ? gy[i] : 0.0F;
    }
}

static void map_add_bias(float *y, const float *x, const float *bias, uint32_t m, uint32_t n) {
    const size_t stride = ch_padded(n);
    for (uint32_t r = 0; r < m; r++) {
        for (size_t c = 0; c < stride; c += LANES) {
            v_store(y + r * stride + c, v_load(x + r * stride + c) + v_load(bias + c));
        }
    }
}

// Losses. Lanes at columns n and beyond take no part.

V_INLINE vint lanes_below(size_t column, uint32_t n) {
    return v_iota() + (int32_t)column < (vint){0} + (int32_t)n;
}

V_INLINE float row_max(const float *z, uint32_t n) {
    v16 largest = v16_splat(-INFINITY);
    for (size_t c = 0; c < n; c += CH_PANEL) {
        for (size_t i = 0; i < V16_PARTS; i++) {
            const size_t column = c + i * LANES;
            const vfloat in =
                v_select(lanes_below(column, n), v_load(z + column), v_splat(-INFINITY));
            largest.part[i] = v_max(in, largest.part[i]);
        }
    }
    return v16_max(largest);
}

/* p = exp(z - largest), zero in the padding. Returns its sum. */
V_INLINE float row_exp(float *p, const float *z, uint32_t n, float largest) {
    v16 sum = v16_splat(0.0F);
    for (size_t c = 0; c < n; c += CH_PANEL) {
        for (size_t i = 0; i < V16_PARTS; i++) {
            const size_t column = c + i * LANES;
            const vfloat e = v_exp(v_load(z + column) - largest);
            const vfloat in = v_select(lanes_below(column, n), e, v_splat(0.0F));
            v_store(p + column, in);
            sum.part[i] = sum.part[i] + in;
        }
    }
    return v16_sum(sum);
}

/* Whether z at the label is the row's largest and none before it is as large. Nothing is larger
 * than a NaN that comes first, and none later is larger than anything. */
static bool row_is_hit(const float *z, uint32_t label, float largest) {
    if (z[0] != z[0]) {
        return label == 0;
    }
    if (z[label] != largest) {
        return false;
    }
    vint earlier = {0};
    uint32_t c = 0;
    for (; c + LANES <= label; c += LANES) {
        earlier |= v_load(z + c) == v_splat(largest);
    }
    bool is_first = v_none(earlier);
    for (; c < label; c++) {
        is_first = is_first && z[c] != largest;
    }
    return is_first;
}

static void map_softmax(float *p, const float *z, const ch_loss_input *in, double *loss,
                        uint32_t *correct) {
    const size_t stride = ch_padded(in->n);
    for (uint32_t r = 0; r < in->m; r++, z += stride, p += stride) {
        const float largest = row_max(z, in->n);
        if (in->labels != NULL) {
            *correct += row_is_hit(z, in->labels[r], largest) ? 1 : 0;
            *loss += (double)(largest - z[in->labels[r]]);
        }
        const float sum = row_exp(p, z, in->n, largest);
        if (in->labels != NULL) {
            *loss += (double)v_log(v_splat(sum))[0];
        }
        const vfloat scale = v_splat(1.0F / sum);
        for (size_t c = 0; c < stride; c += LANES) {
            v_store(p + c, v_load(p + c) * scale);
        }
    }
}

static void map_softmax_gradient(float *gz, const float *p, const ch_loss_input *in, float scale) {
    const size_t stride = ch_padded(in->n);
    for (uint32_t r = 0; r < in->m; r++, gz += stride, p += stride) {
        for (size_t c = 0; c < stride; c += LANES) {
            v_store(gz + c, v_load(p + c) * scale);
        }
        const uint32_t label = in->labels[r];
        gz[label] = (p[label] - 1.0F) * scale;
    }
}

/* t: row r of the targets, or the one-hot label. */
static float target(const ch_loss_input *in, uint32_t r, uint32_t c) {
    if (in->targets != NULL) {
        return in->targets[(size_t)r * in->n + c];
    }
    return in->labels[r] == c ? 1.0F : 0.0F;
}

static void map_squared(const float *y, const ch_loss_input *in, double *loss, uint32_t *correct) {
    const size_t stride = ch_padded(in->n);
    for (uint32_t r = 0; r < in->m; r++, y += stride) {
        double sum = 0.0;
        for (uint32_t c = 0; c < in->n; c++) {
            const double d = (double)y[c] - (double)target(in, r, c);
            sum += d * d;
        }
        *loss += sum / in->n;
        if (in->labels != NULL) {
            *correct += row_is_hit(y, in->labels[r], row_max(y, in->n)) ? 1 : 0;
        }
    }
}

static void map_squared_gradient(float *gy, const float *y, const ch_loss_input *in, float scale) {
    const size_t stride = ch_padded(in->n);
    const float factor = 2.0F * scale / (float)in->n;
    for (uint32_t r = 0; r < in->m; r++, gy += stride, y += stride) {
        for (uint32_t c = 0; c < in->n; c++) {
            gy[c] = factor * (y[c] - target(in, r, c));
        }
        memset(gy + in->n, 0, (stride - in->n) * sizeof(float));
    }
}

static void map_apply(const ch_weights *w, size_t n, const ch_update *update) {
    const bool plain = ch_update_is_plain(update);
    for (size_t i = 0; i < n; i += LANES) { // parameters are padded to whole panels
        sgd_apply(w, i, v_load(w->g + i), update, plain);
    }
}

static uint32_t map_active(uint32_t *columns, const float *x, size_t stride, uint32_t m,
                           uint32_t n) {
    uint32_t found = 0;
    uint32_t c = 0;
    for (; c + LANES <= n; c += LANES) {
        vint any = {0};
        for (uint32_t r = 0; r < m; r++) {
            any |= v_load(x + r * stride + c) != (vfloat){0};
        }
        if (v_all(any)) { // as the middle of a picture, or data without zeros
            v_store_ints((int32_t *)columns + found, v_iota() + (int32_t)c);
            found += LANES;
        } else if (!v_none(any)) {
            for (uint32_t i = 0; i < LANES; i++) {
                columns[found] = c + i;
                found += any[i] != 0 ? 1 : 0;
            }
        }
    }
    for (; c < n; c++) {
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

const ch_map_kernels CH_EXPORT(ch_map) = {
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
