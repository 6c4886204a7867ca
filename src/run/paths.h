/* Paths: a job that finds its files from any working directory. */
#ifndef CH_RUN_PATHS_H
#define CH_RUN_PATHS_H

#include "choir/job.h"
#include "choir/status.h"

/*
 * Makes data.source (when it is a path from here), data.dir, model.file and model.init absolute,
 * from the working directory. A source that has a name stays a name.
 *
 * Returns OK; EINVAL when a path becomes too long; EIO when there is no working directory.
 */
CHOIR_NODISCARD choir_status ch_paths_fix(choir_job *job, choir_error *err);

#endif
