/*
 * Samples: a few example pictures of a run's data, for people to look at, as samples.bin.
 *
 *     offset  bytes
 *     0       8      magic "choirsmp"
 *     8       4      version of this form, 1; little-endian like all that follows
 *     12      4      n: pictures, 0 .. 64
 *     16      12     height, width, channels: each picture's; 1 .. 512, 1 .. 512, 1 or 3
 *     28      8 n    each picture's label and client
 *     28+8n          pixels, row by row, channels innermost
 *
 * Data that are no pictures have no such file.
 */
#ifndef CH_REPORT_SAMPLES_H
#define CH_REPORT_SAMPLES_H

#include "base/arena.h"
#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stddef.h>
#include <stdint.h>

#define CH_SAMPLES_FILE "samples.bin"

enum {
    CH_SAMPLES_MAX = 64,       // pictures
    CH_SAMPLES_SIDE_MAX = 512, // pixels
};

typedef struct ch_samples {
    uint32_t count;
    uint32_t height;
    uint32_t width;
    uint32_t channels; // 1: grey, 3: red, green, blue
    uint32_t *labels;  // (count) owned
    uint32_t *clients; // (count) whose it is; UINT32_MAX: of the central test set; owned
    uint8_t *pixels;   // (count, height, width, channels) owned
    ch_arena arena;
} ch_samples;

/*
 * Claims room for (count) pictures, all zero. The caller fills it in.
 *
 * Returns OK and an object to release; EINVAL when a size is outside the bounds above; ENOMEM.
 * *out is safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_samples_create(ch_samples *out, uint32_t count, uint32_t height,
                                               uint32_t width, uint32_t channels,
                                               const choir_env *env);

/* Safe to call twice, and on one that is all zero. */
void ch_samples_release(ch_samples *s);

/* Bytes of one picture. */
static inline size_t ch_samples_bytes(const ch_samples *s) {
    return (size_t)s->height * s->width * s->channels;
}

/* Writes dir/samples.bin, at once or not at all. Returns OK; EIO; ENOMEM; EINVAL: path too long. */
CHOIR_NODISCARD choir_status ch_samples_write(const ch_samples *s, const char *dir,
                                              choir_error *err);

/*
 * Reads dir/samples.bin.
 *
 * Returns OK and an object to release; EAGAIN when there is no such file; EIO when it cannot be
 * read; EPROTO when it is not what it should be; ENOMEM. *out is safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_samples_read(ch_samples *out, const char *dir, const choir_env *env,
                                             choir_error *err);

/* The same from bytes in memory; name stands for the file in messages. */
CHOIR_NODISCARD choir_status ch_samples_parse(ch_samples *out, choir_bytes bytes, const char *name,
                                              const choir_env *env, choir_error *err);

#endif
