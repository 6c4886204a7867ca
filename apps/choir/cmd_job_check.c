/* choir job check: reads a job file and prints it whole. */
#include "commands.h"

#include "base/log.h"
#include "run/check.h"

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_SIZE = 16384 };

typedef struct check_flags {
    bool no_data;
    ch_option_texts set;
} check_flags;

static const ch_option ROWS[] = {
    {"--no-data", CH_OPTION_FLAG, offsetof(check_flags, no_data), 0, 0, "", NULL,
     "the data are elsewhere: check the rest"},
    {"--set", CH_OPTION_TEXTS, offsetof(check_flags, set), 0, 0, "", NULL,
     "key=value that wins over the file, such as client.epochs=5"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const check_flags DEFAULTS = {.set = {.count = 0}};

static int check_run(const ch_call *call, choir_error *err) {
    const check_flags *flags = call->options;
    ch_log_lines lines = {.out = stderr, .name = "choir job check", .level = CHOIR_LEVEL_WARN};
    const choir_env env = ch_log_env(&lines);
    choir_job job;
    ch_job_places places;
    choir_status status = ch_job_read_places(&job, &places, call->operands[0], flags->set.items,
                                             flags->set.count, err);
    if (status == CHOIR_OK) {
        status = flags->no_data ? ch_run_check_apart(&job, &places, &env, err)
                                : ch_run_check(&job, &places, &env, err);
    }
    if (status == CHOIR_OK && !flags->no_data) {
        status = ch_run_check_open(&job, &places, &env, err);
    }
    if (status == CHOIR_OK) {
        char text[TEXT_SIZE];
        (void)choir_job_write(&job, text, sizeof(text));
        (void)fprintf(call->out, "%s", text);
    }
    return exit_of(status, err);
}

const ch_command CMD_JOB_CHECK = {
    .name = "job check",
    .operands = "JOB.yaml",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "read a job file and print it with every default filled in",
    .text =
        "Reads a job file and prints the job it means, every default filled in, as YAML that "
        "is itself a job file. Goes as far as 'choir sim' does before it trains, with one worker: "
        "reads the data, deals them out and makes the model; it takes as long, and makes no run "
        "directory. With --no-data, what the data decide is not checked: columns, shapes, how many "
        "clients there are. What is wrong is said with its line, and nothing is printed.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = check_run,
};
