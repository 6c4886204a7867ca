/* Reading and inflating whole files; see file.h. */
#define ZLIB_CONST // zlib's input is const

#include "data/file.h"

#include "base/disk.h"
#include "base/error.h"
#include "data/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    FIRST_CAPACITY = 1 << 16, // bytes
    HEAD_STRETCH = 1 << 12,   // bytes of a packed file that are looked at at once
};

void ch_file_release(ch_file *f) {
    if (f->data != NULL) {
        f->env.free(f->env.self, f->data);
    }
    *f = (ch_file){.env = f->env};
}

/* Makes room for at least capacity bytes, keeping what is there. */
static choir_status reserve(ch_file *f, size_t capacity) {
    if (capacity <= f->capacity) {
        return CHOIR_OK;
    }
    uint8_t *data = ch_claim(&f->env, capacity, 1);
    if (data == NULL) {
        return CHOIR_ENOMEM;
    }
    if (f->data != NULL) {
        memcpy(data, f->data, f->size);
        f->env.free(f->env.self, f->data);
    }
    f->data = data;
    f->capacity = capacity;
    return CHOIR_OK;
}

/* ------------------------------------------------------------------------------------- gzip */

/* zlib's memory comes from env like everybody's. */
static void *zlib_alloc(void *self, unsigned count, unsigned item_bytes) {
    return ch_claim(self, count, item_bytes);
}

static void zlib_free(void *self, void *block) {
    const choir_env *env = self;
    env->free(env->self, block);
}

static choir_status too_large(choir_error *err, const char *name, uint64_t bytes_max) {
    return ch_error_set(err, CHOIR_EPROTO, "%s: more than %llu bytes; no data file may be larger",
                        name, (unsigned long long)bytes_max);
}

/* The next stretch of output. Z_OK, Z_STREAM_END, or why not. */
static int inflate_some(z_stream *z, ch_file *out, choir_bytes packed) {
    const size_t at = (size_t)(z->next_in - packed.data);
    const size_t left = packed.size - at;
    const size_t room = out->capacity - out->size;
    z->avail_in = left > 1 << 30 ? 1U << 30 : (uInt)left;
    z->avail_out = room > 1 << 30 ? 1U << 30 : (uInt)room;
    z->next_out = out->data + out->size;
    const int result = inflate(z, Z_NO_FLUSH);
    out->size = (size_t)(z->next_out - out->data);
    return result;
}

/* EAGAIN: there is more than bytes_max. */
static choir_status inflate_all(z_stream *z, ch_file *out, choir_bytes packed, const char *name,
                                uint64_t bytes_max, choir_error *err) {
    for (;;) {
        if (out->size == out->capacity) {
            if (out->size >= bytes_max) {
                return CHOIR_EAGAIN;
            }
            const uint64_t twice = (uint64_t)out->capacity * 2;
            const uint64_t next = twice < FIRST_CAPACITY ? FIRST_CAPACITY : twice;
            if (reserve(out, (size_t)(next < bytes_max ? next : bytes_max)) != CHOIR_OK) {
                return CHOIR_ENOMEM;
            }
        }
        const int result = inflate_some(z, out, packed);
        const size_t at = (size_t)(z->next_in - packed.data);
        if (result == Z_STREAM_END) {
            if (at == packed.size) {
                return CHOIR_OK;
            }
            if (inflateReset(z) != Z_OK) { // another member follows
                return CHOIR_ENOMEM;
            }
        } else if (result == Z_MEM_ERROR) {
            return CHOIR_ENOMEM;
        } else if (result == Z_BUF_ERROR || (result == Z_OK && at == packed.size)) {
            if (out->size < out->capacity) {
                return ch_error_set(err, CHOIR_EPROTO,
                                    "%s: the gzip stream ends after %zu bytes, before its end; "
                                    "get the file again",
                                    name, packed.size);
            }
        } else if (result != Z_OK) {
            return ch_error_set(err, CHOIR_EPROTO,
                                "%s: damaged gzip stream near byte %zu (%s); get the file again",
                                name, at, z->msg != NULL ? z->msg : "no reason given");
        }
    }
}

enum { GZIP_ONLY = 16 + MAX_WBITS };

