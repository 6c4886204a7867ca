/* Measure: one cell, learning rate by learning rate. Shared by the files that conduct. */
#ifndef CH_PAPER_MEASURE_H
#define CH_PAPER_MEASURE_H

#include "paper/conduct.h"

/*
 * Measures a cell, or goes on with it, and writes its outcome after each learning rate.
 *
 * site  of this cell: its share of the workers
 *
 * Returns OK when the cell is measured; EAGAIN when it was ended; as ch_arm_run, ch_outcome_write.
 */
CHOIR_NODISCARD choir_status ch_measure_cell(ch_outcome *out, const ch_conduct *c,
                                             const ch_paper_cell *cell, const ch_paper_site *site,
                                             const choir_env *env, choir_error *err);

/* What one learning rate of a cell is asked. job: for it; both are borrowed by the task. */
CHOIR_NODISCARD choir_status ch_measure_task(ch_arm_task *out, choir_job *job,
                                             const ch_outcome *outcome, const ch_conduct *c,
                                             const ch_paper_cell *cell, int32_t rate,
                                             choir_error *err);

/* Rounds between measurements of the pooled loss in runs of so many; 0: none are made. */
uint32_t ch_measure_pooled_every(const ch_paper_experiment *e, uint32_t rounds);

/* Runs for each learning rate of a row: its own, and each baseline's. */
uint32_t ch_measure_runs(const ch_paper_experiment *e, uint32_t row);

/* Clients in a round of the job; UINT32_MAX, more than there are workers, of one that takes all
 * clients of its data, however many those are. */
uint32_t ch_measure_clients(const choir_job *job);

/* One line of what came of a cell: rounds, speed-up, bytes, the paper's rounds, the ratio. baseline
 * is that of the row which speed-ups are over; NULL: none, or not measured. */
void ch_measure_line(char *out, size_t size, const ch_outcome *o, const ch_paper_cell *cell,
                     const ch_outcome *baseline);

#endif
