/*
 * Encoder: from the columns of a CSV file to inputs, labels and groups.
 *
 *   numeric      (v - mean) / deviation, both over the training rows; missing is 0, the mean
 *   categorical  one input for each value found in the training rows, in ascending order of bytes;
 *                1 for the row's value, else 0; missing and values first seen in test rows: all 0
 *   label        classification: the place of its value among all that occur, ascending, as
 *                numbers when all are ("1" is then "1.0"), and the value is its name; regression:
 *                the number as it is
 *   dropped      no input, nor anything else
 *   group        no input; the place of its value among those of the training rows, in ascending
 *                order of bytes
 *
 * Columns that data.drop lists are dropped; one is categorical when data.categorical lists it or no
 * more than half of its values are numbers; else all of them have to be numbers, below 1e30 in
 * size. Missing is an empty field or
 * "?", and among numbers NA, N/A, NaN or null in letters of either case. The first record is a
 * header when it has a name that the options use, or when none of its fields is a number and some
 * field of the next record is.
 *
 * With an encoding that is given (see encoding.h), nothing of the above is asked of the file's own
 * rows. Its columns are found by name, or by number when it has no names; others are dropped. A
 * category that it does not have is all 0, a label that it does not have is refused.
 */
#ifndef CH_DATA_ENCODER_H
#define CH_DATA_ENCODER_H

#include "choir/job.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/encoding.h"

/* All inputs of one file together, in memory: 4 GiB. */
#define CH_ENCODED_BYTES_MAX (UINT64_C(1) << 32)

/*
 * Encodes cells, and draws options->test_share of the rows by seed for testing. All of it is in
 * memory.
 *
 * reading  how; NULL: to train on, fitted to the file. What options say of columns must agree with
 *          an encoding that is given; data.group is heeded
 *
 * Returns OK; EINVAL for options that name no column or do not fit, a label of many numbers that
 * are not whole, columns or labels that are not those of the encoding given, EPROTO for a label
 * or a group that is missing, and for a label or an input that is no number, or too large, where
 * one must be (err names line and column), EIO where a text that stays in its file cannot be read
 * or changes, ENOMEM. What is claimed is added to out, also on failure.
 */
CHOIR_NODISCARD choir_status ch_csv_encode(ch_dataset *out, ch_csv *csv,
                                           const choir_job_data *options, const ch_reading *reading,
                                           uint64_t seed, choir_error *err);

/*
 * Reads and encodes a file, plain or gzip.
 *
 * A text of more than options->memory stays in its file, a packed one in a copy in the data
 * directory, and is read through a window. Inputs of more than that go to a file of the data
 * directory (spool.h) as they are encoded, and stay there; they are found again as long as the
 * file and all that says how it is encoded stay the same.
 *
 * out  initialised, and empty
 *
 * Returns as ch_csv_parse and ch_csv_encode; EIO also when what is made cannot be written.
 */
CHOIR_NODISCARD choir_status ch_csv_read(ch_dataset *out, const char *path,
                                         const choir_job_data *options, const ch_reading *reading,
                                         uint64_t seed, choir_error *err);

#endif
