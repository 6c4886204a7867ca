/*
 * Dataset: training and test examples in memory, and the blocks they live in.
 *
 * Readers and generators fill one; it owns every array that its two tables point into, so that one
 * release gives everything back, whatever a failed reader left behind.
 */
#ifndef CH_DATA_DATASET_H
#define CH_DATA_DATASET_H

#include "choir/env.h"
#include "choir/status.h"
#include "data/examples.h"

#include <stddef.h>

enum {
    CH_DATASET_BLOCKS_MAX = 16,
};

/* Most examples, features of one, and classes that any source may have. */
#define CH_EXAMPLES_MAX (UINT32_C(1) << 28)
#define CH_FEATURES_MAX (UINT32_C(1) << 20)
#define CH_CLASSES_MAX  (UINT32_C(1) << 16)

struct ch_filed; // of data/filed.h
struct ch_cell;  // of data/csv.h: a piece of text

typedef struct ch_dataset {
    ch_examples train;
    ch_examples test;          // count 0: the source has none
    const char *const *names;  // (named) what labels 0, 1, ... are called, printable
    uint32_t named;            // 0: labels have no names but their numbers
    const char *encoding;      // CSV: how it was encoded, as ch_encoding_write; NULL: no CSV
    uint32_t cut;              // lines of text that were cut, being longer than an example's steps
    uint32_t idle;             // groups that have no training row, and no number
    struct ch_filed *filed[2]; // (filed_count) files to close; in blocks
    uint32_t filed_count;
    void *blocks[CH_DATASET_BLOCKS_MAX]; // (block_count) owned
    uint32_t block_count;
    choir_env env;
} ch_dataset;

/* Empty, with nothing to release yet. */
void ch_dataset_init(ch_dataset *d, const choir_env *env);

/* Gives every block back and leaves it empty. */
void ch_dataset_release(ch_dataset *d);

/* Room for count items, not zeroed, borrowed until the release; NULL when there is none. */
void *ch_dataset_claim(ch_dataset *d, size_t count, size_t item_bytes);

/* Room for files that one table of the two stays in, with none in it yet, which the release closes;
 * NULL when there is no memory. */
struct ch_filed *ch_dataset_file(ch_dataset *d);

/* Takes over a block that came from the same env. */
void ch_dataset_adopt(ch_dataset *d, void *block);

/*
 * Names labels 0 .. count-1. The texts are copied; in one that is not printable UTF-8, every byte
 * that is not printable ASCII becomes '?'. ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_dataset_name(ch_dataset *d, const struct ch_cell *texts,
                                             uint32_t count);

/* How many of count rows are for testing: all when share is 1. EINVAL when it is not in [0, 1] or
 * takes them all though it is less. */
CHOIR_NODISCARD choir_status ch_test_count(uint32_t *out, uint32_t count, double share,
                                           choir_error *err);

/* EINVAL: a share of count rows is for testing, and none is left to train on. */
CHOIR_NODISCARD choir_status ch_test_refuse(uint32_t count, double share, choir_error *err);

/*
 * Makes a test set of a share of the training rows, drawn by seed, when the source has none. Rows
 * change places: the test rows are the last ones of the arrays, the training rows come before.
 *
 * share  0 leaves the test set empty; 1 moves all rows to it, in their order
 *
 * Returns OK; EINVAL when the share is not in [0, 1], or leaves no training row though less than 1.
 */
CHOIR_NODISCARD choir_status ch_dataset_split(ch_dataset *d, double share, uint64_t seed,
                                              choir_error *err);

/*
 * Numbers groups anew, in the order that they have, so that each has a training row: after a split,
 * which may have taken a group's last one. Test rows of the others are of CH_GROUP_NONE, and the
 * others are counted in d->idle.
 *
 * groups  that there are; every row's is below
 *
 * Returns OK; ENOMEM, and nothing has changed.
 */
CHOIR_NODISCARD choir_status ch_dataset_number(ch_dataset *d, uint32_t groups);

/*
 * Puts the rows of a table of the data set in another order: row i becomes what row order[i] was.
 * order (count) holds every row once, and 0, 1, 2, ... when it is done.
 */
void ch_dataset_arrange(ch_examples *table, uint32_t *order);

/* One block from env for count items, not zeroed, to be freed by env; NULL when there is none. */
void *ch_claim(const choir_env *env, size_t count, size_t item_bytes);

#endif
