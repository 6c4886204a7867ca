/*
 * PNG: see png.h.
 *
 *     signature, IHDR (sizes and form), IDAT (zlib of rows, each with its filter in front), IEND
 *     chunk: length, four letters, data, CRC-32 of letters and data; numbers are big-endian
 */
#include "report/png.h"

#include "base/arena.h"
#include "base/assert.h"

#include <string.h>
#include <zlib.h>

enum {
    SIDE_MAX = 4096,
    SIGNATURE = 8, // bytes, here and below
    IHDR = 13,     //
    HEAD = 8,      // a chunk's length and letters
    TAIL = 4,      // its CRC
    GREY = 0,      // forms of a pixel
    RGB = 2,       //
    RGBA = 6,      //
    DEPTH = 8,     // bits of a channel
    LEVEL = 9,     // zlib's best
};

static uint8_t *put_u32(uint8_t *at, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        *at++ = (uint8_t)(value >> shift);
    }
    return at;
}

/* A chunk whose data (size) already stand HEAD bytes behind at. Returns its end. */
static uint8_t *chunk_close(uint8_t *at, const char letters[4], uint32_t size) {
    (void)put_u32(at, size);
    memcpy(at + 4, letters, 4);
    return put_u32(at + HEAD + size, (uint32_t)crc32(0, at + 4, size + 4));
}

static void header_put(uint8_t *at, uint32_t height, uint32_t width, uint32_t channels) {
    uint8_t *data = put_u32(put_u32(at + HEAD, width), height);
    data[0] = DEPTH;
    data[1] = channels == 1 ? GREY : channels == 3 ? RGB : RGBA;
    memset(data + 2, 0, 3); // deflate, adaptive filters, no interlacing
}

/* zlib says itself how much it needs; its versions differ. */
static void *zlib_alloc(void *self, unsigned count, unsigned size) {
    const choir_env *env = self;
    return env->alloc(env->self, ch_arena_cost(count, size));
}

static void zlib_free(void *self, void *block) {
    const choir_env *env = self;
    env->free(env->self, block);
}

/* Compresses rows into out (capacity), which is large enough for whatever they are. Returns the
 * size, or 0 when zlib got no memory. */
static size_t deflated(choir_env *env, uint8_t *rows, size_t size, uint8_t *out, size_t capacity) {
    z_stream z = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = env};
    if (deflateInit(&z, LEVEL) != Z_OK) {
        return 0;
    }
    z.next_in = rows;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)capacity;
    const int end = deflate(&z, Z_FINISH);
    (void)deflateEnd(&z);
    return end == Z_STREAM_END ? z.total_out : 0;
}

static void file_put(ch_draft *d, uint8_t *file, size_t idat) {
    static const uint8_t signature[SIGNATURE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    memcpy(file, signature, sizeof(signature));
    uint8_t *end = chunk_close(file + SIGNATURE, "IHDR", IHDR);
    end = chunk_close(end, "IDAT", (uint32_t)idat);
    end = chunk_close(end, "IEND", 0);
    ch_draft_put(d, "data:image/png;base64,");
    ch_draft_base64(d, (choir_bytes){.data = file, .size = (size_t)(end - file)});
}

void ch_png_put(ch_draft *d, const uint8_t *pixels, uint32_t height, uint32_t width,
                uint32_t channels) {
    CH_ASSERT(height >= 1 && height <= SIDE_MAX);
    CH_ASSERT(width >= 1 && width <= SIDE_MAX);
    CH_ASSERT(channels == 1 || channels == 3 || channels == 4);
    const size_t row = (size_t)width * channels;
    const size_t size = height * (1 + row);
    const size_t bound = compressBound(size);
    const size_t file_max = SIGNATURE + 3 * (HEAD + TAIL) + IHDR + bound;
    ch_arena arena;
    if (ch_arena_init(&arena, ch_arena_cost(size, 1) + ch_arena_cost(file_max, 1), &d->env) !=
        CHOIR_OK) {
        d->failed = true;
        return;
    }
    uint8_t *rows = CH_NEW(&arena, uint8_t, size);
    uint8_t *file = CH_NEW(&arena, uint8_t, file_max);
    for (uint32_t i = 0; i < height; i++) {
        rows[i * (1 + row)] = 0; // no filter
        memcpy(rows + i * (1 + row) + 1, pixels + i * row, row);
    }
    header_put(file + SIGNATURE, height, width, channels);
    uint8_t *idat = file + SIGNATURE + HEAD + IHDR + TAIL + HEAD;
    choir_env env = d->env;
    const size_t deflated_size = deflated(&env, rows, size, idat, bound);
    if (deflated_size > 0) {
        file_put(d, file, deflated_size);
    } else {
        d->failed = true;
    }
    ch_arena_release(&arena);
}
