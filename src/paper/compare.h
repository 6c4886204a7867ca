/*
 * Compare: algorithms side by side on one job, each at the learning rates that suit it.
 *
 * An algorithm is tuned over a small grid, and shown at its best:
 *
 *     client.learning_rate   the job's, and its neighbours by a factor of 10^(1/3), in three digits
 *     server.learning_rate   1;  fedavgm: 1 and 0.316;  the adaptive ones: 0.1, 0.0316 and 0.01
 *
 * The best is the one that reaches the job's server.target_accuracy in the fewest rounds, else that
 * with the highest test accuracy of any round; one that diverged is behind those that did not, and
 * one of which no round counted behind all others, as its model is the one it began with. The best
 * alone is run beyond the target, to its end. What an algorithm cannot do without and the job does
 * not say is set, and told: client.proximal_mu = 0.1, a chain that says uniform for its weight, and
 * whose clip is left out where the algorithm is refused with it.
 *
 * Each point is an ordinary run with a run directory (arm.h), so a comparison that was ended in any
 * way is gone on with by the same call again, and one with further algorithms trains only those.
 */
#ifndef CH_PAPER_COMPARE_H
#define CH_PAPER_COMPARE_H

#include "paper/arm.h"
#include "report/report.h"

enum {
    CH_COMPARE_ALGORITHMS_MAX = CH_REPORT_RUNS_MAX,
    CH_COMPARE_POINTS_MAX = 9,                      // of an algorithm's grid
    CH_COMPARE_SET_MAX = CHOIR_CHAIN_TEXT_MAX + 48, // bytes, with the terminating zero
};

/* One algorithm, and what came of it at its best point. */
typedef struct ch_compare_row {
    choir_job job;                // at that point; before any is run, at the first
    char set[CH_COMPARE_SET_MAX]; // what had to be set, "chain=clip=1|uniform"; "": nothing
    uint32_t points;              // of its grid
    uint32_t decided;             // of them, that were run to their end
    double crossing;              // rounds to the target; INFINITY: not reached, or there is none
    double best;                  // highest test accuracy; 0: there is none yet
    double bytes;                 // sent until the target, or in all rounds
    bool is_counted;              // at its best point a round counted, or else at none
    bool is_diverged;             // at its best point, and so at all where a round counted
    bool is_edge;                 // that has no neighbour on one side among the client rates tried
    char dir[CHOIR_PATH_MAX];     // of the run; "": none has begun
} ch_compare_row;

typedef struct ch_compare {
    ch_compare_row rows[CH_COMPARE_ALGORITHMS_MAX]; // (count) in the order they were named
    uint32_t count;
    double target; // accuracy; 0: none
} ch_compare;

/*
 * Prepares a comparison: nothing is run.
 *
 * job         with a test set that has an accuracy; its algorithm is ignored
 * algorithms  names, separated by commas, "fedavg,scaffold"
 *
 * Returns OK; EINVAL for a name that is none, or twice, too many, or a job that one of them cannot
 * do with, whose chain has no room for what it needs, that has no accuracy to compare, or whose
 * client rate has a neighbour that is none.
 */
CHOIR_NODISCARD choir_status ch_compare_init(ch_compare *out, const choir_job *job,
                                             const char *algorithms, choir_error *err);

/* Runs of all rows together. */
uint32_t ch_compare_points(const ch_compare *c);

/*
 * Runs what has not been, in order.
 *
 * site  where; its results are not used
 *
 * Returns OK when all is decided; EAGAIN when it was ended before; as ch_arm_run.
 */
CHOIR_NODISCARD choir_status ch_compare_run(ch_compare *c, const ch_paper_site *site,
                                            const choir_env *env, choir_error *err);

/* Whether a row's best point is one to use: a round of it counted, and it did not diverge. */
bool ch_compare_is_usable(const ch_compare_row *row);

/* Prints the table. */
void ch_compare_print(FILE *out, const ch_compare *c);

/* The best runs of all rows side by side, on one page. As ch_report_write; EINVAL when no run has
 * begun. */
CHOIR_NODISCARD choir_status ch_compare_report(ch_report_result *out, const ch_compare *c,
                                               const char *path, const choir_env *env,
                                               choir_error *err);

#endif
