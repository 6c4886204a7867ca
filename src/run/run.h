/*
 * Run: one job executed in simulation, from its description to what it leaves behind.
 *
 * Joins what the layers below know separately: data, model, simulator, evaluation, run directory,
 * baselines, report. It reads the clock, for speed and progress only; no result depends on it.
 *
 *     ch_run_sim   job -> run directory: rounds, evaluations, checkpoints, baselines, report
 *     ch_run_eval  a saved model on a job's data
 *     ch_run_predict  a saved model on single examples
 */
#ifndef CH_RUN_RUN_H
#define CH_RUN_RUN_H

#include "choir/env.h"
#include "choir/job.h"
#include "run/baseline.h"
#include "run/recall.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

/* What can be seen of a run after a round. Borrowed for the call. */
typedef struct ch_run_view {
    const ch_metrics_row *row;
    const float *params; // of the model after it
    ch_evaluator *evaluator;
} ch_run_view;

/* Called by the thread that runs the job. Returns whether the run is to end. */
typedef bool (*ch_run_after)(void *self, const ch_run_view *view);

typedef struct ch_run_options {
    uint32_t workers;      // training threads; 0 = one per core
    const char *run_dir;   // NULL or "": runs/<name>-<counter>
    const char *resume;    // a run directory to go on with; NULL: start afresh. The job given
                           // is then ignored: the run's own configuration is read
    const char *data_dir;  // where a resumed run's data lie now, as data.dir; NULL: where they lay
    bool baseline_central; // also train the pooled data on the same budget
    bool baseline_local;   // and each client alone
    bool is_judged;        // by its accuracy: data without a test set are refused
    bool report;           // write report.html at the end
    FILE *progress;        // progress lines; NULL: none
    const volatile sig_atomic_t *stop; // non-zero: write a checkpoint and end after this round; may
                                       // be NULL
    const char *command;               // how to run it again, for the report; may be NULL
    ch_run_after after; // sees each round before it is recorded, so that what it writes down of a
                        // round is there when the round is; a round after the last checkpoint is
                        // seen again by who resumes. true: end after it, as *stop does. NULL:
                        // nobody does
    void *after_self;   // its first argument; borrowed
} ch_run_options;

enum { CH_RUN_WARNING_MAX = 1024 }; // bytes, with the terminating zero

/* Also of a run that failed: what is known of it by then. */
typedef struct ch_run_result {
    double accuracy;     // on the central test set, of the final model; NaN when there is none
    double loss;         // likewise
    uint32_t rounds;     // closed
    bool reached_target; // target_accuracy was set and reached
    bool wants_target;   // target_accuracy was set
    bool interrupted;    // *stop was set before all was done, baselines included
    bool was_finished;   // a run that was resumed had all its rounds already: nothing was trained
    char model_hash[2 * CHOIR_HASH_BYTES + 1]; // of the final parameters
    uint64_t bytes_up;
    uint64_t bytes_down;
    double seconds;            // of training rounds, evaluation apart
    double evaluation_seconds; // of evaluations
    double virtual_seconds;    // in the job's cost model
    ch_baseline central;       // of this call; is_done: it was asked for and came to its end
    ch_baseline local;         // likewise
    char run_dir[CHOIR_PATH_MAX];
    char report[CHOIR_PATH_MAX];      // "" when none was written
    char warning[CH_RUN_WARNING_MAX]; // what is missing, and how to get it or what went wrong with
                                      // a baseline, one sentence a line; "" when nothing
} ch_run_result;

ch_run_options ch_run_defaults(void);

/*
 * Runs job to its end, its target, or a stop. A baseline that diverges is told in the result's
 * warning; the run is what it is without it.
 *
 * Returns OK; EINVAL when the job does not fit its data or itself, when it needs a test set that
 * its data does not have, or when its data cannot be pooled for a baseline; EIO for files; ENOMEM;
 * ERANGE when the global model or its loss stopped being finite: failure.txt in the run directory,
 * the report and err then name the round.
 */
CHOIR_NODISCARD choir_status ch_run_sim(ch_run_result *out, const choir_job *job,
                                        const ch_run_options *options, const choir_env *env,
                                        choir_error *err);

typedef struct ch_eval_result {
    uint32_t examples;
    uint64_t predictions; // of them; of text, one a token
    double accuracy;
    double loss;
    uint32_t classes;    // 0 for regression
    uint64_t *confusion; // (classes, classes) rows: truth; owned, release below; NULL: regression,
                         // or text
    const char **names;  // (classes) of the labels; owned likewise; NULL: they have none
    ch_recall recall;    // of words; all 0 of anything else
} ch_eval_result;

/*
 * model  a safetensors file or a run directory
 * data   which examples; its central test set. A test_share of 1 makes one of all rows of a CSV
 *        file, in their order. Such a file is read as the one that the model was trained on
 *
 * Returns OK and a result to release, safely in any case; EINVAL when the data have no test set,
 * or not the inputs or the labels that the model was trained for; EIO, EPROTO or ENOMEM for files.
 */
CHOIR_NODISCARD choir_status ch_run_eval(ch_eval_result *out, const char *model,
                                         const choir_job_data *data, uint64_t seed,
                                         const choir_env *env, choir_error *err);
void ch_eval_result_release(ch_eval_result *r, const choir_env *env);

/*
 * Prints one line for each of `count` central test examples from number `first` on, or as many as
 * there are: its number, the prediction, its probability (classification; the
 * output itself, as a score, when the model was trained for squared errors), the truth, or "?"
 * where a CSV file has no label. Labels are printed by their names when they have some. Of text,
 * one line for each token that an example predicts, with its place in the example behind the
 * number.
 *
 * Returns as ch_run_eval; EINVAL also when first is beyond the last.
 */
CHOIR_NODISCARD choir_status ch_run_predict(FILE *out, const char *model,
                                            const choir_job_data *data, uint64_t seed,
                                            uint32_t first, uint32_t count, const choir_env *env,
                                            choir_error *err);

#endif
