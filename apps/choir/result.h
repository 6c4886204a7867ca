/* A run's result, for programs and for people. */
#ifndef CHOIR_APPS_RESULT_H
#define CHOIR_APPS_RESULT_H

#include "run/run.h"

#include <stdio.h>

/* One line: one JSON object. Numbers that are not finite are null. */
void result_json(FILE *out, const ch_run_result *r);

/* The lines that end a run on a terminal. */
void result_summary(FILE *out, const ch_run_result *r, const choir_job *job);

#endif
