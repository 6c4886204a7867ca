/*
 * Packing: sequences of different lengths as rows without padding.
 *
 * Examples are ordered by descending length, equal ones as they came, and their positions by step:
 *
 *     lengths 2, 3, 1:    step 0     step 1   step 2
 *                         b a c      b a      b         active 3, 2, 1; 6 rows
 *
 * So the examples that are still there at a step are the first ones of the step before, and what
 * acts on rows needs to know of none of this. No position beyond an example's length is read.
 */
#ifndef CH_NN_PACKING_H
#define CH_NN_PACKING_H

#include "base/arena.h"
#include "choir/status.h"
#include "nn/net.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ch_packing {
    uint32_t steps; // of the longest sequence it has room for
    uint32_t batch; // sequences it has room for
    uint32_t count; // sequences that are packed
    uint32_t rows;  // positions of them

    uint32_t *order;  // (batch) which example of the batch comes first, second, ...
    uint32_t *active; // (steps) sequences at each step, descending; 0 behind the longest
    uint32_t *places; // (steps + 1) where those of each length come, counted from the longest
    float *x;         // (batch * steps) tokens of the rows
    uint32_t *labels; // (batch * steps) of the rows
    ch_arena arena;   // owns the arrays
} ch_packing;

/* What ch_packing_init claims. */
size_t ch_packing_bytes(uint32_t steps, uint32_t batch);

/* Returns OK and an object to release, or ENOMEM. */
CHOIR_NODISCARD choir_status ch_packing_init(ch_packing *packing, uint32_t steps, uint32_t batch,
                                             const choir_env *env);
void ch_packing_release(ch_packing *packing);

/* Packs count sequences of b, at most batch: those that are first, first + 1, ... in the order of
 * all of b. So sequences of like length are packed together. */
void ch_packing_fill(ch_packing *packing, const ch_batch *b, uint32_t first, uint32_t count);

/* Where packed row comes from: its position in the whole batch, of those (count, steps). */
size_t ch_packing_position(const ch_packing *packing, uint32_t example, uint32_t step);

#endif
