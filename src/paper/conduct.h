/*
 * Conduct: measures chosen cells: how long that will take, then one cell after the other, each with
 * one learning rate after the other, until all are measured or the time is over.
 *
 * What was measured is in the outcome's file, what is under way in run directories; so a call that
 * was ended in any way is gone on with by the same call again. Nothing that is decided depends on
 * the clock or on the number of workers.
 */
#ifndef CH_PAPER_CONDUCT_H
#define CH_PAPER_CONDUCT_H

#include "paper/arm.h"
#include "paper/catalogue.h"
#include "paper/ledger.h"

enum { CH_CONDUCT_CALIBRATION = 3 }; // rounds that tell how long one takes

typedef struct ch_conduct {
    const ch_catalogue *catalogue; // borrowed, like all here
    ch_paper_site site;
    uint32_t rates_max; // learning rates for a cell, at most; 0: as its experiment says
    FILE *out;          // what was measured, a line a cell
} ch_conduct;

/* How long it will take. */
typedef struct ch_conduct_estimate {
    double seconds;   // as many rounds as the paper's, times the ratio of cells that are measured
    double most;      // as many as there may be
    uint32_t cells;   // that are to be measured
    uint32_t guessed; // of them, cells of whose rounds nothing is known but the most
} ch_conduct_estimate;

/* Where outcomes are found that tell of its cells. */
ch_ledger ch_conduct_ledger(const ch_conduct *c);

/* Learning rates that a cell is tried with, at most. */
uint32_t ch_conduct_rates(const ch_conduct *c, const ch_paper_cell *cell);

/*
 * Whether what is to be measured of cells (count) could be written, before anything is run.
 *
 * Returns OK; EIO when a file of the folder of results cannot be; as ch_ledger_load; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_conduct_check(const ch_conduct *c, const ch_paper_cell *cells,
                                              uint32_t count, const choir_env *env,
                                              choir_error *err);

/*
 * Estimates the time for cells (count), from rounds that their runs have had; of a model and B
 * that has had none it runs a few, of the cheapest cell, which are not lost.
 *
 * Returns OK; EAGAIN when it was ended; as ch_arm_run.
 */
CHOIR_NODISCARD choir_status ch_conduct_estimate_of(ch_conduct_estimate *out, const ch_conduct *c,
                                                    const ch_paper_cell *cells, uint32_t count,
                                                    const choir_env *env, choir_error *err);

/*
 * Measures cells (count), those of few clients a round side by side.
 *
 * Returns OK when all are measured; EAGAIN when it was ended; else what the first cell that failed
 * returned: err names it. The others are measured all the same.
 */
CHOIR_NODISCARD choir_status ch_conduct_run(const ch_conduct *c, const ch_paper_cell *cells,
                                            uint32_t count, const choir_env *env, choir_error *err);

#endif
