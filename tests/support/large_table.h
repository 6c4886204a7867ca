/* A CSV file that is more than a few MiB once it is encoded, and as text when its notes are long.
 */
#ifndef CHOIR_TESTS_LARGE_TABLE_H
#define CHOIR_TESTS_LARGE_TABLE_H

#include "support/check.h"
#include "support/folder.h"

#include "base/rng.h"

#include <stdio.h>

/* A number, a category of 100, a number, notes that are to be dropped, a group of 7, a label. */
enum { TABLE_CATEGORIES = 100, TABLE_FEATURES = TABLE_CATEGORIES + 2, TABLE_NOTE = 300 };

static inline size_t large_table_bytes(uint32_t rows) {
    return (size_t)rows * TABLE_FEATURES * sizeof(float);
}

static inline void large_table_write(const char *path, uint32_t rows, uint32_t note) {
    static const char *const labels[] = {"low", "\"mid, or so\"", "high"};
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    (void)fprintf(file, "age,colour,size,note,who,class\n");
    for (uint32_t i = 0; i < rows; i++) {
        ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 2, i);
        const uint32_t label = ch_rng_below(&rng, 3);
        const uint32_t age = ch_rng_below(&rng, 90);
        (void)fprintf(file, age < 5 ? "?" : "%u", age);
        (void)fprintf(file, ",c%u", ch_rng_below(&rng, TABLE_CATEGORIES));
        (void)fprintf(file, ",%.6f", ch_rng_unit(&rng) + label);
        (void)fprintf(file, ",\"%*s\"", (int)note, "a \"\"note\"\"");
        (void)fprintf(file, ",w%u,%s\n", ch_rng_below(&rng, 7), labels[label]);
    }
    assert_int_equal(fclose(file), 0);
}

#endif
