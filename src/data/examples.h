/*
 * Examples: a table of inputs and labels in memory.
 *
 * Pixels stay bytes until a batch is gathered: a quarter of the memory traffic, and the x that a
 * model sees is byte / 255 either way. Tables are views; who made one owns its arrays.
 *
 * A table of sequences has tokens instead: an example is a span of at least two of them, every one
 * but the first being what is to be predicted from those before it:
 *
 *     tokens    t_0  t_1  ...  t_(L-2)  t_(L-1)         L = length of the span
 *     inputs    t_0  t_1  ...  t_(L-2)                  L - 1 predictions, at most as many as the
 *     answers   t_1  t_2  ...  t_(L-1)                  shape has channels: {1, 1, steps}
 */
#ifndef CH_DATA_EXAMPLES_H
#define CH_DATA_EXAMPLES_H

#include "base/shape.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The label of an example that has none: only where a reader was told that there may be such. */
#define CH_LABEL_NONE UINT32_MAX

/* The group of a test example whose group has no training example. */
#define CH_GROUP_NONE UINT32_MAX

/* Where an example's tokens are. */
typedef struct ch_span {
    uint32_t first;
    uint32_t length; // >= 2
} ch_span;

typedef struct ch_examples {
    uint32_t count;
    ch_shape shape;
    uint32_t classes;             // labels, or tokens, are below; 0: regression on targets
    const uint8_t *bytes;         // (count, features) x = byte / 255; or NULL
    const float *reals;           // (count, features); one of bytes, reals, tokens and filed
    const uint16_t *tokens;       // sequences: of all examples, in any order, and they may overlap
    const ch_span *spans;         // (count) sequences: each one's tokens; NULL without tokens
    const uint32_t *labels;       // (count) NULL when classes is 0, and of sequences
    const float *targets;         // (count) NULL unless classes is 0
    const uint32_t *groups;       // (count) e.g. who wrote it; NULL when unknown
    const struct ch_filed *filed; // inputs that stay in files, and there are none in memory; NULL
    const uint32_t *places;       // (count) and which of those they are
} ch_examples;

/* Whether a table's examples are sequences. */
static inline bool ch_examples_are_sequences(const ch_examples *e) {
    return e->tokens != NULL;
}

/* How many tokens of row an example predicts; 1 of one that is no sequence. */
static inline uint32_t ch_examples_predictions(const ch_examples *e, uint32_t row) {
    return e->tokens == NULL ? 1 : e->spans[row].length - 1;
}

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
 * Copies the inputs of (count) examples, which are in memory, into x (count, features) as fp32; not
 * of sequences.
 *
 * order  (count) positions in the holding, or NULL: its positions from first on
 */
void ch_holding_gather(const ch_holding *h, const uint32_t *order, uint32_t first, uint32_t count,
                       float *x);

/*
 * The same of sequences, with steps = channels of the shape: inputs x (count, steps), answers
 * labels (count, steps), and how many of each there are: lengths (count). What is beyond a length
 * is left as it was.
 */
void ch_holding_gather_tokens(const ch_holding *h, const uint32_t *order, uint32_t first,
                              uint32_t count, float *x, uint32_t *labels, uint32_t *lengths);

/* Predictions of all its examples together; their number when they are no sequences. */
uint64_t ch_holding_predictions(const ch_holding *h);

/* Asks the memory for what a gather of the (count) positions in order will read; nothing where they
 * are not in it. */
void ch_holding_prefetch(const ch_holding *h, const uint32_t *order, uint32_t count);

#endif
