/*
 * Examples: a table of inputs and labels in memory.
 *
 * Pixels stay bytes until a batch is gathered: a quarter of the memory traffic, and the x that a
 * model sees is byte / 255 either way. Tables are views; who made one owns its arrays.
 */
#ifndef CH_DATA_EXAMPLES_H
#define CH_DATA_EXAMPLES_H

#include "base/shape.h"

#include <stddef.h>
#include <stdint.h>

/* The label of an example that has none: only where a reader was told that there may be such. */
#define CH_LABEL_NONE UINT32_MAX

typedef struct ch_examples {
    uint32_t count;
    ch_shape shape;
    uint32_t classes;       // labels are below; 0: regression on targets
    const uint8_t *bytes;   // (count, features) x = byte / 255; or NULL
    const float *reals;     // (count, features); exactly one of bytes and reals
    const uint32_t *labels; // (count) NULL when classes is 0
    const float *targets;   // (count) NULL unless classes is 0
    const uint32_t *groups; // (count) e.g. who wrote it; NULL when unknown
} ch_examples;

/* Some rows of a table: what one client holds. */
typedef struct ch_holding {
    const ch_examples *examples; // borrowed
    const uint32_t *rows;        // (count) borrowed; NULL: the table's first count rows
    uint32_t count;
} ch_holding;

static inline uint32_t ch_holding_row(const ch_holding *h, uint32_t i) {
    return h->rows == NULL ? i : h->rows[i];
}

/*
 * Copies the inputs of (count) examples into x (count, features) as fp32.
 *
 * order  (count) positions in the holding, or NULL: its positions from first on
 */
void ch_holding_gather(const ch_holding *h, const uint32_t *order, uint32_t first, uint32_t count,
                       float *x);

/* Asks the memory for what a gather of the (count) positions in order will read. */
void ch_holding_prefetch(const ch_holding *h, const uint32_t *order, uint32_t count);

#endif
