/* choir report: the page of one run, or a comparison of several. */
#include "commands.h"

#include "report/report.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct report_flags {
    char out[CHOIR_PATH_MAX];
    bool quiet;
} report_flags;

static const ch_option ROWS[] = {
    {"--out", CH_OPTION_TEXT, offsetof(report_flags, out), 0, CHOIR_PATH_MAX, "", NULL,
     "the page; empty: report.html in the run, comparison.html here for several"},
    {"--quiet", CH_OPTION_FLAG, offsetof(report_flags, quiet), 0, 0, "", NULL,
     "does not print the page's path"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const report_flags DEFAULTS = {.out = ""};

static int report_run(const ch_call *call, choir_error *err) {
    const report_flags *flags = call->options;
    const choir_env env = choir_env_default();
    ch_report_result result;
    const choir_status status =
        ch_report_write(&result, call->operands, call->operands_count, flags->out, &env, err);
    if (status != CHOIR_OK) {
        return exit_of(status, err);
    }
    if (result.warning[0] != '\0') {
        (void)fprintf(stderr, "choir report: %s\n", result.warning);
    }
    if (!flags->quiet) {
        (void)fprintf(call->out, "%s\n", result.path);
    }
    return EXIT_DONE;
}

_Static_assert(CH_REPORT_RUNS_MAX == 16, "as the text says");

const ch_command CMD_REPORT = {
    .name = "report",
    .operands = "RUN...",
    .operands_min = 1,
    .operands_max = CH_REPORT_RUNS_MAX,
    .summary = "write the report of a run, or compare several",
    .text = "Writes report.html for one run folder, or a comparison of up to 16: one page without "
            "network or script. Charts are drawn by gnuplot; where it is missing, the page has "
            "figures and tables, and a line says what to install.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = report_run,
};
