/* Database: see database.h. */
#include "store/database.h"

#include "base/assert.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MODE = 0600, BUSY_MS = 2000, BUSY_PAUSE_MS = 2, MODE_BYTES = 8 };

// ----- failures ---------------------------------------------------------------------------------

/* What a result of SQLite means here. */
typedef struct failure {
    int result; // without its extension
    choir_status status;
    const char *text;
} failure;

static const failure FAILURES[] = {
    {SQLITE_FULL, CHOIR_EIO, "the disk is full; free some space: this was not kept"},
    {SQLITE_READONLY, CHOIR_EIO, "may not be written; make file, folder and disk writable"},
    {SQLITE_CANTOPEN, CHOIR_EIO, "cannot be opened; check its folder and permissions"},
    {SQLITE_PERM, CHOIR_EIO, "cannot be opened; check its folder and permissions"},
    {SQLITE_IOERR, CHOIR_EIO, "the disk refused; check it: this was not kept"},
    {SQLITE_BUSY, CHOIR_EIO, "another process holds it; one at a time may use it"},
    {SQLITE_LOCKED, CHOIR_EIO, "another process holds it; one at a time may use it"},
    {SQLITE_PROTOCOL, CHOIR_EIO, "another process holds it; one at a time may use it"},
    {SQLITE_CORRUPT, CHOIR_EPROTO, "is damaged; bring it back from a backup"},
    {SQLITE_NOTADB, CHOIR_EPROTO, "is damaged or no database; bring it back from a backup"},
    {SQLITE_ERROR, CHOIR_EPROTO, "is not as this choir made it; bring it back from a backup"},
    {SQLITE_NOMEM, CHOIR_ENOMEM, "no memory to use it"},
    {SQLITE_CONSTRAINT, CHOIR_EINVAL, "may not hold that"},
    {SQLITE_TOOBIG, CHOIR_EINVAL, "holds values below 1,000,000,000 bytes, this one is larger"},
};
static const failure UNKNOWN = {SQLITE_INTERNAL, CHOIR_EIO, "SQLite refused"};

choir_status ch_database_failed(const ch_database *db, int result, choir_error *err) {
    const failure *f = &UNKNOWN;
    for (size_t i = 0; i < sizeof(FAILURES) / sizeof(FAILURES[0]); i++) {
        f = FAILURES[i].result == (result & 0xff) ? &FAILURES[i] : f;
    }
    const int system = db->handle != NULL ? sqlite3_system_errno(db->handle) : 0;
    const bool is_system =
        system != 0 && (f->result == SQLITE_IOERR || f->result == SQLITE_CANTOPEN);
    const char *why = db->handle != NULL && result == sqlite3_extended_errcode(db->handle)
                          ? sqlite3_errmsg(db->handle)
                          : sqlite3_errstr(result);
    return ch_error_set(err, f->status, "%s: %s (%s)", db->path, f->text,
                        is_system ? strerror(system) : why);
}

// ----- life -------------------------------------------------------------------------------------

/* SQLite would make it readable for others, and an empty file that is there may be. Its journal
 * gets the same permissions. */
static choir_status file_make(const char *path, choir_error *err) {
    const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (descriptor < 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot open for writing: %s", path,
                            strerror(errno));
    }
    struct stat about;
    choir_status status = CHOIR_OK;
    if (fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) && about.st_size == 0 &&
        fchmod(descriptor, FILE_MODE) != 0) {
        status = ch_error_set(err, CHOIR_EIO, "%s: cannot be made its owner's alone: %s", path,
                              strerror(errno));
    }
    (void)close(descriptor);
    return status;
}

static void configure(struct sqlite3 *handle) {
    (void)sqlite3_extended_result_codes(handle, 1);
    (void)sqlite3_busy_timeout(handle, BUSY_MS);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

/* Opens the file, and sets what pragmas say. */
static choir_status open_with(ch_database *out, const char *path, bool is_reader,
                              const char *pragmas, choir_error *err) {
    *out = (ch_database){.handle = NULL};
    const size_t size = strlen(path);
    if (size >= sizeof(out->path)) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s...: the path is longer than %d bytes", path,
                            CHOIR_PATH_MAX - 1);
    }
    memcpy(out->path, path, size + 1);
    const choir_status status = is_reader ? CHOIR_OK : file_make(path, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const int result =
        sqlite3_open_v2(path, &out->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK) {
        return ch_database_failed(out, result, err);
    }
    configure(out->handle);
    return ch_database_run(out, pragmas, err);
}

choir_status ch_database_open(ch_database *out, const char *path, choir_error *err) {
    return open_with(out, path, false,
                     "PRAGMA locking_mode = EXCLUSIVE;"
                     "PRAGMA page_size = 16384;" // of a new file
                     "PRAGMA cell_size_check = ON;"
                     "PRAGMA temp_store = MEMORY;"
                     "PRAGMA cache_size = -65536;", // KiB: a round's bytes, while they change
                     err);
}

