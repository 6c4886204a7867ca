/*
 * A locale that writes one half as "0,5": one that is installed, or on glibc one made for the test.
 */
#ifndef CHOIR_TESTS_COMMA_LOCALE_H
#define CHOIR_TESTS_COMMA_LOCALE_H

#include "support/folder.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

static inline bool comma_is_set(void) {
    char half[8];
    (void)snprintf(half, sizeof(half), "%.1f", 0.5);
    return strcmp(half, "0,5") == 0;
}

/*
 * LC_NUMERIC as glibc stores it: a magic number, how many items, where each begins, the items:
 * decimal point, separator, grouping, the first two as wide characters, character set.
 */
static inline void comma_locale_write(const char *folder) {
    enum { ITEMS = 6, AT = 4 * (2 + ITEMS) };
    const struct {
        uint32_t head[2 + ITEMS];
        char items[24];
    } file = {.head = {0x20031114, ITEMS, AT, AT + 2, AT + 3, AT + 4, AT + 8, AT + 12},
              .items = {',', 0, 0, 0, ',', 0, 0, 0, 0, 0, 0, 0, 'U', 'T', 'F', '-', '8'}};
    (void)mkdir(folder_file(folder, "comma"), 0777);
    folder_put(folder_file(folder, "comma/LC_NUMERIC"), &file, sizeof(file));
    (void)setenv("LOCPATH", folder, 1);
}

/* Sets it; false where none can be had. folder is the test's own. */
static inline bool comma_locale_set(const char *folder) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (setlocale(LC_NUMERIC, names[i]) != NULL && comma_is_set()) {
            return true;
        }
    }
    comma_locale_write(folder);
    return setlocale(LC_NUMERIC, "comma") != NULL && comma_is_set();
}

#endif
