/*
 * CSV: comma-separated text, in memory or in a file of any size, as records of cells.
 *
 * RFC 4180: records end in a line feed, with or without a carriage return before it; a field in
 * double quotes may hold commas, line feeds and doubled quotes. Beyond the RFC: blank lines are
 * skipped, blanks around a field are dropped unless it is quoted, and a byte order mark is ignored.
 *
 * The whole text is checked once, and where its records begin is kept; a record's cells are cut out
 * when they are asked for. Of a file, no more than a window and one record are in memory.
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

#define CH_CSV_BYTES_MAX (UINT64_C(256) << 20) // of a text in memory

enum {
    CH_CSV_COLUMNS_MAX = 4096,
    CH_CSV_CELL_MAX = 4096,       // bytes
    CH_CSV_WINDOW = 1 << 18,      // bytes of a file that are read at once
    CH_CSV_RECORD_MAX = 1 << 26,  // bytes of a record of a file
    CH_CSV_RECORDS_MAX = 1 << 28, // a header among them
};

struct ch_filed_file; // of data/filed.h

/* A field: a piece of text, not zero-terminated. */
typedef struct ch_cell {
    const char *data; // borrowed
    uint32_t size;
} ch_cell;

typedef struct ch_csv {
    uint32_t records; // a header among them
    uint32_t columns;
    ch_cell *first;   // (columns) the first record's, until the release
    uint32_t *lines;  // (records) owned; where each begins, from 1
    uint64_t *begins; // (records + 1) owned; at which byte, and the text's size
    const char *name; // for messages; borrowed

    const char *text;                 // (size) borrowed; NULL: it is in the file
    const struct ch_filed_file *file; // open; borrowed
    uint64_t size;

    char *window; // (window_room) of the file's bytes from window_at on, (window_had) of them
    size_t window_room, window_had;
    uint64_t window_at;
    size_t record_max; // bytes of the longest record, with the blank lines behind it
    char *record;      // (record_max) the one that was asked for last
    ch_cell *cells;    // (columns) of it
    uint32_t next;     // the one behind it
    char *first_text;  // (record_max of it) owned
    choir_env env;
} ch_csv;

/*
 * Finds and checks the records of a text in memory.
 *
 * data  (size) borrowed while *out is used
 * name  stands for the file in messages; borrowed likewise
 *
 * Returns OK and an object to release; EPROTO with line and reason when the text is empty, a quote
 * is misplaced or open, a record has another number of fields than the first, or a limit is passed;
 * ENOMEM. On failure *out is empty.
 */
CHOIR_NODISCARD choir_status ch_csv_parse(ch_csv *out, const char *data, size_t size,
                                          const char *name, const choir_env *env, choir_error *err);

/*
 * The same of an open file's text, which stays there.
 *
 * file    borrowed while *out is used
 * window  bytes of it that are read at once, at least 1, CH_CSV_WINDOW usually
 *
 * Returns as ch_csv_parse; EIO when the file cannot be read or was cut off.
 */
CHOIR_NODISCARD choir_status ch_csv_open(ch_csv *out, const struct ch_filed_file *file,
                                         size_t window, const char *name, const choir_env *env,
                                         choir_error *err);

/*
 * The cells (columns) of a record, valid until the next is asked for. One after the other they are
 * read ahead; any other is read by itself.
 *
 * Returns OK; EIO when the file cannot be read, or is not what it was.
 */
CHOIR_NODISCARD choir_status ch_csv_record(ch_csv *csv, uint32_t record, const ch_cell **out,
                                           choir_error *err);

/* EIO: the file is not what it was. */
CHOIR_NODISCARD choir_status ch_csv_changed(const ch_csv *csv, choir_error *err);

/* Safe on an empty one. */
void ch_csv_release(ch_csv *csv);

/* Like memcmp, the shorter text first when one begins the other. */
int ch_cell_compare(const ch_cell *a, const ch_cell *b);

/* Reads a finite decimal number that is the whole text, as ch_text_read_f64; false when it is none.
 */
bool ch_cell_number(double *out, const ch_cell *text);

#endif
