/*
 * LSTM kernels: from the sums of one step's gates to its output, and back.
 *
 *     i = s(z_i + p_i c')    f = s(z_f + p_f c')    g = tanh(z_g)     s(x) = 1 / (1 + exp(-x))
 *     c = f c' + i g         o = s(z_o + p_o c)     h = o tanh(c)
 *
 * element by element; c' is c of the step before. Without peepholes all p are zero. Coupled: i is
 * 1 - f, and there are no z_i and p_i. exp and tanh are our own: the same operations in the same
 * order on every CPU, within 3 units in the last place of the exact value.
 *
 * Arrays are row-major, padded to whole panels (panels.h); zeros in the padding stay zeros where it
 * matters: in c, h and all gradients.
 *
 * Source: Hochreiter, Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997; the forget
 * gate is of Gers, Schmidhuber, Cummins, "Learning to Forget", 2000; peepholes of Gers,
 * Schmidhuber, "Recurrent Nets that Time and Count", IJCNN 2000, diagonal as in Sak et al., "Long
 * Short-Term Memory Recurrent Neural Network Architectures for Large Scale Acoustic Modeling",
 * INTERSPEECH 2014, eq. 1-5; the coupled gates of Greff et al., "LSTM: A Search Space Odyssey",
 * 2015.
 */
#ifndef CH_MATH_LSTM_H
#define CH_MATH_LSTM_H

#include "math/kernels.h"
#include "math/update.h"

#include <stdint.h>

typedef enum ch_lstm_gate {
    CH_LSTM_INPUT,
    CH_LSTM_FORGET,
    CH_LSTM_CELL,
    CH_LSTM_OUTPUT,
    CH_LSTM_GATES,
} ch_lstm_gate;

/* One step of m examples and n units; arrays are (m, n) unless they say otherwise. */
typedef struct ch_lstm_step {
    uint32_t m, n;
    float *gate[CH_LSTM_GATES];           // [CH_LSTM_INPUT] NULL: coupled
    const float *peephole[CH_LSTM_GATES]; // (n) of input, forget and output; NULL: there are none
    const float *before;                  // c of the step before; NULL: zeros
    float *c;
    float *squashed; // tanh(c)
    float *h;        // forward only
    const float *gh; // backward only: the gradient of h
    float *gc;       // backward only
} ch_lstm_step;

struct ch_lstm_kernels {
    /* gate: sums in, gates out. Writes c, squashed and h. */
    void (*forward)(const ch_lstm_step *s);

    /* gate: gates in, gradients of the sums out. gc: the gradient of c that comes from the step
     * after in, that of c' out. */
    void (*backward)(const ch_lstm_step *s);

    /* The gradient of a peephole (n), or its update (update.h): the sum over rows of gz (m, n),
     * that of its gate's sum, times c (m, n), which it has seen. */
    void (*peephole_gradient)(const ch_weights *w, const float *gz, const float *c, uint32_t m,
                              uint32_t n, const ch_update *update);
};

#endif
