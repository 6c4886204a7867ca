/* choir predict: what a saved model says of single examples. */
#include "commands.h"
#include "jobs.h"

#include "base/log.h"
#include "run/run.h"

#include <stddef.h>

typedef struct predict_flags {
    job_data_flags on;
    uint32_t first;
    uint32_t count;
} predict_flags;

static const ch_option ROWS[] = {
    {"--job", CH_OPTION_TEXT, offsetof(predict_flags, on.job), 0, CHOIR_PATH_MAX, "", NULL,
     "a job file whose data to use; empty: the job of the model's run"},
    {"--data", CH_OPTION_TEXT, offsetof(predict_flags, on.data), 0, CHOIR_PATH_MAX, "", NULL,
     "other data than the job's: a data.source, such as a CSV file, of which all rows are taken"},
    {"--set", CH_OPTION_TEXTS, offsetof(predict_flags, on.set), 0, 0, "", NULL,
     "key=value that wins over it, such as data.source=mnist"},
    {"--first", CH_OPTION_U32, offsetof(predict_flags, first), 0, 4294967295.0, "", NULL,
     "the test example to begin with, from 0"},
    {"--count", CH_OPTION_U32, offsetof(predict_flags, count), 1, 4294967295.0, "examples", NULL,
     "to predict, at most"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const predict_flags DEFAULTS = {.count = 10};

static int predict_run(const ch_call *call, choir_error *err) {
    const predict_flags *flags = call->options;
    const char *model = call->operands[0];
    ch_log_lines lines = {.out = stderr, .name = "choir predict", .level = CHOIR_LEVEL_WARN};
    const choir_env env = ch_log_env(&lines);
    choir_job job;
    choir_status status = job_of_model(&job, model, &flags->on, err);
    if (status == CHOIR_OK) {
        status = ch_run_predict(call->out, model, &job.data, job.seed, flags->first, flags->count,
                                &env, err);
    }
    return exit_of(status, err);
}

const ch_command CMD_PREDICT = {
    .name = "predict",
    .operands = "MODEL",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "print a saved model's predictions",
    .text = "Prints one line for each of some central test examples: its number, what MODEL takes "
            "it for, with what probability (a score, if trained for squared errors), and what it "
            "is, labels by their names if they have some; \"?\" where a CSV file does not say it. "
            "Of text, it is one line for each character or word of each example. "
            "MODEL is a run folder or a safetensors "
            "file that choir wrote.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = predict_run,
};
