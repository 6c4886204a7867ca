/* Hosting store: see hosting_store.h. Its life, its settings, and what the other sources share. */
#include "store/hosting_store.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/checksum.h"
#include "base/disk.h"
#include "base/error.h"
#include "store/hosting_parts.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOCK_MODE = 0600, CHECKSUM_SEED = 0x63686f72 };

static const char DATABASE_FILE[] = "choir.db";
static const char LOCK_FILE[] = "choir.lock";

// ----- what the sources share -------------------------------------------------------------------

ch_database *ch_hosting_enter(ch_hosting_store *s) {
    const int result = pthread_mutex_lock(&s->lock);
    CH_ASSERT(result == 0);
    return &s->db;
}

choir_status ch_hosting_leave(ch_hosting_store *s, choir_status status) {
    (void)pthread_mutex_unlock(&s->lock);
    return status;
}

static choir_status told(choir_status status, choir_error *err, const char *format, va_list list) {
    char message[sizeof(err->message)];
    (void)vsnprintf(message, sizeof(message), format, list);
    return ch_error_set(err, status, "%s", message);
}

choir_status ch_hosting_changed(const ch_database *db, choir_status status, choir_error *err,
                                const char *format, ...) {
    if (status == CHOIR_OK && ch_database_changes(db) == 0) {
        va_list list;
        va_start(list, format);
        status = told(CHOIR_EINVAL, err, format, list);
        va_end(list);
    }
    return status;
}

choir_status ch_hosting_found(choir_status status, choir_error *err, const char *format, ...) {
    if (status == CHOIR_EAGAIN) {
        va_list list;
        va_start(list, format);
        status = told(CHOIR_EAGAIN, err, format, list);
        va_end(list);
    }
    return status;
}

choir_status ch_hosting_end_one(ch_query *q, bool is_found, choir_error *err) {
    const choir_status status = ch_query_end(q, err);
    return status == CHOIR_OK && !is_found ? CHOIR_EAGAIN : status;
}

// ----- bytes ------------------------------------------------------------------------------------

void ch_stored_release(ch_stored *b) {
    if (b->data != NULL) {
        b->env.free(b->env.self, b->data);
    }
    *b = (ch_stored){.data = NULL};
}

static choir_status stored_copy(ch_stored *out, choir_bytes bytes, const char *what,
                                const choir_env *env, choir_error *err) {
    uint8_t *data = env->alloc(env->self, ch_arena_cost(bytes.size + 1, 1));
    if (data == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for its %zu bytes", what, bytes.size);
    }
    if (bytes.size > 0) {
        memcpy(data, bytes.data, bytes.size);
    }
    data[bytes.size] = 0;
    *out = (ch_stored){.data = data, .size = bytes.size, .env = *env};
    return CHOIR_OK;
}

int64_t ch_hosting_checksum(choir_bytes bytes) {
    return (int64_t)ch_checksum_of(CHECKSUM_SEED, bytes.data, bytes.size);
}

void ch_hosting_bind_checked(ch_query *q, choir_bytes bytes) {
    ch_query_bind_i64(q, ch_hosting_checksum(bytes));
    ch_query_bind_bytes(q, bytes.data, bytes.size);
}

choir_status ch_hosting_read_checked(const ch_hosting_store *s, ch_query *q, ch_stored *out,
                                     const char *what, choir_error *err) {
    choir_status status = CHOIR_EAGAIN;
    *out = (ch_stored){.data = NULL};
    if (ch_query_row(q)) {
        const choir_bytes bytes = ch_query_bytes(q, 1);
        const bool is_whole = ch_hosting_checksum(bytes) == ch_query_i64(q, 0);
        status = is_whole ? stored_copy(out, bytes, what, &s->env, err)
                          : ch_error_set(err, CHOIR_EPROTO,
                                         "%s: %s is damaged; bring the store back from a backup",
                                         s->db.path, what);
    }
    choir_error why;
    const choir_status ended = ch_query_end(q, &why);
    if (ended != CHOIR_OK) {
        ch_stored_release(out);
        return ch_error_set(err, ended, "%s", why.message);
    }
    return status;
}

// ----- life -------------------------------------------------------------------------------------

