/* What the three commands about a paper have in common: where its experiments and results lie. */
#ifndef CHOIR_APPS_PAPER_FLAGS_H
#define CHOIR_APPS_PAPER_FLAGS_H

#include "paper/catalogue.h"

#include <string.h>

#define PAPER_FROM    "experiments/paper"
#define PAPER_RESULTS "experiments/paper/results"
#define PAPER_RUNS    "runs/paper"

#define PAPER_FROM_HELP    "the folder of experiments, NAME.yaml each"
#define PAPER_RESULTS_HELP "the folder of results, small files that can be committed"

/* Opens the experiments, and looks at the folder of results where it is not the usual one, which is
 * there once something is measured. As ch_catalogue_open and ch_catalogue_check_results; *out is
 * safe to release in any case. */
static inline choir_status paper_open(ch_catalogue *out, const char *from, const char *results,
                                      uint64_t seed, const choir_env *env, choir_error *err) {
    const choir_status status = ch_catalogue_open(out, from, env, err);
    return status == CHOIR_OK && strcmp(results, PAPER_RESULTS) != 0
               ? ch_catalogue_check_results(out, results, seed, err)
               : status;
}

#endif
