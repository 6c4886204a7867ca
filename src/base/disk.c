/* Disk: see disk.h. */
#define _XOPEN_SOURCE 700 // realpath

#include "base/disk.h"

#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096, PUBLIC = 0666, PRIVATE = 0600 };

static choir_status failed(choir_error *err, const char *what, const char *path) {
    return ch_error_set(err, CHOIR_EIO, "%s: cannot %s: %s", path, what, strerror(errno));
}

// A device or a pipe would never end, or block: only what has a size is read.
static choir_status size_check(size_t *size, int descriptor, const char *path, size_t bytes_max,
                               choir_error *err) {
    struct stat about;
    if (fstat(descriptor, &about) != 0) {
        return failed(err, "read", path);
    }
    if (!S_ISREG(about.st_mode)) {
        return ch_error_set(err, CHOIR_EIO, "%s: is not a regular file", path);
    }
    if (about.st_size < 0 || (uint64_t)about.st_size > bytes_max) {
        return ch_error_set(err, CHOIR_EIO, "%s: has %lld bytes, at most %zu can be read", path,
                            (long long)about.st_size, bytes_max);
    }
    *size = (size_t)about.st_size;
    return CHOIR_OK;
}

// A file that shrinks meanwhile is read as far as it goes.
static choir_status content_read(ch_disk_file *f, int descriptor, const char *path,
                                 choir_error *err) {
    const size_t size = f->size;
    for (f->size = 0; f->size < size;) {
        const ssize_t got = read(descriptor, f->data + f->size, size - f->size);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return failed(err, "read", path);
        }
        f->size += got > 0 ? (size_t)got : 0;
    }
    f->data[f->size] = '\0';
    return CHOIR_OK;
}

static choir_status descriptor_read(ch_disk_file *f, int descriptor, const char *path,
                                    size_t bytes_max, choir_error *err) {
    const choir_status status = size_check(&f->size, descriptor, path, bytes_max, err);
    if (status != CHOIR_OK) {
        return status;
    }
    f->data = f->env.alloc(f->env.self, ch_arena_cost(f->size + 1, 1));
    if (f->data == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for its %zu bytes", path, f->size);
    }
    return content_read(f, descriptor, path, err);
}

choir_status ch_disk_read(ch_disk_file *out, const char *path, size_t bytes_max,
                          const choir_env *env, choir_error *err) {
    *out = (ch_disk_file){.env = *env};
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return failed(err, "open", path);
    }
    const choir_status status = descriptor_read(out, descriptor, path, bytes_max, err);
    (void)close(descriptor);
    if (status != CHOIR_OK) {
        ch_disk_release(out);
    }
    return status;
}

void ch_disk_release(ch_disk_file *f) {
    if (f->data != NULL) {
        f->env.free(f->env.self, f->data);
    }
    *f = (ch_disk_file){0};
}

choir_status ch_disk_append(int descriptor, const char *path, choir_bytes bytes, choir_error *err) {
    for (size_t at = 0; at < bytes.size;) {
        const ssize_t put = write(descriptor, bytes.data + at, bytes.size - at);
        if (put == 0) {
            errno = EIO; // neither written nor refused: trying again might go on for ever
        }
        if (put == 0 || (put < 0 && errno != EINTR)) {
            return failed(err, "write", path);
        }
        at += put > 0 ? (size_t)put : 0;
    }
    return CHOIR_OK;
}

choir_status ch_disk_lock(int descriptor, const char *path, choir_error *err) {
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
        return CHOIR_OK;
    }
    if (errno == EWOULDBLOCK) {
        return ch_error_set(err, CHOIR_EAGAIN, "%s: another process holds it", path);
    }
    return failed(err, "lock", path);
}

static bool folder_make(const char *path) {
    struct stat about;
    if (mkdir(path, 0777) == 0) {
        return true;
    }
    if (errno == EEXIST && stat(path, &about) == 0) {
        errno = ENOTDIR;
        return S_ISDIR(about.st_mode);
    }
    return false;
}

choir_status ch_disk_folders(const char *path, choir_error *err) {
    char part[PATH_BYTES_MAX];
    const size_t size = strlen(path);
    if (size >= sizeof(part)) {
        return ch_error_set(err, CHOIR_EIO, "%.60s...: the path is too long", path);
    }
    for (size_t i = 1; i <= size; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            if (!folder_make(part)) {
                return failed(err, "make the directory", part);
            }
        }
    }
    return CHOIR_OK;
}

// The new name is on the disk when its folder is. Some file systems cannot sync a folder: then
// the order of their journal has to do.
static void folder_sync(const char *path) {
    char folder[PATH_BYTES_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        const size_t size = slash == path ? 1 : (size_t)(slash - path);
        memcpy(folder, path, size);
        folder[size] = '\0';
    }
    const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        (void)close(descriptor);
    }
}

