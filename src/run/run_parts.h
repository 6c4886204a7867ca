/* A run in the making: what run.c and run_end.c share. */
#ifndef CH_RUN_RUN_PARTS_H
#define CH_RUN_RUN_PARTS_H

#include "report/progress.h"
#include "run/run.h"
#include "store/metrics_log.h"
#include "store/run_dir.h"

typedef struct ch_running {
    choir_env outer; // the caller's; the session's lends it the terminal
    ch_session session;
    const ch_run_options *options;
    choir_sim *sim;
    ch_run_dir dir;
    ch_metrics_log *log;
    ch_progress progress;
    uint8_t *state; // (state_bytes) room for the simulation's part of a checkpoint
    size_t state_bytes;
    ch_run_result result;    // totals so far
    uint32_t saved;          // round of the last checkpoint; 0: none
    uint32_t evaluated;      // round of the last evaluation; 0: none
    uint32_t diverged_round; // the first in which a client diverged; 0: none
    double diverged_client;  // who
    double diverged_loss;    // and its mean loss before; NaN: none
    bool was_ended;          // by the options' after
} ch_running;

bool ch_running_must_stop(const ch_running *r);

/* Measures the model as it is; the figures become the result's. */
CHOIR_NODISCARD choir_status ch_running_evaluate(ch_running *r, ch_evaluation *e, double *seconds,
                                                 choir_error *err);

/* All that a run leaves behind beside its rounds: model, clients, samples, baselines, report. */
CHOIR_NODISCARD choir_status ch_running_finish(ch_running *r, choir_error *err);

/* What a run that diverged leaves: the reason, the hash of what there was, and a report. */
void ch_running_fail(ch_running *r, const choir_error *err);

#endif
