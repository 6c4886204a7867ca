/*
 * Filed: inputs that stay in files, and are read one by one when a batch wants them: the pixels of
 * pictures where they are, or numbers in a file of the data directory (spool.h).
 *
 * So that a data set may be larger than the memory: what is kept of an example is its label and
 * where it lies. Files are read with pread: in a mapped file, a sector that cannot be read or an
 * end that has moved is a signal that ends the process, and here a sentence. A file is refused once
 * it is another than was opened, by its size or the time of its last change; one that was removed
 * or replaced by a rename is read on.
 *
 * Any thread may read.
 */
#ifndef CH_DATA_FILED_H
#define CH_DATA_FILED_H

#include "choir/job.h"
#include "choir/status.h"
#include "data/examples.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ch_dataset;

enum {
    CH_FILED_FILES_MAX = 9,
    CH_FILED_PATH_MAX = 1100,   // bytes; longer ones are cut, being for messages
    CH_FILED_PLANES_MAX = 3072, // bytes of a picture that lies channel by channel: CIFAR's
};

/* One file, open. */
typedef struct ch_filed_file {
    int descriptor; // owned
    uint64_t size;
    int64_t changed_s, changed_ns; // when it last was, as it was opened
    char path[CH_FILED_PATH_MAX];
    uint64_t offset; // of its first picture, or row
    uint32_t count;  // of them in it
} ch_filed_file;

/* Pictures, or rows, of one size in files that follow each other. */
typedef struct ch_filed {
    ch_filed_file files[CH_FILED_FILES_MAX]; // owned
    uint32_t file_count;
    uint64_t stride; // bytes from one to the next
    uint32_t bytes;  // of one
    uint32_t planes; // more than 1: channel by channel in the file; read, channels are innermost
    bool is_reals;   // floats; else pixels
    bool has_sum;    // it is known what its inputs were when they were written
    uint64_t sum;    // of their marks then (spool.h)
} ch_filed;

/*
 * Opens a regular file for reading.
 *
 * Returns OK and a file to close, with offset and count 0; EIO, with what the system said.
 */
CHOIR_NODISCARD choir_status ch_filed_file_open(ch_filed_file *out, const char *path,
                                                choir_error *err);

/* Safe on one that was not opened, when it is all zero. */
void ch_filed_file_close(ch_filed_file *f);

/*
 * Reads exactly size bytes from at on.
 *
 * Returns OK; EIO when the file ends before, or the system cannot read it.
 */
CHOIR_NODISCARD choir_status ch_filed_file_read(const ch_filed_file *f, uint64_t at, void *out,
                                                size_t size, choir_error *err);

/* EIO when one of the files is another by now than was opened. */
CHOIR_NODISCARD choir_status ch_filed_check(const ch_filed *s, choir_error *err);

/* EIO when it is another by now than was opened. doing: what with, "its examples were in use". */
CHOIR_NODISCARD choir_status ch_filed_file_check(const ch_filed_file *f, const char *doing,
                                                 choir_error *err);

/* What reading a file came to, of status: EIO when it is another by now than was opened. What then
 * seems to be wrong with it is not what is wrong. */
CHOIR_NODISCARD choir_status ch_filed_file_judge(const ch_filed_file *f, choir_status status,
                                                 choir_error *err);

/* Whether a table's inputs are pixels, in memory or not. */
bool ch_filed_has_pixels(const ch_examples *e);

/* Bytes of one input of a table that is no table of sequences: of its pixels, or of its numbers. */
size_t ch_filed_input_bytes(const ch_examples *e);

/*
 * The input of a row, pixels or floats, wherever it is: *out is in the table, or in room (bytes as
 * above, aligned for floats), which may be NULL when the table is in memory.
 *
 * Returns OK; EIO as above.
 */
CHOIR_NODISCARD choir_status ch_filed_input(const void **out, const ch_examples *e, uint32_t row,
                                            void *room, choir_error *err);

/* Bytes of a table's inputs that may be read into memory, as data.memory says; options may be NULL:
 * any. */
uint64_t ch_filed_memory(const choir_job_data *options);

/* Numbers the examples of a table of count from first on, in an array of the data set; NULL when
 * there is no memory. */
uint32_t *ch_filed_places(struct ch_dataset *d, uint32_t first, uint32_t count);

/* Closes all files. Safe to call twice. */
void ch_filed_release(ch_filed *s);

#endif
