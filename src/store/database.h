/*
 * Database: one SQLite file, opened so that what is committed stays, and one way to ask it.
 *
 * A query is a straight line of binds and rows with one check at its end: once something failed, it
 * does nothing more and its end says what it was.
 *
 *     ch_query q = ch_query_begin(db, "SELECT name FROM jobs WHERE id = ?");
 *     ch_query_bind_i64(&q, id);
 *     while (ch_query_row(&q)) { ch_query_copy(&q, 0, name, sizeof(name)); }
 *     return ch_query_end(&q, err);
 *
 * Journal: WAL with synchronous=FULL, one process at a time. Pages of 16 KiB and a log of 128 MiB,
 * because rounds leave values of megabytes: fewer pages for each, and not every one copied at once.
 * SQLite allocates its own memory. Single-threaded: the owner locks.
 */
#ifndef CH_STORE_DATABASE_H
#define CH_STORE_DATABASE_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/job.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

typedef struct ch_database {
    struct sqlite3 *handle;                         // owned
    struct sqlite3_stmt *begin, *commit, *rollback; // owned; ready, so that undoing needs nothing
    char path[CHOIR_PATH_MAX];
} ch_database;

/*
 * Opens or creates the file, for its owner alone to read, like one that is empty, and writes
 * nothing to any other that is there: whoever opens checks it, and then calls ch_database_prepare.
 *
 * Returns OK and an object to release; EINVAL when path is too long; EIO; ENOMEM. *out is safe to
 * release in any case.
 */
CHOIR_NODISCARD choir_status ch_database_open(ch_database *out, const char *path, choir_error *err);

/*
 * The same for a small file that several processes use, one writing at a time and others reading
 * meanwhile: pages of 4 KiB, a cache of 2 MiB; what is deleted is overwritten with zeros, and the
 * file can give room back.
 *
 * is_reader  the file must be there, and nothing is ever written to it
 *
 * Returns as ch_database_open.
 */
CHOIR_NODISCARD choir_status ch_database_open_shared(ch_database *out, const char *path,
                                                     bool is_reader, choir_error *err);

/* Sets the journal for writing; waits up to two seconds for others that use the file. Until then
 * releasing leaves file and journal as they are. Returns OK; EIO; EPROTO. */
CHOIR_NODISCARD choir_status ch_database_prepare(ch_database *db, choir_error *err);

/* Safe to call twice. */
void ch_database_release(ch_database *db);

/* What a result of SQLite that is not its OK means here: a status, with a sentence. */
choir_status ch_database_failed(const ch_database *db, int result, choir_error *err);

/* Runs statements without parameters. Returns OK; a status as ch_query_end. */
CHOIR_NODISCARD choir_status ch_database_run(ch_database *db, const char *sql, choir_error *err);

/* The first number that sql answers; 0 when there is no row. Returns as ch_query_end. */
CHOIR_NODISCARD choir_status ch_database_number(ch_database *db, int64_t *out, const char *sql,
                                                choir_error *err);

/* Opens a transaction. Returns as ch_query_end. */
CHOIR_NODISCARD choir_status ch_database_begin(ch_database *db, choir_error *err);

/*
 * Ends the transaction: keeps it when status is OK, otherwise undoes it.
 * Returns status; or why it could not be kept, and then nothing of it is.
 */
CHOIR_NODISCARD choir_status ch_database_end(ch_database *db, choir_status status,
                                             choir_error *err);

/* Rows that the last query changed. */
int64_t ch_database_changes(const ch_database *db);

/* Rows changed since it was opened: whether a transaction had anything to write. */
int64_t ch_database_total_changes(const ch_database *db);

/* The row that was last added. */
int64_t ch_database_last_id(const ch_database *db);

// ----- queries ----------------------------------------------------------------------------------

typedef struct ch_query {
    ch_database *db;
    struct sqlite3_stmt *statement; // owned; NULL after a failure to compile it
    int bound;                      // parameters so far
    int result;                     // SQLite's; sticky
} ch_query;

/* A query to end with ch_query_end or ch_query_run. sql has one statement. */
ch_query ch_query_begin(ch_database *db, const char *sql);

/* Each sets the next parameter. Text and bytes are borrowed until the query ends or is reset. */
void ch_query_bind_i64(ch_query *q, int64_t value);
void ch_query_bind_text(ch_query *q, const char *text);
void ch_query_bind_bytes(ch_query *q, const void *data, size_t size);

/* Goes to the next row. Returns false when there is none, or after a failure. */
bool ch_query_row(ch_query *q);

/* Makes ready to bind anew, after rows or without. */
void ch_query_reset(ch_query *q);

/* Of the row, by the column's number from 0. Borrowed until the next row. Without memory for one
 * the query has failed, and the value is empty. */
int64_t ch_query_i64(const ch_query *q, int column);
choir_bytes ch_query_bytes(ch_query *q, int column);
const char *ch_query_text(ch_query *q, int column);

/* Copies a column's text into out, cut to its size. */
void ch_query_copy(ch_query *q, int column, char *out, size_t size);

/* Copies a column's bytes into out. Another number of them than size fails the query, as damage. */
void ch_query_copy_bytes(ch_query *q, int column, uint8_t *out, size_t size);

/* Whether nothing failed so far: the row may be used. */
bool ch_query_is_good(const ch_query *q);

/* Whether it failed because a key is there already. */
bool ch_query_is_conflict(const ch_query *q);

/*
 * Ends the query and says how it went. The sentence names the file.
 *
 * Returns OK; ENOMEM; EINVAL when a rule of the schema forbids the row; EPROTO when the file is
 * damaged; EIO when the system refused, the disk is full or may not be written.
 */
CHOIR_NODISCARD choir_status ch_query_end(ch_query *q, choir_error *err);

/* Runs to the last row, then ends. */
CHOIR_NODISCARD choir_status ch_query_run(ch_query *q, choir_error *err);

#endif
