/* What the three commands about a paper have in common: where its experiments lie. */
#ifndef CHOIR_APPS_PAPER_FLAGS_H
#define CHOIR_APPS_PAPER_FLAGS_H

#define PAPER_FROM    "experiments/paper"
#define PAPER_RESULTS "experiments/paper/results"
#define PAPER_RUNS    "runs/paper"

#define PAPER_FROM_HELP    "the folder of experiments, NAME.yaml each"
#define PAPER_RESULTS_HELP "the folder of results, small files that can be committed"

#endif
