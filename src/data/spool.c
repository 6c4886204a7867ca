/* Spool: see spool.h. */
#define _XOPEN_SOURCE 700 // pwrite

#include "data/spool.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "base/disk.h"
#include "base/error.h"
#include "data/csv.h"
#include "data/encoding.h"
#include "data/filed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    ROOM = 1 << 16,            // floats that are written at once
    NAMES_BYTES_MAX = 1 << 28, // of all labels
    NOTES_BYTES_MAX = 1 << 22, // of all notes
    ORDER = 0x01020304,        // as this machine writes it
    HAS_LABELS = 1,
    HAS_TARGETS = 2,
    HAS_GROUPS = 4,
    HAS_TEST_GROUPS = 8,
};

static const char MAGIC[8] = {'c', 'h', 'o', 'i', 'r', 't', 'b', '2'};

typedef struct header {
    char magic[8];
    uint32_t order;
    uint32_t height, width, channels;
    uint32_t classes;
    uint32_t train, test;
    uint32_t has;
    uint32_t named, names_bytes;
    uint32_t encoding_bytes, notes_bytes; // with their zeros; 0: none
    uint64_t sum;                         // of the inputs' marks
    uint64_t checksum;                    // of the header with 0 here, and of what is kept
} header;

_Static_assert(sizeof(header) == 72, "the inputs begin at byte 72");

static uint64_t inputs_bytes(const header *h) {
    return ((uint64_t)h->train + h->test) * h->height * h->width * h->channels * sizeof(float);
}

/* ------------------------------------------------------------------------------------- writing */

choir_status ch_spool_begin(ch_spool *out, const char *to, const char *path, uint32_t features,
                            const choir_env *env, choir_error *err) {
    static const header none = {.order = 0};
    ch_spool s = {.path = path, .features = features, .env = *env, .room_max = ROOM};
    s.room = ch_claim(env, ROOM, sizeof(s.room[0]));
    if (s.room == NULL) {
        return CHOIR_ENOMEM;
    }
    choir_status status = ch_unpacked_begin(&s.to, to, err);
    if (status != CHOIR_OK) {
        env->free(env->self, s.room);
        return status;
    }
    memcpy(s.room, &none, sizeof(none)); // its place
    s.room_count = sizeof(none) / sizeof(s.room[0]);
    *out = s;
    return CHOIR_OK;
}

/* What is wrong and what would help. */
static choir_status write_refuse(const ch_spool *s, const char *why, choir_error *err) {
    return ch_error_set(err, CHOIR_EIO,
                        "%.300s: cannot be written: %s; the numbers of %.300s go there, as they "
                        "are more than data.memory: free some room, name another place in "
                        "data.dir, or raise data.memory",
                        s->to.part, why, s->path);
}

static choir_status bytes_write(const ch_spool *s, const void *data, size_t size,
                                choir_error *err) {
    const choir_bytes bytes = {.data = data, .size = size};
    const choir_status status = ch_disk_append(s->to.file, s->to.part, bytes, NULL);
    return status == CHOIR_OK ? status : write_refuse(s, strerror(errno), err);
}

static choir_status room_write(ch_spool *s, choir_error *err) {
    const choir_status status = bytes_write(s, s->room, s->room_count * sizeof(s->room[0]), err);
    s->room_count = 0;
    return status;
}

uint64_t ch_spool_mark(uint32_t place, const void *input, size_t bytes) {
    return ch_checksum_of(place, input, bytes);
}

choir_status ch_spool_add(ch_spool *s, const float *x, uint32_t rows, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < rows; i++) {
        const float *input = x + (size_t)i * s->features;
        s->sum += ch_spool_mark(s->rows, input, s->features * sizeof(x[0]));
        s->rows += 1;
    }
    size_t count = (size_t)rows * s->features;
    while (count > 0 && status == CHOIR_OK) {
        const size_t left = s->room_max - s->room_count;
        const size_t some = count < left ? count : left;
        memcpy(s->room + s->room_count, x, some * sizeof(x[0]));
        s->room_count += some;
        x += some;
        count -= some;
        if (s->room_count == s->room_max) {
            status = room_write(s, err);
        }
    }
    return status;
}

/* A piece of what is kept: into the checksum, and to the file. */
static choir_status kept_write(const ch_spool *s, ch_checksum *c, const void *data, size_t size,
                               choir_error *err) {
    if (data == NULL || size == 0) {
        return CHOIR_OK;
    }
    ch_checksum_add(c, data, size);
    return bytes_write(s, data, size, err);
}

static size_t text_bytes(const char *text) {
    return text == NULL ? 0 : strlen(text) + 1;
}

