/*
 * CIFAR: the binary version of CIFAR-10.
 *
 *   record  1 byte label, below 10; 1024 bytes red, 1024 green, 1024 blue: 32 x 32 each, row-major
 *
 * Inputs are interleaved to (row, column, channel), as every picture is here.
 *
 * Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, and the data
 * set's page, "Binary version".
 */
#ifndef CH_DATA_CIFAR_H
#define CH_DATA_CIFAR_H

#include "choir/bytes.h"
#include "choir/job.h"
#include "data/csv.h"
#include "data/dataset.h"

#include <stdbool.h>

enum {
    CH_CIFAR_SIDE = 32,
    CH_CIFAR_PIXELS = CH_CIFAR_SIDE * CH_CIFAR_SIDE,
    CH_CIFAR_FEATURES = 3 * CH_CIFAR_PIXELS,
    CH_CIFAR_RECORD = 1 + CH_CIFAR_FEATURES,
    CH_CIFAR_CLASSES = 10,
    CH_CIFAR_NAMES_MAX = 4096, // bytes of batches.meta.txt
};

/* Checks that bytes are whole records with labels below 10. Returns OK and how many; EPROTO. */
CHOIR_NODISCARD choir_status ch_cifar_check(uint32_t *count, choir_bytes bytes, const char *name,
                                            choir_error *err);

/*
 * Finds the labels' names in the text of a batches.meta.txt: one a line, blank lines between them.
 *
 * Returns OK; EPROTO when there are not ten (err says how many), or the text is longer than
 * CH_CIFAR_NAMES_MAX.
 */
CHOIR_NODISCARD choir_status ch_cifar_names(ch_cell names[CH_CIFAR_CLASSES], choir_bytes text,
                                            const char *name, choir_error *err);

/* Splits checked records into images (count, features) and labels (count). */
void ch_cifar_unpack(uint8_t *images, uint32_t *labels, choir_bytes bytes);

/*
 * True when the path is a folder with data_batch_1.bin or cifar-10-binary.tar.gz in it or in its
 * cifar-10-batches-bin, or a file ending in .bin.
 */
bool ch_cifar_is(const char *path);

/*
 * Reads a folder's data_batch_1.bin ... data_batch_9.bin, as many as there are, and test_batch.bin
 * if there is one, and what batches.meta.txt calls the labels; or the same out of the archive; or
 * one file of records. Packed files are inflated, into memory.
 *
 * When there is no test batch, options->test_share of the records are drawn by seed for testing.
 *
 * Returns OK; EINVAL when what is packed is more than options->memory; EIO, EPROTO, ENOMEM as
 * ch_idx_read. What is read is added to out, also on failure.
 */
CHOIR_NODISCARD choir_status ch_cifar_read(ch_dataset *out, const char *path,
                                           const choir_job_data *options, uint64_t seed,
                                           choir_error *err);

#endif
