/*
 * Examples: see include/choir/examples.h.
 *
 *   about     one row: the form and the limits
 *   examples  id, when, the answer (a label, or a target's bits), a checksum, the features
 *
 * Features are little-endian fp32, or bytes. The checksum is of all the rest of a row but its id,
 * so that a damaged block of the disk is told and not trained on.
 */
#include "choir/examples.h"

#include "base/arena.h"
#include "base/checksum.h"
#include "base/error.h"
#include "store/database.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    APPLICATION_ID = 0x63686578, // "chex"
    VERSION = 1,
    ROWS_DEFAULT = 10000,
    BYTES_DEFAULT = 64 << 20,
    FEATURES_MAX = 1 << 20,
    CLASSES_MAX = 1 << 16,
};

struct choir_examples {
    choir_env env;
    ch_database db;
    bool is_reader;
    bool is_own; // a store, of a version that is known; also one that is damaged
    choir_examples_form form;
    uint64_t rows_max;
    uint64_t bytes_max;
    uint64_t age_max_ms; // INT64_MAX: any
    void *row;           // one example's features, aligned; owned
};

static const char TABLES[] =
    "CREATE TABLE about ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1), kind INTEGER NOT NULL, height INTEGER NOT NULL,"
    "  width INTEGER NOT NULL, channels INTEGER NOT NULL, classes INTEGER NOT NULL,"
    "  rows_max INTEGER NOT NULL, bytes_max INTEGER NOT NULL, age_max_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE examples ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, answer INTEGER NOT NULL,"
    "  checksum INTEGER NOT NULL, features BLOB NOT NULL) STRICT;"
    "CREATE INDEX examples_at ON examples (at_ms);";

choir_examples_options choir_examples_defaults(void) {
    return (choir_examples_options){.form = NULL};
}

const choir_examples_form *choir_examples_form_of(const choir_examples *e) {
    return &e->form;
}

static uint64_t features_of(const choir_examples_form *f) {
    return (uint64_t)f->height * f->width * f->channels;
}

uint32_t choir_examples_bytes(const choir_examples *e) {
    const size_t item = e->form.kind == CHOIR_FEATURES_PIXELS ? sizeof(uint8_t) : sizeof(float);
    return (uint32_t)(features_of(&e->form) * item);
}

/* A damaged store is of no use, but what it was collected for is there still. Another file is
 * somebody's, who may not be told to remove it. */
static choir_status told(const choir_examples *e, choir_status status, choir_error *err) {
    if (status != CHOIR_EPROTO || err == NULL) {
        return status;
    }
    const choir_error why = *err;
    const size_t path = strlen(e->db.path);
    const bool has_path = strncmp(why.message, e->db.path, path) == 0;
    return ch_error_set(err, status, "%s: %s (%.200s)", e->db.path,
                        e->is_own ? "no store of examples that can be used; remove it, with "
                                    "its -wal and -shm, to collect anew"
                                  : "is no store of examples; name another file",
                        has_path ? why.message + path + 2 : why.message);
}

// ----- opening ----------------------------------------------------------------------------------

static bool form_is_right(const choir_examples_form *f) {
    return (f->kind == CHOIR_FEATURES_REALS || f->kind == CHOIR_FEATURES_PIXELS) &&
           f->height >= 1 && f->width >= 1 && f->channels >= 1 && f->height <= FEATURES_MAX &&
           f->width <= FEATURES_MAX && f->channels <= FEATURES_MAX &&
           (uint64_t)f->height * f->width <= FEATURES_MAX && features_of(f) <= FEATURES_MAX &&
           f->classes <= CLASSES_MAX;
}

static bool is_same_form(const choir_examples_form *a, const choir_examples_form *b) {
    return a->kind == b->kind && a->height == b->height && a->width == b->width &&
           a->channels == b->channels && a->classes == b->classes;
}

/* Whether its first bytes say that it is a store; they do when the rest of it cannot be read. */
static bool is_own(ch_database *db) {
    int64_t application = 0;
    int64_t version = 0;
    return db->handle != NULL &&
           ch_database_number(db, &application, "PRAGMA application_id", NULL) == CHOIR_OK &&
           ch_database_number(db, &version, "PRAGMA user_version", NULL) == CHOIR_OK &&
           application == APPLICATION_ID && version >= 1 && version <= VERSION;
}

