/*
 * Exhibits: what a run leaves for its report beside numbers: who holds what, how the final model
 * does for each client, and a few pictures of the data.
 */
#ifndef CH_RUN_EXHIBITS_H
#define CH_RUN_EXHIBITS_H

#include "run/session.h"

/*
 * Writes dir/clients.json about up to 512 clients, evenly over the roster, with the accuracies of
 * the evaluator's last run for those it covered.
 * Returns OK; EIO for files, or data that cannot be read; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_exhibit_clients(const ch_session *s, const char *dir,
                                                choir_error *err);

/*
 * Writes dir/samples.bin: four examples each of up to twelve clients. Data that are no pictures
 * leave none. Returns as above.
 */
CHOIR_NODISCARD choir_status ch_exhibit_samples(const ch_session *s, const char *dir,
                                                choir_error *err);

#endif
