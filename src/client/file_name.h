/* File name: what a client keeps of a job, in its state folder. */
#ifndef CH_CLIENT_FILE_NAME_H
#define CH_CLIENT_FILE_NAME_H

#include "choir/status.h"

#include <stddef.h>

/*
 * Writes dir/KIND-JOB.bin; in JOB, what a file system may not like becomes '_'.
 *
 * size  of out
 * dir   "": out becomes ""
 *
 * Returns OK; EINVAL when dir is too long.
 */
CHOIR_NODISCARD choir_status ch_file_name(char *out, size_t size, const char *dir, const char *kind,
                                          const char *job, choir_error *err);

#endif
