/*
 * Spool: a data set of numbers in a file of the data directory (unpacked.h), written once, example
 * by example, and then read from there. All but the inputs is read into memory.
 *
 *   offset 0   the header: "choirtb2", then numbers of this machine's byte order; files that begin
 *              with "choirtab" know nothing of their inputs, and are made again
 *         72   inputs (train + test, features) fp32, the training examples first
 *              what is kept of them: labels or targets (train + test), groups (train), groups
 *              (test), the labels' names, the encoding, notes: texts with a zero behind each
 *
 * A checksum covers all but the inputs, and is compared whenever a file is opened. That of the
 * inputs is compared by whoever reads them all, in any order: modulo 2^64,
 *
 *   sum = sum_i ch_checksum_of(i, x_i)                            x_i: input i, its bytes
 */
#ifndef CH_DATA_SPOOL_H
#define CH_DATA_SPOOL_H

#include "choir/status.h"
#include "data/dataset.h"
#include "data/filed.h"
#include "data/unpacked.h"

/* Inputs of one file: 1 TiB. */
#define CH_SPOOL_BYTES_MAX (UINT64_C(1) << 40)

typedef struct ch_spool {
    ch_unpacked to;
    const char *path; // what it is made of, for messages; borrowed
    uint32_t features;
    uint32_t rows; // so far
    uint64_t sum;  // of their inputs
    float *room;   // (room_max) owned; inputs that are not written yet
    size_t room_count, room_max;
    choir_env env;
} ch_spool;

/*
 * Begins one.
 *
 * to        as ch_unpacked_find said
 * path      what it is made of; borrowed until the end
 * features  of an input
 *
 * Returns OK and an object to end; EIO, ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_spool_begin(ch_spool *out, const char *to, const char *path,
                                            uint32_t features, const choir_env *env,
                                            choir_error *err);

/* Adds inputs x (rows, features). EIO when the disk is full. */
CHOIR_NODISCARD choir_status ch_spool_add(ch_spool *s, const float *x, uint32_t rows,
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

/* What the input at a place, of so many bytes, adds to the sum above. */
uint64_t ch_spool_mark(uint32_t place, const void *input, size_t bytes);

/*
 * Whether inputs are those that were written. Of a file that says nothing of it they are.
 *
 * sum  of the marks of all of its inputs
 *
 * Returns OK; EPROTO when they are not, and then the file is removed, so that it is made again, and
 * err says so.
 */
CHOIR_NODISCARD choir_status ch_spool_check(const ch_filed *filed, uint64_t sum, choir_error *err);

/* Bytes of the inputs of the one at path; 0 when there is none. */
uint64_t ch_spool_bytes(const char *path);

#endif