choir_status ch_hosting_path(char out[CHOIR_PATH_MAX], const char *dir, const char *file,
                             choir_error *err) {
    const int size = snprintf(out, CHOIR_PATH_MAX, "%s/%s", dir, file);
    if (size < 0 || size >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s...: the path is longer than %d bytes", dir,
                            CHOIR_PATH_MAX - 1);
    }
    return CHOIR_OK;
}

static choir_status lock_take(ch_hosting_store *s, const char *dir, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    choir_status status = ch_hosting_path(path, dir, LOCK_FILE, err);
    if (status != CHOIR_OK) {
        return status;
    }
    s->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    if (s->lock_file < 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot open for writing: %s", path,
                            strerror(errno));
    }
    status = ch_disk_lock(s->lock_file, path, err);
    return status != CHOIR_EAGAIN
               ? status
               : ch_error_set(err, CHOIR_EIO, "%s: another process serves from this folder", dir);
}

/* Everything that can be refused comes before the first write. */
static choir_status database_take(ch_hosting_store *s, const char *dir, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    choir_status status = ch_hosting_path(path, dir, DATABASE_FILE, err);
    if (status == CHOIR_OK) {
        status = ch_database_open(&s->db, path, err);
    }
    if (status == CHOIR_OK) {
        status = ch_schema_check(&s->db, err);
    }
    if (status == CHOIR_OK) {
        status = ch_database_prepare(&s->db, err);
    }
    if (status == CHOIR_OK) {
        status = ch_schema_migrate(&s->db, err);
    }
    return status == CHOIR_OK ? ch_hosting_open_rounds_sweep(s, err) : status;
}

choir_status ch_hosting_store_open(ch_hosting_store **out, const char *dir, const choir_env *env,
                                   choir_error *err) {
    *out = NULL;
    ch_hosting_store *s = env->alloc(env->self, ch_arena_cost(1, sizeof(*s)));
    if (s == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory to open it", dir);
    }
    *s = (ch_hosting_store){.env = *env, .lock_file = -1};
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)snprintf(s->dir, sizeof(s->dir), "%s", dir); // one that is too long is told below
    choir_status status = ch_disk_folders(dir, err);
    if (status == CHOIR_OK) {
        status = lock_take(s, dir, err);
    }
    if (status == CHOIR_OK) {
        status = database_take(s, dir, err);
    }
    if (status != CHOIR_OK) {
        ch_hosting_store_close(s);
        return status;
    }
    *out = s;
    return CHOIR_OK;
}

void ch_hosting_store_close(ch_hosting_store *s) {
    if (s == NULL) {
        return;
    }
    ch_database_release(&s->db);
    if (s->lock_file >= 0) {
        (void)close(s->lock_file); // the last: until here nobody else may open
    }
    (void)pthread_mutex_destroy(&s->lock);
    const choir_env env = s->env;
    env.free(env.self, s);
}

// ----- settings ---------------------------------------------------------------------------------

choir_status ch_hosting_store_setting(ch_hosting_store *s, ch_stored *out, const char *name,
                                      choir_error *err) {
    ch_query q =
        ch_query_begin(ch_hosting_enter(s), "SELECT checksum, bytes FROM settings WHERE name = ?");
    ch_query_bind_text(&q, name);
    const choir_status status = ch_hosting_read_checked(s, &q, out, "a setting", err);
    return ch_hosting_leave(s, ch_hosting_found(status, err, "setting '%s': there is none", name));
}

choir_status ch_hosting_store_setting_set(ch_hosting_store *s, const char *name, choir_bytes value,
                                          choir_error *err) {
    if (value.size > CH_SETTING_BYTES_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "setting '%s': has %zu bytes, at most %d are kept",
                            name, value.size, CH_SETTING_BYTES_MAX);
    }
    ch_query q = ch_query_begin(ch_hosting_enter(s),
                                "INSERT INTO settings (name, checksum, bytes) VALUES (?, ?, ?)"
                                " ON CONFLICT DO UPDATE"
                                " SET checksum = excluded.checksum, bytes = excluded.bytes");
    ch_query_bind_text(&q, name);
    ch_hosting_bind_checked(&q, value);
    return ch_hosting_leave(s, ch_query_run(&q, err));
}
