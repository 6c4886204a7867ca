/* Temporary folders and files for the readers' tests. */
#ifndef CHOIR_TESTS_DATA_FOLDER_H
#define CHOIR_TESTS_DATA_FOLDER_H

#include "support/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

typedef struct folder {
    char path[64];
} folder;

/* Makes an empty folder. */
static inline void folder_make(folder *f) {
    (void)snprintf(f->path, sizeof(f->path), "%s", "/tmp/choir-data-XXXXXX");
    assert_non_null(mkdtemp(f->path));
}

/* The path of a file in it; borrowed until the next call. */
static inline const char *folder_file(const folder *f, const char *name) {
    static char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", f->path, name);
    return path;
}

static inline void folder_write(const folder *f, const char *name, const void *data, size_t size) {
    FILE *file = fopen(folder_file(f, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void folder_write_gz(const folder *f, const char *name, const void *data,
                                   size_t size) {
    gzFile file = gzopen(folder_file(f, name), "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, data, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
}

/* Removes the folder and the files and folders in it, one level deep. */
static inline void folder_remove(const folder *f) {
    DIR *dir = opendir(f->path);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] != '.') {
            (void)remove(folder_file(f, e->d_name));
        }
    }
    (void)closedir(dir);
    assert_int_equal(rmdir(f->path), 0);
}

#endif
