/* An encoder at work: what encoder.c, encoder_fit.c, encoder_fill.c and encoder_match.c
 * share. */
#ifndef CH_DATA_ENCODER_PARTS_H
#define CH_DATA_ENCODER_PARTS_H

#include "data/encoder.h"
#include "data/values.h"

enum { CH_NO_COLUMN = CH_CSV_COLUMNS_MAX };

typedef enum ch_column_kind {
    CH_COLUMN_UNKNOWN,
    CH_COLUMN_NUMERIC,
    CH_COLUMN_CATEGORICAL,
    CH_COLUMN_DROPPED,
    CH_COLUMN_LABEL,
    CH_COLUMN_GROUP,
} ch_column_kind;

/* What is found in a column's rows, a first look that keeps no text. Records where there is one. */
typedef struct ch_column_facts {
    uint32_t numbers, words, texts, missing;        // how many; words: of missing numbers
    uint32_t first_text, first_word, first_missing; // the first record of these, if there are any
    uint32_t large, first_large;                    // numbers that are too large for an input
} ch_column_facts;

/* A numeric column's numbers in the training rows, while they are measured. */
typedef struct ch_column_sums {
    double sum, mean, squares;
    double least, most;
    uint32_t count;
} ch_column_sums;

typedef struct ch_encoder {
    ch_csv *csv;
    const char *name;
    const choir_job_data *options;
    ch_reading reading;
    choir_error *err;
    bool has_header;
    bool is_regression;
    uint32_t rows, train;              // the training rows come first in order
    uint32_t label, group;             // columns; may be CH_NO_COLUMN
    ch_encoding encoding;              // fitted, or given
    ch_arena arena;                    // of what follows
    ch_column_kind *kinds;             // (csv->columns)
    const ch_encoding_column **inputs; // (csv->columns) NULL where a column is no input
    ch_encoding_column *fitted;        // (csv->columns) room for the encoding's columns
    ch_column_facts *facts;            // (csv->columns)
    ch_column_sums *sums;              // (csv->columns)
    ch_values *values;                 // (csv->columns) of categories, labels and groups
    uint32_t *order;                   // (rows) records, shuffled
} ch_encoder;

/* Called with the cells (csv->columns) of row i, which is a record of the file. */
typedef choir_status ch_row_visit(void *self, uint32_t i, const ch_cell *cells);

/* Visits the first count rows in their order. EIO, or what visit returns. */
CHOIR_NODISCARD choir_status ch_encoder_visit(const ch_encoder *e, uint32_t count,
                                              ch_row_visit *visit, void *self);

/* EPROTO: what is in a record and column c is wrong, and why. */
CHOIR_NODISCARD choir_status ch_encoder_refuse(const ch_encoder *e, uint32_t record, uint32_t c,
                                               const char *what, const char *why);

/* The column with this name in the first record, or CH_NO_COLUMN. */
uint32_t ch_encoder_named(const ch_encoder *e, const ch_cell *name);

/* The column that an option's text means: a name of the header, or a number from 1. EINVAL. */
CHOIR_NODISCARD choir_status ch_encoder_find(const ch_encoder *e, uint32_t *out, const char *key,
                                             const ch_cell *text);

/* Takes the next name off a comma-separated list; false at its end. */
bool ch_encoder_list_next(const char **list, ch_cell *out);

/* Whether the first record is a header, by the options and by itself. EIO. */
CHOIR_NODISCARD choir_status ch_encoder_see_header(ch_encoder *e);

/* Fills in the facts of the columns that may be numbers or labels, by what they are so far, and
 * whether groups are missing. EIO. */
CHOIR_NODISCARD choir_status ch_encoder_look(ch_encoder *e);

/* EPROTO when the column has a number that is too large for an input. */
CHOIR_NODISCARD choir_status ch_encoder_check_numbers(const ch_encoder *e, uint32_t c);

/* EPROTO when a row has no group, and there is a column of them. */
CHOIR_NODISCARD choir_status ch_encoder_check_groups(const ch_encoder *e);

/* Says what every column is and makes the encoding, from the options and the training rows. EINVAL,
 * EPROTO, EIO, ENOMEM. */
CHOIR_NODISCARD choir_status ch_encoder_fit(ch_encoder *e);

/* Whether the first record is a header that the encoding given needs. EINVAL when it must be one
 * and is none; EIO. */
CHOIR_NODISCARD choir_status ch_encoder_match_header(ch_encoder *e);

/* Says what every column is to the encoding given. EINVAL, EPROTO, EIO, ENOMEM. */
CHOIR_NODISCARD choir_status ch_encoder_match(ch_encoder *e);

/*
 * Encodes all rows into tables of out.
 *
 * memory  bytes of inputs that are kept in memory; more go to a file
 * to      where that file belongs, as ch_unpacked_find; only used with more
 * path    of the CSV file
 *
 * EINVAL, EPROTO, EIO, ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_encoder_fill(ch_encoder *e, ch_dataset *out, uint64_t memory,
                                             const char *to, const char *path);

/* Opens what ch_encoder_fill has put into a file. As ch_spool_open, but out is empty on failure. */
CHOIR_NODISCARD choir_status ch_encoder_reopen(ch_dataset *out, const char *to, choir_error *err);

#endif
