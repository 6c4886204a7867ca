/* What `choir eval` and `choir predict` share: a saved model, and the data it is used on. */
#ifndef CHOIR_APPS_MODEL_DATA_H
#define CHOIR_APPS_MODEL_DATA_H

#include "base/options.h"
#include "choir/job.h"

/*
 * The job whose data and seed to use: job_path, or what the model's run says, or the defaults;
 * with overrides over it. Returns OK, or what choir_job_read returns.
 */
CHOIR_NODISCARD choir_status model_job(choir_job *out, const char *model, const char *job_path,
                                       const ch_option_texts *overrides, choir_error *err);

#endif