/* As ch_file_inflate, but EAGAIN when there is more than bytes_max. */
static choir_status inflate_within(ch_file *out, choir_bytes packed, const char *name,
                                   uint64_t bytes_max, const choir_env *env, choir_error *err) {
    *out = (ch_file){.env = *env};
    choir_env lent = *env;
    z_stream z = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = &lent};
    z.next_in = packed.data;
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK) {
        return CHOIR_ENOMEM;
    }
    const choir_status status = inflate_all(&z, out, packed, name, bytes_max, err);
    (void)inflateEnd(&z);
    if (status != CHOIR_OK) {
        ch_file_release(out);
    }
    return status;
}

choir_status ch_file_inflate(ch_file *out, choir_bytes packed, const char *name, uint64_t bytes_max,
                             const choir_env *env, choir_error *err) {
    const choir_status status = inflate_within(out, packed, name, bytes_max, env, err);
    return status == CHOIR_EAGAIN ? too_large(err, name, bytes_max) : status;
}

/* ---------------------------------------------------------------------------------- unpacking */

enum { STRETCH = 1 << 18 }; // bytes of each file that are in memory

/* From one file to another. */
typedef struct unpacking {
    z_stream z;
    int from, to;
    const char *path, *to_path;
    uint8_t *packed, *plain; // (STRETCH) each
    uint64_t read, written;  // bytes so far
} unpacking;

/* The next stretch of the packed file; false at its end, and when it cannot be read. */
static bool packed_read(unpacking *u, choir_status *status, choir_error *err) {
    ssize_t got;
    do {
        got = read(u->from, u->packed, STRETCH);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        *status = ch_error_set(err, CHOIR_EIO, "%s: cannot read: %s", u->path, strerror(errno));
    }
    if (got <= 0) {
        return false;
    }
    u->read += (uint64_t)got;
    u->z.next_in = u->packed;
    u->z.avail_in = (uInt)got;
    return true;
}

/* Inflates what has been read and writes it. *ended: the stream may end here. */
static choir_status stretch_unpack(unpacking *u, bool *ended, choir_error *err) {
    choir_status status = CHOIR_OK;
    do {
        if (*ended && inflateReset(&u->z) != Z_OK) { // another member follows
            return CHOIR_ENOMEM;
        }
        u->z.next_out = u->plain;
        u->z.avail_out = STRETCH;
        const int result = inflate(&u->z, Z_NO_FLUSH);
        *ended = result == Z_STREAM_END;
        if (result == Z_MEM_ERROR) {
            return CHOIR_ENOMEM;
        }
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return ch_error_set(err, CHOIR_EPROTO,
                                "%s: damaged gzip stream near byte %llu (%s); get the file again",
                                u->path, (unsigned long long)(u->read - u->z.avail_in),
                                u->z.msg != NULL ? u->z.msg : "no reason given");
        }
        const choir_bytes plain = {.data = u->plain, .size = STRETCH - u->z.avail_out};
        u->written += plain.size;
        status = u->written > CH_UNPACKED_BYTES_MAX ? too_large(err, u->path, CH_UNPACKED_BYTES_MAX)
                                                    : ch_disk_append(u->to, u->to_path, plain, err);
    } while (status == CHOIR_OK && (u->z.avail_in > 0 || (!*ended && u->z.avail_out == 0)));
    return status;
}

static choir_status unpack_all(unpacking *u, choir_error *err) {
    choir_status status = CHOIR_OK;
    bool ended = false;
    while (status == CHOIR_OK && packed_read(u, &status, err)) {
        status = stretch_unpack(u, &ended, err);
    }
    if (status == CHOIR_OK && !ended) {
        status = ch_error_set(err, CHOIR_EPROTO,
                              "%s: the gzip stream ends after %llu bytes, before its end; get the "
                              "file again",
                              u->path, (unsigned long long)u->read);
    }
    return status;
}

choir_status ch_file_unpack(int to, const char *to_path, const char *path, const choir_env *env,
                            choir_error *err) {
    choir_env lent = *env;
    unpacking u = {.z = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = &lent},
                   .to = to,
                   .path = path,
                   .to_path = to_path};
    u.from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (u.from < 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot open: %s", path, strerror(errno));
    }
    u.packed = ch_claim(env, 2, STRETCH);
    choir_status status = CHOIR_ENOMEM;
    if (u.packed != NULL) {
        u.plain = u.packed + STRETCH;
        if (inflateInit2(&u.z, GZIP_ONLY) == Z_OK) {
            status = unpack_all(&u, err);
            (void)inflateEnd(&u.z);
        }
        env->free(env->self, u.packed);
    }
    (void)close(u.from);
    return status;
}