static header header_of(const ch_dataset *d, const char *notes) {
    const ch_examples *train = d->train.count > 0 ? &d->train : &d->test;
    header h = {.order = ORDER,
                .height = train->shape.height,
                .width = train->shape.width,
                .channels = train->shape.channels,
                .classes = train->classes,
                .train = d->train.count,
                .test = d->test.count,
                .has = (train->labels != NULL ? HAS_LABELS : 0) |
                       (train->targets != NULL ? HAS_TARGETS : 0) |
                       (d->train.groups != NULL ? HAS_GROUPS : 0) |
                       (d->test.groups != NULL ? HAS_TEST_GROUPS : 0),
                .named = d->named,
                .encoding_bytes = (uint32_t)text_bytes(d->encoding),
                .notes_bytes = (uint32_t)text_bytes(notes)};
    memcpy(h.magic, MAGIC, sizeof(MAGIC));
    for (uint32_t i = 0; i < d->named; i++) {
        h.names_bytes += (uint32_t)text_bytes(d->names[i]);
    }
    return h;
}

/* Labels or targets, and groups, of both tables. */
static choir_status columns_write(const ch_spool *s, ch_checksum *c, const ch_dataset *d,
                                  choir_error *err) {
    const ch_examples *tables[] = {&d->train, &d->test};
    choir_status status = CHOIR_OK;
    for (int i = 0; i < 4 && status == CHOIR_OK; i++) {
        const ch_examples *t = tables[i % 2];
        const void *answers = t->labels != NULL ? (const void *)t->labels : t->targets;
        status = kept_write(s, c, i < 2 ? answers : t->groups, t->count * sizeof(uint32_t), err);
    }
    return status;
}

/* What is kept, and the header in front of all. */
static choir_status rest_write(const ch_spool *s, const ch_dataset *d, const char *notes,
                               choir_error *err) {
    header h = header_of(d, notes);
    h.sum = s->sum;
    ch_checksum c;
    ch_checksum_init(&c, 0);
    ch_checksum_add(&c, &h, sizeof(h));
    CH_ASSERT(inputs_bytes(&h) == (uint64_t)s->rows * s->features * sizeof(float));
    choir_status status = columns_write(s, &c, d, err);
    for (uint32_t i = 0; i < d->named && status == CHOIR_OK; i++) {
        status = kept_write(s, &c, d->names[i], text_bytes(d->names[i]), err);
    }
    if (status == CHOIR_OK) {
        status = kept_write(s, &c, d->encoding, h.encoding_bytes, err);
    }
    if (status == CHOIR_OK) {
        status = kept_write(s, &c, notes, h.notes_bytes, err);
    }
    h.checksum = ch_checksum_finish(&c);
    if (status == CHOIR_OK && pwrite(s->to.file, &h, sizeof(h), 0) != (ssize_t)sizeof(h)) {
        status = write_refuse(s, strerror(errno), err);
    }
    return status;
}

choir_status ch_spool_end(ch_spool *s, const ch_dataset *d, const char *notes, choir_status made,
                          choir_error *err) {
    choir_status status = made;
    if (status == CHOIR_OK) {
        status = room_write(s, err);
    }
    if (status == CHOIR_OK) {
        status = rest_write(s, d, notes, err);
    }
    s->env.free(s->env.self, s->room);
    s->room = NULL;
    return ch_unpacked_end(&s->to, status, err);
}

/* ------------------------------------------------------------------------------------- reading */

/* Reading what is kept of one. */
typedef struct reading {
    const ch_filed_file *file;
    uint64_t at;
    ch_checksum checksum;
    choir_error *err;
} reading;

static choir_status damaged(const char *path, choir_error *err) {
    return ch_error_set(err, CHOIR_EPROTO,
                        "%.400s: is damaged, or another version's; remove it, and it is made again",
                        path);
}

/* Bytes behind the inputs. */
static uint64_t kept_bytes(const header *h) {
    const uint64_t rows = (uint64_t)h->train + h->test;
    return ((h->has & (HAS_LABELS | HAS_TARGETS) ? rows : 0) +
            (h->has & HAS_GROUPS ? h->train : 0) + (h->has & HAS_TEST_GROUPS ? h->test : 0)) *
               sizeof(uint32_t) +
           h->names_bytes + h->encoding_bytes + h->notes_bytes;
}

