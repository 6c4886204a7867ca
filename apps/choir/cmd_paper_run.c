/* choir paper run: measures cells of the paper's tables and figures. */
#include "commands.h"
#include "interrupt.h"
#include "paper_flags.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "paper/conduct.h"
#include "report/units.h"

#include <stdlib.h>

typedef struct run_flags {
    char from[CHOIR_PATH_MAX];
    char results[CHOIR_PATH_MAX];
    char runs[CHOIR_PATH_MAX];
    char data[CHOIR_PATH_MAX];
    uint64_t seed;
    double budget_min;
    uint32_t workers;
    uint32_t rates;
    bool estimate;
    bool quiet;
} run_flags;

#define FIELD(member) offsetof(run_flags, member)

static const ch_option ROWS[] = {
    {"--budget", CH_OPTION_F64, FIELD(budget_min), 0, 1e6, "minutes", NULL,
     "after which it ends, to be gone on with; 0 = when all is measured"},
    {"--data", CH_OPTION_TEXT, FIELD(data), 0, CHOIR_PATH_MAX, "", NULL,
     "where data sets are kept, if not in the user's data directory"},
    {"--seed", CH_OPTION_U64, FIELD(seed), 0, 9007199254740991.0, "", NULL, "of every run"},
    {"--rates", CH_OPTION_U32, FIELD(rates), 0, CH_GRID_RATES_MAX, "rates", NULL,
     "learning rates for a cell, at most; 0 = as its experiment says"},
    {"--workers", CH_OPTION_U32, FIELD(workers), 0, 256, "threads", NULL,
     "how many train at once; 0 = one per core"},
    {"--estimate", CH_OPTION_FLAG, FIELD(estimate), 0, 0, "", NULL,
     "only says how long it will take"},
    {"--from", CH_OPTION_TEXT, FIELD(from), 0, CHOIR_PATH_MAX, "", NULL, PAPER_FROM_HELP},
    {"--results", CH_OPTION_TEXT, FIELD(results), 0, CHOIR_PATH_MAX, "", NULL, PAPER_RESULTS_HELP},
    {"--runs", CH_OPTION_TEXT, FIELD(runs), 0, CHOIR_PATH_MAX, "", NULL,
     "the folder of run directories, which it goes on from"},
    {"--quiet", CH_OPTION_FLAG, FIELD(quiet), 0, 0, "", NULL, "no progress, only what came of it"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const run_flags DEFAULTS = {.from = PAPER_FROM, .runs = PAPER_RUNS, .seed = CH_PAPER_SEED};

static void estimate_print(FILE *out, const ch_conduct_estimate *e, uint32_t chosen) {
    char seconds[CH_UNITS_MAX];
    char most[CH_UNITS_MAX];
    if (e->cells == 0) {
        (void)fprintf(out, "%u cell%s, all measured\n", chosen, ch_text_plural(chosen));
        return;
    }
    ch_units_seconds(seconds, e->seconds);
    ch_units_seconds(most, e->most);
    (void)fprintf(out, "%u of %u cell%s to measure: about %s here, at most %s", e->cells, chosen,
                  ch_text_plural(chosen), seconds, most);
    if (e->guessed > 0) {
        (void)fprintf(out, "; of %u the rounds are not known, and the most are counted",
                      e->guessed);
    }
    (void)fprintf(out, "\n");
}

static choir_status cells_run(const ch_call *call, const ch_conduct *c, const ch_choice *choice,
                              const choir_env *env, choir_error *err) {
    const run_flags *flags = call->options;
    ch_conduct_estimate estimate;
    choir_status status =
        flags->estimate ? CHOIR_OK : ch_conduct_check(c, choice->cells, choice->count, env, err);
    if (status == CHOIR_OK) {
        status = ch_conduct_estimate_of(&estimate, c, choice->cells, choice->count, env, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    estimate_print(call->out, &estimate, choice->count);
    (void)fflush(call->out);
    return flags->estimate ? CHOIR_OK : ch_conduct_run(c, choice->cells, choice->count, env, err);
}

static choir_status choice_run(const ch_call *call, const ch_catalogue *catalogue,
                               ch_choice *choice, choir_error *err) {
    const run_flags *flags = call->options;
    ch_log_lines lines = {.out = stderr, .name = "choir paper run", .level = CHOIR_LEVEL_WARN};
    const choir_env env = ch_log_env(&lines);
    char results[CHOIR_PATH_MAX];
    ch_conduct c = {.catalogue = catalogue,
                    .rates_max = flags->rates,
                    .out = call->out,
                    .site =
                        paper_site(flags->runs, flags->workers, flags->budget_min, flags->quiet)};
    c.site.results = results;
    c.site.data_dir = flags->data;
    c.site.seed = flags->seed;
    choir_status status = paper_results(results, flags->from, flags->results, err);
    for (uint32_t i = 0; i < call->operands_count && status == CHOIR_OK; i++) {
        status = ch_choice_add(choice, catalogue, call->operands[i], err);
    }
    return status == CHOIR_OK ? cells_run(call, &c, choice, &env, err) : status;
}

static int paper_run(const ch_call *call, choir_error *err) {
    const run_flags *flags = call->options;
    const choir_env env = choir_env_default();
    ch_catalogue catalogue = {0};
    ch_choice *choice = calloc(1, sizeof(*choice));
    interrupts_catch();
    choir_status status = choice == NULL ? CHOIR_ENOMEM : CHOIR_OK;
    if (status == CHOIR_OK) {
        status = ch_catalogue_open(&catalogue, flags->from, &env, err);
    }
    if (status == CHOIR_OK) {
        status = choice_run(call, &catalogue, choice, err);
    }
    ch_catalogue_release(&catalogue);
    free(choice);
    if (status == CHOIR_EAGAIN) {
        (void)ch_error_set(err, status, "%s; the same command goes on",
                           interrupt_came != 0 ? "interrupted" : "the budget is used up");
        return EXIT_INTERRUPTED;
    }
    return exit_of(status, err);
}

const ch_command CMD_PAPER_RUN = {
    .name = "paper run",
    .operands = "NAME[/ROW[/COLUMN]]...",
    .operands_min = 1,
    .operands_max = CH_PROGRAM_OPERANDS_MAX,
    .summary = "measure a table or a figure of the paper, or a part of it",
    .text =
        "Runs the chosen cells of the experiments that 'choir paper list' lists: each with one "
        "learning rate after the other, until the best has both its neighbours of the grid beside "
        "it. A rate that needs more rounds than the best is given up. Says first how long it will "
        "take here, and for each cell the rounds to the target, the speed-up, the bytes, what the "
        "paper has and the ratio. It can be ended at any time, however roughly: the same command "
        "goes on. Results are files in --results; 'choir paper report' makes a page of them.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_INTERRUPTED,
    .run = paper_run,
};
