/* choir predict: what a saved model says of single examples. */
#include "commands.h"
#include "jobs.h"
#include "typing.h"

#include "base/log.h"
#include "run/run.h"

#include <stdbool.h>
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
    {"--count", CH_OPTION_U32, offsetof(predict_flags, count), 0, 4294967295.0, "examples", NULL,
     "to predict, at most; 0 = 10, or, of words and without another of these, none: it suggests "
     "what is typed next"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const predict_flags DEFAULTS = {.count = 0};

enum { COUNT_USUAL = 10 };

static bool wants_examples(const predict_flags *flags) {
    return flags->first > 0 || flags->count > 0 || flags->on.set.count > 0 ||
           flags->on.job[0] != '\0' || flags->on.data[0] != '\0';
}

static choir_status examples_predict(const ch_call *call, const choir_env *env, choir_error *err) {
    const predict_flags *flags = call->options;
    const char *model = call->operands[0];
    choir_job job;
    const choir_status status = job_of_model(&job, model, &flags->on, err);
    return status != CHOIR_OK
               ? status
               : ch_run_predict(call->out, model, &job.data, job.seed, flags->first,
                                flags->count == 0 ? COUNT_USUAL : flags->count, env, err);
}

/* EAGAIN: the model is none of words. */
static choir_status words_suggest(const ch_call *call, const choir_env *env, choir_error *err) {
    ch_suggester *suggester;
    choir_status status = ch_suggester_open(&suggester, call->operands[0], env, err);
    if (status == CHOIR_OK) {
        status = typing_follow(stdin, call->out, suggester, err);
        ch_suggester_close(suggester);
    }
    return status;
}

static int predict_run(const ch_call *call, choir_error *err) {
    ch_log_lines lines = {.out = stderr, .name = "choir predict", .level = CHOIR_LEVEL_WARN};
    const choir_env env = ch_log_env(&lines);
    choir_status status = CHOIR_EAGAIN;
    if (!wants_examples(call->options)) {
        status = words_suggest(call, &env, err);
    }
    return exit_of(status == CHOIR_EAGAIN ? examples_predict(call, &env, err) : status, err);
}

const ch_command CMD_PREDICT = {
    .name = "predict",
    .operands = "MODEL",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "print a saved model's predictions, or suggest words as one types",
    .text = "Prints one line for each of some central test examples: its number, what MODEL takes "
            "it for, with what probability (a score, if trained for squared errors), and what it "
            "is, labels by their names if they have some; \"?\" where a CSV file does not say it. "
            "Of text, it is one line for each character or word of each example. "
            "A model of words, without a flag, is a keyboard instead: on a terminal it shows below "
            "what is typed the three words that it takes for the next, or for the one that is "
            "begun; Tab takes the first, Alt and a digit any, Enter begins anew, Ctrl-D ends. "
            "From a pipe it answers each line with the three words that may follow it, separated "
            "by tabulators. MODEL is a run folder or a safetensors file that choir wrote.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = predict_run,
};