static choir_status parts_write(int descriptor, const char *path, const choir_bytes *parts,
                                uint32_t count, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        status = ch_disk_append(descriptor, path, parts[i], err);
    }
    if (status == CHOIR_OK && fsync(descriptor) != 0) {
        status = failed(err, "write", path);
    }
    if (close(descriptor) != 0 && status == CHOIR_OK) {
        status = failed(err, "write", path);
    }
    return status;
}

// What is no file has nothing that a reader could see half of.
static choir_status device_write(const char *path, const choir_bytes *parts, uint32_t count,
                                 choir_error *err) {
    const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return failed(err, "open", path);
    }
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        status = ch_disk_append(descriptor, path, parts[i], err);
    }
    if (close(descriptor) != 0 && status == CHOIR_OK) {
        status = failed(err, "write", path);
    }
    return status;
}

static choir_status temporary_name(char out[PATH_BYTES_MAX], const char *path, choir_error *err) {
    const int length = snprintf(out, PATH_BYTES_MAX, "%s.tmp", path);
    return length > 0 && length < PATH_BYTES_MAX
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EIO, "%.60s...: the path is too long", path);
}

static choir_status file_replace(const char *path, mode_t mode, const choir_bytes *parts,
                                 uint32_t count, choir_error *err) {
    char temporary[PATH_BYTES_MAX];
    const choir_status named = temporary_name(temporary, path, err);
    if (named != CHOIR_OK) {
        return named;
    }
    const int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (descriptor < 0) {
        return failed(err, "create", temporary);
    }
    if (mode == PRIVATE) { // one that was left behind may be open to more
        (void)fchmod(descriptor, mode);
    }
    choir_status status = parts_write(descriptor, temporary, parts, count, err);
    if (status == CHOIR_OK && rename(temporary, path) != 0) {
        status = failed(err, "replace", path);
    }
    if (status != CHOIR_OK) {
        (void)unlink(temporary);
        return status;
    }
    folder_sync(path);
    return CHOIR_OK;
}

/* What is written to where path is named: itself, or what the link leads to. *out is to be freed.
 */
static choir_status target_find(char **out, const char *path, choir_error *err) {
    struct stat about;
    const bool is_link = lstat(path, &about) == 0 && S_ISLNK(about.st_mode);
    *out = is_link ? realpath(path, NULL) : strdup(path);
    return *out != NULL ? CHOIR_OK : failed(err, is_link ? "follow the link" : "write", path);
}

static bool is_device(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode);
}

static choir_status replace(const char *path, mode_t mode, const choir_bytes *parts, uint32_t count,
                            choir_error *err) {
    if (is_device(path)) {
        return device_write(path, parts, count, err);
    }
    char *target = NULL;
    choir_status status = target_find(&target, path, err);
    if (status == CHOIR_OK) {
        status = file_replace(target, mode, parts, count, err);
    }
    free(target);
    return status;
}

choir_status ch_disk_replace(const char *path, const choir_bytes *parts, uint32_t count,
                             choir_error *err) {
    return replace(path, PUBLIC, parts, count, err);
}

choir_status ch_disk_replace_private(const char *path, const choir_bytes *parts, uint32_t count,
                                     choir_error *err) {
    return replace(path, PRIVATE, parts, count, err);
}

choir_status ch_disk_claim(const char *path, choir_error *err) {
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, PRIVATE);
    if (descriptor < 0 && errno == EEXIST) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: is there already; give another name", path);
    }
    if (descriptor < 0) {
        return failed(err, "create", path);
    }
    (void)close(descriptor);
    return CHOIR_OK;
}

// The temporary file of one who is writing there now is left alone.
static choir_status file_check(const char *path, choir_error *err) {
    char temporary[PATH_BYTES_MAX];
    struct stat about;
    const choir_status status = temporary_name(temporary, path, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        errno = EISDIR;
        return failed(err, "replace", path);
    }
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, PUBLIC);
    if (descriptor >= 0) {
        (void)unlink(temporary);
    } else if (errno == EEXIST) {
        descriptor = open(temporary, O_WRONLY | O_CLOEXEC);
    }
    if (descriptor < 0) {
        return failed(err, "create", temporary);
    }
    (void)close(descriptor);
    return CHOIR_OK;
}

choir_status ch_disk_check_replace(const char *path, choir_error *err) {
    if (is_device(path)) {
        return access(path, W_OK) == 0 ? CHOIR_OK : failed(err, "open", path);
    }
    char *target = NULL;
    choir_status status = target_find(&target, path, err);
    if (status == CHOIR_OK) {
        status = file_check(target, err);
    }
    free(target);
    return status;
}
