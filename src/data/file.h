/*
 * File: the bytes of a file in memory, inflated when they are gzip.
 *
 * Readers take bytes, not paths, so that they can be tested on every prefix and fuzzed. Whether a
 * file is compressed is decided by its first bytes, not by its name.
 */
#ifndef CH_DATA_FILE_H
#define CH_DATA_FILE_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stdbool.h>

/* No data file, compressed or not, may be larger in memory: 4 GiB. */
#define CH_FILE_BYTES_MAX (UINT64_C(1) << 32)

/* Nor one that is unpacked into a file: 1 TiB. */
#define CH_UNPACKED_BYTES_MAX (UINT64_C(1) << 40)

typedef struct ch_file {
    uint8_t *data; // owned; NULL when empty
    size_t size;
    size_t capacity;
    choir_env env;
} ch_file;

/*
 * Reads a whole regular file.
 *
 * bytes_max  of the result; more is an error
 * err        with path, and what the system said
 *
 * Returns OK and a file to release; EIO when it cannot be read, is not a regular file or is too
 * large, EPROTO when its gzip stream is cut off, damaged or too large, ENOMEM. On failure *out is
 * empty.
 */
CHOIR_NODISCARD choir_status ch_file_read(ch_file *out, const char *path, uint64_t bytes_max,
                                          const choir_env *env, choir_error *err);

/*
 * The same of a file that may be larger: EAGAIN, without a sentence, when its content is more than
 * bytes_max.
 */
CHOIR_NODISCARD choir_status ch_file_read_within(ch_file *out, const char *path, uint64_t bytes_max,
                                                 const choir_env *env, choir_error *err);

/* Whether a file begins as gzip does; false also when it cannot be read. */
bool ch_file_is_packed(const char *path);

/* The first bytes of a file's content, inflated when it is gzip, in out (room). Returns how many
 * there are; 0 when it cannot be read. Of a damaged one they are those before the damage. */
size_t ch_file_head(const char *path, void *out, size_t room);

/*
 * Inflates a gzip file into another, of whatever size, through a little memory.
 *
 * to  a descriptor, open for writing; to_path is for messages
 *
 * Returns OK; EIO when one cannot be read or the other written, EPROTO when the gzip stream is cut
 * off or damaged or holds more than CH_UNPACKED_BYTES_MAX, ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_file_unpack(int to, const char *to_path, const char *path,
                                            const choir_env *env, choir_error *err);

/* Safe on an empty file. */
void ch_file_release(ch_file *f);

/* Inflates gzip bytes; one member or several. name stands for the file in messages. */
CHOIR_NODISCARD choir_status ch_file_inflate(ch_file *out, choir_bytes packed, const char *name,
                                             uint64_t bytes_max, const choir_env *env,
                                             choir_error *err);

/* True when the path names something of the kind; whether it can be read is not looked at. */
bool ch_is_file(const char *path);
bool ch_is_folder(const char *path);

static inline choir_bytes ch_file_bytes(const ch_file *f) {
    return (choir_bytes){.data = f->data, .size = f->size};
}

#endif
