/*
 * A folder of its own for a test program, gone when the program ends well.
 *
 *     static char folder[FOLDER_PATH_MAX];
 *     folder_make(folder); ... folder_file(folder, "name") ... folder_remove(folder);
 */
#ifndef CHOIR_TESTS_FOLDER_H
#define CHOIR_TESTS_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDER_PATH_MAX = 400, FOLDER_PATHS = 8 };

static inline void folder_make(char folder[FOLDER_PATH_MAX]) {
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, FOLDER_PATH_MAX, "%s/choir-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        exit(1);
    }
}

static inline void folder_remove(const char *folder) {
    char command[FOLDER_PATH_MAX + 16];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    if (system(command) != 0) {
        perror(folder);
    }
}

/* folder/name. Borrowed until it has been called FOLDER_PATHS times more. */
static inline const char *folder_file(const char *folder, const char *name) {
    static char paths[FOLDER_PATHS][FOLDER_PATH_MAX + 200];
    static int turn;
    turn = (turn + 1) % FOLDER_PATHS;
    (void)snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", folder, name);
    return paths[turn];
}

/* Writes size bytes to a file, or ends the program. */
static inline void folder_put(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

/* Reads a file into out (capacity), with a zero after it. Returns its size; 0 when it is none. */
static inline size_t folder_get(const char *path, char *out, size_t capacity) {
    out[0] = '\0';
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return 0;
    }
    const size_t size = fread(out, 1, capacity - 1, file);
    out[size] = '\0';
    (void)fclose(file);
    return size;
}

#endif
