/* Reference: what the plain kernels share, in double. See update.h for the formulas. */
#ifndef CH_MATH_REFERENCE_H
#define CH_MATH_REFERENCE_H

#include "math/update.h"

#include <stddef.h>

/* The step of SGD on the parameter at offset. */
static inline void reference_apply(const ch_weights *w, size_t at, double g, const ch_update *u) {
    const double x = (double)w->w[at];
    if (!ch_update_is_plain(u)) {
        g += (double)u->decay * x + (double)u->proximal * (x - (double)w->anchor[at]);
        g += (double)u->momentum * (double)w->v[at];
        w->v[at] = (float)g;
    }
    w->w[at] = (float)(x - (double)u->rate * g);
}

/* What becomes of a sum over examples. */
static inline void reference_finish(const ch_weights *w, size_t at, double g, const ch_update *u) {
    if (u->applied) {
        reference_apply(w, at, g, u);
    } else {
        w->g[at] = (float)g;
    }
}

#endif
