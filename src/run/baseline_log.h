/*
 * BaselineLog: the metrics log of a baseline, which is found in its folder only when it is whole.
 *
 *     open        for each attempt
 *     add         as metrics_log.h has it
 *     end         in any case
 */
#ifndef CH_RUN_BASELINE_LOG_H
#define CH_RUN_BASELINE_LOG_H

#include "store/metrics_log.h"

/*
 * Opens a log afresh. What an earlier attempt left in folder, which is made if it is not there, is
 * gone.
 *
 * Returns OK; EINVAL when a path is too long; EIO; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_baseline_log_open(ch_metrics_log **out, const char *folder,
                                                  const choir_env *env, choir_error *err);

/*
 * Closes a log, which may be NULL. Of one that failed nothing is left.
 *
 * status  what the baseline came to
 * why     that it diverged, which failure.txt then says; "": it did not
 *
 * Returns status; EIO when a whole log cannot be put into its place.
 */
CHOIR_NODISCARD choir_status ch_baseline_log_end(ch_metrics_log *log, const char *folder,
                                                 choir_status status, const char *why,
                                                 choir_error *err);

#endif