/* Is the file a store, or empty? One query, as another process may be making one. */
static choir_status kind_check(choir_examples *e, bool *is_empty, choir_error *err) {
    ch_query q = ch_query_begin(&e->db, "SELECT (SELECT * FROM pragma_application_id),"
                                        " (SELECT * FROM pragma_user_version), count(*)"
                                        " FROM sqlite_schema");
    int64_t facts[3] = {0}; // application, version, tables
    if (ch_query_row(&q)) {
        for (int i = 0; i < 3; i++) {
            facts[i] = ch_query_i64(&q, i);
        }
    }
    const choir_status status = ch_query_end(&q, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const int64_t version = facts[1];
    *is_empty = facts[0] == 0 && version == 0 && facts[2] == 0;
    if (!*is_empty && (facts[0] != APPLICATION_ID || version < 1)) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: a database of another program", e->db.path);
    }
    return version <= VERSION
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EPROTO,
                              "%s: of version %" PRId64 ", this choir knows up to %d", e->db.path,
                              version, VERSION);
}

/* The same, and is its structure whole? Changes nothing. */
static choir_status file_check(choir_examples *e, bool *is_empty, choir_error *err) {
    choir_status status = kind_check(e, is_empty, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_query q = ch_query_begin(&e->db, "PRAGMA quick_check(1)");
    char fault[sizeof(err->message) / 2] = "";
    if (ch_query_row(&q)) {
        ch_query_copy(&q, 0, fault, sizeof(fault));
    }
    status = ch_query_end(&q, err);
    return status == CHOIR_OK && strcmp(fault, "ok") != 0
               ? ch_error_set(err, CHOIR_EPROTO, "%s: is damaged: %s", e->db.path, fault)
               : status;
}

static choir_status about_put(choir_examples *e, const choir_examples_form *form,
                              choir_error *err) {
    ch_query q = ch_query_begin(&e->db, "INSERT INTO about VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)");
    const int64_t values[] = {form->kind,    form->height, form->width,   form->channels,
                              form->classes, ROWS_DEFAULT, BYTES_DEFAULT, INT64_MAX};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        ch_query_bind_i64(&q, values[i]);
    }
    return ch_query_run(&q, err);
}

static choir_status tables_fill(choir_examples *e, const choir_examples_form *form,
                                choir_error *err) {
    char mark[96];
    (void)snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   APPLICATION_ID, VERSION);
    choir_status status = ch_database_run(&e->db, TABLES, err);
    if (status == CHOIR_OK) {
        status = about_put(e, form, err);
    }
    return status == CHOIR_OK ? ch_database_run(&e->db, mark, err) : status;
}

/* Makes an empty file a store, unless another process has made it one meanwhile. */
static choir_status tables_make(choir_examples *e, const choir_examples_form *form,
                                choir_error *err) {
    bool is_empty = false;
    choir_status status = ch_database_begin(&e->db, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = kind_check(e, &is_empty, err);
    if (status == CHOIR_OK && is_empty) {
        status = tables_fill(e, form, err);
    }
    return ch_database_end(&e->db, status, err);
}

static choir_status about_read(choir_examples *e, choir_error *err) {
    ch_query q = ch_query_begin(&e->db, "SELECT kind, height, width, channels, classes, rows_max,"
                                        " bytes_max, age_max_ms FROM about");
    int64_t values[8] = {-1};
    if (ch_query_row(&q)) {
        for (int i = 0; i < 8; i++) {
            values[i] = ch_query_i64(&q, i);
        }
    }
    const choir_status status = ch_query_end(&q, err);
    if (status != CHOIR_OK) {
        return status;
    }
    bool is_right = true;
    for (int i = 0; i < 8; i++) {
        is_right = is_right && values[i] >= 0 && (i > 4 || values[i] <= FEATURES_MAX);
    }
    e->form = (choir_examples_form){(choir_feature_kind)values[0], (uint32_t)values[1],
                                    (uint32_t)values[2], (uint32_t)values[3], (uint32_t)values[4]};
    e->rows_max = (uint64_t)values[5];
    e->bytes_max = (uint64_t)values[6];
    e->age_max_ms = (uint64_t)values[7];
    return is_right && form_is_right(&e->form)
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EPROTO, "%s: does not say what its examples are",
                              e->db.path);
}

static uint64_t chosen(uint64_t option, uint64_t now) {
    const uint64_t value = option == 0 ? now : option;
    return value > INT64_MAX ? INT64_MAX : value;
}

