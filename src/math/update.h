/*
 * Update: what becomes of a parameter's gradient once a kernel has it in registers.
 *
 * A gradient is a sum over examples. The kernel that forms it may leave it in a buffer, carry on
 * from one (a batch that came in parts), or finish with the step of SGD, so that no gradient is
 * ever written to memory. All four are the same sequence of operations on each element:
 *
 *     g = continued ? buffer : 0;   g = fma(x_b, d_b, g) for b = 0, 1, ...
 *     not applied:  buffer = g
 *     applied:      g = fma(decay, w, g);  g = fma(proximal, w - anchor, g)
 *                   v = fma(momentum, v, g);  w = fma(-rate, v, w)
 *     applied, plain (all three zero):  w = fma(-rate, g, w)
 *
 * A plain update whose gradient has been multiplied by -rate beforehand says rate = -1: w = w + g.
 */
#ifndef CH_MATH_UPDATE_H
#define CH_MATH_UPDATE_H

#include <stdbool.h>

/* One parameter tensor; the four lie alike in memory (panels.h). Borrowed. */
typedef struct ch_weights {
    float *w;      // the parameters
    float *g;      // their gradient
    float *v;      // momentum
    float *anchor; // what the proximal term pulls towards; read only
} ch_weights;

typedef struct ch_update {
    bool continued;
    bool applied;
    float rate;
    float momentum;
    float decay;
    float proximal;
} ch_update;

/* Neither v nor anchor is read, and a gradient of zero changes nothing. */
static inline bool ch_update_is_plain(const ch_update *u) {
    return u->momentum == 0.0F && u->decay == 0.0F && u->proximal == 0.0F;
}

#endif
