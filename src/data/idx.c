/* Reading IDX files and MNIST-like folders; see idx.h. */
#include "data/idx.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/disk.h"
#include "base/env.h"
#include "base/error.h"
#include "data/file.h"
#include "data/filed.h"
#include "data/spool.h"
#include "data/unpacked.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    PATH_BYTES = 1024,
    QMNIST_COLUMNS_MIN = 3, // class, series, writer, ...
    QMNIST_WRITER = 2,
    WRITERS_MAX = 1 << 20,
    ENDING_BYTES = 24,
};

/* What a copy of images ends with, so that damage is seen: this, the header's checksum, and the sum
 * of the images' marks as in spool.h, both little-endian. */
static const char ENDING[8] = {'c', 'h', 'o', 'i', 'r', 'i', 'd', 'x'};

static uint32_t big_endian(const uint8_t *b) {
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The sizes of the array, and how many bytes of elements they make. */
static choir_status sizes_parse(ch_idx *idx, uint64_t *expected, const uint8_t *b,
                                uint64_t bytes_max, const char *name, choir_error *err) {
    uint64_t total = idx->type == CH_IDX_U8 ? 1 : 4;
    for (uint32_t i = 0; i < idx->rank; i++) {
        idx->sizes[i] = big_endian(b + 4 + 4 * (size_t)i);
        if (idx->sizes[i] == 0 || idx->sizes[i] > CH_EXAMPLES_MAX) {
            return ch_error_set(err, CHOIR_EPROTO, "%s: byte %u: size %u is not in [1, %u]", name,
                                4 + 4 * i, idx->sizes[i], CH_EXAMPLES_MAX);
        }
        if (total > UINT64_MAX / idx->sizes[i] || total * idx->sizes[i] > bytes_max) {
            return ch_error_set(err, CHOIR_EPROTO,
                                "%s: byte %u: size %u makes it %.0f bytes; at "
                                "most %llu are read",
                                name, 4 + 4 * i, idx->sizes[i],
                                (double)total * (double)idx->sizes[i],
                                (unsigned long long)bytes_max);
        }
        total *= idx->sizes[i];
    }
    *expected = total;
    return CHOIR_OK;
}

choir_status ch_idx_parse_header(ch_idx *out, choir_bytes bytes, uint64_t size, uint64_t bytes_max,
                                 const char *name, choir_error *err) {
    if (bytes.size < 4) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: %zu bytes; an IDX file starts with 4", name,
                            bytes.size);
    }
    const uint8_t *b = bytes.data;
    ch_idx idx = {.type = b[2], .rank = b[3], .sizes = {1, 1, 1, 1}};
    if (b[0] != 0 || b[1] != 0 || (idx.type != CH_IDX_U8 && idx.type != CH_IDX_I32)) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: starts with %02x %02x %02x; an IDX file of bytes starts with "
                            "00 00 08, of 32-bit integers with 00 00 0c",
                            name, b[0], b[1], b[2]);
    }
    if (idx.rank < 1 || idx.rank > CH_IDX_RANK_MAX) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: byte 3: rank %u is not in [1, %d]", name,
                            idx.rank, CH_IDX_RANK_MAX);
    }
    idx.header = 4 + 4 * idx.rank;
    if (bytes.size < idx.header) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: %zu bytes; the header of rank %u has %u", name,
                            bytes.size, idx.rank, idx.header);
    }
    uint64_t expected = 0;
    const choir_status status = sizes_parse(&idx, &expected, b, bytes_max, name, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (size - idx.header != expected) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: %llu bytes after the header, which promises %llu: the file is %s",
                            name, (unsigned long long)(size - idx.header),
                            (unsigned long long)expected,
                            size - idx.header < expected ? "cut off" : "longer than it says");
    }
    *out = idx;
    return CHOIR_OK;
}

choir_status ch_idx_parse(ch_idx *out, choir_bytes bytes, const char *name, choir_error *err) {
    const choir_status status =
        ch_idx_parse_header(out, bytes, bytes.size, CH_FILE_BYTES_MAX, name, err);
    if (status == CHOIR_OK) {
        out->elements = bytes.data + out->header;
    }
    return status;
}

/* ------------------------------------------------------------------------------------ folders */

typedef enum part { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, WRITERS } part;

