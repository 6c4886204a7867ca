/*
 * Job digest: what a job trains, as a short text.
 *
 * It names run directories and stands in results, so that what was trained otherwise is not taken
 * for what is asked for. Keys at their defaults are left out, so that a key that choir comes to
 * know changes no digest.
 */
#ifndef CH_PAPER_JOB_DIGEST_H
#define CH_PAPER_JOB_DIGEST_H

#include "choir/job.h"

#include <stddef.h>

enum { CH_JOB_DIGEST_TEXT = 13 }; // bytes, with the terminating zero

/* A digest of every key that is not at its default, but name, data.dir, checkpoint_every and
 * server.target_accuracy, which do not change what is trained, and the (count) keys of apart. */
void ch_job_digest(char out[CH_JOB_DIGEST_TEXT], const choir_job *job, const char *const *apart,
                   size_t count);

#endif
