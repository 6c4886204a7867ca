/*
 * Gnuplot: a program that draws charts, run as a child process.
 *
 * The script goes to its standard input, no shell is involved, and what it prints is captured. It
 * has a limited time and may print a limited amount.
 */
#ifndef CH_REPORT_GNUPLOT_H
#define CH_REPORT_GNUPLOT_H

#include "report/draft.h"

#include <stdint.h>

#define CH_GNUPLOT_PACKAGE "gnuplot-nox"

enum {
    CH_GNUPLOT_TIME_MS = 20000,      // for one script
    CH_GNUPLOT_OUTPUT_MAX = 1 << 24, // bytes
};

/*
 * Runs gnuplot on script, without anybody's start-up file.
 *
 * out      what it prints is appended here
 * time_ms  after which it is ended; CH_GNUPLOT_TIME_MS unless in a hurry
 *
 * Returns OK; EAGAIN when no gnuplot is on the PATH (err names the package); EIO when it fails (err
 * has its first complaint), takes too long, prints too much, or the system refuses; ENOMEM. On
 * failure, out may have part of what it printed.
 */
CHOIR_NODISCARD choir_status ch_gnuplot_run(ch_draft *out, choir_bytes script, uint32_t time_ms,
                                            choir_error *err);

#endif
