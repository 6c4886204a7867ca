/*
 * SGD: the last half of update.h for one vector. For kernel sources only (vector.h).
 *
 * What every kernel that forms a parameter's gradient does with it at the end.
 */
#ifndef CH_MATH_SGD_H
#define CH_MATH_SGD_H

#include "math/update.h"
#include "math/vector.h"

/* The step of SGD on the LANES parameters at offset; plain is ch_update_is_plain(u). */
V_INLINE void sgd_apply(const ch_weights *w, size_t offset, vfloat g, const ch_update *u,
                        bool plain) {
    const vfloat x = v_load(w->w + offset);
    if (plain) {
        v_store(w->w + offset, v_fma(v_splat(-u->rate), g, x));
        return;
    }
    g = v_fma(v_splat(u->decay), x, g);
    g = v_fma(v_splat(u->proximal), x - v_load(w->anchor + offset), g);
    const vfloat v = v_fma(v_splat(u->momentum), v_load(w->v + offset), g);
    v_store(w->v + offset, v);
    v_store(w->w + offset, v_fma(v_splat(-u->rate), v, x));
}

/* Where the sum over examples starts. */
V_INLINE vfloat sgd_start(const ch_weights *w, size_t offset, const ch_update *u) {
    return u->continued ? v_load(w->g + offset) : v_splat(0.0F);
}

/* Out of line, through the buffer, so that tiles stay small where it is not needed. */
__attribute__((noinline, unused)) static void sgd_apply_buffer(const ch_weights *w, size_t offset,
                                                               const ch_update *u, bool plain) {
    sgd_apply(w, offset, v_load(w->g + offset), u, plain);
}

/* What becomes of the sum. */
V_INLINE void sgd_finish(const ch_weights *w, size_t offset, vfloat g, const ch_update *u,
                         bool plain) {
    v_store(w->g + offset, g);
    if (u->applied) {
        sgd_apply_buffer(w, offset, u, plain);
    }
}

#endif
