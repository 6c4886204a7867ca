/* Run directory: see run_dir.h. */
#include "store/run_dir.h"

#include "base/disk.h"
#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COUNTER_MAX = 1000000, FOLDER_MODE = 0777, FILE_MODE = 0666 };

static const char RUNS[] = "runs";
static const char JOB_FILE[] = "job.yaml";
static const char LOCK_FILE[] = "lock";

choir_status ch_run_dir_file(char out[CHOIR_PATH_MAX], const char *dir, const char *file,
                             choir_error *err) {
    const int size = snprintf(out, CHOIR_PATH_MAX, "%s/%s", dir, file);
    if (size < 0 || size >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s...: the path is longer than %d bytes", dir,
                            CHOIR_PATH_MAX - 1);
    }
    return CHOIR_OK;
}

choir_status ch_run_dir_write(const char *dir, const char *file, choir_bytes bytes,
                              choir_error *err) {
    char path[CHOIR_PATH_MAX];
    const choir_status status = ch_run_dir_file(path, dir, file, err);
    return status == CHOIR_OK ? ch_disk_replace(path, &bytes, 1, err) : status;
}

// ----- the lock ---------------------------------------------------------------------------------

static choir_status lock_take(ch_run_dir *d, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    choir_status status = ch_run_dir_file(path, d->path, LOCK_FILE, err);
    if (status != CHOIR_OK) {
        return status;
    }
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (d->lock < 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot create: %s", path, strerror(errno));
    }
    status = ch_disk_lock(d->lock, path, err);
    if (status != CHOIR_OK) {
        ch_run_dir_release(d);
    }
    return status != CHOIR_EAGAIN
               ? status
               : ch_error_set(err, CHOIR_EIO, "%s: another process is writing this run", d->path);
}

void ch_run_dir_release(ch_run_dir *d) {
    if (d->lock >= 0) {
        (void)close(d->lock);
    }
    d->lock = -1;
}

// ----- making and opening -----------------------------------------------------------------------

static choir_status path_set(ch_run_dir *d, const char *path, choir_error *err) {
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size -= 1;
    }
    if (size >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s...: the path is longer than %d bytes", path,
                            CHOIR_PATH_MAX - 1);
    }
    memcpy(d->path, path, size);
    d->path[size] = '\0';
    return CHOIR_OK;
}

static bool is_run(const char *dir) {
    char path[CHOIR_PATH_MAX];
    return ch_run_dir_file(path, dir, JOB_FILE, NULL) == CHOIR_OK && access(path, F_OK) == 0;
}

static choir_status create_at(ch_run_dir *d, const char *path, choir_error *err) {
    choir_status status = path_set(d, path, err);
    if (status == CHOIR_OK) {
        status = ch_disk_folders(d->path, err);
    }
    if (status == CHOIR_OK) {
        status = lock_take(d, err);
    }
    if (status == CHOIR_OK && is_run(d->path)) {
        ch_run_dir_release(d);
        status = ch_error_set(err, CHOIR_EINVAL,
                              "%s: holds a run already; give another directory, or --resume it",
                              d->path);
    }
    return status;
}

/* "runs/<name>-<counter>": name made harmless. */
static void counted_path(char out[CHOIR_PATH_MAX], const char *name, uint32_t counter) {
    char safe[CHOIR_NAME_MAX];
    (void)snprintf(safe, sizeof(safe), "%s", name[0] != '\0' ? name : "run");
    for (char *at = safe; *at != '\0'; at++) {
        const unsigned char letter = (unsigned char)*at;
        if (!(letter < 0x80 && isalnum(letter)) && strchr("._-", letter) == NULL) {
            *at = '-';
        }
    }
    (void)snprintf(out, CHOIR_PATH_MAX, "%s/%s-%u", RUNS, safe, counter);
}

// mkdir decides between two processes that want the same number: only one of them makes it.
static choir_status create_counted(ch_run_dir *d, const char *name, choir_error *err) {
    const choir_status status = ch_disk_folders(RUNS, err);
    if (status != CHOIR_OK) {
        return status;
    }
    for (uint32_t counter = 1; counter <= COUNTER_MAX; counter++) {
        counted_path(d->path, name, counter);
        if (mkdir(d->path, FOLDER_MODE) == 0) {
            return lock_take(d, err);
        }
        if (errno != EEXIST) {
            return ch_error_set(err, CHOIR_EIO, "%s: cannot make the directory: %s", d->path,
                                strerror(errno));
        }
    }
    return ch_error_set(err, CHOIR_EIO, "%s: has %d runs of '%s'; remove some", RUNS, COUNTER_MAX,
                        name);
}

choir_status ch_run_dir_create(ch_run_dir *out, const char *path, const char *name,
                               choir_error *err) {
    *out = (ch_run_dir){.lock = -1};
    const bool given = path != NULL && path[0] != '\0';
    return given ? create_at(out, path, err) : create_counted(out, name, err);
}

choir_status ch_run_dir_open(ch_run_dir *out, const char *path, choir_error *err) {
    *out = (ch_run_dir){.lock = -1};
    const choir_status status = path_set(out, path, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (!is_run(out->path)) {
        return ch_error_set(err, CHOIR_EIO, "%s: is not a run directory: it has no %s", out->path,
                            JOB_FILE);
    }
    return lock_take(out, err);
}