choir_status ch_database_open_shared(ch_database *out, const char *path, bool is_reader,
                                     choir_error *err) {
    return open_with(out, path, is_reader,
                     is_reader ? "PRAGMA query_only = ON;"
                                 "PRAGMA cell_size_check = ON;"
                                 "PRAGMA cache_size = -2048;"
                               : "PRAGMA auto_vacuum = INCREMENTAL;" // of a new file, like the next
                                 "PRAGMA page_size = 4096;"
                                 "PRAGMA cell_size_check = ON;"
                                 "PRAGMA secure_delete = ON;"
                                 "PRAGMA cache_size = -2048;",
                     err);
}

static choir_status transactions_prepare(ch_database *db, choir_error *err) {
    const struct {
        struct sqlite3_stmt **statement;
        const char *sql;
    } rows[] = {
        {&db->begin, "BEGIN IMMEDIATE"}, {&db->commit, "COMMIT"}, {&db->rollback, "ROLLBACK"}};
    for (int i = 0; i < 3; i++) {
        const int result = sqlite3_prepare_v3(db->handle, rows[i].sql, -1,
                                              SQLITE_PREPARE_PERSISTENT, rows[i].statement, NULL);
        if (result != SQLITE_OK) {
            return ch_database_failed(db, result, err);
        }
    }
    return CHOIR_OK;
}

static int64_t now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Asks for a write-ahead log, and says what the journal is then. SQLite waits for no writer here,
 * as it reads the file already: so it is asked again. */
static choir_status log_begin(ch_database *db, char mode[MODE_BYTES], choir_error *err) {
    const int64_t until_ms = now_ms() + BUSY_MS;
    for (;;) {
        ch_query q = ch_query_begin(db, "PRAGMA journal_mode = WAL");
        if (ch_query_row(&q)) {
            ch_query_copy(&q, 0, mode, MODE_BYTES);
        }
        const bool is_busy = (q.result & 0xff) == SQLITE_BUSY && now_ms() < until_ms;
        const choir_status status = ch_query_end(&q, is_busy ? NULL : err);
        if (!is_busy) {
            return status;
        }
        (void)sqlite3_sleep(BUSY_PAUSE_MS);
    }
}

