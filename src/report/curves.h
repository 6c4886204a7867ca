/* Curves: a run's rows as columns of doubles, which is what charts are drawn from. */
#ifndef CH_REPORT_CURVES_H
#define CH_REPORT_CURVES_H

#include "base/arena.h"
#include "store/metrics_log.h"

#include <stdint.h>

typedef struct ch_curves {
    uint32_t count;
    double *round; // (count) each; owned
    double *sent;  // bytes up and down since the start, in the unit below
    double *accuracy;
    double *loss;
    double *heldout_mean;
    double *heldout_worst;
    double *train_loss;
    double *measured_accuracy; // by clients, on their held-out examples
    double *measured_loss;
    ch_arena arena;
} ch_curves;

/* Returns OK and an object to release; ENOMEM. *out is safe to release in any case. */
CHOIR_NODISCARD choir_status ch_curves_create(ch_curves *out, const ch_metrics_table *table,
                                              const choir_env *env);

/* Safe to call twice, and on one that is all zero. */
void ch_curves_release(ch_curves *c);

/* Rewrites what was sent in (count) curves in one unit that suits the largest: "MB". */
const char *ch_curves_scale(ch_curves *curves, uint32_t count);

#endif
