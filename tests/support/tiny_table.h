/* A CSV file small enough for tests: two numbers and a word tell whether somebody is ill. */
#ifndef CHOIR_TESTS_TINY_TABLE_H
#define CHOIR_TESTS_TINY_TABLE_H

#include "support/folder.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TINY_TABLE_ROWS_MAX = 1000 };

/* Writes folder/name with rows from first on: row i is always the same. Columns: age, pulse, town
 * and ill, which is "no" or "yes". */
static inline void tiny_table_write(const char *folder, const char *name, uint32_t first,
                                    uint32_t rows) {
    static char text[TINY_TABLE_ROWS_MAX * 32];
    size_t used = (size_t)snprintf(text, sizeof(text), "age,pulse,town,ill\n");
    static const char *const towns[] = {"ulm", "jena", "kiel"};
    for (uint32_t i = first; i < first + rows && i < first + TINY_TABLE_ROWS_MAX; i++) {
        const uint32_t age = 18 + i * 37 % 71;
        const uint32_t pulse = 55 + i * 53 % 67;
        const char *ill = age + 2 * pulse + i % 5 > 235 ? "yes" : "no";
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%u,%u.%u,%s,%s\n", age, pulse,
                                 i % 10, towns[(i * i + i / 7) % 3], ill);
    }
    folder_put(folder_file(folder, name), text, used);
}

#endif
