/*
 * Fold: measuring one client's update, and adding it to a round's sum in fixed point.
 *
 * These two passes are all that a coordinator does per parameter. Both take the bytes of a message
 * as they lie there, little-endian fp32 at any address, and give the same bits whatever the
 * instruction set: the sum is integer, every step before it is exact but one rounding, and the norm
 * accumulates over a fixed number of virtual lanes.
 */
#ifndef CH_MATH_FOLD_H
#define CH_MATH_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CH_FOLD_LANES = 32, // virtual lanes of the norm
    CH_FOLD_BITS = 50,  // |weight * value * 2^scale_bits| must stay below 2^this
};

typedef struct ch_measure {
    double norm;     // L2, accumulated in double; NaN or infinite unless is_finite
    float magnitude; // largest |value|; likewise
    bool is_finite;  // no NaN, no infinity
} ch_measure;

/* The two passes for one instruction set. */
typedef struct ch_fold {
    const char *name;
    ch_measure (*measure)(const void *values, size_t count);
    void (*add)(int64_t *sum, const void *values, size_t count, uint32_t scale_bits,
                uint32_t weight);
} ch_fold;

/* Those that this CPU can run, the best first, which the functions below use; then NULL. */
const ch_fold *ch_fold_variant(uint32_t index);

/* values (count) fp32 at any address. The measure of nothing is 0, 0, finite. */
ch_measure ch_fold_measure(const void *values, size_t count);

/*
 * sum_i += weight * round(value_i * 2^scale_bits), halves to even, exactly.
 *
 * sum         (count)
 * values      (count) fp32 at any address, finite and within CH_FOLD_BITS
 * scale_bits  0 .. CH_FOLD_BITS
 */
void ch_fold_add(int64_t *sum, const void *values, size_t count, uint32_t scale_bits,
                 uint32_t weight);

#endif
