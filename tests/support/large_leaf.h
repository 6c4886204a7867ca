/* A folder as LEAF's scripts write FEMNIST, of more than a MiB of numbers. */
#ifndef CHOIR_TESTS_LARGE_LEAF_H
#define CHOIR_TESTS_LARGE_LEAF_H

#include "support/check.h"
#include "support/folder.h"

#include "base/rng.h"

#include <stdio.h>
#include <sys/stat.h>

enum { LEAF_FEATURES = 28 * 28, LEAF_EACH = 25, LEAF_TRAIN = 18 * LEAF_EACH };

/* Writes a file of users first .. first + count - 1, each with LEAF_EACH pictures. */
static inline void large_leaf_users(const char *folder, const char *set, const char *half,
                                    const char *name, uint32_t first, uint32_t count) {
    char path[128];
    (void)mkdir(folder_file(folder, set), 0777);
    (void)snprintf(path, sizeof(path), "%s/%s", set, half);
    (void)mkdir(folder_file(folder, path), 0777);
    (void)snprintf(path, sizeof(path), "%s/%s/%s", set, half, name);
    FILE *f = fopen(folder_file(folder, path), "wb");
    assert_non_null(f);
    (void)fprintf(f, "{\"user_data\": {"); // before users, and the last one first
    for (uint32_t u = count; u > 0; u--) {
        ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 3, first + u - 1);
        (void)fprintf(f, "%s\"w%u\": {\"x\": [", u == count ? "" : ",\n", first + u - 1);
        for (uint32_t i = 0; i < LEAF_EACH * LEAF_FEATURES; i++) {
            const uint32_t v = ch_rng_below(&rng, 1000);
            (void)fprintf(f, "%s%s",
                          i % LEAF_FEATURES > 0 ? ","
                          : i == 0              ? "["
                                                : "],\n[",
                          v < 500 ? "1.0" : "");
            if (v >= 500) {
                (void)fprintf(f, "0.%u", v);
            }
        }
        (void)fprintf(f, "]], \"y\": [");
        for (uint32_t i = 0; i < LEAF_EACH; i++) {
            (void)fprintf(f, "%s%u", i == 0 ? "" : ", ", ch_rng_below(&rng, 62));
        }
        (void)fprintf(f, "]}");
    }
    (void)fprintf(f, "}, \"users\": [");
    for (uint32_t u = 0; u < count; u++) {
        (void)fprintf(f, "%s\"w%u\"", u == 0 ? "" : ", ", first + u);
    }
    (void)fprintf(f, "]}");
    assert_int_equal(fclose(f), 0);
}

/* 1.4 MB of numbers to train on in two files, and 0.2 MB, or 1.3, to test. */
static inline void large_leaf_write(const char *folder, const char *set, uint32_t test) {
    large_leaf_users(folder, set, "train", "1.json", 0, 10);
    large_leaf_users(folder, set, "train", "2.json", 10, 8);
    if (test > 0) {
        large_leaf_users(folder, set, "test", "1.json", 100, test);
    }
}

#endif
