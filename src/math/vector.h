/*
 * Vector: the words in which kernels are written, for any vector width.
 *
 * Included by kernel sources only, which are compiled once per instruction set with
 *
 *     CH_ISA        suffix of what the object file exports: avx512, avx2, ...
 *     CH_LANES      floats in a vector: 16, 8 or 4
 *     CH_TILE_ROWS  how many pairs of sums fit in its registers, at most 12
 *
 * Arithmetic is GCC/Clang vector extensions. Multiply-add is written v_fma and rounds once, except
 * on machines that cannot; nothing else may be contracted, so both compilers do the same
 * operations. Reductions go through v16: sixteen lanes, in as many vectors as that takes.
 */
#ifndef CH_MATH_VECTOR_H
#define CH_MATH_VECTOR_H

#include "math/panels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__FMA__)
#include <immintrin.h>
#endif

#define CH_JOIN_(a, b)  a##_##b
#define CH_JOIN(a, b)   CH_JOIN_(a, b)
#define CH_EXPORT(name) CH_JOIN(name, CH_ISA)
#define V_INLINE        static inline __attribute__((always_inline))
#if defined(__clang__)
#define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V_UNROLL _Pragma("GCC unroll 32")
#endif

enum { LANES = CH_LANES, V16_PARTS = CH_PANEL / CH_LANES };

typedef float vfloat __attribute__((vector_size(4 * CH_LANES)));
typedef int32_t vint __attribute__((vector_size(4 * CH_LANES)));
typedef float vfloat_anywhere __attribute__((vector_size(4 * CH_LANES), aligned(4), may_alias));
typedef int32_t vint_anywhere __attribute__((vector_size(4 * CH_LANES), aligned(4), may_alias));

V_INLINE vfloat v_load(const float *x) {
    return *(const vfloat_anywhere *)x;
}

V_INLINE void v_store(float *y, vfloat a) {
    *(vfloat_anywhere *)y = a;
}

V_INLINE vfloat v_splat(float x) {
    return x - (vfloat){0}; // not plus: that would turn -0 into 0, and need an addition
}

/* a * b + c, rounded once. */
V_INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c) {
#if defined(__FMA__) && CH_LANES == 8
    return (vfloat)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__AVX512F__) && CH_LANES == 16
    return (vfloat)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    for (int i = 0; i < LANES; i++) {
        c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    }
    return c;
#else
    return a * b + c; // rounded twice: there is no other way here that is not slow
#endif
}

V_INLINE vfloat v_select(vint mask, vfloat yes, vfloat no) {
    return (vfloat)((mask & (vint)yes) | (~mask & (vint)no));
}

/* Whether no lane of a mask is set, or every one: the sign bits, gathered where there is a way. */
V_INLINE bool v_none(vint mask) {
#if defined(__AVX512DQ__) && CH_LANES == 16
    return _mm512_movepi32_mask((__m512i)mask) == 0;
#elif defined(__AVX2__) && CH_LANES == 8
    return _mm256_movemask_ps((__m256)mask) == 0;
#else
    int32_t any = 0;
    for (int i = 0; i < LANES; i++) {
        any |= mask[i];
    }
    return any == 0;
#endif
}

V_INLINE bool v_all(vint mask) {
    return v_none(~mask);
}

V_INLINE vfloat v_max(vfloat a, vfloat b) {
    return v_select(a > b, a, b);
}

/* NaN stays NaN: a model that has diverged should say so. */
V_INLINE vfloat v_relu(vfloat a) {
    return (vfloat)((vint)a & ~(a < (vfloat){0}));
}

/* 0, 1, 2, ... */
V_INLINE vint v_iota(void) {
    vint a;
    for (int i = 0; i < LANES; i++) {
        a[i] = i;
    }
    return a;
}

V_INLINE void v_store_ints(int32_t *y, vint a) {
    *(vint_anywhere *)y = a;
}

/* Sixteen lanes: what reductions run over, so that they do not depend on the vector width. */
typedef struct v16 {
    vfloat part[V16_PARTS];
} v16;

V_INLINE v16 v16_splat(float x) {
    v16 a;
    for (int i = 0; i < V16_PARTS; i++) {
        a.part[i] = v_splat(x);
    }
    return a;
}

V_INLINE v16 v16_load(const float *x) {
    v16 a;
    for (int i = 0; i < V16_PARTS; i++) {
        a.part[i] = v_load(x + (ptrdiff_t)i * LANES);
    }
    return a;
}

V_INLINE void v16_store(float *y, v16 a) {
    for (int i = 0; i < V16_PARTS; i++) {
        v_store(y + (ptrdiff_t)i * LANES, a.part[i]);
    }
}

V_INLINE v16 v16_fma(v16 a, v16 b, v16 c) {
    for (int i = 0; i < V16_PARTS; i++) {
        c.part[i] = v_fma(a.part[i], b.part[i], c.part[i]);
    }
    return c;
}

/* Lane l plus lane l + 8, then l + 4, l + 2, l + 1. */
V_INLINE float v16_sum(v16 a) {
    float x[CH_PANEL];
    v16_store(x, a);
    for (int width = CH_PANEL / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            x[i] += x[i + width];
        }
    }
    return x[0];
}

V_INLINE float v16_max(v16 a) {
    float x[CH_PANEL];
    v16_store(x, a);
    float largest = x[0];
    for (int i = 1; i < CH_PANEL; i++) {
        largest = x[i] > largest ? x[i] : largest;
    }
    return largest;
}

#endif
