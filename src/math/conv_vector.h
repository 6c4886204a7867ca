/*
 * Pieces of convolution kernels that both algorithms need. For kernel sources only (vector.h).
 */
#ifndef CH_MATH_CONV_VECTOR_H
#define CH_MATH_CONV_VECTOR_H

#include "math/conv.h"
#include "math/sgd.h"
#include "math/vector.h"

#include <string.h>

typedef uint8_t vbyte __attribute__((vector_size(CH_LANES)));
typedef uint8_t vbyte_anywhere __attribute__((vector_size(CH_LANES), aligned(1), may_alias));

V_INLINE vint v_load_codes(const uint8_t *codes) {
#if defined(__AVX2__) && CH_LANES == 8
    return (vint)_mm256_cvtepu8_epi32(_mm_loadu_si64(codes));
#elif defined(__AVX512F__) && CH_LANES == 16
    return (vint)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i_u *)codes));
#else
    return __builtin_convertvector(*(const vbyte_anywhere *)codes, vint);
#endif
}

V_INLINE void v_store_codes(uint8_t *codes, vint a) {
#if defined(__AVX2__) && CH_LANES == 8
    const __m256i wide = (__m256i)a;
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    _mm_storeu_si64(codes, _mm_packus_epi16(words, words));
#elif defined(__AVX512F__) && CH_LANES == 16
    _mm_storeu_si128((__m128i_u *)codes, _mm512_cvtepi32_epi8((__m512i)a));
#else
    *(vbyte_anywhere *)codes = __builtin_convertvector(a, vbyte);
#endif
}

/* The largest of a 2 x 2 square in reading order, relu of it, and the code to find it again. */
V_INLINE vfloat pool_square(const vfloat a[4], vint *code) {
    vfloat best = a[0];
    vint at = {0};
    V_UNROLL
    for (int i = 1; i < 4; i++) {
        const vint larger = a[i] > best;
        best = v_select(larger, a[i], best);
        at = (larger & i) | (~larger & at);
    }
    const vint alive = best > (vfloat){0};
    *code = (alive & at) | (~alive & CH_POOL_DEAD);
    return v_relu(best);
}

/* The first n of LANES at x, zeros after them; all when n is larger. */
V_INLINE vfloat v_load_some(const float *x, size_t n) {
    if (n >= LANES) {
        return v_load(x);
    }
    float some[LANES] = {0};
    memcpy(some, x, n * sizeof(float));
    return v_load(some);
}

V_INLINE void v_store_some(float *y, vfloat a, size_t n) {
    if (n >= LANES) {
        v_store(y, a);
        return;
    }
    float some[LANES];
    v_store(some, a);
    memcpy(y, some, n * sizeof(float));
}

V_INLINE vint v_load_some_codes(const uint8_t *codes, size_t n) {
    if (n >= LANES) {
        return v_load_codes(codes);
    }
    uint8_t some[LANES] = {0};
    memcpy(some, codes, n);
    return v_load_codes(some);
}

V_INLINE void v_store_some_codes(uint8_t *codes, vint a, size_t n) {
    if (n >= LANES) {
        v_store_codes(codes, a);
        return;
    }
    uint8_t some[LANES];
    v_store_codes(some, a);
    memcpy(codes, some, n);
}

/* One image's part in the sums of LANES channels from o, position after position. */
V_INLINE vfloat bias_sum(vfloat sum, const ch_conv_gradient *gy, size_t image,
                         const ch_conv_shape *s, size_t o) {
    const size_t some = s->out - o;
    const float *g = gy->g + image * gy->stride + o;
    if (gy->codes == NULL) {
        for (size_t p = 0; p < (size_t)s->height * s->width; p++) {
            sum += v_load_some(g + p * s->out, some);
        }
        return sum;
    }
    const size_t row = (size_t)(s->width / 2) * s->out;
    const uint8_t *codes = gy->codes + image * (s->height / 2) * row + o;
    for (size_t y = 0; y < s->height; y++) { // each row of squares twice: upper, then lower halves
        const size_t at = y / 2 * row;
        const int half = y % 2 == 0 ? 0 : 2;
        for (size_t p = at; p < at + row; p += s->out) {
            const vint code = v_load_some_codes(codes + p, some);
            const vint here = (code & (CH_POOL_DEAD | 2)) == half;
            sum += (vfloat)((vint)v_load_some(g + p, some) & here);
        }
    }
    return sum;
}

static inline void conv_bias_gradient(const ch_weights *bias, const ch_conv_gradient *gy,
                                      uint32_t count, const ch_conv_shape *s,
                                      const ch_update *update) {
    const bool plain = ch_update_is_plain(update);
    for (size_t o = 0; o < s->out; o += LANES) {
        vfloat sum = sgd_start(bias, o, update);
        for (size_t b = 0; b < count; b++) {
            sum = bias_sum(sum, gy, b, s, o);
        }
        sgd_finish(bias, o, sum, update, plain);
    }
}

#endif
