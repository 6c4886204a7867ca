/* A run's result, for programs and for people. */
#ifndef CHOIR_APPS_RESULT_H
#define CHOIR_APPS_RESULT_H

#include "report/summary.h"
#include "run/run.h"

#include <stdio.h>

/* One line: one JSON object. Numbers that are not finite are null, and so are texts that are "".
 * reason: why the run did not end as it should; "": it did. */
void result_json(FILE *out, const ch_run_result *r, const ch_summary *s, const char *reason);

/* Its figures, from its metrics; texts borrowed from both. */
ch_summary result_summary(const ch_run_result *r, const choir_job *job);

/* Sets why not one round of the run counted: what kept most updates from counting says what would
 * help. Returns the exit code, EXIT_DIVERGED or EXIT_QUORUM. */
int result_judge_rounds(const ch_summary *s, const choir_job *job, choir_error *err);

#endif
