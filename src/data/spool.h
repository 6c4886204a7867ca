/*
 * Spool: a data set of numbers in a file of the data directory (unpacked.h), written once, example
 * by example, and then read from there. All but the inputs is read into memory.
 *
 *   offset 0   the header: "choirtab", then 32-bit numbers of this machine's byte order
 *         64   inputs (train + test, features) fp32, the training examples first
 *              what is kept of them: labels or targets (train + test), groups (train), groups
 *              (test), the labels' names, the encoding, notes: texts with a zero behind each
 *
 * A checksum covers all but the inputs.
 */
#ifndef CH_DATA_SPOOL_H
#define CH_DATA_SPOOL_H

#include "choir/status.h"
#include "data/dataset.h"
#include "data/unpacked.h"

/* Inputs of one file: 1 TiB. */
#define CH_SPOOL_BYTES_MAX (UINT64_C(1) << 40)

typedef struct ch_spool {
    ch_unpacked to;
    const char *path; // what it is made of, for messages; borrowed
    uint64_t bytes;   // of inputs so far
    float *room;      // (room_max) owned; inputs that are not written yet
    size_t room_count, room_max;
    choir_env env;
} ch_spool;

/*
 * Begins one.
 *
 * to    as ch_unpacked_find said
 * path  what it is made of; borrowed until the end
 *
 * Returns OK and an object to end; EIO, ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_spool_begin(ch_spool *out, const char *to, const char *path,
                                            const choir_env *env, choir_error *err);

/* Adds inputs x (count). EIO when the disk is full. */
CHOIR_NODISCARD choir_status ch_spool_add(ch_spool *s, const float *x, size_t count,
                                          choir_error *err);

/*
 * Ends it: writes what is kept of its examples and puts the file in its place when made is OK, and
 * removes it otherwise.
 *
 * d      its tables' counts, shapes and classes, labels or targets and groups, names and encoding;
 *        the inputs are those that were added, of train and then of test. NULL unless made is OK
 * notes  a text for whoever opens it; or NULL
 *
 * Returns made; EIO when that fails, and then nothing is left of it.
 */
CHOIR_NODISCARD choir_status ch_spool_end(ch_spool *s, const ch_dataset *d, const char *notes,
                                          choir_status made, choir_error *err);

/*
 * Opens one: out's tables are of inputs that stay in the file.
 *
 * out    initialised; what is read is added to it, also on failure
 * notes  as they were given, borrowed from out; NULL when there are none
 *
 * Returns OK; EPROTO when it is none, or damaged; EIO, ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_spool_open(ch_dataset *out, const char **notes, const char *path,
                                           choir_error *err);

/* The same of one whose examples are all of one table, of out. */
CHOIR_NODISCARD choir_status ch_spool_open_table(ch_dataset *out, ch_examples *table,
                                                 const char **notes, const char *path,
                                                 choir_error *err);

/* Bytes of the inputs of the one at path; 0 when there is none. */
uint64_t ch_spool_bytes(const char *path);

#endif
