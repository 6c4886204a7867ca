/* What the commands that measure have in common: where a paper's experiments and results lie, and
 * where runs do, on how many cores and until when. */
#ifndef CHOIR_APPS_PAPER_FLAGS_H
#define CHOIR_APPS_PAPER_FLAGS_H

#include "interrupt.h"

#include "base/error.h"
#include "paper/arm.h"
#include "paper/catalogue.h"
#include "run/session.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PAPER_FROM "experiments/paper"
#define PAPER_RUNS "runs/paper"

#define PAPER_FROM_HELP "the folder of experiments, NAME.yaml each"
#define PAPER_RESULTS_HELP                                                                         \
    "the folder of results, small files that can be committed; empty: results in that of --from"

/* The folder of results: what --results says, or results in the folder of experiments. EINVAL when
 * that is too long. */
static inline choir_status paper_results(char out[CHOIR_PATH_MAX], const char *from,
                                         const char *results, choir_error *err) {
    const bool is_given = results[0] != '\0';
    const bool has_slash = from[0] != '\0' && from[strlen(from) - 1] == '/';
    const int size = is_given
                         ? snprintf(out, CHOIR_PATH_MAX, "%s", results)
                         : snprintf(out, CHOIR_PATH_MAX, "%s%sresults", from, has_slash ? "" : "/");
    return size >= 0 && size < CHOIR_PATH_MAX
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EINVAL, "--from: '%.60s...' is longer than %d bytes", from,
                              CHOIR_PATH_MAX - 9);
}

/* Opens the experiments, and looks at the folder of results where --results names it; the usual one
 * is there once something is measured. out_results: paper_results. As ch_catalogue_open and
 * ch_catalogue_check_results; *out is safe to release in any case. */
static inline choir_status paper_open(ch_catalogue *out, char out_results[CHOIR_PATH_MAX],
                                      const char *from, const char *results, uint64_t seed,
                                      const choir_env *env, choir_error *err) {
    *out = (ch_catalogue){.count = 0};
    choir_status status = paper_results(out_results, from, results, err);
    if (status == CHOIR_OK) {
        status = ch_catalogue_open(out, from, env, err);
    }
    return status == CHOIR_OK && results[0] != '\0'
               ? ch_catalogue_check_results(out, results, seed, err)
               : status;
}

/* workers: 0: all cores. budget_min: minutes from now, 0: no end. */
static inline ch_paper_site paper_site(const char *runs, uint32_t workers, double budget_min,
                                       bool quiet) {
    return (ch_paper_site){.runs = runs,
                           .workers = workers == 0 ? ch_session_cores() : workers,
                           .deadline_s = budget_min > 0 ? ch_session_clock() + 60 * budget_min
                                                        : (double)INFINITY,
                           .progress = quiet ? NULL : stderr,
                           .stop = &interrupt_came};
}

#endif
