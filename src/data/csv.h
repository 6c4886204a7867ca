/*
 * CSV: comma-separated text in memory, as cells.
 *
 * RFC 4180: records end in a line feed, with or without a carriage return before it; a field in
 * double quotes may hold commas, line feeds and doubled quotes. Beyond the RFC: blank lines are
 * skipped, blanks around a field are dropped unless it is quoted, and a byte order mark is ignored.
 *
 * Source: Shafranovich, "Common Format and MIME Type for Comma-Separated Values (CSV) Files", RFC
 * 4180, 2005.
 */
#ifndef CH_DATA_CSV_H
#define CH_DATA_CSV_H

#include "choir/env.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CH_CSV_BYTES_MAX (UINT64_C(256) << 20)

enum {
    CH_CSV_COLUMNS_MAX = 4096,
    CH_CSV_CELL_MAX = 4096, // bytes
};

/* A field: a piece of the file's text, not zero-terminated. */
typedef struct ch_cell {
    const char *data; // borrowed
    uint32_t size;
} ch_cell;

typedef struct ch_csv {
    uint32_t records; // a header among them
    uint32_t columns;
    ch_cell *cells;  // (records, columns) owned
    uint32_t *lines; // (records) owned; where each begins, from 1
    choir_env env;
} ch_csv;

/*
 * Splits text into cells.
 *
 * data  (size) borrowed while *out is used; doubled quotes are reduced in place
 * name  stands for the file in messages
 *
 * Returns OK and cells to release; EPROTO with line and reason when the text is empty, a quote is
 * misplaced or open, a record has another number of fields than the first, or a limit is passed;
 * ENOMEM. On failure *out is empty.
 */
CHOIR_NODISCARD choir_status ch_csv_parse(ch_csv *out, char *data, size_t size, const char *name,
                                          const choir_env *env, choir_error *err);

/* Safe on an empty one. */
void ch_csv_release(ch_csv *csv);

/* Like memcmp, the shorter text first when one begins the other. */
int ch_cell_compare(const ch_cell *a, const ch_cell *b);

/* Reads a finite decimal number that is the whole text, as ch_text_read_f64; false when it is none.
 */
bool ch_cell_number(double *out, const ch_cell *text);

#endif
