/* choir paper list: the experiments, and how far each was measured. */
#include "commands.h"
#include "paper_flags.h"

#include "base/error.h"
#include "base/text.h"
#include "paper/ledger.h"

#include <stdlib.h>

typedef struct list_flags {
    char from[CHOIR_PATH_MAX];
    char results[CHOIR_PATH_MAX];
    uint64_t seed;
    bool cells;
} list_flags;

#define FIELD(member) offsetof(list_flags, member)

static const ch_option ROWS[] = {
    {"--from", CH_OPTION_TEXT, FIELD(from), 0, CHOIR_PATH_MAX, "", NULL, PAPER_FROM_HELP},
    {"--results", CH_OPTION_TEXT, FIELD(results), 0, CHOIR_PATH_MAX, "", NULL, PAPER_RESULTS_HELP},
    {"--seed", CH_OPTION_U64, FIELD(seed), 0, 9007199254740991.0, "", NULL,
     "whose results are counted"},
    {"--cells", CH_OPTION_FLAG, FIELD(cells), 0, 0, "", NULL, "also every cell, by its name"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const list_flags DEFAULTS = {.from = PAPER_FROM, .seed = CH_PAPER_SEED};

static void cell_print(FILE *out, const ch_paper_cell *cell, const ch_outcome *o) {
    const ch_paper_experiment *e = cell->e;
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    const uint32_t rates = ch_outcome_trials(trials, o);
    (void)fprintf(out, "  %s/%s/%s", e->name, e->rows[cell->row].name,
                  e->columns[cell->column].name);
    if (o->arms_count > 0) {
        (void)fprintf(out, "  %s", o->is_complete ? "measured" : "begun");
    }
    if (rates > 0) {
        (void)fprintf(out, ", %u rate%s", rates, ch_text_plural(rates));
    }
    (void)fprintf(out, "\n");
}

static choir_status experiment_print(const ch_call *call, const ch_ledger *l,
                                     const ch_paper_experiment *e, ch_outcome *o,
                                     const choir_env *env, choir_error *err) {
    const list_flags *flags = call->options;
    choir_status status = CHOIR_OK;
    uint32_t cells = 0;
    uint32_t measured = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < e->rows_count * e->columns_count && status == CHOIR_OK; i++) {
            const ch_paper_cell cell = {e, i / e->columns_count, i % e->columns_count};
            if (!ch_paper_has_cell(e, cell.row, cell.column)) {
                continue;
            }
            status = ch_ledger_load(o, l, &cell, env, err);
            cells += pass == 0 ? 1 : 0;
            measured += pass == 0 && o->is_complete ? 1 : 0;
            if (pass == 1) {
                cell_print(call->out, &cell, o);
            }
        }
        if (pass == 0) {
            (void)fprintf(call->out, "%-20s %-10s %3u of %3u measured  %s\n", e->name, e->paper,
                          measured, cells, e->title);
        }
        if (!flags->cells) {
            break;
        }
    }
    return status;
}

static int list_run(const ch_call *call, choir_error *err) {
    const list_flags *flags = call->options;
    const choir_env env = choir_env_default();
    ch_catalogue catalogue;
    char results[CHOIR_PATH_MAX];
    ch_outcome *o = malloc(sizeof(*o));
    choir_status status = o == NULL ? CHOIR_ENOMEM : CHOIR_OK;
    if (status == CHOIR_OK) {
        status =
            paper_open(&catalogue, results, flags->from, flags->results, flags->seed, &env, err);
        const ch_ledger ledger = {&catalogue, results, flags->seed};
        for (uint32_t i = 0; i < catalogue.count && status == CHOIR_OK; i++) {
            status = experiment_print(call, &ledger, &catalogue.items[i], o, &env, err);
        }
        ch_catalogue_release(&catalogue);
    }
    free(o);
    return exit_of(status, err);
}

const ch_command CMD_PAPER_LIST = {
    .name = "paper list",
    .operands = "",
    .summary = "list the experiments of the paper, and what is measured",
    .text = "Lists the tables and figures of 'Communication-Efficient Learning of Deep Networks "
            "from Decentralized Data' that can be run here, one a line: its name, what it is in "
            "the paper, how many of its cells have a result. A cell is NAME/ROW/COLUMN.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = list_run,
};
