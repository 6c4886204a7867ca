/* Gathering examples into a batch; see examples.h. */
#include "data/examples.h"

#include "base/cpu.h"

#include <stddef.h>
#include <string.h>

#if defined(CH_CPU_X86)
#include <immintrin.h>
#endif

enum { SPAN = 8, CACHE_LINE = 64 };

/* One multiply a pixel: at most one unit in the last place from the quotient, and the same on every
 * machine. */
static const float SCALE = 1.0F / 255.0F;

/* As many whole spans as there are; returns how many bytes that was. */
#if defined(CH_CPU_X86)
CH_TARGET_AVX2 static uint32_t spans_scale(float *x, const uint8_t *bytes, uint32_t count) {
    const __m256 scale = _mm256_set1_ps(SCALE);
    uint32_t i = 0;
    for (; i + SPAN <= count; i += SPAN) {
        const __m128i some = _mm_loadl_epi64((const __m128i *)(const void *)(bytes + i));
        const __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(some));
        _mm256_storeu_ps(x + i, _mm256_mul_ps(values, scale));
    }
    return i;
}
#endif

static void bytes_scale(float *x, const uint8_t *bytes, uint32_t count) {
    uint32_t i = 0;
#if defined(CH_CPU_X86)
    if (ch_cpu_has_avx2()) {
        i = spans_scale(x, bytes, count);
    }
#endif
    for (; i < count; i++) {
        x[i] = (float)bytes[i] * SCALE;
    }
}

void ch_holding_gather(const ch_holding *h, const uint32_t *order, uint32_t first, uint32_t count,
                       float *x) {
    const ch_examples *e = h->examples;
    const uint32_t features = ch_shape_features(e->shape);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t position = order == NULL ? first + i : order[i];
        const size_t from = (size_t)ch_holding_row(h, position) * features;
        float *to = x + (size_t)i * features;
        if (e->bytes != NULL) {
            bytes_scale(to, e->bytes + from, features);
        } else {
            memcpy(to, e->reals + from, features * sizeof(to[0]));
        }
    }
}

void ch_holding_prefetch(const ch_holding *h, const uint32_t *order, uint32_t count) {
    const ch_examples *e = h->examples;
    const size_t features = ch_shape_features(e->shape);
    const size_t size = features * (e->bytes != NULL ? sizeof(e->bytes[0]) : sizeof(e->reals[0]));
    const char *table = e->bytes != NULL ? (const char *)e->bytes : (const char *)e->reals;
    for (uint32_t i = 0; i < count; i++) {
        const char *row = table + ch_holding_row(h, order[i]) * size;
        for (size_t at = 0; at < size; at += CACHE_LINE) {
            __builtin_prefetch(row + at);
        }
    }
}
