/* Pixels: see pixels.h. The widest vectors that this CPU has, then one by one. */
#include "math/pixels.h"

#include "base/cpu.h"

#if defined(CH_CPU_X86)
#include <immintrin.h>
#endif

static const float SCALE = 1.0F / 255.0F;

#if defined(CH_CPU_X86)
enum { SPAN = 8 };

/* As many whole spans as there are. Returns how many pixels that was. */
CH_TARGET_AVX2 static size_t spans_scale(float *x, const uint8_t *bytes, size_t count) {
    const __m256 scale = _mm256_set1_ps(SCALE);
    size_t i = 0;
    for (; i + SPAN <= count; i += SPAN) {
        const __m128i some = _mm_loadl_epi64((const __m128i *)(const void *)(bytes + i));
        const __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(some));
        _mm256_storeu_ps(x + i, _mm256_mul_ps(values, scale));
    }
    return i;
}
#endif

void ch_pixels_scale(float *x, const uint8_t *bytes, size_t count) {
    size_t i = 0;
#if defined(CH_CPU_X86)
    if (ch_cpu_has_avx2()) {
        i = spans_scale(x, bytes, count);
    }
#endif
    for (; i < count; i++) {
        x[i] = (float)bytes[i] * SCALE;
    }
}
