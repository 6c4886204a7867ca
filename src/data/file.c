/* Reading and inflating whole files; see file.h. */
#define ZLIB_CONST // zlib's input is const

#include "data/file.h"

#include "base/disk.h"
#include "base/error.h"
#include "data/dataset.h"

#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
    FIRST_CAPACITY = 1 << 16, // bytes
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

static choir_status inflate_all(z_stream *z, ch_file *out, choir_bytes packed, const char *name,
                                uint64_t bytes_max, choir_error *err) {
    for (;;) {
        if (out->size == out->capacity) {
            if (out->size >= bytes_max) {
                return too_large(err, name, bytes_max);
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

choir_status ch_file_inflate(ch_file *out, choir_bytes packed, const char *name, uint64_t bytes_max,
                             const choir_env *env, choir_error *err) {
    enum { GZIP_ONLY = 16 + MAX_WBITS };
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

/* ------------------------------------------------------------------------------------ files */

static choir_status inflate_in_place(ch_file *f, const char *path, uint64_t bytes_max,
                                     choir_error *err) {
    ch_file inflated;
    const choir_status status =
        ch_file_inflate(&inflated, ch_file_bytes(f), path, bytes_max, &f->env, err);
    if (status == CHOIR_OK) {
        ch_file_release(f);
        *f = inflated;
    }
    return status;
}

choir_status ch_file_read(ch_file *out, const char *path, uint64_t bytes_max, const choir_env *env,
                          choir_error *err) {
    *out = (ch_file){.env = *env};
    ch_disk_file raw;
    choir_status status = ch_disk_read(&raw, path, (size_t)bytes_max, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    *out = (ch_file){.data = raw.data, .size = raw.size, .capacity = raw.size, .env = *env};
    if (out->size >= 2 && out->data[0] == 0x1F && out->data[1] == 0x8B) {
        status = inflate_in_place(out, path, bytes_max, err);
    }
    if (status != CHOIR_OK) {
        ch_file_release(out);
    }
    return status;
}

bool ch_is_file(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

bool ch_is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}
