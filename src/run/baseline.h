/*
 * Baselines: what federated training is to be compared with, on the same budget.
 *
 *   central  the clients' training examples pooled on one machine, shuffled, trained by the same
 *            SGD on as many examples a round as the cohort of a federated round trains on
 *   local    every client alone, for as many epochs as it can expect in the federated run, E C R,
 *            and at least five;
 *            the mean over clients, and each client's own accuracy
 *
 * Each writes a metrics log of its own, with the columns of the run's, in a folder of the run
 * directory: baseline-central, baseline-local.
 */
#ifndef CH_RUN_BASELINE_H
#define CH_RUN_BASELINE_H

#include "report/clients.h"
#include "run/session.h"

#include <signal.h>

typedef struct ch_baseline {
    double accuracy; // on the central test set, at the end
    double loss;     //
    double heldout;  // mean over clients of the accuracy on their own held-out data; NaN
    double seconds;
    uint32_t clients; // local: that were trained, a sample when there are more than 100
} ch_baseline;

/*
 * dir      the run directory
 * clients  as ch_exhibit_clients describes them. Of those with an accuracy (of all, when none has
 *          one) up to 100, evenly chosen, are trained alone; each one's `alone` becomes what its
 *          own model reaches on its held-out examples. Unchanged when the baseline ends early
 * stop     as in ch_run_options; the baseline then ends early and its log with it
 *
 * Return OK; ERANGE when training diverges; EINVAL when the data is not in memory to be pooled;
 * EIO, ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_baseline_central(ch_baseline *out, ch_session *s, const char *dir,
                                                 const volatile sig_atomic_t *stop,
                                                 choir_error *err);
CHOIR_NODISCARD choir_status ch_baseline_local(ch_baseline *out, ch_session *s, ch_clients *clients,
                                               const char *dir, const volatile sig_atomic_t *stop,
                                               choir_error *err);

#endif
