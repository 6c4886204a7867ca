/* What readers keep beside the data set, in data/unpacked of a test's folder, when its inputs are
 * more than the memory is to hold. */
#ifndef CHOIR_TESTS_DATA_UNPACKED_H
#define CHOIR_TESTS_DATA_UNPACKED_H

#include "support/check.h"
#include "support/folder.h"

#include <dirent.h>
#include <stdlib.h>

enum { UNPACKED_PATH_MAX = FOLDER_PATH_MAX + 200 };

/* How many files there are, and the path of one. */
static inline uint32_t unpacked_count(const char *folder, char one[UNPACKED_PATH_MAX]) {
    char path[UNPACKED_PATH_MAX];
    uint32_t count = 0;
    (void)snprintf(path, sizeof(path), "%s", folder_file(folder, "data/unpacked"));
    DIR *dir = opendir(path);
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] != '.') {
            (void)snprintf(one, UNPACKED_PATH_MAX, "%.300s/%.100s", path, e->d_name);
            count += 1;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count;
}

static inline void unpacked_remove(const char *folder) {
    char command[UNPACKED_PATH_MAX + 16];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder_file(folder, "data"));
    assert_int_equal(system(command), 0);
}

#endif