/* ------------------------------------------------------------------------------------ files */

static choir_status inflate_in_place(ch_file *f, const char *path, uint64_t bytes_max,
                                     choir_error *err) {
    ch_file inflated;
    const choir_status status =
        inflate_within(&inflated, ch_file_bytes(f), path, bytes_max, &f->env, err);
    if (status == CHOIR_OK) {
        ch_file_release(f);
        *f = inflated;
    }
    return status;
}

static bool is_gzip(const uint8_t *bytes, size_t size) {
    return size >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
}

/* EAGAIN: its gzip stream has more than bytes_max. */
static choir_status file_read(ch_file *out, const char *path, uint64_t bytes_max,
                              const choir_env *env, choir_error *err) {
    *out = (ch_file){.env = *env};
    ch_disk_file raw;
    choir_status status = ch_disk_read(&raw, path, (size_t)bytes_max, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    *out = (ch_file){.data = raw.data, .size = raw.size, .capacity = raw.size, .env = *env};
    if (is_gzip(out->data, out->size)) {
        status = inflate_in_place(out, path, bytes_max, err);
    }
    if (status != CHOIR_OK) {
        ch_file_release(out);
    }
    return status;
}

choir_status ch_file_read(ch_file *out, const char *path, uint64_t bytes_max, const choir_env *env,
                          choir_error *err) {
    const choir_status status = file_read(out, path, bytes_max, env, err);
    return status == CHOIR_EAGAIN ? too_large(err, path, bytes_max) : status;
}

choir_status ch_file_read_within(ch_file *out, const char *path, uint64_t bytes_max,
                                 const choir_env *env, choir_error *err) {
    struct stat about;
    *out = (ch_file){.env = *env};
    if (stat(path, &about) == 0 && S_ISREG(about.st_mode) && (uint64_t)about.st_size > bytes_max) {
        return CHOIR_EAGAIN;
    }
    return file_read(out, path, bytes_max, env, err);
}

bool ch_file_is_packed(const char *path) {
    uint8_t first[2] = {0};
    const int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0) {
        return false;
    }
    const ssize_t got = read(from, first, sizeof(first));
    (void)close(from);
    return got == (ssize_t)sizeof(first) && is_gzip(first, sizeof(first));
}

/* Reads until out is full, or the file ends. */
static size_t head_read(int from, uint8_t *out, size_t room) {
    size_t size = 0;
    while (size < room) {
        const ssize_t got = read(from, out + size, room - size);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            break;
        }
        size += got > 0 ? (size_t)got : 0;
    }
    return size;
}

/* Inflates until out is full, or as far as it goes. */
static size_t head_inflate(int from, uint8_t *out, size_t room) {
    choir_env env = choir_env_default();
    uint8_t packed[HEAD_STRETCH];
    z_stream z = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = &env};
    z.next_out = out;
    z.avail_out = room > 1 << 30 ? 1U << 30 : (uInt)room;
    int result = inflateInit2(&z, GZIP_ONLY);
    if (result != Z_OK) {
        return 0;
    }
    while (result == Z_OK && z.avail_out > 0) {
        if (z.avail_in == 0) {
            z.next_in = packed;
            z.avail_in = (uInt)head_read(from, packed, sizeof(packed));
        }
        result = inflate(&z, Z_NO_FLUSH); // without input: Z_BUF_ERROR
        if (result == Z_STREAM_END) {     // another member may follow
            result = inflateReset(&z);
        }
    }
    const size_t size = (size_t)(z.next_out - out);
    (void)inflateEnd(&z);
    return size;
}

size_t ch_file_head(const char *path, void *out, size_t room) {
    const bool is_packed = ch_file_is_packed(path);
    const int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0) {
        return 0;
    }
    const size_t size = is_packed ? head_inflate(from, out, room) : head_read(from, out, room);
    (void)close(from);
    return size;
}

bool ch_is_file(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

bool ch_is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}
