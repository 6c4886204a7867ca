/*
 * Fold: see fold.h. One body for each pass, which the compiler vectorises for several instruction
 * sets; the best one that this CPU has is chosen at run time.
 *
 * Why all of them give the same bits: a float's square is exact in double, so is its product with a
 * power of two, and so are whole numbers below 2^53 and their products; fusing such a product with
 * an addition changes nothing. What is left to round is the norm's additions, whose lanes and order
 * are fixed here, and the one rounding to a whole number.
 */
#include "math/fold.h"

#include "base/cpu.h"

#include <math.h>
#include <string.h>

/* Adding 1.5 2^52 to a number below 2^51 rounds it to a whole one, halves to even, and leaves that
 * in the low bits: the conversion to int64 that every instruction set can do. */
static const double SHIFTER = 0x1.8p52;
static const int64_t SHIFTER_BITS = INT64_C(0x4338000000000000);

static const int32_t MAGNITUDE_BITS = INT32_C(0x7FFFFFFF);
static const int32_t INFINITY_BITS = INT32_C(0x7F800000);

typedef struct lanes {
    double squares[CH_FOLD_LANES];
    int32_t magnitudes[CH_FOLD_LANES]; // as bits: they order like magnitudes, infinity, NaN
} lanes;

/* What lies in a message: not aligned, and of no declared type. */
typedef float loose_float __attribute__((aligned(1), may_alias));
typedef int32_t loose_bits __attribute__((aligned(1), may_alias));

/* Adds (count) values, one for each of the first lanes. */
CH_ALWAYS_INLINE void lanes_add(lanes *sum, const uint8_t *bytes, size_t count) {
    const loose_float *values = (const loose_float *)bytes;
    const loose_bits *bits = (const loose_bits *)bytes;
    for (size_t l = 0; l < count; l++) {
        sum->squares[l] += (double)values[l] * (double)values[l];
    }
    for (size_t l = 0; l < count; l++) {
        const int32_t magnitude = bits[l] & MAGNITUDE_BITS;
        sum->magnitudes[l] = magnitude > sum->magnitudes[l] ? magnitude : sum->magnitudes[l];
    }
}

CH_ALWAYS_INLINE ch_measure measure_body(const void *values, size_t count) {
    const uint8_t *bytes = values;
    const size_t whole = count / CH_FOLD_LANES * CH_FOLD_LANES;
    lanes sum = {0};
    for (size_t i = 0; i < whole; i += CH_FOLD_LANES) {
        lanes_add(&sum, bytes + i * sizeof(float), CH_FOLD_LANES);
    }
    if (whole < count) {
        lanes_add(&sum, bytes + whole * sizeof(float), count - whole);
    }
    int32_t most = 0;
    for (size_t l = 0; l < CH_FOLD_LANES; l++) {
        most = sum.magnitudes[l] > most ? sum.magnitudes[l] : most;
    }
    for (size_t width = CH_FOLD_LANES / 2; width > 0; width /= 2) {
        for (size_t l = 0; l < width; l++) {
            sum.squares[l] += sum.squares[l + width];
        }
    }
    ch_measure m = {.norm = sqrt(sum.squares[0]), .is_finite = most < INFINITY_BITS};
    memcpy(&m.magnitude, &most, sizeof(most));
    return m;
}

CH_ALWAYS_INLINE void add_body(int64_t *restrict sum, const void *values, size_t count,
                               uint32_t scale_bits, uint32_t weight) {
    const loose_float *in = values;
    const double scale = (double)(UINT64_C(1) << scale_bits);
    const double times = weight;
    for (size_t i = 0; i < count; i++) {
        const double whole = ((double)in[i] * scale + SHIFTER) - SHIFTER;
        const double shifted = whole * times + SHIFTER;
        int64_t bits;
        memcpy(&bits, &shifted, sizeof(bits));
        sum[i] += bits - SHIFTER_BITS;
    }
}

/* The two passes, compiled for a target: CH_TARGET_...; none is the baseline. */
#define VARIANT(isa, target)                                                                       \
    target static ch_measure measure_##isa(const void *values, size_t count) {                     \
        return measure_body(values, count);                                                        \
    }                                                                                              \
    target static void add_##isa(int64_t *sum, const void *values, size_t count,                   \
                                 uint32_t scale_bits, uint32_t weight) {                           \
        add_body(sum, values, count, scale_bits, weight);                                          \
    }

VARIANT(baseline, )

static bool runs_everywhere(void) {
    return true;
}

#if defined(CH_CPU_X86)
VARIANT(avx2, CH_TARGET_AVX2)
VARIANT(avx512, CH_TARGET_AVX512)
#endif

typedef struct variant {
    ch_fold fold;
    bool (*runs)(void); // on this CPU
} variant;

#define ROW(isa, runs)                                                                             \
    { {#isa, measure_##isa, add_##isa}, runs }

/* The best first. */
static const variant VARIANTS[] = {
#if defined(CH_CPU_X86)
    ROW(avx512, ch_cpu_has_avx512),
    ROW(avx2, ch_cpu_has_avx2),
#endif
    ROW(baseline, runs_everywhere),
};

const ch_fold *ch_fold_variant(uint32_t index) {
    for (size_t i = 0; i < sizeof(VARIANTS) / sizeof(VARIANTS[0]); i++) {
        if (VARIANTS[i].runs()) {
            if (index == 0) {
                return &VARIANTS[i].fold;
            }
            index -= 1;
        }
    }
    return NULL;
}

ch_measure ch_fold_measure(const void *values, size_t count) {
    return ch_fold_variant(0)->measure(values, count);
}

void ch_fold_add(int64_t *sum, const void *values, size_t count, uint32_t scale_bits,
                 uint32_t weight) {
    ch_fold_variant(0)->add(sum, values, count, scale_bits, weight);
}