static bool header_fits(const header *h, uint64_t size) {
    const uint64_t features = (uint64_t)h->height * h->width * h->channels;
    const uint32_t answers = h->has & (HAS_LABELS | HAS_TARGETS);
    return memcmp(h->magic, MAGIC, sizeof(MAGIC)) == 0 && h->order == ORDER &&
           h->height <= CH_FEATURES_MAX && h->width <= CH_FEATURES_MAX && h->height > 0 &&
           h->width > 0 && (uint64_t)h->height * h->width <= CH_FEATURES_MAX && features > 0 &&
           features <= CH_FEATURES_MAX && h->classes <= CH_CLASSES_MAX &&
           h->train <= CH_EXAMPLES_MAX && h->test <= CH_EXAMPLES_MAX && h->train + h->test > 0 &&
           h->has < 2 * HAS_TEST_GROUPS && answers == (h->classes > 0 ? HAS_LABELS : HAS_TARGETS) &&
           h->named <= CH_CLASSES_MAX && h->named <= h->names_bytes &&
           h->names_bytes <= NAMES_BYTES_MAX && h->encoding_bytes <= CH_ENCODING_TEXT_MAX &&
           h->notes_bytes <= NOTES_BYTES_MAX && inputs_bytes(h) <= CH_SPOOL_BYTES_MAX &&
           size == sizeof(*h) + inputs_bytes(h) + kept_bytes(h);
}

static choir_status header_read(header *h, const ch_filed_file *file, choir_error *err) {
    if (file->size < sizeof(*h)) {
        return damaged(file->path, err);
    }
    const choir_status status = ch_filed_file_read(file, 0, h, sizeof(*h), err);
    return status == CHOIR_OK && !header_fits(h, file->size) ? damaged(file->path, err) : status;
}

/* The next size bytes, in an array of the data set; NULL for none. */
static choir_status kept_read(reading *r, ch_dataset *d, const void **out, size_t size) {
    *out = NULL;
    if (size == 0) {
        return CHOIR_OK;
    }
    void *room = ch_dataset_claim(d, size, 1);
    if (room == NULL) {
        return CHOIR_ENOMEM;
    }
    const choir_status status = ch_filed_file_read(r->file, r->at, room, size, r->err);
    if (status == CHOIR_OK) {
        ch_checksum_add(&r->checksum, room, size);
        r->at += size;
        *out = room;
    }
    return status;
}

/* Whether every number of an array is below a limit, or else the one that may be. */
static bool are_below(const uint32_t *numbers, uint32_t count, uint32_t limit, uint32_t other) {
    for (uint32_t i = 0; numbers != NULL && i < count; i++) {
        if (numbers[i] >= limit && numbers[i] != other) {
            return false;
        }
    }
    return true;
}

/* The arrays of both tables. */
static choir_status columns_read(reading *r, ch_dataset *d, const header *h) {
    const uint32_t rows = h->train + h->test;
    const void *answers = NULL;
    const void *groups[2] = {NULL, NULL};
    choir_status status = kept_read(r, d, &answers, (size_t)rows * sizeof(uint32_t));
    if (status == CHOIR_OK && h->has & HAS_GROUPS) {
        status = kept_read(r, d, &groups[0], (size_t)h->train * sizeof(uint32_t));
    }
    if (status == CHOIR_OK && h->has & HAS_TEST_GROUPS) {
        status = kept_read(r, d, &groups[1], (size_t)h->test * sizeof(uint32_t));
    }
    if (status != CHOIR_OK) {
        return status;
    }
    const uint32_t *labels = h->classes > 0 ? answers : NULL;
    const float *targets = h->classes > 0 ? NULL : answers;
    if (!are_below(labels, rows, h->classes, CH_LABEL_NONE) ||
        !are_below(groups[0], h->train, h->train, 0)) {
        return damaged(r->file->path, r->err);
    }
    d->train.labels = labels;
    d->train.targets = targets;
    d->train.groups = groups[0];
    d->test.labels = labels == NULL ? NULL : labels + h->train;
    d->test.targets = targets == NULL ? NULL : targets + h->train;
    d->test.groups = groups[1];
    return CHOIR_OK;
}

/* Names from texts (size) with a zero behind each. */
static choir_status names_set(ch_dataset *d, const header *h, const char *texts, const char *path,
                              choir_error *err) {
    ch_cell *names = ch_claim(&d->env, h->named, sizeof(names[0]));
    if (names == NULL) {
        return CHOIR_ENOMEM;
    }
    uint32_t at = 0;
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < h->named && status == CHOIR_OK; i++) {
        const char *end = memchr(texts + at, '\0', h->names_bytes - at);
        status = end == NULL ? damaged(path, err) : CHOIR_OK;
        if (end != NULL) {
            names[i] = (ch_cell){.data = texts + at, .size = (uint32_t)(end - (texts + at))};
            at += names[i].size + 1;
        }
    }
    if (status == CHOIR_OK) {
        status = ch_dataset_name(d, names, h->named);
    }
    d->env.free(d->env.self, names);
    return status;
}

