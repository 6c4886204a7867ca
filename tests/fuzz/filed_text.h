/* A text as a file that is read through a window: one for all texts of a fuzzer's process. */
#ifndef CHOIR_TESTS_FUZZ_FILED_TEXT_H
#define CHOIR_TESTS_FUZZ_FILED_TEXT_H

#include "base/assert.h"
#include "data/filed.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static inline ch_filed_file filed_text(const void *text, size_t size) {
    static FILE *file;
    file = file == NULL ? tmpfile() : file;
    CH_ASSERT(file != NULL);
    ch_filed_file f = {.descriptor = fileno(file), .size = size};
    struct stat about;
    CH_ASSERT(ftruncate(f.descriptor, 0) == 0);
    CH_ASSERT(pwrite(f.descriptor, text, size, 0) == (ssize_t)size);
    CH_ASSERT(fstat(f.descriptor, &about) == 0);
    f.changed_s = about.st_mtim.tv_sec;
    f.changed_ns = about.st_mtim.tv_nsec;
    return f;
}

#endif