choir_status ch_database_prepare(ch_database *db, choir_error *err) {
    char mode[MODE_BYTES] = "";
    choir_status status = log_begin(db, mode, err);
    if (status == CHOIR_OK && strcmp(mode, "wal") != 0) {
        status =
            ch_error_set(err, CHOIR_EIO, "%s: its disk cannot keep a write-ahead log", db->path);
    }
    if (status == CHOIR_OK) {
        status = ch_database_run(db,
                                 "PRAGMA synchronous = FULL;"
                                 "PRAGMA wal_autocheckpoint = 8192;", // pages: 128 MiB
                                 err);
    }
    if (status == CHOIR_OK) {
        status = transactions_prepare(db, err);
    }
    if (status == CHOIR_OK) {
        (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    return status;
}

void ch_database_release(ch_database *db) {
    (void)sqlite3_finalize(db->begin);
    (void)sqlite3_finalize(db->commit);
    (void)sqlite3_finalize(db->rollback);
    if (db->handle != NULL) {
        const int result = sqlite3_close(db->handle);
        CH_ASSERT(result == SQLITE_OK); // else a query was not ended
    }
    *db = (ch_database){.handle = NULL};
}

// ----- statements and transactions --------------------------------------------------------------

choir_status ch_database_run(ch_database *db, const char *sql, choir_error *err) {
    const int result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? CHOIR_OK : ch_database_failed(db, result, err);
}

choir_status ch_database_number(ch_database *db, int64_t *out, const char *sql, choir_error *err) {
    ch_query q = ch_query_begin(db, sql);
    int64_t value = 0;
    if (ch_query_row(&q)) {
        value = ch_query_i64(&q, 0);
    }
    const choir_status status = ch_query_end(&q, err);
    *out = status == CHOIR_OK ? value : *out;
    return status;
}

static choir_status transaction_step(ch_database *db, struct sqlite3_stmt *statement,
                                     choir_error *err) {
    const int result = sqlite3_step(statement);
    const choir_status status =
        result == SQLITE_DONE ? CHOIR_OK : ch_database_failed(db, result, err);
    (void)sqlite3_reset(statement); // says again what has been told
    return status;
}

choir_status ch_database_begin(ch_database *db, choir_error *err) {
    return transaction_step(db, db->begin, err);
}

choir_status ch_database_end(ch_database *db, choir_status status, choir_error *err) {
    if (status == CHOIR_OK) {
        status = transaction_step(db, db->commit, err);
    }
    if (sqlite3_get_autocommit(db->handle) == 0) { // some failures have undone it already
        ch_ignore(transaction_step(db, db->rollback, NULL), "what failed has been told");
    }
    // else later calls would become part of what failed
    CH_ASSERT(sqlite3_get_autocommit(db->handle) != 0);
    return status;
}

int64_t ch_database_changes(const ch_database *db) {
    return sqlite3_changes64(db->handle);
}

int64_t ch_database_total_changes(const ch_database *db) {
    return sqlite3_total_changes64(db->handle);
}

int64_t ch_database_last_id(const ch_database *db) {
    return sqlite3_last_insert_rowid(db->handle);
}

// ----- queries ----------------------------------------------------------------------------------

ch_query ch_query_begin(ch_database *db, const char *sql) {
    ch_query q = {.db = db};
    q.result = sqlite3_prepare_v2(db->handle, sql, -1, &q.statement, NULL);
    return q;
}

/* The number of the next parameter. */
static int next(ch_query *q) {
    q->bound += 1;
    return q->bound;
}

void ch_query_bind_i64(ch_query *q, int64_t value) {
    if (q->result == SQLITE_OK) {
        q->result = sqlite3_bind_int64(q->statement, next(q), value);
    }
}

void ch_query_bind_text(ch_query *q, const char *text) {
    if (q->result == SQLITE_OK) {
        q->result = sqlite3_bind_text(q->statement, next(q), text, -1, SQLITE_STATIC);
    }
}

void ch_query_bind_bytes(ch_query *q, const void *data, size_t size) {
    if (q->result == SQLITE_OK) {
        // without an address it would be NULL, which is not the same as no bytes
        q->result =
            sqlite3_bind_blob64(q->statement, next(q), size > 0 ? data : "", size, SQLITE_STATIC);
    }
}

bool ch_query_row(ch_query *q) {
    if (q->result != SQLITE_OK && q->result != SQLITE_ROW) {
        return false;
    }
    q->result = sqlite3_step(q->statement);
    return q->result == SQLITE_ROW;
}

void ch_query_reset(ch_query *q) {
    if (q->result == SQLITE_DONE || q->result == SQLITE_ROW) {
        q->result = sqlite3_reset(q->statement);
        q->bound = 0;
    }
}

int64_t ch_query_i64(const ch_query *q, int column) {
    return sqlite3_column_int64(q->statement, column);
}

/* No address may mean an empty value, or that there was no memory for it. */
static void memory_check(ch_query *q, const void *value) {
    if (value == NULL && sqlite3_errcode(q->db->handle) == SQLITE_NOMEM) {
        q->result = SQLITE_NOMEM;
    }
}

choir_bytes ch_query_bytes(ch_query *q, int column) {
    const uint8_t *data = sqlite3_column_blob(q->statement, column);
    memory_check(q, data);
    const int size = sqlite3_column_bytes(q->statement, column);
    return (choir_bytes){.data = data, .size = data != NULL ? (size_t)size : 0};
}

const char *ch_query_text(ch_query *q, int column) {
    const unsigned char *text = sqlite3_column_text(q->statement, column);
    memory_check(q, text);
    return text != NULL ? (const char *)text : "";
}

void ch_query_copy(ch_query *q, int column, char *out, size_t size) {
    (void)snprintf(out, size, "%s", ch_query_text(q, column));
}

void ch_query_copy_bytes(ch_query *q, int column, uint8_t *out, size_t size) {
    const choir_bytes bytes = ch_query_bytes(q, column);
    if (q->result == SQLITE_ROW && bytes.size != size) {
        q->result = SQLITE_CORRUPT;
    }
    if (q->result == SQLITE_ROW) {
        memcpy(out, bytes.data, size);
    }
}

bool ch_query_is_good(const ch_query *q) {
    return q->result == SQLITE_OK || q->result == SQLITE_ROW || q->result == SQLITE_DONE;
}

bool ch_query_is_conflict(const ch_query *q) {
    return q->result == SQLITE_CONSTRAINT_PRIMARYKEY || q->result == SQLITE_CONSTRAINT_UNIQUE ||
           q->result == SQLITE_CONSTRAINT_ROWID;
}

choir_status ch_query_end(ch_query *q, choir_error *err) {
    choir_status status = CHOIR_OK;
    if (!ch_query_is_good(q)) {
        status = ch_database_failed(q->db, q->result, err);
    }
    (void)sqlite3_finalize(q->statement); // says again what has been told
    *q = (ch_query){.db = q->db};
    return status;
}

choir_status ch_query_run(ch_query *q, choir_error *err) {
    while (ch_query_row(q)) {
    }
    return ch_query_end(q, err);
}
