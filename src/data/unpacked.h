/*
 * Unpacked: what a gzip file holds, in a file of the user's data directory, so that it can be read
 * from any place on.
 *
 * It is made once, and found again by the packed file's path, size and time of last change: of
 * another file, or of one that has changed, another is made. Whoever wants the room back removes
 * the folder "unpacked"; it is made again when it is wanted.
 */
#ifndef CH_DATA_UNPACKED_H
#define CH_DATA_UNPACKED_H

#include "choir/job.h"

#include <stdbool.h>

enum { CH_UNPACKED_PATH_MAX = CHOIR_PATH_MAX + 64 };

/*
 * Where the content of the gzip file at path lies, or would lie.
 *
 * dir  as data.dir
 *
 * Returns OK; EIO when there is no such file, EINVAL when there is no data directory.
 */
CHOIR_NODISCARD choir_status ch_unpacked_find(char out[CH_UNPACKED_PATH_MAX], bool *is_there,
                                              const char *path, const char *dir, choir_error *err);

/* Puts it there: all of it, or nothing. to is as ch_unpacked_find said. Returns as ch_file_unpack.
 */
CHOIR_NODISCARD choir_status ch_unpacked_make(const char *to, const char *path,
                                              const choir_env *env, choir_error *err);

#endif
