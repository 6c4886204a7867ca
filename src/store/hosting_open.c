/*
 * Hosting store: see hosting_store.h. What open rounds have.
 *
 * Every group commit replaces it, and for a model of a million parameters it is megabytes, which a
 * database would write twice: into its log, and from there into its file. So large ones stand in
 * files, two slots for a job. A commit writes the slot that the database does not name, waits until
 * the disk has it, and then the transaction names it: until that is durable the other slot is what
 * counts, and it is whole.
 *
 *     written:    slot 0     slot 1     slot 0
 *     named:          0          1          0          <- by the transaction that also has the
 * receipts
 *
 * A transaction that fails at its very end may be there after a crash all the same, with the slot
 * that it named. Until another transaction has taken its place, no slot is written: the bytes then
 * go into the database, as small ones always do.
 */
#include "base/disk.h"
#include "base/error.h"
#include "store/hosting_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOT_MODE = 0600, INLINE_BYTES_MAX = 256 << 10, NONE = -1 };

static const uint64_t SLOT_BYTES_MAX = UINT64_C(1) << 40;

static choir_status slot_path(char out[CHOIR_PATH_MAX], const ch_hosting_store *s, int64_t job,
                              int64_t slot, choir_error *err) {
    char name[64];
    (void)snprintf(name, sizeof(name), "open-%" PRId64 ".%" PRId64, job, slot);
    return ch_hosting_path(out, s->dir, name, err);
}

// ----- writing ----------------------------------------------------------------------------------

/* A file that was not there, or grew, is found after a crash only when its folder is on the disk.
 */
static choir_status folder_sync(const ch_hosting_store *s, choir_error *err) {
    const int descriptor = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0 || fsync(descriptor) != 0) {
        const int why = errno;
        if (descriptor >= 0) {
            (void)close(descriptor);
        }
        return ch_error_set(err, CHOIR_EIO, "%s: cannot write: %s", s->dir, strerror(why));
    }
    (void)close(descriptor);
    return CHOIR_OK;
}

static choir_status slot_fill(int descriptor, const char *path, choir_bytes bytes,
                              choir_error *err) {
    const choir_status status = ch_disk_append(descriptor, path, bytes, err);
    if (status != CHOIR_OK) {
        return status;
    }
    // what a larger one left is cut off; where sizes are the same, nothing but bytes is written
    if (ftruncate(descriptor, (off_t)bytes.size) != 0 || fdatasync(descriptor) != 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot write: %s", path, strerror(errno));
    }
    return CHOIR_OK;
}

static choir_status slot_write(const ch_hosting_store *s, int64_t job, int64_t slot,
                               choir_bytes bytes, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    choir_status status = slot_path(path, s, job, slot, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const bool is_there = access(path, F_OK) == 0;
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, SLOT_MODE);
    if (descriptor < 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot open for writing: %s", path,
                            strerror(errno));
    }
    status = slot_fill(descriptor, path, bytes, err);
    (void)close(descriptor); // the disk has it, or it failed
    if (status == CHOIR_OK && !is_there) {
        status = folder_sync(s, err);
    }
    if (status != CHOIR_OK && !is_there) {
        (void)unlink(path); // so that the next one that is made is on the disk as well
    }
    return status;
}

/* The slot that the database names; NONE when the bytes are in it, or there are none. */
static choir_status slot_find(ch_database *db, int64_t *out, int64_t job, choir_error *err) {
    ch_query q = ch_query_begin(db, "SELECT coalesce(slot, -1) FROM open_rounds WHERE job = ?");
    ch_query_bind_i64(&q, job);
    *out = ch_query_row(&q) ? ch_query_i64(&q, 0) : NONE;
    return ch_query_end(&q, err);
}

static choir_status forget(ch_database *db, int64_t job, choir_error *err) {
    ch_query q = ch_query_begin(db, "DELETE FROM open_rounds WHERE job = ?");
    ch_query_bind_i64(&q, job);
    return ch_query_run(&q, err);
}

/* What the database has of it: all, or its slot. */
static choir_status row_set(ch_database *db, int64_t job, int64_t slot, choir_bytes bytes,
                            choir_error *err) {
    ch_query q =
        ch_query_begin(db, "INSERT INTO open_rounds (job, slot, size, checksum, bytes)"
                           " VALUES (?, nullif(?, -1), ?, ?, ?)"
                           " ON CONFLICT DO UPDATE SET slot = excluded.slot, size = excluded.size,"
                           " checksum = excluded.checksum, bytes = excluded.bytes");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, slot);
    ch_query_bind_i64(&q, (int64_t)bytes.size);
    ch_query_bind_i64(&q, ch_hosting_checksum(bytes));
    ch_query_bind_bytes(&q, bytes.data, slot == NONE ? bytes.size : 0);
    return ch_query_run(&q, err);
}

choir_status ch_hosting_open_round_set(ch_hosting_store *s, int64_t job, choir_bytes bytes,
                                       choir_error *err) {
    if (bytes.size == 0) {
        return forget(&s->db, job, err);
    }
    if (bytes.size <= INLINE_BYTES_MAX || s->in_doubt) {
        return row_set(&s->db, job, NONE, bytes, err);
    }
    int64_t named = NONE;
    choir_status status = slot_find(&s->db, &named, job, err);
    const int64_t slot = named == 0 ? 1 : 0;
    if (status == CHOIR_OK) {
        status = slot_write(s, job, slot, bytes, err);
    }
    return status == CHOIR_OK ? row_set(&s->db, job, slot, bytes, err) : status;
}

