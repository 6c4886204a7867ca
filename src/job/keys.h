/*
 * Keys: the table of everything a job file may say.
 *
 * One row per field of choir_job; the help of `choir sim`, docs/job.md, choir-job(5), the reader
 * and the writer all come from it. Rows of one section stand together.
 */
#ifndef CH_JOB_KEYS_H
#define CH_JOB_KEYS_H

#include "base/options.h"
#include "choir/job.h"

#include <stdbool.h>

enum { CH_JOB_KEYS_MAX = 96 }; // rows; the reader remembers where it saw each

extern const ch_options CH_JOB_KEYS;

/* Whether the row's text is a list of items, separated by commas. */
bool ch_job_key_is_list(const ch_option *row);

/* Whether a job of this population ("closed", "open") has the row's key at all. */
bool ch_job_key_is_of(const ch_option *row, const char *population);

/* Every key at its default. */
extern const choir_job CH_JOB_DEFAULTS;

/* The job's value of the row's key, as text. Returns whether it is another one than the default. */
bool ch_job_key_differs(char value[CH_OPTION_VALUE_MAX], const ch_option *row,
                        const choir_job *job);

#endif
