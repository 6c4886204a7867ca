/*
 * Tar: a walk through the files of an archive in memory.
 *
 * Source: POSIX.1-2008, pax, "ustar Interchange Format": blocks of 512 bytes, a header block before
 * each file with the name at 0, the size in octal at 124 and the type at 156.
 */
#ifndef CH_DATA_TAR_H
#define CH_DATA_TAR_H

#include "choir/bytes.h"
#include "choir/status.h"

#include <stdbool.h>

enum {
    CH_TAR_NAME_MAX = 101, // bytes, with the terminating zero
};

typedef struct ch_tar_entry {
    char name[CH_TAR_NAME_MAX];
    choir_bytes bytes; // borrowed from the archive
} ch_tar_entry;

/*
 * The next regular file of the archive.
 *
 * at    where to go on, 0 at first; moved past the file
 * name  stands for the archive in messages
 *
 * Returns OK; EAGAIN at the archive's end; EPROTO when it is cut off or a header makes no sense.
 */
CHOIR_NODISCARD choir_status ch_tar_next(ch_tar_entry *out, size_t *at, choir_bytes archive,
                                         const char *name, choir_error *err);

#endif