// ----- reading ----------------------------------------------------------------------------------

/* What the database says of an open round. */
typedef struct open_round {
    int64_t slot; // or NONE
    int64_t size;
    int64_t checksum;
} open_round;

/* Reads the row, and its bytes when they are in it. Returns EAGAIN when there is none. */
static choir_status row_read(ch_hosting_store *s, open_round *out, ch_stored *bytes, int64_t job,
                             choir_error *err) {
    ch_query q = ch_query_begin(
        &s->db, "SELECT coalesce(slot, -1), size, checksum FROM open_rounds WHERE job = ?");
    ch_query_bind_i64(&q, job);
    const bool is_found = ch_query_row(&q);
    if (is_found) {
        *out = (open_round){.slot = ch_query_i64(&q, 0),
                            .size = ch_query_i64(&q, 1),
                            .checksum = ch_query_i64(&q, 2)};
    }
    const choir_status status = ch_hosting_end_one(&q, is_found, err);
    if (status != CHOIR_OK || out->slot != NONE) {
        return status;
    }
    q = ch_query_begin(&s->db, "SELECT checksum, bytes FROM open_rounds WHERE job = ?");
    ch_query_bind_i64(&q, job);
    return ch_hosting_read_checked(s, &q, bytes, "a job's open round", err);
}

static choir_status slot_read(const ch_hosting_store *s, const open_round *row, ch_stored *out,
                              int64_t job, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    ch_disk_file file;
    choir_status status = slot_path(path, s, job, row->slot, err);
    if (status != CHOIR_OK) {
        return status;
    }
    choir_error why = {.message = ""};
    status = ch_disk_read(&file, path, SLOT_BYTES_MAX, &s->env, &why);
    if (status == CHOIR_ENOMEM) {
        return ch_error_set(err, status, "%s", why.message);
    }
    const choir_bytes bytes = {.data = file.data, .size = file.size};
    if (status != CHOIR_OK || (int64_t)file.size != row->size ||
        ch_hosting_checksum(bytes) != row->checksum) {
        ch_disk_release(&file);
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: is damaged or gone; bring the store back from a backup", path);
    }
    file.data[file.size] = 0; // ch_disk_read has room for it
    *out = (ch_stored){.data = file.data, .size = file.size, .env = file.env}; // moved
    return CHOIR_OK;
}

choir_status ch_hosting_open_round_read(ch_hosting_store *s, ch_stored *out, int64_t job,
                                        choir_error *err) {
    open_round row = {.slot = NONE};
    const choir_status status = row_read(s, &row, out, job, err);
    if (status != CHOIR_OK || row.slot == NONE) {
        return status == CHOIR_EAGAIN ? CHOIR_OK : status;
    }
    return slot_read(s, &row, out, job, err);
}

// ----- removing ---------------------------------------------------------------------------------

void ch_hosting_open_round_remove(ch_hosting_store *s, int64_t job) {
    for (int64_t slot = 0; slot < 2; slot++) {
        char path[CHOIR_PATH_MAX];
        if (slot_path(path, s, job, slot, NULL) == CHOIR_OK) {
            (void)unlink(path); // what stays is swept when the store is opened
        }
    }
}

/* The job and slot of a file's name. Returns false when it is none of ours. */
static bool name_parse(const char *name, int64_t *job, int64_t *slot) {
    static const char prefix[] = "open-";
    if (strncmp(name, prefix, strlen(prefix)) != 0) {
        return false;
    }
    char own[64];
    char *end = NULL;
    *job = strtoll(name + strlen(prefix), &end, 10);
    *slot = strcmp(end, ".0") == 0 ? 0 : 1;
    (void)snprintf(own, sizeof(own), "open-%" PRId64 ".%" PRId64, *job, *slot);
    return strcmp(own, name) == 0;
}

static choir_status file_sweep(ch_hosting_store *s, const char *name, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    int64_t job = 0;
    int64_t slot = 0;
    if (!name_parse(name, &job, &slot)) {
        return CHOIR_OK;
    }
    int64_t named = NONE;
    const choir_status status = slot_find(&s->db, &named, job, err);
    if (status == CHOIR_OK && named != slot && slot_path(path, s, job, slot, NULL) == CHOIR_OK) {
        (void)unlink(path); // where it stays it costs its room, and nothing else
    }
    return status;
}

choir_status ch_hosting_open_rounds_sweep(ch_hosting_store *s, choir_error *err) {
    DIR *folder = opendir(s->dir);
    if (folder == NULL) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot open: %s", s->dir, strerror(errno));
    }
    choir_status status = CHOIR_OK;
    const struct dirent *entry = readdir(folder);
    while (entry != NULL && status == CHOIR_OK) {
        status = file_sweep(s, entry->d_name, err);
        entry = readdir(folder);
    }
    (void)closedir(folder);
    return status;
}
