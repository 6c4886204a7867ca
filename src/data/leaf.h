/*
 * LEAF: federated data sets as the LEAF benchmark writes them, one client a user.
 *
 * A folder has train/ and mostly test/, with any number of .json files in each:
 *
 *     {"users": ["u1", ...], "num_samples": [2, ...],
 *      "user_data": {"u1": {"x": [x, x], "y": [y, y]}, ...}}
 *
 * What an example is, is seen from the first one, and all others are of the same kind:
 *
 *     text      x a text and y the text that follows, as of LEAF's Shakespeare (80 characters and
 *               one): a sequence of their bytes without a beginning or an end. A model predicts
 *               every byte but the first, where LEAF's own predicts y alone
 *     numbers   x a list of numbers and y a class, a whole number from 0, as of its FEMNIST: inputs
 *               as they are; 784 of them are a picture of 28 x 28
 *
 * LEAF cuts texts into examples that move on by one character; such ones share their tokens, so
 * they take no more memory than the text. Files are read through a window, value by value; numbers
 * that are more than data.memory go to a file of the data directory (spool.h). Users with an
 * example to train on are groups, in the order of files by name and of users in each; one is named
 * once, in one file of a half.
 *
 * Source: Caldas et al., "LEAF: A Benchmark for Federated Settings", arXiv:1812.01097, 2018.
 */
#ifndef CH_DATA_LEAF_H
#define CH_DATA_LEAF_H

#include "choir/job.h"
#include "data/dataset.h"
#include "data/filed.h"
#include "data/leaf_names.h"
#include "data/sequences.h"
#include "data/spool.h"

#include <stdbool.h>

#define CH_LEAF_BYTES_MAX (UINT64_C(1) << 30) // of a packed file, which is read whole

typedef enum ch_leaf_kind {
    CH_LEAF_UNSEEN, // no example yet
    CH_LEAF_TEXT,
    CH_LEAF_NUMBERS,
} ch_leaf_kind;

/* What all examples of a data set have in common. */
typedef struct ch_leaf_form {
    ch_leaf_kind kind;
    uint32_t features; // numbers: of an example
    uint32_t classes;  // numbers: the largest y so far, and 1
} ch_leaf_form;

/* Where a table's numbers go that are more than the memory is to hold. */
typedef struct ch_leaf_filing {
    uint64_t memory;  // bytes of them that are kept there
    const char *to;   // as ch_unpacked_find; "": there is no place for them. Borrowed
    const char *path; // of the folder, for messages; borrowed
    const char *why;  // there is none; borrowed
} ch_leaf_filing;

/* A table while it is read. */
typedef struct ch_leaf {
    ch_leaf_form form;
    ch_sequences sequences; // text
    float *reals;           // (reals_room, features) numbers; owned, like the arrays below
    uint32_t *labels;       // (room)
    uint32_t *groups;       // (room)
    uint32_t count, room;
    uint32_t reals_room; // 1 where numbers go to a file
    uint32_t users;      // with an example
    uint32_t idle;       // and without
    ch_leaf_names names;
    ch_leaf_filing filing;
    bool is_filed; // numbers go to the spool
    ch_spool spool;
    choir_env env;
} ch_leaf;

/*
 * Empty, for examples of form, as far as it is known.
 *
 * steps   of sequences
 * filing  NULL: all numbers are kept in memory
 */
void ch_leaf_init(ch_leaf *l, const ch_leaf_form *form, uint32_t steps,
                  const ch_leaf_filing *filing, const choir_env *env);

/* Safe on an empty one, and twice. */
void ch_leaf_release(ch_leaf *l);

/*
 * Adds the users of one file, text (size).
 *
 * name  stands for it in messages
 *
 * Returns OK; EPROTO with the line where it is no JSON, else with the user, when it is not of the
 * form above, has examples of another kind than those before it, or names a user twice or one that
 * an earlier file did; EIO where what is more than the
 * memory holds cannot be written; ENOMEM (or EPROTO, when it was jansson that had no memory).
 */
CHOIR_NODISCARD choir_status ch_leaf_add(ch_leaf *l, const char *text, size_t size,
                                         const char *name, choir_error *err);

/*
 * The same of an open file, through a window of so many bytes, CH_LEAF_WINDOW usually. EIO also
 * when it cannot be read, or changes.
 */
CHOIR_NODISCARD choir_status ch_leaf_add_file(ch_leaf *l, const ch_filed_file *file, size_t window,
                                              const char *name, choir_error *err);

/* Makes table, of the data set d, what was read; l is empty then. EIO, ENOMEM where numbers go to a
 * file. */
CHOIR_NODISCARD choir_status ch_leaf_move(ch_leaf *l, ch_dataset *d, ch_examples *table,
                                          choir_error *err);

/*
 * Opens the file that numbers were written to, as table of d.
 *
 * idle  out: users without an example
 *
 * Returns OK; EIO, EPROTO, ENOMEM as ch_spool_open.
 */
CHOIR_NODISCARD choir_status ch_leaf_open_filed(ch_dataset *d, ch_examples *table, uint32_t *idle,
                                                const char *path, choir_error *err);

/* Whether path is a folder with train/ and a .json file in it. */
bool ch_leaf_is(const char *path);

/*
 * Reads the folder at path.
 *
 * options  steps, memory and dir, and test_share where there is no test folder or it is empty
 *
 * Returns OK; EIO and EPROTO as ch_file_read and ch_leaf_add_file, and EPROTO when there is no
 * example to train on; EINVAL as ch_dataset_split; ENOMEM. What was claimed until then is out's to
 * release.
 */
CHOIR_NODISCARD choir_status ch_leaf_read(ch_dataset *out, const char *path,
                                          const choir_job_data *options, uint64_t seed,
                                          choir_error *err);

#endif
