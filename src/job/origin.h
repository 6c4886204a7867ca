/* Origin: the job a saved model came from, and where two jobs differ. */
#ifndef CH_JOB_ORIGIN_H
#define CH_JOB_ORIGIN_H

#include "base/options.h"
#include "choir/job.h"

#include <stdbool.h>

/*
 * Finds the job.yaml that tells of a model: in model when that is a run directory, else beside it.
 * Returns false when there is none, or its path is too long.
 */
bool ch_job_origin(char out[CHOIR_PATH_MAX], const char *model);

/* The first key that two jobs give different values; NULL when they are equal. */
const ch_option *ch_job_difference(const choir_job *a, const choir_job *b);

#endif