/* The limits that the options want, in the store for whoever opens it next. */
static choir_status limits_set(choir_examples *e, const choir_examples_options *o,
                               choir_error *err) {
    const uint64_t rows = chosen(o->rows_max, e->rows_max);
    const uint64_t bytes = chosen(o->bytes_max, e->bytes_max);
    const uint64_t age_ms = chosen(o->age_max_ms, e->age_max_ms);
    if (bytes < choir_examples_bytes(e)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "examples: bytes_max is %" PRIu64 ", and one example has %" PRIu32,
                            bytes, choir_examples_bytes(e));
    }
    if (rows == e->rows_max && bytes == e->bytes_max && age_ms == e->age_max_ms) {
        return CHOIR_OK;
    }
    ch_query q =
        ch_query_begin(&e->db, "UPDATE about SET rows_max = ?, bytes_max = ?, age_max_ms = ?");
    ch_query_bind_i64(&q, (int64_t)rows);
    ch_query_bind_i64(&q, (int64_t)bytes);
    ch_query_bind_i64(&q, (int64_t)age_ms);
    const choir_status status = ch_query_run(&q, err);
    if (status == CHOIR_OK) {
        e->rows_max = rows;
        e->bytes_max = bytes;
        e->age_max_ms = age_ms;
    }
    return status;
}

static choir_status store_fill(choir_examples *e, const choir_examples_options *o,
                               choir_error *err) {
    bool is_empty = false;
    choir_status status = file_check(e, &is_empty, err);
    if (status == CHOIR_OK && is_empty && (o->form == NULL || o->is_reader)) {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "%s: is empty; make it a store first, with the form of its examples",
                              e->db.path);
    }
    if (status == CHOIR_OK && !o->is_reader) {
        status = ch_database_prepare(&e->db, err);
    }
    if (status == CHOIR_OK && !o->is_reader) {
        status = ch_database_run(&e->db, "PRAGMA wal_autocheckpoint = 256", err); // 1 MiB
    }
    if (status == CHOIR_OK && is_empty) {
        status = tables_make(e, o->form, err);
    }
    if (status == CHOIR_OK) {
        status = about_read(e, err);
    }
    if (status == CHOIR_OK) {
        e->row = e->env.alloc(e->env.self, ch_arena_cost(choir_examples_bytes(e), 1));
        status = e->row != NULL
                     ? CHOIR_OK
                     : ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for an example", e->db.path);
    }
    if (status == CHOIR_OK && o->form != NULL && !is_same_form(o->form, &e->form)) {
        const choir_examples_form *f = &e->form;
        status = ch_error_set(err, CHOIR_EINVAL,
                              "%s: holds %s of %" PRIu32 " x %" PRIu32 " x %" PRIu32 " and %" PRIu32
                              " classes; another form needs another store",
                              e->db.path, f->kind == CHOIR_FEATURES_PIXELS ? "pixels" : "reals",
                              f->height, f->width, f->channels, f->classes);
    }
    return status == CHOIR_OK && !o->is_reader ? limits_set(e, o, err) : status;
}

choir_status choir_examples_open(choir_examples **out, const char *path,
                                 const choir_examples_options *options, const choir_env *env,
                                 choir_error *err) {
    *out = NULL;
    if (options->form != NULL && !form_is_right(options->form)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "examples: a form has a kind, and height, width and channels of at "
                            "least 1 and together at most %d, and at most %d classes",
                            FEATURES_MAX, CLASSES_MAX);
    }
    if (options->form == NULL && access(path, F_OK) != 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot open: %s", path, strerror(errno));
    }
    choir_examples *e = env->alloc(env->self, ch_arena_cost(1, sizeof(*e)));
    if (e == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory to use it", path);
    }
    *e = (choir_examples){.env = *env, .is_reader = options->is_reader};
    choir_error why = {.message = ""};
    choir_status status = ch_database_open_shared(&e->db, path, options->is_reader, &why);
    if (status == CHOIR_OK) {
        status = store_fill(e, options, &why);
    }
    e->is_own = status == CHOIR_OK || is_own(&e->db);
    if (status != CHOIR_OK) {
        (void)ch_error_set(err, told(e, status, &why), "%s", why.message);
        choir_examples_close(e);
        return status;
    }
    *out = e;
    return CHOIR_OK;
}

void choir_examples_close(choir_examples *e) {
    if (e != NULL) {
        const choir_env env = e->env;
        ch_database_release(&e->db);
        if (e->row != NULL) {
            env.free(env.self, e->row);
        }
        env.free(env.self, e);
    }
}

// ----- adding -----------------------------------------------------------------------------------

static int64_t answer_of(const choir_examples *e, const choir_example *x) {
    uint32_t bits = x->label;
    if (e->form.classes == 0) {
        memcpy(&bits, &x->target, sizeof(bits));
    }
    return bits;
}

