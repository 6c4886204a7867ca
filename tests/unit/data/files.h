/* Files for readers to read, in a test's own folder, as they are or compressed. */
#ifndef CHOIR_TESTS_DATA_FILES_H
#define CHOIR_TESTS_DATA_FILES_H

#include "support/check.h"
#include "support/folder.h"

#include <zlib.h>

static inline void file_write(const char *folder, const char *name, const void *data, size_t size) {
    folder_put(folder_file(folder, name), data, size);
}

static inline void file_write_gz(const char *folder, const char *name, const void *data,
                                 size_t size) {
    gzFile file = gzopen(folder_file(folder, name), "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, data, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
}

#endif
