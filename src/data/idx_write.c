/* Writing MNIST-like folders; see idx.h. */
#include "base/disk.h"
#include "base/error.h"
#include "data/idx.h"

#include <stdio.h>
#include <string.h>

enum {
    PATH_BYTES = 1024,
    WRITER_COLUMNS = 3, // class, series, writer: what a reader of QMNIST needs
};

typedef struct header {
    uint8_t bytes[4 + 4 * CH_IDX_RANK_MAX];
    size_t size;
} header;

static void put_big_endian(uint8_t *out, uint32_t value) {
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

static header header_make(uint8_t type, const uint32_t *sizes, uint8_t rank) {
    header h = {.bytes = {0, 0, type, rank}, .size = 4 + 4 * (size_t)rank};
    for (uint8_t i = 0; i < rank; i++) {
        put_big_endian(h.bytes + 4 + 4 * (size_t)i, sizes[i]);
    }
    return h;
}

static choir_status file_write(const char *folder, const char *name, const header *h,
                               const uint8_t *elements, size_t size, choir_error *err) {
    char path[PATH_BYTES];
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_BYTES) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: the path is too long", folder);
    }
    const choir_bytes parts[] = {{.data = h->bytes, .size = h->size},
                                 {.data = elements, .size = size}};
    return ch_disk_replace(path, parts, 2, err);
}

static choir_status images_write(const char *folder, const char *name, const ch_examples *e,
                                 choir_error *err) {
    const ch_shape s = e->shape;
    const uint32_t sizes[] = {e->count, s.height, s.width, s.channels};
    const header h = header_make(CH_IDX_U8, sizes, s.channels == 1 ? 3 : 4);
    return file_write(folder, name, &h, e->bytes, (size_t)e->count * ch_shape_features(s), err);
}

static choir_status labels_write(const char *folder, const char *name, const ch_examples *e,
                                 const choir_env *env, choir_error *err) {
    uint8_t *labels = ch_claim(env, e->count, 1);
    if (labels == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < e->count; i++) {
        labels[i] = (uint8_t)e->labels[i];
    }
    const header h = header_make(CH_IDX_U8, &e->count, 1);
    const choir_status status = file_write(folder, name, &h, labels, e->count, err);
    env->free(env->self, labels);
    return status;
}

static choir_status writers_write(const char *folder, const ch_examples *e, const choir_env *env,
                                  choir_error *err) {
    const size_t row = 4 * (size_t)WRITER_COLUMNS;
    uint8_t *rows = ch_claim(env, e->count, row);
    if (rows == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < e->count; i++) {
        put_big_endian(rows + i * row, e->labels[i]);
        put_big_endian(rows + i * row + 4, 0);
        put_big_endian(rows + i * row + 8, e->groups[i]);
    }
    const uint32_t sizes[] = {e->count, WRITER_COLUMNS};
    const header h = header_make(CH_IDX_I32, sizes, 2);
    const choir_status status =
        file_write(folder, "qmnist-train-labels-idx2-int", &h, rows, e->count * row, err);
    env->free(env->self, rows);
    return status;
}

/* A table of the rows that are written alone, which lies in one block. */
typedef struct kept_rows {
    uint8_t *block;
    ch_examples table;
} kept_rows;

static void row_copy(uint32_t *labels, uint8_t *bytes, const ch_examples *from, uint32_t row,
                     uint32_t to) {
    const size_t features = ch_shape_features(from->shape);
    labels[to] = from->labels[row];
    memcpy(bytes + to * features, from->bytes + row * features, features);
}

static choir_status kept_make(kept_rows *out, const ch_examples *from, const bool *is_written,
                              const choir_env *env) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        count += is_written[i];
    }
    const size_t row = 2 * sizeof(uint32_t) + ch_shape_features(from->shape);
    out->block = ch_claim(env, count, row);
    if (out->block == NULL) {
        return CHOIR_ENOMEM;
    }
    uint32_t *labels = (uint32_t *)(void *)out->block; // 64-byte aligned
    uint32_t *groups = labels + count;
    uint8_t *bytes = (uint8_t *)(groups + count);
    out->table = *from;
    out->table.count = 0;
    out->table.labels = labels;
    out->table.groups = from->groups == NULL ? NULL : groups;
    out->table.bytes = bytes;
    for (uint32_t i = 0; i < from->count; i++) {
        if (is_written[i]) {
            row_copy(labels, bytes, from, i, out->table.count);
            groups[out->table.count] = from->groups == NULL ? 0 : from->groups[i];
            out->table.count += 1;
        }
    }
    return CHOIR_OK;
}

static choir_status check(const char *folder, const ch_examples *train, const ch_examples *test,
                          choir_error *err) {
    if (train->bytes == NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: IDX files hold bytes, and these inputs are real numbers", folder);
    }
    if (test->count == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: a folder of IDX files has a test set, and this source has none; "
                            "data.test_share above 0 makes one",
                            folder);
    }
    if (train->classes == 0 || train->classes > 256) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: IDX labels are bytes, and there are %u classes",
                            folder, train->classes);
    }
    return CHOIR_OK;
}

static choir_status files_write(const char *folder, const ch_examples *train,
                                const ch_examples *test, const choir_env *env, choir_error *err) {
    choir_status status = images_write(folder, "train-images-idx3-ubyte", train, err);
    if (status == CHOIR_OK) {
        status = labels_write(folder, "train-labels-idx1-ubyte", train, env, err);
    }
    if (status == CHOIR_OK) {
        status = images_write(folder, "t10k-images-idx3-ubyte", test, err);
    }
    if (status == CHOIR_OK) {
        status = labels_write(folder, "t10k-labels-idx1-ubyte", test, env, err);
    }
    if (status == CHOIR_OK && train->groups != NULL) {
        status = writers_write(folder, train, env, err);
    }
    return status;
}

choir_status ch_idx_write(const char *folder, const ch_examples *train, const bool *is_written,
                          const ch_examples *test, const choir_env *env, choir_error *err) {
    kept_rows kept = {.table = *train};
    choir_status status = check(folder, train, test, err);
    if (status == CHOIR_OK && is_written != NULL) {
        status = kept_make(&kept, train, is_written, env);
    }
    if (status == CHOIR_OK) {
        status = files_write(folder, &kept.table, test, env, err);
    }
    if (kept.block != NULL) {
        env->free(env->self, kept.block);
    }
    return status;
}
