/*
 * Ledger: what was measured of cells, as their outcomes in a folder of results say, and what
 * follows from one for another.
 */
#ifndef CH_PAPER_LEDGER_H
#define CH_PAPER_LEDGER_H

#include "paper/catalogue.h"
#include "paper/outcome.h"

typedef struct ch_ledger {
    const ch_catalogue *catalogue; // borrowed, like all here
    const char *results;           // the folder
    uint64_t seed;
} ch_ledger;

/*
 * What was measured of a cell.
 *
 * Returns OK, with an outcome without arms when there is none, or when it answers another question
 * than the experiment asks: ch_outcome_is_like; of a figure also one of another learning rate than
 * ch_ledger_start says. As ch_outcome_read; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_ledger_load(ch_outcome *out, const ch_ledger *l,
                                            const ch_paper_cell *cell, const choir_env *env,
                                            choir_error *err);

/* The cell of the same names in the table that the cell's experiment is like; false: there is none.
 */
bool ch_ledger_like(ch_paper_cell *out, const ch_ledger *l, const ch_paper_cell *cell);

/*
 * The learning rates (*count) that a cell's walk begins with: the best of the cell that it is like
 * once that is measured, or else its experiment's.
 *
 * Returns OK; as ch_ledger_load.
 */
CHOIR_NODISCARD choir_status ch_ledger_start(int32_t start[CH_PAPER_START_MAX], uint32_t *count,
                                             const ch_ledger *l, const ch_paper_cell *cell,
                                             const choir_env *env, choir_error *err);

#endif
