/* Filed: see filed.h. */
#include "data/filed.h"

#include "base/assert.h"
#include "base/error.h"
#include "data/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static choir_status refuse(const ch_filed_file *f, const char *what, choir_error *err) {
    return ch_error_set(err, CHOIR_EIO, "%.400s: %s", f->path, what);
}

choir_status ch_filed_file_open(ch_filed_file *out, const char *path, choir_error *err) {
    struct stat about;
    ch_filed_file f = {.descriptor = -1};
    *out = f;
    (void)snprintf(f.path, sizeof(f.path), "%s", path);
    f.descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f.descriptor < 0) {
        return refuse(&f, strerror(errno), err);
    }
    if (fstat(f.descriptor, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size < 0) {
        ch_filed_file_close(&f);
        return refuse(&f, "is not a regular file", err);
    }
    f.size = (uint64_t)about.st_size;
    f.changed_s = about.st_mtim.tv_sec;
    f.changed_ns = about.st_mtim.tv_nsec;
    *out = f;
    return CHOIR_OK;
}

void ch_filed_file_close(ch_filed_file *f) {
    if (f->path[0] != '\0' && f->descriptor >= 0) {
        (void)close(f->descriptor);
    }
    f->descriptor = -1;
}

choir_status ch_filed_file_read(const ch_filed_file *f, uint64_t at, void *out, size_t size,
                                choir_error *err) {
    uint8_t *to = out;
    for (size_t had = 0; had < size;) {
        const ssize_t got = pread(f->descriptor, to + had, size - had, (off_t)(at + had));
        if (got == 0) {
            return ch_error_set(err, CHOIR_EIO,
                                "%.300s: ends at byte %llu, and had %llu bytes when it was opened; "
                                "it was cut off meanwhile",
                                f->path, (unsigned long long)(at + had),
                                (unsigned long long)f->size);
        }
        if (got < 0 && errno != EINTR) {
            return ch_error_set(err, CHOIR_EIO, "%.300s: cannot read byte %llu: %s", f->path,
                                (unsigned long long)(at + had), strerror(errno));
        }
        had += got > 0 ? (size_t)got : 0;
    }
    return CHOIR_OK;
}

choir_status ch_filed_file_check(const ch_filed_file *f, const char *doing, choir_error *err) {
    struct stat about;
    if (fstat(f->descriptor, &about) != 0) {
        return refuse(f, strerror(errno), err);
    }
    if ((uint64_t)about.st_size != f->size || about.st_mtim.tv_sec != f->changed_s ||
        about.st_mtim.tv_nsec != f->changed_ns) {
        return ch_error_set(err, CHOIR_EIO,
                            "%.400s: was changed while %s; leave it alone, and start again",
                            f->path, doing);
    }
    return CHOIR_OK;
}

choir_status ch_filed_file_judge(const ch_filed_file *f, choir_status status, choir_error *err) {
    const choir_status check = ch_filed_file_check(f, "it was read", NULL);
    return check == CHOIR_OK ? status : ch_filed_file_check(f, "it was read", err);
}

choir_status ch_filed_check(const ch_filed *s, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < s->file_count && status == CHOIR_OK; i++) {
        status = ch_filed_file_check(&s->files[i], "its examples were in use", err);
    }
    return status;
}

/* From planes of one channel each to channels innermost. */
static void planes_weave(uint8_t *out, const uint8_t *in, uint32_t features, uint32_t planes) {
    const uint32_t pixels = features / planes;
    for (uint32_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < planes; c++) {
            out[p * planes + c] = in[c * pixels + p];
        }
    }
}

/* Reads what is at a place among all of the files into room. */
static choir_status place_read(const ch_filed *s, uint32_t place, void *room, choir_error *err) {
    uint32_t file = 0;
    while (place >= s->files[file].count) {
        place -= s->files[file].count;
        file += 1;
        CH_ASSERT(file < s->file_count);
    }
    const ch_filed_file *f = &s->files[file];
    const uint64_t at = f->offset + place * s->stride;
    if (s->planes <= 1) {
        return ch_filed_file_read(f, at, room, s->bytes, err);
    }
    uint8_t planes[CH_FILED_PLANES_MAX];
    CH_ASSERT(s->bytes <= sizeof(planes));
    const choir_status status = ch_filed_file_read(f, at, planes, s->bytes, err);
    if (status == CHOIR_OK) {
        planes_weave(room, planes, s->bytes, s->planes);
    }
    return status;
}

bool ch_filed_has_pixels(const ch_examples *e) {
    return e->bytes != NULL || (e->filed != NULL && !e->filed->is_reals);
}

size_t ch_filed_input_bytes(const ch_examples *e) {
    return ch_shape_features(e->shape) * (ch_filed_has_pixels(e) ? 1 : sizeof(float));
}

choir_status ch_filed_input(const void **out, const ch_examples *e, uint32_t row, void *room,
                            choir_error *err) {
    if (e->filed != NULL) {
        CH_ASSERT(room != NULL && e->filed->bytes == ch_filed_input_bytes(e));
        *out = room;
        return place_read(e->filed, e->places[row], room, err);
    }
    const size_t at = (size_t)row * ch_shape_features(e->shape);
    CH_ASSERT(e->bytes != NULL || e->reals != NULL);
    *out = e->bytes != NULL ? (const void *)(e->bytes + at) : (const void *)(e->reals + at);
    return CHOIR_OK;
}

uint64_t ch_filed_memory(const choir_job_data *options) {
    const bool is_bounded = options != NULL && options->memory > 0;
    return is_bounded ? (uint64_t)options->memory << 20 : UINT64_MAX;
}

uint32_t *ch_filed_places(ch_dataset *d, uint32_t first, uint32_t count) {
    uint32_t *places = ch_dataset_claim(d, count, sizeof(places[0]));
    for (uint32_t i = 0; places != NULL && i < count; i++) {
        places[i] = first + i;
    }
    return places;
}

void ch_filed_release(ch_filed *s) {
    for (uint32_t i = 0; i < s->file_count; i++) {
        ch_filed_file_close(&s->files[i]);
    }
    s->file_count = 0;
}
