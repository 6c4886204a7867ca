/*
 * Exhibits: what a run leaves for its report beside numbers: who holds what, how the final model
 * does for each client, and a few pictures of the data.
 */
#ifndef CH_RUN_EXHIBITS_H
#define CH_RUN_EXHIBITS_H

#include "report/clients.h"
#include "run/session.h"

/*
 * Describes up to CH_CLIENTS_MAX clients, ids ascending: those that the evaluator's last run
 * covered, with their accuracies, evenly chosen when there are more; then others, evenly over the
 * roster, whose accuracy stays NaN. None has been trained alone yet: see ch_baseline_local.
 *
 * Returns OK; the status of data that cannot be read; ENOMEM. *out is to be released in any case.
 */
CHOIR_NODISCARD choir_status ch_exhibit_clients(ch_clients *out, const ch_session *s,
                                                choir_error *err);

/*
 * Writes dir/samples.bin: four examples each of up to twelve clients. Data that are no pictures
 * leave none.
 *
 * Returns OK; EIO for files; the status of data that cannot be read; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_exhibit_samples(const ch_session *s, const char *dir,
                                                choir_error *err);

#endif
