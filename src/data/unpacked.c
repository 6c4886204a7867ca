/* Unpacked: see unpacked.h. */
#define _DEFAULT_SOURCE 1 // realpath, getentropy

#include "data/unpacked.h"

#include "base/checksum.h"
#include "base/disk.h"
#include "base/error.h"
#include "data/file.h"
#include "data/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PART ".part"

enum { LEFT_S = 60, NAME_BYTES = 300 };

static choir_status refuse(const char *path, const char *what, choir_error *err) {
    return ch_error_set(err, CHOIR_EIO, "%.300s: %s: %s", path, what, strerror(errno));
}

/* What tells a file, as it is now, from any other. */
static choir_status mark_of(uint64_t *out, const char *path, uint64_t way, choir_error *err) {
    struct stat about;
    char *whole = realpath(path, NULL);
    if (whole == NULL || stat(whole, &about) != 0) {
        const choir_status status = refuse(path, "cannot be found", err);
        free(whole);
        return status;
    }
    const int64_t facts[] = {about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
    ch_checksum c;
    ch_checksum_init(&c, way);
    ch_checksum_add(&c, whole, strlen(whole));
    ch_checksum_add(&c, facts, sizeof(facts));
    *out = ch_checksum_finish(&c);
    free(whole);
    return CHOIR_OK;
}

choir_status ch_unpacked_find(char out[CH_UNPACKED_PATH_MAX], bool *is_there, const char *path,
                              uint64_t way, const char *dir, choir_error *err) {
    char data[CHOIR_PATH_MAX];
    uint64_t mark = 0;
    choir_status status = ch_data_dir(data, dir, err);
    if (status == CHOIR_OK) {
        status = mark_of(&mark, path, way, err);
    }
    if (status == CHOIR_OK) {
        (void)snprintf(out, CH_UNPACKED_PATH_MAX, "%s/unpacked/%016" PRIx64, data, mark);
        *is_there = ch_is_file(out);
    }
    return status;
}

/* The folder that a path is in, made where it is missing. */
static choir_status folder_make(const char *path, choir_error *err) {
    char folder[CH_UNPACKED_PATH_MAX];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    return ch_disk_folders(folder, err);
}

/* Whether a file of the folder is one that was being made, and nobody makes any more. */
static bool is_left(const char *path) {
    struct stat about;
    const size_t size = strlen(path);
    if (size < strlen(PART) || strcmp(path + size - strlen(PART), PART) != 0) {
        return false;
    }
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return false;
    }
    const bool is_old = fstat(file, &about) == 0 && time(NULL) - about.st_mtime > LEFT_S;
    const bool is_free = is_old && ch_disk_lock(file, path, NULL) == CHOIR_OK;
    (void)close(file);
    return is_free;
}

/* Removes those that are left in the folder of a path. */
static void left_remove(const char *to) {
    char path[CH_UNPACKED_PATH_MAX + NAME_BYTES];
    const size_t folder = (size_t)(strrchr(to, '/') - to);
    (void)snprintf(path, sizeof(path), "%.*s", (int)folder, to);
    DIR *dir = opendir(path);
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        (void)snprintf(path + folder, sizeof(path) - folder, "/%s", e->d_name);
        if (is_left(path)) {
            (void)unlink(path);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

/* A name that nobody else has, or had: a process's number is another's in another container, and
 * who removes what was left may have looked at a name before. */
static choir_status part_name(ch_unpacked *u, choir_error *err) {
    uint64_t drawn = 0;
    if (getentropy(&drawn, sizeof(drawn)) != 0) {
        return refuse(u->to, "cannot be made", err);
    }
    (void)snprintf(u->part, sizeof(u->part), "%s.%ld-%016" PRIx64 PART, u->to, (long)getpid(),
                   drawn);
    return CHOIR_OK;
}

choir_status ch_unpacked_begin(ch_unpacked *out, const char *to, choir_error *err) {
    choir_status status = folder_make(to, err);
    if (status != CHOIR_OK) {
        return status;
    }
    left_remove(to);
    (void)snprintf(out->to, sizeof(out->to), "%s", to);
    status = part_name(out, err);
    if (status != CHOIR_OK) {
        return status;
    }
    out->file = open(out->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (out->file < 0) {
        return refuse(out->part, "cannot be made", err);
    }
    ch_ignore(ch_disk_lock(out->file, out->part, NULL), "without locks, nothing is removed");
    return CHOIR_OK;
}

choir_status ch_unpacked_end(ch_unpacked *u, choir_status made, choir_error *err) {
    choir_status status = made;
    if (status == CHOIR_OK && fsync(u->file) != 0) {
        status = refuse(u->part, "cannot be written", err);
    }
    (void)close(u->file);
    if (status == CHOIR_OK && rename(u->part, u->to) != 0) {
        status = refuse(u->to, "cannot be made", err);
    }
    if (status != CHOIR_OK) {
        (void)unlink(u->part);
    }
    return status;
}

void ch_unpacked_drop(ch_unpacked *u) {
    (void)close(u->file);
    (void)unlink(u->part);
}
