/*
 * CPU: which instruction sets this one runs, and how a function is compiled for one of them.
 *
 *     CH_TARGET_AVX2 static void work_avx2(...) { work_body(...); }     only where CH_CPU_X86
 *
 * A loop that gives the same bits in all of them is written once, as an always inlined body, and
 * compiled once for each.
 */
#ifndef CH_BASE_CPU_H
#define CH_BASE_CPU_H

#include <stdbool.h>

#define CH_ALWAYS_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define CH_CPU_X86     1
#define CH_TARGET_AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__)
#define CH_TARGET_AVX512                                                                           \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"), min_vector_width(512)))
#else
#define CH_TARGET_AVX512                                                                           \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma,prefer-vector-width=512")))
#endif

/* AVX2 and fused multiply-add. */
static inline bool ch_cpu_has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* AVX-512 with its extensions for bytes, doublewords and shorter vectors; and all of AVX2. */
static inline bool ch_cpu_has_avx512(void) {
    return ch_cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

#endif
