/*
 * A file of flags: a command's options, kept where a command line need not repeat them.
 *
 *     when-charging: true     # --when-charging
 *     battery-min: 30         # --battery-min 30
 *     window: "22:00-06:00"
 */
#ifndef CHOIR_APPS_FLAGS_FILE_H
#define CHOIR_APPS_FLAGS_FILE_H

#include "base/options.h"
#include "choir/env.h"

/*
 * Stores what a YAML file says over target. Its keys are the table's without "--"; a list is the
 * same as its items with commas between.
 *
 * not_in_files  a key of the table that only a command line has: the flag that names the file
 *
 * Returns OK; EINVAL with a sentence that has file and line; EIO when it cannot be read; ENOMEM.
 */
CHOIR_NODISCARD choir_status flags_file_read(const ch_options *table, void *target,
                                             const char *path, const char *not_in_files,
                                             const choir_env *env, choir_error *err);

#endif
