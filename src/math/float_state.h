/*
 * Float state: denormals are zeros while kernels run.
 *
 *     const ch_float_state before = ch_float_enter();
 *     ... kernels ...
 *     ch_float_leave(before);
 *
 * A dying gradient passes through the denormal numbers, where an x86 multiplication takes a hundred
 * times as long. Results would differ between threads that flush and threads that do not, so
 * whoever runs kernels enters first, whatever state the host program likes.
 */
#ifndef CH_MATH_FLOAT_STATE_H
#define CH_MATH_FLOAT_STATE_H

#include <stdint.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

typedef uint64_t ch_float_state;

/* Round to nearest, no traps, denormal operands and results are zero. Returns the state before. */
static inline ch_float_state ch_float_enter(void) {
#if defined(__SSE__)
    const ch_float_state before = _mm_getcsr();
    _mm_setcsr(0x9fc0U); // flush to zero, denormals are zeros, all exceptions masked
    return before;
#elif defined(__aarch64__)
    ch_float_state before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"((ch_float_state)1 << 24));
    return before;
#else
    return 0;
#endif
}

static inline void ch_float_leave(ch_float_state before) {
#if defined(__SSE__)
    _mm_setcsr((unsigned)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

#endif
