/*
 * Arm: one learning rate of a cell, run as far as is of use.
 *
 * Each is an ordinary run with a run directory, which it goes on from whenever it was ended: by the
 * budget, Ctrl-C or kill -9. The directory is named by what is trained and not by the cell, so that
 * cells of different tables that train the same share it, and one that needs more rounds goes on
 * where the other ended. The run itself knows neither target nor limit.
 */
#ifndef CH_PAPER_ARM_H
#define CH_PAPER_ARM_H

#include "paper/crossing.h"
#include "paper/outcome.h"
#include "run/digest.h"

#include <signal.h>
#include <stdio.h>

enum {
    CH_ARM_TABLE_POINTS = 40,  // of a curve in a table's results
    CH_ARM_FIGURE_POINTS = 150 // in a figure's
};

/* Where and with what arms are run. */
typedef struct ch_paper_site {
    const char *runs;     // the folder of run directories
    const char *results;  // the folder of outcomes
    const char *data_dir; // as data.dir; "": the job's
    uint64_t seed;
    uint32_t workers;                  // threads of one arm
    double deadline_s;                 // by ch_session_clock: when all arms end; INFINITY: never
    FILE *progress;                    // lines about how it gets on; NULL: none
    const volatile sig_atomic_t *stop; // non-zero: end after this round; may be NULL
} ch_paper_site;

typedef struct ch_arm_task {
    const char *cell;            // for messages
    const choir_job *job;        // as ch_paper_job made it
    int32_t rate;                // its learning rate
    double target;               // accuracy; 0: none
    double level;                // where there is none: accuracy to count rounds to all the same
    bool is_judged;              // by its accuracy, which a target says too: needs a test set
    uint32_t limit;              // rounds
    double beaten;               // rounds that the best rate so far needs; INFINITY: none has
    const ch_outcome_arm *ahead; // that rate; NULL: none has
    uint32_t points;             // of the curve to keep
    bool is_monotone; // of that, only rounds that are better than all before, and the last
    uint32_t
        pooled_every; // rounds between measurements of the loss on all training examples; 0: no
    const char *baselines; // "central,local": also trained on its budget; "": none
    bool wants_model;      // of its last round, in the run's directory
    const char *data;      // ch_arm_data of the job; NULL: found out when it is asked for
} ch_arm_task;

/* Whether the site's time is over, or somebody wants it to end. */
bool ch_paper_site_is_over(const ch_paper_site *site);

/* Where the run of a job lies: the job's name, its rate, and what it trains (job_digest.h), of
 * which its rounds are a part unless there are CH_PAPER_ROUNDS_ENDLESS. EINVAL when that is too
 * long. */
CHOIR_NODISCARD choir_status ch_arm_dir(char out[CHOIR_PATH_MAX], const char *runs,
                                        const choir_job *job, choir_error *err);

/* What the rounds of a run say of a task; out->points of its curve are set too. end is
 * CH_CROSSING_GOES_ON when further rounds are of use. dir is the run directory, or a baseline's. */
CHOIR_NODISCARD choir_status ch_arm_judge(ch_outcome_arm *out, const ch_arm_task *task,
                                          const char *dir, const choir_env *env, choir_error *err);

/* The examples that a job's runs are trained and tested on, as ch_digest_text, whose statuses it
 * has, and those of ch_federation_open. */
CHOIR_NODISCARD choir_status ch_arm_data(char out[CH_DIGEST_TEXT], const choir_job *job,
                                         const choir_env *env, choir_error *err);

enum { CH_ARM_RATES = 3 };

/*
 * The learning rates that are tried for a job: its own, then the neighbour below and the one above,
 * a factor of 10^(1/3) away.
 *
 * count  how many of them, in this order; 1 .. CH_ARM_RATES
 *
 * Returns OK; EINVAL with a sentence when one of those is no value of client.learning_rate.
 */
CHOIR_NODISCARD choir_status ch_arm_rates(double out[CH_ARM_RATES], const choir_job *job,
                                          uint32_t count, choir_error *err);

/* How it gets on, one line without its end: "ours/c01/iid  rate 0.1  round 7 of at most 90  best
 * 91.20 %  3.2 rounds/s", by the learning rate that is run, on the grid or not. */
void ch_arm_line(char *out, size_t size, const ch_arm_task *task, const ch_crossing *c,
                 double rounds_per_s);

/*
 * Runs it, or goes on with it, until it is decided.
 *
 * rounds_max  beyond those that there are: 0 = no such limit; else how many to run for a first
 *             measurement of the machine
 *
 * Returns OK with the outcome; EAGAIN when it was ended before it was decided; EINVAL when it was
 * decided on other examples than there are now; else as ch_run_sim.
 * A run that diverges is decided.
 */
CHOIR_NODISCARD choir_status ch_arm_run(ch_outcome_arm *out, const ch_arm_task *task,
                                        const ch_paper_site *site, uint32_t rounds_max,
                                        const choir_env *env, choir_error *err);

#endif
