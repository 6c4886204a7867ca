/* Samples: see samples.h. */
#include "report/samples.h"

#include "base/bytes.h"
#include "base/disk.h"
#include "base/error.h"
#include "choir/job.h"
#include "store/run_dir.h"

#include <string.h>
#include <unistd.h>

static const uint8_t MAGIC[8] = {'c', 'h', 'o', 'i', 'r', 's', 'm', 'p'};

enum {
    VERSION = 1,
    HEADER = 28,              // bytes
    WORD = 4,                 // likewise
    FILE_BYTES_MAX = 1 << 26, // more than the largest file
};

static bool is_within(uint32_t value, uint32_t least, uint32_t most) {
    return value >= least && value <= most;
}

choir_status ch_samples_create(ch_samples *out, uint32_t count, uint32_t height, uint32_t width,
                               uint32_t channels, const choir_env *env) {
    *out = (ch_samples){.count = 0};
    if (!is_within(count, 0, CH_SAMPLES_MAX) || !is_within(height, 1, CH_SAMPLES_SIDE_MAX) ||
        !is_within(width, 1, CH_SAMPLES_SIDE_MAX) || (channels != 1 && channels != 3)) {
        return CHOIR_EINVAL;
    }
    const size_t pixels = (size_t)count * height * width * channels;
    const choir_status status = ch_arena_init(
        &out->arena, 2 * ch_arena_cost(count, sizeof(uint32_t)) + ch_arena_cost(pixels + 1, 1),
        env); // a byte more, because an arena is never empty
    if (status != CHOIR_OK) {
        return status;
    }
    out->labels = CH_NEW(&out->arena, uint32_t, count);
    out->clients = CH_NEW(&out->arena, uint32_t, count);
    out->pixels = CH_NEW(&out->arena, uint8_t, pixels);
    out->count = count;
    out->height = height;
    out->width = width;
    out->channels = channels;
    return CHOIR_OK;
}

void ch_samples_release(ch_samples *s) {
    ch_arena_release(&s->arena);
    *s = (ch_samples){.count = 0};
}

choir_status ch_samples_write(const ch_samples *s, const char *dir, choir_error *err) {
    uint8_t head[HEADER + CH_SAMPLES_MAX * 2 * WORD];
    ch_writer w = {.data = head, .capacity = sizeof(head)};
    memcpy(head, MAGIC, sizeof(MAGIC));
    w.size = sizeof(MAGIC);
    const uint32_t fields[] = {VERSION, s->count, s->height, s->width, s->channels};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        ch_put_u32(&w, fields[i]);
    }
    for (uint32_t i = 0; i < s->count; i++) {
        ch_put_u32(&w, s->labels[i]);
        ch_put_u32(&w, s->clients[i]);
    }
    const choir_bytes parts[] = {{.data = head, .size = w.size},
                                 {.data = s->pixels, .size = s->count * ch_samples_bytes(s)}};
    char path[CHOIR_PATH_MAX];
    const choir_status status = ch_run_dir_file(path, dir, CH_SAMPLES_FILE, err);
    return status == CHOIR_OK ? ch_disk_replace(path, parts, 2, err) : status;
}

choir_status ch_samples_parse(ch_samples *out, choir_bytes bytes, const char *name,
                              const choir_env *env, choir_error *err) {
    *out = (ch_samples){.count = 0};
    if (bytes.size < HEADER || memcmp(bytes.data, MAGIC, sizeof(MAGIC)) != 0) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: does not start as a samples file does", name);
    }
    ch_reader r = {.data = bytes.data, .size = bytes.size, .at = sizeof(MAGIC)};
    const uint32_t version = ch_get_u32(&r);
    const uint32_t count = ch_get_u32(&r);
    const uint32_t height = ch_get_u32(&r);
    const uint32_t width = ch_get_u32(&r);
    const uint32_t channels = ch_get_u32(&r);
    if (version != VERSION) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: has form %u; %d is known", name, version,
                            VERSION);
    }
    const choir_status status = ch_samples_create(out, count, height, width, channels, env);
    if (status == CHOIR_EINVAL) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: says %u pictures of %u x %u x %u; see samples.h", name, count,
                            height, width, channels);
    }
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "%s: no memory for %u pictures", name, count);
    }
    const size_t pixels = count * ch_samples_bytes(out);
    const size_t expected = HEADER + (size_t)count * 2 * WORD + pixels;
    if (bytes.size != expected) {
        ch_samples_release(out);
        return ch_error_set(err, CHOIR_EPROTO, "%s: has %zu bytes; its header says %zu", name,
                            bytes.size, expected);
    }
    for (uint32_t i = 0; i < count; i++) {
        out->labels[i] = ch_get_u32(&r);
        out->clients[i] = ch_get_u32(&r);
    }
    memcpy(out->pixels, bytes.data + expected - pixels, pixels);
    return CHOIR_OK;
}

choir_status ch_samples_read(ch_samples *out, const char *dir, const choir_env *env,
                             choir_error *err) {
    *out = (ch_samples){.count = 0};
    char path[CHOIR_PATH_MAX];
    choir_status status = ch_run_dir_file(path, dir, CH_SAMPLES_FILE, err);
    if (status == CHOIR_OK && access(path, F_OK) != 0) {
        return ch_error_set(err, CHOIR_EAGAIN, "%s: there is no such file", path);
    }
    ch_disk_file file = {.env = *env};
    if (status == CHOIR_OK) {
        status = ch_disk_read(&file, path, FILE_BYTES_MAX, env, err);
    }
    if (status == CHOIR_OK) {
        const choir_bytes bytes = {.data = file.data, .size = file.size};
        status = ch_samples_parse(out, bytes, path, env, err);
    }
    ch_disk_release(&file);
    return status;
}
