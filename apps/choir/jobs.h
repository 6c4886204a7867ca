/* Jobs as commands are given them: by a file, or by what they are to run on. */
#ifndef CHOIR_APPS_JOBS_H
#define CHOIR_APPS_JOBS_H

#include "base/options.h"
#include "choir/job.h"

/*
 * The job of a file whose name ends in .yaml or .yml, or else the default job on the data that what
 * names.
 *
 * set  key=value texts that win over both; without a file, no data.source among them
 *
 * Returns OK; EINVAL or EIO as choir_job_read.
 */
CHOIR_NODISCARD choir_status job_of_source(choir_job *job, const char *what,
                                           const ch_option_texts *set, choir_error *err);

/*
 * The job whose data and seed to use: job_path, or what the model's run says, or the defaults;
 * with overrides over it. Returns OK, or what choir_job_read returns.
 */
CHOIR_NODISCARD choir_status job_of_model(choir_job *out, const char *model, const char *job_path,
                                          const ch_option_texts *overrides, choir_error *err);

#endif
