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

/* How eval and predict are told what to judge a model on. */
typedef struct job_data_flags {
    char job[CHOIR_PATH_MAX];
    char data[CHOIR_PATH_MAX];
    ch_option_texts set;
} job_data_flags;

/*
 * The job whose data and seed to use: flags->job, or what the model's run says, or, where a
 * source is given, the defaults; with flags->set over it. flags->data, if any, is its source, all
 * rows of which are for testing when it has no test set of its own.
 *
 * Returns OK; EINVAL when nothing says which data, when flags->set says another source, share or
 * model, or what choir_job_read or ch_saved_open returns.
 */
CHOIR_NODISCARD choir_status job_of_model(choir_job *out, const char *model,
                                          const job_data_flags *flags, choir_error *err);

#endif
