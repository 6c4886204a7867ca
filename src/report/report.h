/*
 * Report: a page that shows one run, or compares several. One file, no network, no script.
 *
 *     reads   job.yaml run.json metrics.jsonl clients.json samples.bin failure.txt, and of the
 *             baselines baseline-central/metrics.jsonl, baseline-local/metrics.jsonl
 *     writes  report.html
 *
 * Only job.yaml must be there; the page says what else is missing or malformed, and shows the rest.
 * A run that is still going on, was stopped, resumed or has diverged is shown as such. Charts are
 * drawn by gnuplot; without it the page has figures and tables only. A report is a function of
 * these files: nothing else is read, no clock, no network.
 */
#ifndef CH_REPORT_REPORT_H
#define CH_REPORT_REPORT_H

#include "choir/env.h"
#include "choir/job.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Why a run ended before its time, one sentence, written by who ran it; the report shows it. */
#define CH_REPORT_FAILURE_FILE "failure.txt"

enum { CH_REPORT_RUNS_MAX = 16 };

typedef struct ch_report_result {
    char path[CHOIR_PATH_MAX]; // of the page
    bool has_charts;           // false: gnuplot is not installed, or failed
    char warning[400];         // what a person should know: the package to install; "" when nothing
} ch_report_result;

/*
 * Writes the report of one run, or the comparison of several.
 *
 * runs      (count) run directories; 1 .. CH_REPORT_RUNS_MAX
 * out_path  the page; NULL or "": report.html in the run's directory, or for a comparison
 *           comparison.html in the working directory
 * out       unchanged on failure
 *
 * Returns OK, also when gnuplot is missing; EINVAL for no or too many runs, or a job.yaml that is
 * none; EIO when a directory is no run or the page cannot be written; EPROTO when metrics.jsonl is
 * malformed; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_report_write(ch_report_result *out, const char *const *runs,
                                             uint32_t count, const char *out_path,
                                             const choir_env *env, choir_error *err);

/* Whether the page of (count) runs that are still to be run could be written to out_path now, which
 * is as ch_report_write's; a run's own directory is not looked at. Returns OK; EIO. */
CHOIR_NODISCARD choir_status ch_report_check(const char *out_path, uint32_t count,
                                             choir_error *err);

#endif
