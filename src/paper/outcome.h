/*
 * Outcome: what was measured of one cell, as a small file that can be committed.
 *
 *     {"cell": "table1-2nn/c01/iid-10", "command": "choir paper run table1-2nn/c01/iid-10 --seed
 * 1", "settings": "data.partition=iid client.batch_size=10 server.sample_rate=0.1", "job":
 * "1caa3d0b2fe4", "data": "0f5c2b1a93d84e67", "seed": 1, "target": 0.97, "rounds_max": 1000,
 * "complete": true, "version": "0.1.0", "backend": "vector-avx512", "cpu": "...", "rates": [
 *      {"learning_rate": 0.215, "end": "reached", "rounds": 33, "crossing": 32.6, "best": 0.9703,
 *       "bytes": 526000000, "curve": [
 *       [1, 0.843, 0.6612, 1.3820],
 *       ...]}]}
 *
 * A file is a function of cell, seed and machine: no times stand in it, keys have one order, each
 * point of a curve has its line. It is replaced at once, so that a killed run leaves the old one.
 * What it holds is never data, but rounds, accuracies and losses.
 */
#ifndef CH_PAPER_OUTCOME_H
#define CH_PAPER_OUTCOME_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "paper/crossing.h"
#include "paper/experiment.h"
#include "run/digest.h"

enum {
    CH_OUTCOME_POINTS_MAX = 160,
    CH_OUTCOME_DIGITS = 5, // of an accuracy or a loss; a crossing and a best have one more
    CH_OUTCOME_SETTINGS_MAX = 2 * CH_PAPER_SETS_MAX * CH_PAPER_SET_MAX,
    CH_OUTCOME_ARMS_MAX = CH_GRID_RATES_MAX + 2, // and the baselines
};

/* One point of a curve; NaN: not known. */
typedef struct ch_outcome_point {
    double round; // of an average: the mixing weight
    double accuracy;
    double loss;        // on the test set; of an average: on the training set
    double pooled_loss; // on all training examples
    double heldout;     // mean over clients of the accuracy on their own held-out examples
} ch_outcome_point;

/* One learning rate, or a baseline. */
typedef struct ch_outcome_arm {
    char name[CH_PAPER_NAME_MAX]; // "" of a rate; "central", "local"; of an average its curve's
    int32_t rate;                 // point of the grid
    ch_crossing_end end;
    uint32_t rounds; // run
    double crossing; // rounds to the target, of a figure to its level; INFINITY: not reached
    double best;     // highest accuracy
    double bytes;    // sent until the target, or in all rounds
    uint32_t points;
    ch_outcome_point curve[CH_OUTCOME_POINTS_MAX]; // (points)
} ch_outcome_arm;

typedef struct ch_outcome {
    char cell[3 * CH_PAPER_NAME_MAX]; // NAME/ROW/COLUMN
    char settings[CH_OUTCOME_SETTINGS_MAX];
    char figure[CHOIR_TEXT_MAX];  // what a figure asks beside its settings; "": it is a table's
    char job[CH_JOB_DIGEST_TEXT]; // ch_paper_digest; "": not known
    char data[CH_DIGEST_TEXT];    // of the examples, ch_digest_text; "": not known
    uint64_t seed;
    double target;
    uint32_t rounds_max;
    uint32_t rates_max; // that were asked for, at most; 0: as the experiment says
    bool is_complete;   // the walk over the grid has ended
    // What measured it; where parts were measured by several, all of them, told apart by "; ".
    char version[CHOIR_NAME_MAX];
    char backend[CHOIR_NAME_MAX];
    char cpu[CHOIR_TEXT_MAX];
    uint32_t arms_count;
    ch_outcome_arm arms[CH_OUTCOME_ARMS_MAX];
} ch_outcome;

/* Nothing measured yet: what the experiment says of the cell. */
void ch_outcome_init(ch_outcome *out, const ch_paper_experiment *e, uint32_t row, uint32_t column,
                     uint64_t seed);

/* Whether b was measured as a is to be: settings, seed, target, base job, and what a figure asks
 * beside them are the same. Another limit of
 * rounds is no difference where every rate of b ended below both. */
bool ch_outcome_is_like(const ch_outcome *a, const ch_outcome *b);

/* The rates that were measured, as trials of the grid; returns how many. */
uint32_t ch_outcome_trials(ch_grid_trial out[CH_GRID_RATES_MAX], const ch_outcome *o);

/* The arm of the best rate; NULL: no rate was measured. */
const ch_outcome_arm *ch_outcome_best(const ch_outcome *o);

/* That of a baseline, "central" or "local": the best of its own. NULL: there is none. */
const ch_outcome_arm *ch_outcome_best_named(const ch_outcome *o, const char *name);

/* Which arm is the best of the rates that were put aside, going on, until others had their turn;
 * -1: none was. */
int32_t ch_outcome_aside(const ch_outcome *o);

/* A number as a file will have it, in so many digits: so that what follows from it is the same
 * before and after. */
double ch_outcome_real(double value, int digits);

/* Where the outcome of a cell lies: dir/NAME/ROW.COLUMN.json, with "seed-N" for other seeds than 1.
 * Returns OK; EINVAL when that is too long. */
CHOIR_NODISCARD choir_status ch_outcome_path(char out[CHOIR_PATH_MAX], const char *dir,
                                             const ch_paper_experiment *e, uint32_t row,
                                             uint32_t column, uint64_t seed, choir_error *err);

/* Writes it to path, with the folders above, at once or not at all. Returns OK; EIO; ENOMEM. */
CHOIR_NODISCARD choir_status ch_outcome_write(const ch_outcome *o, const char *path,
                                              const choir_env *env, choir_error *err);

/* Whether it could be written to path now; makes the folders above. Returns OK; EIO. */
CHOIR_NODISCARD choir_status ch_outcome_check(const char *path, choir_error *err);

/*
 * Reads one.
 *
 * Returns OK; EAGAIN when there is no such file; EPROTO when it is none (err says where); EIO;
 * ENOMEM. *out is undefined unless OK.
 */
CHOIR_NODISCARD choir_status ch_outcome_read(ch_outcome *out, const char *path,
                                             const choir_env *env, choir_error *err);

/* The same from bytes in memory; name stands for the file in messages. */
CHOIR_NODISCARD choir_status ch_outcome_parse(ch_outcome *out, choir_bytes bytes, const char *name,
                                              choir_error *err);

#endif
