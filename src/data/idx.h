/*
 * IDX: the file format of MNIST and of the many sets made to look like it.
 *
 *   offset 0  0x00 0x00
 *          2  type: 0x08 unsigned byte, 0x0C int32
 *          3  rank r
 *          4  r sizes, 32-bit big-endian
 *   4 + 4 r  the elements, row-major, big-endian
 *
 * Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", the page's section
 * "File formats"; writer ids: Yadav, Bottou, "Cold Case: The Lost MNIST Digits", NeurIPS 2019.
 */
#ifndef CH_DATA_IDX_H
#define CH_DATA_IDX_H

#include "choir/bytes.h"
#include "choir/job.h"
#include "data/dataset.h"

#include <stdbool.h>

enum {
    CH_IDX_RANK_MAX = 4,
    CH_IDX_U8 = 0x08,
    CH_IDX_I32 = 0x0C,
    CH_IDX_HEADER_MAX = 4 + 4 * CH_IDX_RANK_MAX, // bytes
};

/* A view of an IDX file in memory. */
typedef struct ch_idx {
    uint32_t type;                   // CH_IDX_U8 or CH_IDX_I32
    uint32_t rank;                   // 1 .. CH_IDX_RANK_MAX
    uint32_t sizes[CH_IDX_RANK_MAX]; // beyond rank: 1
    uint32_t header;                 // bytes before the elements
    const uint8_t *elements;         // big-endian; borrowed from the bytes
} ch_idx;

/*
 * Checks that bytes are one whole IDX file of a type and size we read.
 *
 * name  stands for the file in messages
 *
 * Returns OK; EPROTO with what is wrong, at which byte. *out is unchanged on failure.
 */
CHOIR_NODISCARD choir_status ch_idx_parse(ch_idx *out, choir_bytes bytes, const char *name,
                                          choir_error *err);

/* True when the folder has training images by one of the known names. */
bool ch_idx_is_folder(const char *folder);

/*
 * The same of a header, from the first bytes of a file, of which CH_IDX_HEADER_MAX are enough: its
 * elements stay in the file, from out->header on, and out->elements is NULL.
 *
 * size       of the whole file
 * bytes_max  of its elements
 */
CHOIR_NODISCARD choir_status ch_idx_parse_header(ch_idx *out, choir_bytes bytes, uint64_t size,
                                                 uint64_t bytes_max, const char *name,
                                                 choir_error *err);

/*
 * Reads the four files of an MNIST-like set from a folder: train- and t10k-, images-idx3-ubyte and
 * labels-idx1-ubyte (or images.idx3-ubyte), each plain or with .gz. When QMNIST's
 * qmnist-train-labels-idx2-int lies beside them, groups are its writers, numbered from 0 in
 * ascending order of id.
 *
 * A table of images that takes more than options->memory stays in its file; of a packed one, in a
 * copy in the data directory that is unpacked (unpacked.h).
 *
 * out            initialised; what is read is added to it, also on failure
 * options        of which memory and dir matter; NULL: all is read into memory
 * may_lack_test  the t10k- files need not be there: without both the test table stays empty
 *
 * Returns OK; EIO for a missing or unreadable file, EPROTO for a malformed one or two that do not
 * fit each other, ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_idx_read(ch_dataset *out, const char *folder,
                                         const choir_job_data *options, bool may_lack_test,
                                         choir_error *err);

/*
 * Writes tables of pixels as such a folder, uncompressed, for other programs; groups, when the
 * training table has them, as QMNIST's writers. The folder exists.
 *
 * is_written  (train->count) which of the training table, whose others are left out; NULL: all
 *
 * Returns OK; EINVAL for inputs that are not bytes, labels beyond 255 or an empty test table; EIO;
 * ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_idx_write(const char *folder, const ch_examples *train,
                                          const bool *is_written, const ch_examples *test,
                                          const choir_env *env, choir_error *err);

#endif