/* The spellings in use; each also with .gz. */
static const char *const NAMES[][2] = {
    [TRAIN_IMAGES] = {"train-images-idx3-ubyte", "train-images.idx3-ubyte"},
    [TRAIN_LABELS] = {"train-labels-idx1-ubyte", "train-labels.idx1-ubyte"},
    [TEST_IMAGES] = {"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"},
    [TEST_LABELS] = {"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"},
    [WRITERS] = {"qmnist-train-labels-idx2-int", "qmnist-train-labels.idx2-int"},
};

/* Writes the path of the part's file; false when the folder has none, with the usual path. */
static bool part_find(char path[PATH_BYTES], const char *folder, part which) {
    for (int i = 0; i < 4; i++) {
        const int size = snprintf(path, PATH_BYTES, "%s/%s%s", folder, NAMES[which][i / 2],
                                  i % 2 == 0 ? ".gz" : "");
        if (size < PATH_BYTES && ch_is_file(path)) {
            return true;
        }
    }
    (void)snprintf(path, PATH_BYTES, "%s/%s.gz", folder, NAMES[which][0]);
    return false;
}

bool ch_idx_is_folder(const char *folder) {
    char path[PATH_BYTES];
    return part_find(path, folder, TRAIN_IMAGES);
}

/* Whether a file is what belongs there: of the type, and of the rank, which is 3 or 4 of images. */
static choir_status part_check(const ch_idx *idx, const char *path, uint32_t type,
                               uint32_t rank_max, choir_error *err) {
    const uint32_t rank_min = rank_max == 4 ? 3 : rank_max;
    if (idx->type != type || idx->rank < rank_min || idx->rank > rank_max) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: holds type 0x%02x of rank %u; here type 0x%02x of rank %u "
                            "belongs",
                            path, idx->type, idx->rank, type, rank_min);
    }
    return CHOIR_OK;
}

/* One part's file, read and checked. EAGAIN: it has more than bytes_max. */
static choir_status part_read(ch_file *file, ch_idx *idx, const char *path, uint32_t type,
                              uint32_t rank_max, uint64_t bytes_max, const choir_env *env,
                              choir_error *err) {
    *idx = (ch_idx){0};
    choir_status status = bytes_max <= CH_FILE_BYTES_MAX
                              ? ch_file_read_within(file, path, bytes_max, env, err)
                              : ch_file_read(file, path, CH_FILE_BYTES_MAX, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = ch_idx_parse(idx, ch_file_bytes(file), path, err);
    if (status == CHOIR_OK) {
        status = part_check(idx, path, type, rank_max, err);
    }
    if (status != CHOIR_OK) {
        ch_file_release(file);
        return status;
    }
    CH_ASSERT(idx->elements != NULL);
    return CHOIR_OK;
}

static choir_status images_describe(ch_examples *e, const ch_idx *idx, const char *path,
                                    choir_error *err) {
    const uint64_t features = (uint64_t)idx->sizes[1] * idx->sizes[2] * idx->sizes[3];
    if (features > CH_FEATURES_MAX) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: images of %llu values; at most %u are read",
                            path, (unsigned long long)features, CH_FEATURES_MAX);
    }
    e->count = idx->sizes[0];
    e->shape =
        (ch_shape){.height = idx->sizes[1], .width = idx->sizes[2], .channels = idx->sizes[3]};
    e->bytes = idx->elements;
    return CHOIR_OK;
}

/* Reads and checks the header of images that stay in f, the first size bytes of it; messages name
 * the file name. *checksum is the header's. */
static choir_status images_look(ch_filed_file *f, ch_examples *e, uint64_t *checksum, uint64_t size,
                                const char *name, choir_error *err) {
    uint8_t header[CH_IDX_HEADER_MAX];
    ch_idx idx;
    const size_t first = size < sizeof(header) ? (size_t)size : sizeof(header);
    choir_status status = ch_filed_file_read(f, 0, header, first, err);
    if (status == CHOIR_OK) {
        status = ch_idx_parse_header(&idx, (choir_bytes){.data = header, .size = first}, size,
                                     CH_UNPACKED_BYTES_MAX, name, err);
    }
    if (status == CHOIR_OK) {
        status = part_check(&idx, name, CH_IDX_U8, 4, err);
    }
    if (status == CHOIR_OK) {
        status = images_describe(e, &idx, name, err);
    }
    if (status == CHOIR_OK) {
        f->offset = idx.header;
        f->count = e->count;
        *checksum = ch_checksum_of(0, header, idx.header);
    }
    return status;
}

/* ------------------------------------------------------------------------------------- copies */

