/*
 * Baselines: what federated training is to be compared with, on the same budget.
 *
 *   central  the clients' training examples pooled on one machine, shuffled, trained by the same
 *            SGD on as many examples a round as that round's reports were trained on
 *   local    every client alone, for as many epochs as it could expect to train in the rounds of
 *            the federated run, the sum of E times the share of clients that reported, and at least
 *            one; the mean over clients, and each client's own accuracy
 *
 * The budget, E, B and the learning rate of each round are those that the run's metrics log tells,
 * schedules and rounds that did not count included; both end with the run's last round.
 *
 * Each writes a metrics log of its own, with the columns of the run's, in a folder of the run
 * directory: baseline-central, baseline-local. One that ends early leaves no log there; when it
 * diverged, failure.txt says so.
 */
#ifndef CH_RUN_BASELINE_H
#define CH_RUN_BASELINE_H

#include "report/clients.h"
#include "report/progress.h"
#include "run/session.h"
#include "store/metrics_log.h"

#include <signal.h>
#include <stdbool.h>

typedef struct ch_baseline {
    bool is_done;      // the figures below mean something
    double accuracy;   // on the central test set, at the end; NaN: none
    double loss;       // likewise
    double heldout;    // mean over clients of the accuracy on their own held-out data; NaN
    double seconds;    // wall time
    uint32_t clients;  // local: that were trained, a sample when there are more than 100
    uint32_t diverged; // local: of the sample, left out of the means
} ch_baseline;

/* Returns OK; EINVAL when the session's data is not in memory to be pooled. */
CHOIR_NODISCARD choir_status ch_baseline_central_check(const ch_session *s, choir_error *err);

/*
 * dir      the run directory
 * run      the run's metrics: its rounds
 * clients  as ch_exhibit_clients describes them. Of those with an accuracy (of all, when none has
 *          one) up to 100, evenly chosen, are trained alone; each one's `alone` becomes what its
 *          own model reaches on its held-out examples. Unchanged when the baseline ends early
 * stop     as in ch_run_options; the baseline then ends early and leaves nothing
 * progress where it says how it gets on
 *
 * Return OK; EAGAIN when stopped; ERANGE when training diverges (err names the round; local: every
 * client's did); EINVAL when the data is not in memory to be pooled; EIO, ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_baseline_central(ch_baseline *out, ch_session *s,
                                                 const ch_metrics_table *run, const char *dir,
                                                 const volatile sig_atomic_t *stop,
                                                 ch_progress *progress, choir_error *err);
CHOIR_NODISCARD choir_status ch_baseline_local(ch_baseline *out, ch_session *s,
                                               const ch_metrics_table *run, ch_clients *clients,
                                               const char *dir, const volatile sig_atomic_t *stop,
                                               ch_progress *progress, choir_error *err);

#endif
