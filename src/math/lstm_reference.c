/* LSTM kernels in plain C, in double with the C library's functions: see lstm.h. */
#include "math/lstm.h"

#include "math/panels.h"
#include "math/reference.h"

#include <math.h>
#include <stdbool.h>

static double sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}

/* A peephole at unit c times what it sees. */
static double peep(const ch_lstm_step *s, ch_lstm_gate gate, uint32_t c, double seen) {
    return s->peephole[gate] == NULL ? 0.0 : (double)s->peephole[gate][c] * seen;
}

static double before_at(const ch_lstm_step *s, size_t at) {
    return s->before == NULL ? 0.0 : (double)s->before[at];
}

static void forward_at(const ch_lstm_step *s, size_t at, uint32_t unit) {
    const double before = before_at(s, at);
    const double f =
        sigmoid((double)s->gate[CH_LSTM_FORGET][at] + peep(s, CH_LSTM_FORGET, unit, before));
    const double g = tanh((double)s->gate[CH_LSTM_CELL][at]);
    double i = 1.0 - f;
    if (s->gate[CH_LSTM_INPUT] != NULL) {
        i = sigmoid((double)s->gate[CH_LSTM_INPUT][at] + peep(s, CH_LSTM_INPUT, unit, before));
        s->gate[CH_LSTM_INPUT][at] = (float)i;
    }
    const double c = f * before + i * g;
    const double o =
        sigmoid((double)s->gate[CH_LSTM_OUTPUT][at] + peep(s, CH_LSTM_OUTPUT, unit, c));
    s->gate[CH_LSTM_FORGET][at] = (float)f;
    s->gate[CH_LSTM_CELL][at] = (float)g;
    s->gate[CH_LSTM_OUTPUT][at] = (float)o;
    s->c[at] = (float)c;
    s->squashed[at] = (float)tanh(c);
    s->h[at] = (float)(o * tanh(c));
}

static void backward_at(const ch_lstm_step *s, size_t at, uint32_t unit) {
    const bool coupled = s->gate[CH_LSTM_INPUT] == NULL;
    const double before = before_at(s, at);
    const double f = (double)s->gate[CH_LSTM_FORGET][at];
    const double g = (double)s->gate[CH_LSTM_CELL][at];
    const double o = (double)s->gate[CH_LSTM_OUTPUT][at];
    const double i = coupled ? 1.0 - f : (double)s->gate[CH_LSTM_INPUT][at];
    const double squashed = (double)s->squashed[at];
    const double gh = (double)s->gh[at];
    const double gz_o = gh * squashed * o * (1.0 - o);
    const double gc = (double)s->gc[at] + gh * o * (1.0 - squashed * squashed) +
                      peep(s, CH_LSTM_OUTPUT, unit, gz_o);
    const double gz_f = gc * (coupled ? before - g : before) * f * (1.0 - f);
    const double gz_i = gc * g * i * (1.0 - i);
    if (!coupled) {
        s->gate[CH_LSTM_INPUT][at] = (float)gz_i;
    }
    s->gate[CH_LSTM_FORGET][at] = (float)gz_f;
    s->gate[CH_LSTM_CELL][at] = (float)(gc * i * (1.0 - g * g));
    s->gate[CH_LSTM_OUTPUT][at] = (float)gz_o;
    s->gc[at] = (float)(gc * f + peep(s, CH_LSTM_FORGET, unit, gz_f) +
                        (coupled ? 0.0 : peep(s, CH_LSTM_INPUT, unit, gz_i)));
}

static void each(const ch_lstm_step *s, void (*at)(const ch_lstm_step *s, size_t at, uint32_t c)) {
    for (uint32_t r = 0; r < s->m; r++) {
        for (uint32_t c = 0; c < ch_padded(s->n); c++) {
            at(s, r * ch_padded(s->n) + c, c);
        }
    }
}

static void lstm_forward(const ch_lstm_step *s) {
    each(s, forward_at);
}

static void lstm_backward(const ch_lstm_step *s) {
    each(s, backward_at);
}

static void lstm_peephole_gradient(const ch_weights *w, const float *gz, const float *c, uint32_t m,
                                   uint32_t n, const ch_update *update) {
    for (uint32_t unit = 0; unit < n; unit++) {
        double sum = update->continued ? (double)w->g[unit] : 0.0;
        for (uint32_t r = 0; r < m; r++) {
            const size_t at = r * ch_padded(n) + unit;
            sum += (double)gz[at] * (double)c[at];
        }
        reference_finish(w, unit, sum, update);
    }
}

const ch_lstm_kernels ch_lstm_reference = {
    .forward = lstm_forward,
    .backward = lstm_backward,
    .peephole_gradient = lstm_peephole_gradient,
};
