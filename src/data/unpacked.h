/*
 * Unpacked: what a gzip file holds, or what was made of another that is not read in place, in a
 * file of the user's data directory, so that it can be read from any place on.
 *
 * It is made once, and found again by the path of what it was made of, its size and time of last
 * change: of another file, or of one that has changed, another is made. Whoever wants the room back
 * removes the folder "unpacked"; it is made again when it is wanted.
 */
#ifndef CH_DATA_UNPACKED_H
#define CH_DATA_UNPACKED_H

#include "choir/job.h"

#include <stdbool.h>

enum { CH_UNPACKED_PATH_MAX = CHOIR_PATH_MAX + 64 };

/*
 * Where what was made of the file at path lies, or would lie.
 *
 * way  how it was made: 0, the content of a gzip file; else a checksum of all that it depends on
 *      beside the file
 * dir  as data.dir
 *
 * Returns OK; EIO when there is no such file, EINVAL when there is no data directory.
 */
CHOIR_NODISCARD choir_status ch_unpacked_find(char out[CH_UNPACKED_PATH_MAX], bool *is_there,
                                              const char *path, uint64_t way, const char *dir,
                                              choir_error *err);

/* One that is being made: beside where it will be, under a name of its own, so that any number of
 * processes and threads may make the same one at once; the last to end is found then. */
typedef struct ch_unpacked {
    int file; // open for writing
    char to[CH_UNPACKED_PATH_MAX];
    char part[CH_UNPACKED_PATH_MAX + 64];
} ch_unpacked;

/*
 * Begins one, and removes what processes left of theirs that ended meanwhile, a minute ago or more:
 * who makes one holds its lock.
 *
 * to  as ch_unpacked_find said
 *
 * Returns OK and an object to end; EIO, also when the system gives no random bytes.
 */
CHOIR_NODISCARD choir_status ch_unpacked_begin(ch_unpacked *out, const char *to, choir_error *err);

/* Ends it: puts it where it belongs when made is OK, else removes it. Returns made; EIO when that
 * fails, and then nothing is left of it. */
CHOIR_NODISCARD choir_status ch_unpacked_end(ch_unpacked *u, choir_status made, choir_error *err);

/* Ends one that is wanted no longer than now: removes it. */
void ch_unpacked_drop(ch_unpacked *u);

#endif
