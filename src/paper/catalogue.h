/*
 * Catalogue: the experiments of a folder, and which of their cells somebody means by a name.
 *
 *     table1-2nn                    all its cells
 *     table1-2nn/c01                a row
 *     table1-2nn/c01/iid-10         a cell
 *     table1-2nn/ * /iid-10         a column, written without the blanks
 */
#ifndef CH_PAPER_CATALOGUE_H
#define CH_PAPER_CATALOGUE_H

#include "paper/experiment.h"

enum {
    CH_CATALOGUE_MAX = 48, // experiments in a folder
    CH_CHOICE_MAX = 1024,  // cells chosen
};

/* A cell of an experiment. */
typedef struct ch_paper_cell {
    const ch_paper_experiment *e; // borrowed from the catalogue
    uint32_t row;
    uint32_t column;
} ch_paper_cell;

typedef struct ch_catalogue {
    ch_paper_experiment *items; // (count) by name; owned
    uint32_t count;
    choir_env env;
} ch_catalogue;

/*
 * Reads every *.yaml of a folder.
 *
 * Returns OK and an object to release; EIO when there is no such folder or nothing in it; EINVAL
 * for a file that is no experiment, or too many; ENOMEM. *out is safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_catalogue_open(ch_catalogue *out, const char *dir,
                                               const choir_env *env, choir_error *err);

/* Safe to call twice, and on one that is all zero. */
void ch_catalogue_release(ch_catalogue *c);

/* The experiment with this name, or NULL. */
const ch_paper_experiment *ch_catalogue_find(const ch_catalogue *c, const char *name);

/*
 * Whether a folder of results is one: somebody who names the wrong one is not to take it for one
 * with nothing measured.
 *
 * results  the folder of outcomes
 * seed     whose
 *
 * Returns OK when it has the outcome of a cell, whatever that says; EIO when there is no such
 * folder or no outcome in it; as ch_outcome_path.
 */
CHOIR_NODISCARD choir_status ch_catalogue_check_results(const ch_catalogue *c, const char *results,
                                                        uint64_t seed, choir_error *err);

typedef struct ch_choice {
    ch_paper_cell cells[CH_CHOICE_MAX]; // (count)
    uint32_t count;
} ch_choice;

/*
 * Adds the cells that text names, but those already chosen, in the experiment's order.
 *
 * Returns OK; EINVAL when there is no such experiment, row or cell: err has the nearest that there
 * is; or when there is no room.
 */
CHOIR_NODISCARD choir_status ch_choice_add(ch_choice *choice, const ch_catalogue *c,
                                           const char *text, choir_error *err);

#endif