static int64_t checksum_of(const choir_examples *e, int64_t at_ms, int64_t answer,
                           const void *features) {
    const int64_t said[] = {at_ms, answer};
    ch_checksum c;
    ch_checksum_init(&c, APPLICATION_ID);
    ch_checksum_add(&c, said, sizeof(said));
    ch_checksum_add(&c, features, choir_examples_bytes(e));
    return (int64_t)ch_checksum_finish(&c);
}

static bool is_finite(const choir_examples *e, const choir_example *x) {
    const float *reals = x->features;
    const uint64_t count = e->form.kind == CHOIR_FEATURES_REALS ? features_of(&e->form) : 0;
    bool is_so = e->form.classes > 0 || isfinite(x->target);
    for (uint64_t i = 0; i < count && is_so; i++) {
        is_so = isfinite(reals[i]);
    }
    return is_so;
}

static choir_status example_check(const choir_examples *e, const choir_example *x, uint32_t i,
                                  choir_error *err) {
    if (!is_finite(e, x)) {
        return ch_error_set(err, CHOIR_EINVAL, "example %" PRIu32 ": a number in it is not finite",
                            i);
    }
    if (e->form.classes > 0 && x->label >= e->form.classes) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "example %" PRIu32 ": the label is %" PRIu32 ", must be below %" PRIu32,
                            i, x->label, e->form.classes);
    }
    if (x->at_ms > INT64_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "example %" PRIu32 ": at_ms is %" PRIu64 ", must be below 2^63", i,
                            x->at_ms);
    }
    return CHOIR_OK;
}

static choir_status writer_check(const choir_examples *e, choir_error *err) {
    return e->is_reader ? ch_error_set(err, CHOIR_EINVAL, "%s: was opened to read it", e->db.path)
                        : CHOIR_OK;
}

/* How many rows the limits leave. */
static uint64_t room_of(const choir_examples *e) {
    const uint64_t fit = e->bytes_max / choir_examples_bytes(e);
    return fit < e->rows_max ? fit : e->rows_max;
}

static choir_status rows_insert(choir_examples *e, const choir_example *examples, uint32_t count,
                                choir_error *err) {
    ch_query q = ch_query_begin(&e->db, "INSERT INTO examples (at_ms, answer, checksum, features)"
                                        " VALUES (?, ?, ?, ?)");
    for (uint32_t i = 0; i < count; i++) {
        const int64_t at_ms = (int64_t)examples[i].at_ms;
        const int64_t answer = answer_of(e, &examples[i]);
        ch_query_bind_i64(&q, at_ms);
        ch_query_bind_i64(&q, answer);
        ch_query_bind_i64(&q, checksum_of(e, at_ms, answer, examples[i].features));
        ch_query_bind_bytes(&q, examples[i].features, choir_examples_bytes(e));
        (void)ch_query_row(&q);
        ch_query_reset(&q);
    }
    return ch_query_end(&q, err);
}

static choir_status oldest_remove(choir_examples *e, choir_error *err) {
    ch_query q =
        ch_query_begin(&e->db, "DELETE FROM examples WHERE id <="
                               " (SELECT id FROM examples ORDER BY id DESC LIMIT 1 OFFSET ?)");
    ch_query_bind_i64(&q, (int64_t)room_of(e));
    return ch_query_run(&q, err);
}