/* Adds the marks of all images of f. */
static choir_status images_sum(uint64_t *sum, const ch_filed_file *f, const ch_examples *e,
                               const choir_env *env, choir_error *err) {
    const size_t size = ch_shape_features(e->shape);
    uint8_t *room = ch_claim(env, size, 1);
    choir_status status = room == NULL ? CHOIR_ENOMEM : CHOIR_OK;
    for (uint32_t i = 0; i < e->count && status == CHOIR_OK; i++) {
        status = ch_filed_file_read(f, f->offset + (uint64_t)i * size, room, size, err);
        *sum += status == CHOIR_OK ? ch_spool_mark(i, room, size) : 0;
    }
    if (room != NULL) {
        env->free(env->self, room);
    }
    return status;
}

/* Writes the ending of what has been unpacked from path. EPROTO when that is no file of images. */
static choir_status ending_write(const ch_unpacked *u, const char *path, const choir_env *env,
                                 choir_error *err) {
    ch_filed_file f;
    ch_examples e = {.count = 0};
    uint8_t ending[ENDING_BYTES];
    ch_writer w = {.data = ending, .capacity = sizeof(ending)};
    uint64_t checksum = 0;
    uint64_t sum = 0;
    choir_status status = ch_filed_file_open(&f, u->part, err);
    if (status == CHOIR_OK) {
        status = images_look(&f, &e, &checksum, f.size, path, err);
    }
    if (status == CHOIR_OK) {
        status = images_sum(&sum, &f, &e, env, err);
    }
    ch_filed_file_close(&f);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_put_bytes(&w, ENDING, sizeof(ENDING));
    ch_put_u64(&w, checksum);
    ch_put_u64(&w, sum);
    return ch_disk_append(u->file, u->part, (choir_bytes){.data = ending, .size = w.size}, err);
}

static choir_status not_whole(const ch_filed_file *f, choir_error *err) {
    return ch_error_set(err, CHOIR_EPROTO, "%s: is no whole copy", f->path);
}

static choir_status ending_read(const ch_filed_file *f, uint64_t *checksum, uint64_t *sum,
                                choir_error *err) {
    uint8_t ending[ENDING_BYTES];
    ch_reader r = {.data = ending, .size = sizeof(ending)};
    if (f->size < sizeof(ending)) {
        return not_whole(f, err);
    }
    const choir_status status =
        ch_filed_file_read(f, f->size - sizeof(ending), ending, sizeof(ending), err);
    if (status != CHOIR_OK) {
        return status;
    }
    const choir_bytes name = ch_get_bytes(&r, sizeof(ENDING));
    *checksum = ch_get_u64(&r);
    *sum = ch_get_u64(&r);
    return memcmp(name.data, ENDING, sizeof(ENDING)) == 0 ? CHOIR_OK : not_whole(f, err);
}

