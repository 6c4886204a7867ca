/* A set of pictures that is more than a few MiB, as the folder of IDX files that choir writes. */
#ifndef CHOIR_TESTS_LARGE_PICTURES_H
#define CHOIR_TESTS_LARGE_PICTURES_H

#include "support/check.h"
#include "support/folder.h"

#include "base/rng.h"
#include "data/idx.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

/* 1,200 bytes a picture: 9.6 MB to train on, 0.1 MB to test. */
enum { LARGE_SIDE = 20, LARGE_TRAIN = 8000, LARGE_TEST = 100, LARGE_BYTES = 20 * 20 * 3 };

static const char LARGE_IMAGES[] = "train-images-idx3-ubyte";

/* Makes path/of/folder, and the four files in it. Pictures of one label are alike. */
static inline void large_pictures_write(const char *folder) {
    const choir_env env = choir_env_default();
    const uint32_t count = LARGE_TRAIN + LARGE_TEST;
    uint8_t *bytes = malloc((size_t)count * LARGE_BYTES);
    uint32_t *labels = malloc(count * sizeof(labels[0]));
    for (uint32_t i = 0; i < count; i++) {
        ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 1, i);
        labels[i] =
            i < 10 || (i >= LARGE_TRAIN && i < LARGE_TRAIN + 10) ? i % 10 : ch_rng_below(&rng, 10);
        for (uint32_t b = 0; b < LARGE_BYTES; b++) {
            bytes[(size_t)i * LARGE_BYTES + b] =
                (uint8_t)(labels[i] * 17 * (b % 11) % 200 + ch_rng_below(&rng, 56));
        }
    }
    const ch_examples train = {.count = LARGE_TRAIN,
                               .shape = {LARGE_SIDE, LARGE_SIDE, 3},
                               .classes = 10,
                               .bytes = bytes,
                               .labels = labels};
    ch_examples test = train;
    test.count = LARGE_TEST;
    test.bytes = bytes + (size_t)LARGE_TRAIN * LARGE_BYTES;
    test.labels = labels + LARGE_TRAIN;
    choir_error err = {.message = ""};
    (void)mkdir(folder, 0755);
    if (ch_idx_write(folder, &train, NULL, &test, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    free(labels);
    free(bytes);
}

/* Packs the images to train on; the plain file goes. */
static inline void large_pictures_pack(const char *folder) {
    static char bytes[LARGE_TRAIN * LARGE_BYTES + 64];
    char path[FOLDER_PATH_MAX + 64];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, LARGE_IMAGES);
    const size_t size = folder_get(path, bytes, sizeof(bytes));
    assert_true(size > LARGE_TRAIN * LARGE_BYTES);
    (void)remove(path);
    (void)snprintf(path, sizeof(path), "%s/%s.gz", folder, LARGE_IMAGES);
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
}

#endif