static choir_status texts_read(reading *r, ch_dataset *d, const header *h, const char **notes) {
    const void *texts[3] = {NULL, NULL, NULL};
    const uint32_t sizes[3] = {h->names_bytes, h->encoding_bytes, h->notes_bytes};
    choir_status status = CHOIR_OK;
    for (int i = 0; i < 3 && status == CHOIR_OK; i++) {
        status = kept_read(r, d, &texts[i], sizes[i]);
        const char *text = texts[i];
        if (status == CHOIR_OK && sizes[i] > 0 && text[sizes[i] - 1] != '\0') {
            status = damaged(r->file->path, r->err);
        }
    }
    if (status == CHOIR_OK && h->named > 0) {
        status = names_set(d, h, texts[0], r->file->path, r->err);
    }
    d->encoding = texts[1];
    *notes = texts[2];
    return status;
}

static choir_status checksum_check(const reading *r, const header *h) {
    ch_checksum c = r->checksum;
    return ch_checksum_finish(&c) == h->checksum ? CHOIR_OK : damaged(r->file->path, r->err);
}

/* What all tables of the file have in common. */
static choir_status tables_set(ch_dataset *d, ch_filed *filed, const header *h) {
    const uint32_t rows = h->train + h->test;
    const uint32_t *places = ch_filed_places(d, 0, rows);
    if (places == NULL) {
        return CHOIR_ENOMEM;
    }
    filed->files[0].offset = sizeof(*h);
    filed->files[0].count = rows;
    filed->bytes = (uint32_t)(inputs_bytes(h) / rows);
    filed->stride = filed->bytes;
    filed->is_reals = true;
    filed->has_sum = true;
    filed->sum = h->sum;
    const ch_examples all = {.shape = {h->height, h->width, h->channels},
                             .classes = h->classes,
                             .filed = filed,
                             .places = places};
    d->train = d->test = all;
    d->train.count = h->train;
    d->test.count = h->test;
    d->test.places += h->train;
    return CHOIR_OK;
}

choir_status ch_spool_open(ch_dataset *out, const char **notes, const char *path,
                           choir_error *err) {
    header h;
    *notes = NULL;
    ch_filed *filed = ch_dataset_file(out);
    if (filed == NULL) {
        return CHOIR_ENOMEM;
    }
    choir_status status = ch_filed_file_open(&filed->files[0], path, err);
    if (status != CHOIR_OK) {
        return status;
    }
    filed->file_count = 1;
    status = header_read(&h, &filed->files[0], err);
    if (status == CHOIR_OK) {
        status = tables_set(out, filed, &h);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    reading r = {.file = &filed->files[0], .at = sizeof(h) + inputs_bytes(&h), .err = err};
    header bare = h;
    bare.checksum = 0;
    ch_checksum_init(&r.checksum, 0);
    ch_checksum_add(&r.checksum, &bare, sizeof(bare));
    status = columns_read(&r, out, &h);
    if (status == CHOIR_OK) {
        status = texts_read(&r, out, &h, notes);
    }
    return status == CHOIR_OK ? checksum_check(&r, &h) : status;
}

choir_status ch_spool_open_table(ch_dataset *out, ch_examples *table, const char **notes,
                                 const char *path, choir_error *err) {
    const ch_examples train = out->train;
    const ch_examples test = out->test;
    const choir_status status = ch_spool_open(out, notes, path, err);
    const ch_examples read = out->train;
    out->train = train;
    out->test = test;
    if (status == CHOIR_OK) {
        *table = read;
    }
    return status;
}

choir_status ch_spool_check(const ch_filed *filed, uint64_t sum, choir_error *err) {
    if (!filed->has_sum || filed->sum == sum) {
        return CHOIR_OK;
    }
    const char *path = filed->files[0].path;
    const bool is_removed = unlink(path) == 0 || errno == ENOENT;
    return ch_error_set(err, CHOIR_EPROTO,
                        "%.400s: is damaged: its inputs are not those that were written; %s", path,
                        is_removed ? "it was removed: start again, and it is made again"
                                   : "remove it, and it is made again");
}

uint64_t ch_spool_bytes(const char *path) {
    header h = {.order = 0};
    ch_filed_file file;
    if (ch_filed_file_open(&file, path, NULL) != CHOIR_OK) {
        return 0;
    }
    const choir_status status = header_read(&h, &file, NULL);
    ch_filed_file_close(&file);
    return status == CHOIR_OK ? inputs_bytes(&h) : 0;
}