static choir_status copy_make(const char *unpacked, const char *path, const choir_env *env,
                              choir_error *err) {
    ch_unpacked u;
    choir_status status = ch_unpacked_begin(&u, unpacked, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = ch_file_unpack(u.file, u.part, path, env, err);
    if (status == CHOIR_OK) {
        status = ending_write(&u, path, env, err);
    }
    return ch_unpacked_end(&u, status, err);
}

/* ------------------------------------------------------------------------------ images in files */

/* Looks at the images of an open file: name, which is not packed, or a copy of it. */
static choir_status images_open(ch_filed_file *f, ch_examples *e, uint64_t *sum, const char *name,
                                bool is_copy, choir_error *err) {
    uint64_t wanted = 0;
    uint64_t checksum = 0;
    if (!is_copy) {
        return images_look(f, e, &checksum, f->size, name, err);
    }
    choir_status status = ending_read(f, &wanted, sum, err);
    if (status == CHOIR_OK) {
        status = images_look(f, e, &checksum, f->size - ENDING_BYTES, name, err);
    }
    return status == CHOIR_OK && checksum != wanted ? not_whole(f, err) : status;
}

/* Images that stay in the file at path: the file name, or a copy of it. Of one that is refused, out
 * keeps nothing. */
static choir_status images_file(ch_dataset *out, ch_examples *e, const char *path, const char *name,
                                bool is_copy, choir_error *err) {
    ch_filed_file f;
    uint64_t sum = 0;
    choir_status status = ch_filed_file_open(&f, path, err);
    if (status == CHOIR_OK) {
        status = images_open(&f, e, &sum, name, is_copy, err);
    }
    ch_filed *filed = status == CHOIR_OK ? ch_dataset_file(out) : NULL;
    if (filed == NULL) {
        ch_filed_file_close(&f);
        return status == CHOIR_OK ? CHOIR_ENOMEM : status;
    }
    filed->files[0] = f;
    filed->file_count = 1;
    filed->bytes = ch_shape_features(e->shape);
    filed->stride = filed->bytes;
    filed->has_sum = is_copy;
    filed->sum = sum;
    e->filed = filed;
    e->places = ch_filed_places(out, 0, e->count);
    return e->places == NULL ? CHOIR_ENOMEM : CHOIR_OK;
}

/* The same of a packed file, unpacked once, and once more when what is found of it is damaged. */
static choir_status images_unpack(ch_dataset *out, ch_examples *e, const char *path,
                                  const choir_job_data *options, choir_error *err) {
    char unpacked[CH_UNPACKED_PATH_MAX];
    bool is_there = false;
    choir_status status = ch_unpacked_find(unpacked, &is_there, path, 0, options->dir, err);
    if (status == CHOIR_OK && is_there) {
        choir_error why = {.message = ""};
        status = images_file(out, e, unpacked, unpacked, true, &why);
        if (status != CHOIR_EPROTO) {
            return status == CHOIR_OK ? status : ch_error_set(err, status, "%s", why.message);
        }
        status = CHOIR_OK;
    }
    if (status == CHOIR_OK) {
        ch_log_text(&out->env, CHOIR_LEVEL_INFO, "data_unpacked", "path", path);
        status = copy_make(unpacked, path, &out->env, err);
    }
    return status == CHOIR_OK ? images_file(out, e, unpacked, path, true, err) : status;
}

/* Whether a packed file has a copy that says that there is more in it than most. */
static bool is_known_large(const char *path, const choir_job_data *options, uint64_t most) {
    char unpacked[CH_UNPACKED_PATH_MAX];
    bool is_there = false;
    struct stat about;
    return options != NULL && ch_file_is_packed(path) &&
           ch_unpacked_find(unpacked, &is_there, path, 0, options->dir, NULL) == CHOIR_OK &&
           is_there && stat(unpacked, &about) == 0 && about.st_size > ENDING_BYTES &&
           (uint64_t)about.st_size - ENDING_BYTES > most;
}

/* Bytes of a file of images that are read into memory; UINT64_MAX: of whatever size. */
static uint64_t most_of(uint64_t memory) {
    return memory == UINT64_MAX                             ? memory
           : memory < CH_FILE_BYTES_MAX - CH_IDX_HEADER_MAX ? memory + CH_IDX_HEADER_MAX
                                                            : CH_FILE_BYTES_MAX;
}

static choir_status images_read(ch_dataset *out, ch_examples *e, const char *path,
                                const choir_job_data *options, choir_error *err) {
    ch_file file;
    ch_idx idx;
    const uint64_t most = most_of(ch_filed_memory(options));
    const choir_status status =
        is_known_large(path, options, most)
            ? CHOIR_EAGAIN
            : part_read(&file, &idx, path, CH_IDX_U8, 4, most, &out->env, err);
    if (status == CHOIR_EAGAIN) {
        return ch_file_is_packed(path) ? images_unpack(out, e, path, options, err)
                                       : images_file(out, e, path, path, false, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    ch_dataset_adopt(out, file.data);
    return images_describe(e, &idx, path, err);
}

static choir_status count_check(const ch_idx *idx, const ch_examples *e, const char *path,
                                choir_error *err) {
    if (idx->sizes[0] != e->count) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: %u labels, but there are %u images", path,
                            idx->sizes[0], e->count);
    }
    return CHOIR_OK;
}

static choir_status labels_read(ch_dataset *out, ch_examples *e, const char *path,
                                choir_error *err) {
    ch_file file;
    ch_idx idx;
    choir_status status = part_read(&file, &idx, path, CH_IDX_U8, 1, UINT64_MAX, &out->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = count_check(&idx, e, path, err);
    if (status == CHOIR_OK) {
        uint32_t *labels = ch_dataset_claim(out, e->count, sizeof(labels[0]));
        status = labels == NULL ? CHOIR_ENOMEM : CHOIR_OK;
        for (uint32_t i = 0; labels != NULL && i < e->count; i++) {
            labels[i] = idx.elements[i];
            e->classes = labels[i] >= e->classes ? labels[i] + 1 : e->classes;
        }
        e->labels = labels;
    }
    ch_file_release(&file);
    return status;
}

static choir_status half_read(ch_dataset *out, ch_examples *e, const char *folder, part images,
                              part labels, const choir_job_data *options, choir_error *err) {
    char path[PATH_BYTES];
    (void)part_find(path, folder, images); // a missing one is named by the reader
    const choir_status status = images_read(out, e, path, options, err);
    if (status != CHOIR_OK) {
        return status;
    }
    (void)part_find(path, folder, labels);
    return labels_read(out, e, path, err);
}

/* Replaces ids by their ranks among the ids that occur, so that groups have no gaps. */
static choir_status writers_number(uint32_t *writers, const ch_idx *idx, const char *path,
                                   const choir_env *env, choir_error *err) {
    uint32_t *ranks = ch_claim(env, WRITERS_MAX, sizeof(ranks[0]));
    if (ranks == NULL) {
        return CHOIR_ENOMEM;
    }
    memset(ranks, 0, WRITERS_MAX * sizeof(ranks[0]));
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < idx->sizes[0] && status == CHOIR_OK; i++) {
        writers[i] = big_endian(idx->elements + ((size_t)i * idx->sizes[1] + QMNIST_WRITER) * 4);
        if (writers[i] < WRITERS_MAX) {
            ranks[writers[i]] = 1;
        } else {
            status = ch_error_set(err, CHOIR_EPROTO, "%s: row %u: writer id %u is not below %d",
                                  path, i, writers[i], WRITERS_MAX);
        }
    }
    uint32_t next = 0;
    for (uint32_t id = 0; id < WRITERS_MAX; id++) {
        const uint32_t occurs = ranks[id];
        ranks[id] = next;
        next += occurs;
    }
    for (uint32_t i = 0; i < idx->sizes[0] && status == CHOIR_OK; i++) {
        writers[i] = ranks[writers[i]];
    }
    env->free(env->self, ranks);
    return status;
}

static choir_status writers_read(ch_dataset *out, const char *folder, choir_error *err) {
    char path[PATH_BYTES];
    if (!part_find(path, folder, WRITERS)) {
        return CHOIR_OK;
    }
    ch_file file;
    ch_idx idx;
    choir_status status = part_read(&file, &idx, path, CH_IDX_I32, 2, UINT64_MAX, &out->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = count_check(&idx, &out->train, path, err);
    if (status == CHOIR_OK && idx.sizes[1] < QMNIST_COLUMNS_MIN) {
        status = ch_error_set(err, CHOIR_EPROTO, "%s: %u columns; the writer is the third", path,
                              idx.sizes[1]);
    }
    if (status == CHOIR_OK) {
        uint32_t *writers = ch_dataset_claim(out, idx.sizes[0], sizeof(writers[0]));
        status =
            writers == NULL ? CHOIR_ENOMEM : writers_number(writers, &idx, path, &out->env, err);
        out->train.groups = writers;
    }
    ch_file_release(&file);
    return status;
}

/* The test table, and what both have to agree about. */
static choir_status test_read(ch_dataset *out, const char *folder, const choir_job_data *options,
                              choir_error *err) {
    const choir_status status =
        half_read(out, &out->test, folder, TEST_IMAGES, TEST_LABELS, options, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const ch_shape a = out->train.shape;
    const ch_shape b = out->test.shape;
    if (a.height != b.height || a.width != b.width || a.channels != b.channels) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: training images are %u x %u x %u, test images %u x %u x %u",
                            folder, a.height, a.width, a.channels, b.height, b.width, b.channels);
    }
    const uint32_t classes =
        out->train.classes > out->test.classes ? out->train.classes : out->test.classes;
    out->train.classes = classes;
    out->test.classes = classes;
    return CHOIR_OK;
}

choir_status ch_idx_read(ch_dataset *out, const char *folder, const choir_job_data *options,
                         bool may_lack_test, choir_error *err) {
    char path[PATH_BYTES];
    choir_status status =
        half_read(out, &out->train, folder, TRAIN_IMAGES, TRAIN_LABELS, options, err);
    const bool has_test = !may_lack_test || part_find(path, folder, TEST_IMAGES) ||
                          part_find(path, folder, TEST_LABELS);
    if (status == CHOIR_OK && has_test) {
        status = test_read(out, folder, options, err);
    }
    return status == CHOIR_OK ? writers_read(out, folder, err) : status;
}
