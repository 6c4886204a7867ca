/* An encoder at work: what encoder.c, encoder_fit.c and encoder_match.c share. */
#ifndef CH_DATA_ENCODER_PARTS_H
#define CH_DATA_ENCODER_PARTS_H

#include "data/encoder.h"

enum { CH_NO_COLUMN = CH_CSV_COLUMNS_MAX };

typedef enum ch_column_kind {
    CH_COLUMN_UNKNOWN,
    CH_COLUMN_NUMERIC,
    CH_COLUMN_CATEGORICAL,
    CH_COLUMN_DROPPED,
    CH_COLUMN_LABEL,
    CH_COLUMN_GROUP,
} ch_column_kind;

typedef struct ch_encoder {
    const ch_csv *csv;
    const char *name;
    const choir_job_data *options;
    ch_reading reading;
    choir_error *err;
    bool has_header;
    bool is_regression;
    uint32_t rows, train;              // the training rows come first in order
    uint32_t label, group;             // columns; may be CH_NO_COLUMN
    ch_encoding encoding;              // fitted, in the arena, or given
    ch_arena arena;                    // of what follows
    ch_column_kind *kinds;             // (csv->columns)
    const ch_encoding_column **inputs; // (csv->columns) NULL where a column is no input
    ch_encoding_column *fitted;        // (csv->columns) room for the encoding's columns
    ch_cell *labels;                   // (rows) room for its labels
    uint32_t *order;                   // (rows) records, shuffled
    ch_cell *sorted;                   // (rows) room
} ch_encoder;

static inline const ch_cell *ch_encoder_cell(const ch_encoder *e, uint32_t record, uint32_t c) {
    return &e->csv->cells[(size_t)record * e->csv->columns + c];
}

/* The cell of the i-th row in order. */
static inline const ch_cell *ch_encoder_row(const ch_encoder *e, uint32_t i, uint32_t c) {
    return ch_encoder_cell(e, e->order[i], c);
}

/* EPROTO: what is in row i and column c is wrong, and why. */
CHOIR_NODISCARD choir_status ch_encoder_refuse(const ch_encoder *e, uint32_t i, uint32_t c,
                                               const char *what, const char *why);

/* The column with this name in the first record, or CH_NO_COLUMN. */
uint32_t ch_encoder_named(const ch_encoder *e, const ch_cell *name);

/* The column that an option's text means: a name of the header, or a number from 1. EINVAL. */
CHOIR_NODISCARD choir_status ch_encoder_find(const ch_encoder *e, uint32_t *out, const char *key,
                                             const ch_cell *text);

/* Takes the next name off a comma-separated list; false at its end. */
bool ch_encoder_list_next(const char **list, ch_cell *out);

/* Whether the first record is a header, by the options and by itself. */
bool ch_encoder_sees_header(const ch_encoder *e);

/* EPROTO when the column has a number that is too large for an input. */
CHOIR_NODISCARD choir_status ch_encoder_check_numbers(const ch_encoder *e, uint32_t c);

/*
 * Sorts the column's values of the first rows into e->sorted and drops repetitions; returns how
 * many are left.
 */
uint32_t ch_encoder_distinct(const ch_encoder *e, uint32_t c, uint32_t rows, bool keep_missing,
                             const ch_cell_order *by);

/* Says what every column is and makes the encoding, from the options and the training rows. EINVAL,
 * EPROTO. */
CHOIR_NODISCARD choir_status ch_encoder_fit(ch_encoder *e);

/* Whether the first record is a header that the encoding given needs. EINVAL when it must be one
 * and is none. */
CHOIR_NODISCARD choir_status ch_encoder_match_header(ch_encoder *e);

/* Says what every column is to the encoding given. EINVAL, EPROTO. */
CHOIR_NODISCARD choir_status ch_encoder_match(ch_encoder *e);

#endif