choir_status choir_examples_add(choir_examples *e, const choir_example *examples, uint32_t count,
                                choir_error *err) {
    choir_status status = writer_check(e, err);
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        status = example_check(e, &examples[i], i, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    status = ch_database_begin(&e->db, err);
    if (status != CHOIR_OK) {
        return told(e, status, err);
    }
    status = rows_insert(e, examples, count, err);
    if (status == CHOIR_OK) {
        status = oldest_remove(e, err);
    }
    return told(e, ch_database_end(&e->db, status, err), err);
}

// ----- expiring ---------------------------------------------------------------------------------

/* Free pages go back to the disk, and out of the log; readers at work may keep it a while. */
static choir_status room_give_back(choir_examples *e, choir_error *err) {
    const choir_status status = ch_database_run(&e->db, "PRAGMA incremental_vacuum", err);
    return status == CHOIR_OK ? ch_database_run(&e->db, "PRAGMA wal_checkpoint(TRUNCATE)", err)
                              : status;
}

choir_status choir_examples_expire(choir_examples *e, uint64_t now_ms, uint64_t *removed,
                                   choir_error *err) {
    choir_status status = writer_check(e, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const int64_t changes = ch_database_total_changes(&e->db);
    const uint64_t before = now_ms > e->age_max_ms ? now_ms - e->age_max_ms : 0;
    ch_query q = ch_query_begin(&e->db, "DELETE FROM examples WHERE at_ms < ?");
    ch_query_bind_i64(&q, before > INT64_MAX ? INT64_MAX : (int64_t)before);
    status = ch_query_run(&q, err);
    if (status == CHOIR_OK) {
        status = oldest_remove(e, err); // of limits that have become smaller
    }
    const uint64_t gone = (uint64_t)(ch_database_total_changes(&e->db) - changes);
    if (status == CHOIR_OK) {
        status = room_give_back(e, err);
    }
    if (status == CHOIR_OK && removed != NULL) {
        *removed = gone;
    }
    return told(e, status, err);
}

// ----- reading ----------------------------------------------------------------------------------

choir_status choir_examples_count(choir_examples *e, choir_examples_summary *out,
                                  choir_error *err) {
    ch_query q = ch_query_begin(&e->db, "SELECT count(*), coalesce(min(id), 0),"
                                        " coalesce(max(id), 0), coalesce(min(at_ms), 0),"
                                        " coalesce(max(at_ms), 0) FROM examples");
    choir_examples_summary s = {.rows_max = e->rows_max,
                                .bytes_max = e->bytes_max,
                                .age_max_ms =
                                    e->age_max_ms == INT64_MAX ? UINT64_MAX : e->age_max_ms};
    if (ch_query_row(&q)) {
        s.count = (uint64_t)ch_query_i64(&q, 0);
        s.first_id = (uint64_t)ch_query_i64(&q, 1);
        s.last_id = (uint64_t)ch_query_i64(&q, 2);
        s.oldest_ms = (uint64_t)ch_query_i64(&q, 3);
        s.newest_ms = (uint64_t)ch_query_i64(&q, 4);
    }
    s.bytes = s.count * choir_examples_bytes(e);
    const choir_status status = ch_query_end(&q, err);
    if (status == CHOIR_OK) {
        *out = s;
    }
    return told(e, status, err);
}

/* The row as an example. Returns EPROTO when it is damaged. */
static choir_status row_read(const choir_examples *e, ch_query *q, choir_example *out,
                             choir_error *err) {
    const int64_t at_ms = ch_query_i64(q, 1);
    const int64_t answer = ch_query_i64(q, 2);
    const choir_bytes features = ch_query_bytes(q, 4);
    if (!ch_query_is_good(q)) {
        return CHOIR_OK; // its end says why
    }
    const bool is_whole = features.size == choir_examples_bytes(e);
    if (is_whole) {
        memcpy(e->row, features.data, features.size);
    }
    const uint32_t bits = (uint32_t)answer;
    *out = (choir_example){.features = e->row, .at_ms = (uint64_t)at_ms};
    if (e->form.classes > 0) {
        out->label = bits;
    } else {
        memcpy(&out->target, &bits, sizeof(bits));
    }
    const bool is_right = is_whole && ch_query_i64(q, 3) == checksum_of(e, at_ms, answer, e->row) &&
                          example_check(e, out, 0, NULL) == CHOIR_OK;
    return is_right ? CHOIR_OK
                    : ch_error_set(err, CHOIR_EPROTO, "%s: example %" PRId64 " is damaged",
                                   e->db.path, ch_query_i64(q, 0));
}

choir_status choir_examples_read(choir_examples *e, uint64_t from_id, uint64_t limit,
                                 void (*each)(void *self, uint64_t id,
                                              const choir_example *example),
                                 void *self, choir_error *err) {
    ch_query q = ch_query_begin(&e->db, "SELECT id, at_ms, answer, checksum, features"
                                        " FROM examples WHERE id >= ? ORDER BY id LIMIT ?");
    ch_query_bind_i64(&q, (int64_t)chosen(from_id, 0));
    ch_query_bind_i64(&q, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    choir_status status = CHOIR_OK;
    while (status == CHOIR_OK && ch_query_row(&q)) {
        choir_example example;
        status = row_read(e, &q, &example, err);
        if (status == CHOIR_OK && ch_query_is_good(&q)) {
            each(self, (uint64_t)ch_query_i64(&q, 0), &example);
        }
    }
    const choir_status ended = ch_query_end(&q, status == CHOIR_OK ? err : NULL);
    return told(e, status == CHOIR_OK ? ended : status, err);
}
