/* LSTM kernels in vectors: see lstm.h. Compiled once per instruction set. */
#include "math/lstm.h"

#include "math/functions.h"
#include "math/sgd.h"
#include "math/vector.h"

/* z + p seen */
V_INLINE vfloat peep(const ch_lstm_step *s, ch_lstm_gate gate, size_t unit, vfloat seen, vfloat z,
                     const bool peepholes) {
    return peepholes ? v_fma(v_load(s->peephole[gate] + unit), seen, z) : z;
}

V_INLINE vfloat before_at(const ch_lstm_step *s, size_t at) {
    return s->before == NULL ? v_splat(0.0F) : v_load(s->before + at);
}

/* x (1 - x) y: a gate's own slope times what comes to it. */
V_INLINE vfloat slope(vfloat x, vfloat y) {
    return v_fma(-x, x, x) * y;
}

V_INLINE void forward_at(const ch_lstm_step *s, size_t at, size_t unit, const bool peepholes,
                         const bool coupled) {
    float *const *gate = s->gate;
    const vfloat before = before_at(s, at);
    const vfloat z_f = v_load(gate[CH_LSTM_FORGET] + at);
    const vfloat f = v_sigmoid(peep(s, CH_LSTM_FORGET, unit, before, z_f, peepholes));
    const vfloat g = v_tanh(v_load(gate[CH_LSTM_CELL] + at));
    vfloat i = 1.0F - f;
    if (!coupled) {
        const vfloat z_i = v_load(gate[CH_LSTM_INPUT] + at);
        i = v_sigmoid(peep(s, CH_LSTM_INPUT, unit, before, z_i, peepholes));
        v_store(gate[CH_LSTM_INPUT] + at, i);
    }
    const vfloat c = v_fma(i, g, f * before);
    const vfloat squashed = v_tanh(c);
    const vfloat z_o = v_load(gate[CH_LSTM_OUTPUT] + at);
    const vfloat o = v_sigmoid(peep(s, CH_LSTM_OUTPUT, unit, c, z_o, peepholes));
    v_store(gate[CH_LSTM_FORGET] + at, f);
    v_store(gate[CH_LSTM_CELL] + at, g);
    v_store(gate[CH_LSTM_OUTPUT] + at, o);
    v_store(s->c + at, c);
    v_store(s->squashed + at, squashed);
    v_store(s->h + at, o * squashed);
}

V_INLINE void backward_at(const ch_lstm_step *s, size_t at, size_t unit, const bool peepholes,
                          const bool coupled) {
    float *const *gate = s->gate;
    const vfloat before = before_at(s, at);
    const vfloat f = v_load(gate[CH_LSTM_FORGET] + at);
    const vfloat g = v_load(gate[CH_LSTM_CELL] + at);
    const vfloat o = v_load(gate[CH_LSTM_OUTPUT] + at);
    const vfloat i = coupled ? 1.0F - f : v_load(gate[CH_LSTM_INPUT] + at);
    const vfloat squashed = v_load(s->squashed + at);
    const vfloat gh = v_load(s->gh + at);
    const vfloat gz_o = slope(o, gh * squashed);
    const vfloat open = gh * o;
    vfloat gc = v_load(s->gc + at) + v_fma(-squashed * squashed, open, open);
    gc = peep(s, CH_LSTM_OUTPUT, unit, gz_o, gc, peepholes);
    const vfloat gz_f = slope(f, gc * (coupled ? before - g : before));
    const vfloat cell = gc * i;
    vfloat gc_before = peep(s, CH_LSTM_FORGET, unit, gz_f, gc * f, peepholes);
    if (!coupled) {
        const vfloat gz_i = slope(i, gc * g);
        gc_before = peep(s, CH_LSTM_INPUT, unit, gz_i, gc_before, peepholes);
        v_store(gate[CH_LSTM_INPUT] + at, gz_i);
    }
    v_store(gate[CH_LSTM_FORGET] + at, gz_f);
    v_store(gate[CH_LSTM_CELL] + at, v_fma(-g * g, cell, cell));
    v_store(gate[CH_LSTM_OUTPUT] + at, gz_o);
    v_store(s->gc + at, gc_before);
}

V_INLINE void all(const ch_lstm_step *s, const bool is_forward, const bool peepholes,
                  const bool coupled) {
    const size_t stride = ch_padded(s->n);
    for (uint32_t r = 0; r < s->m; r++) {
        for (size_t c = 0; c < stride; c += LANES) {
            if (is_forward) {
                forward_at(s, r * stride + c, c, peepholes, coupled);
            } else {
                backward_at(s, r * stride + c, c, peepholes, coupled);
            }
        }
    }
}

V_INLINE void all_forms(const ch_lstm_step *s, const bool is_forward) {
    const bool peepholes = s->peephole[CH_LSTM_FORGET] != NULL;
    const bool coupled = s->gate[CH_LSTM_INPUT] == NULL;
    if (peepholes && coupled) {
        all(s, is_forward, true, true);
    } else if (peepholes) {
        all(s, is_forward, true, false);
    } else if (coupled) {
        all(s, is_forward, false, true);
    } else {
        all(s, is_forward, false, false);
    }
}

static void lstm_forward(const ch_lstm_step *s) {
    all_forms(s, true);
}

static void lstm_backward(const ch_lstm_step *s) {
    all_forms(s, false);
}

static void lstm_peephole_gradient(const ch_weights *w, const float *gz, const float *c, uint32_t m,
                                   uint32_t n, const ch_update *update) {
    const size_t stride = ch_padded(n);
    const bool plain = ch_update_is_plain(update);
    for (size_t unit = 0; unit < stride; unit += LANES) {
        vfloat g = sgd_start(w, unit, update);
        for (uint32_t r = 0; r < m; r++) {
            const size_t at = r * stride + unit;
            g = v_fma(v_load(gz + at), v_load(c + at), g);
        }
        sgd_finish(w, unit, g, update, plain);
    }
}

const ch_lstm_kernels CH_EXPORT(ch_lstm) = {
    .forward = lstm_forward,
    .backward = lstm_backward,
    .peephole_gradient = lstm_peephole_gradient,
};
