/*
 * Experiment: a table or a figure of a paper as data: what is run, what the paper says, how it is
 * measured. Never code.
 *
 *     title: "Table 1: the 2NN, E = 1"
 *     job: jobs/mnist-2nn.yaml          the base, beside the experiment's own file
 *     target: 0.97                      accuracy that rounds are counted to
 *     rates: [0.215, 0.1, 0.464]        points of the grid to begin with
 *     columns:
 *       iid-10: {label: "IID, B = 10", set: {data.partition: iid, client.batch_size: 10}}
 *     rows:
 *       c01:
 *         label: "C = 0.1"
 *         set: {server.sample_rate: 0.1}
 *         expect: {iid-10: 87}          the paper's rounds; never: its dash
 *
 * A cell is where a row and a column meet: the base job, the column's settings, the row's, one
 * learning rate. It is called NAME/ROW/COLUMN. Of a figure, columns are panels and rows are curves.
 */
#ifndef CH_PAPER_EXPERIMENT_H
#define CH_PAPER_EXPERIMENT_H

#include "base/options.h"
#include "choir/env.h"
#include "choir/job.h"
#include "paper/grid.h"
#include "paper/job_digest.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CH_PAPER_NAME_MAX = 32, // bytes of an experiment's, a row's, a column's name, with its zero
    CH_PAPER_ROWS_MAX = 24,
    CH_PAPER_COLUMNS_MAX = 8,
    CH_PAPER_SETS_MAX = 10,            // settings of a row or a column
    CH_PAPER_SET_MAX = 96,             // bytes of one, "key=value"
    CH_PAPER_NOTE_MAX = 600,           // bytes of a note
    CH_PAPER_START_MAX = 5,            // rates that a walk begins with
    CH_PAPER_SEED = 1,                 // of results that have no other, and that notes tell of
    CH_PAPER_ROUNDS_ENDLESS = 1000000, // as many as a job may have
};

/* A row or a column. */
typedef struct ch_paper_line {
    char name[CH_PAPER_NAME_MAX];
    char label[CHOIR_TEXT_MAX];
    char sets[CH_PAPER_SETS_MAX][CH_PAPER_SET_MAX];
    uint32_t sets_count;
    char rates[CHOIR_TEXT_MAX];     // a column's own; "": the experiment's
    double target;                  // likewise; 0: the experiment's
    uint32_t rounds;                // likewise
    double scale;                   // a row's: what a round counts on a figure's axis
    char baselines[CHOIR_NAME_MAX]; // a row's: also trained on its cells' budget: "central,local"
} ch_paper_line;

/* What a cell has of its own. */
typedef struct ch_paper_facts {
    double expect;                // the paper's rounds; INFINITY: its dash; NaN: it does not say
    uint32_t rounds;              // to run at most; 0: as the row, the column, the experiment
    char note[CH_PAPER_NOTE_MAX]; // why ours differs; "": nothing to say
} ch_paper_facts;

typedef struct ch_paper_experiment {
    char name[CH_PAPER_NAME_MAX]; // as its file is called
    char path[CHOIR_PATH_MAX];    // of that
    char title[CHOIR_PATH_MAX];
    char paper[CHOIR_TEXT_MAX];  // what it is there: "Table 1"
    char source[CHOIR_TEXT_MAX]; // how the paper's numbers are known
    char about[CH_OPTION_VALUE_MAX];
    char note[CH_OPTION_VALUE_MAX]; // why ours differs, of cells that have no note of their own
    char kind[CHOIR_NAME_MAX];      // "table" | "curves" | "average"
    char job[CHOIR_PATH_MAX];       // the base, from the experiment's folder
    double target;
    uint32_t rounds;
    char rates[CHOIR_TEXT_MAX]; // to begin with, comma-separated
    uint32_t rates_max;
    char baseline[CH_PAPER_NAME_MAX]; // the row that speed-ups are over; "" none
    char like[CH_PAPER_NAME_MAX];     // the table whose best rates and curves cells of these names
                                      // have; "" none
    char metric[CHOIR_NAME_MAX];      // curves: what is drawn
    double level;                     // curves: a line across; 0: none
    char axis[CHOIR_TEXT_MAX];        // curves: what rounds, times a row's scale, are called
    bool is_log;                      // curves: drawn on a logarithmic axis
    bool is_elsewhere;                // the paper's numbers are of other data or another target

    ch_paper_line columns[CH_PAPER_COLUMNS_MAX];
    uint32_t columns_count;
    ch_paper_line rows[CH_PAPER_ROWS_MAX];
    uint32_t rows_count;
    ch_paper_facts facts[CH_PAPER_ROWS_MAX][CH_PAPER_COLUMNS_MAX];
} ch_paper_experiment;

/* The keys of a file, but those of rows and columns; docs/paper.md tells of all. */
extern const ch_options CH_PAPER_KEYS;

/*
 * Reads an experiment from text.
 *
 * path  of its file, whose last part without ".yaml" is the experiment's name
 *
 * Returns OK; EINVAL for text that is no experiment: err names file, line, key and what would be
 * right. *out is undefined then.
 */
CHOIR_NODISCARD choir_status ch_paper_experiment_parse(ch_paper_experiment *out, const char *text,
                                                       size_t size, const char *path,
                                                       choir_error *err);

/* Reads the file at path. Returns also EIO, ENOMEM. */
CHOIR_NODISCARD choir_status ch_paper_experiment_read(ch_paper_experiment *out, const char *path,
                                                      const choir_env *env, choir_error *err);

/* Whether the paper has a number, or a dash, for it, or the experiment runs it without one. */
bool ch_paper_has_cell(const ch_paper_experiment *e, uint32_t row, uint32_t column);

/* Rounds that a cell may run at most. */
uint32_t ch_paper_rounds(const ch_paper_experiment *e, uint32_t row, uint32_t column);

/* Accuracy that a cell is to reach; 0: none, it runs all its rounds. */
double ch_paper_target(const ch_paper_experiment *e, uint32_t column);

/* Points of the grid that a cell's walk begins with; returns how many, >= 1. */
uint32_t ch_paper_start(int32_t out[CH_PAPER_START_MAX], const ch_paper_experiment *e,
                        uint32_t column);

/* The settings of a cell beside its learning rate, "key=value key=value": what a result was
 * measured with. */
void ch_paper_settings(char *out, size_t size, const ch_paper_experiment *e, uint32_t row,
                       uint32_t column);

/* What a cell trains, at whatever rate and for however many rounds: job_digest.h of its job.
 * Returns as ch_paper_job. */
CHOIR_NODISCARD choir_status ch_paper_digest(char out[CH_JOB_DIGEST_TEXT],
                                             const ch_paper_experiment *e, uint32_t row,
                                             uint32_t column, uint64_t seed, choir_error *err);

/* Whether a row's runs are of use to no other cell: more is measured of them, or beside them. */
bool ch_paper_has_own_run(const ch_paper_experiment *e, uint32_t row);

/*
 * The job of a cell with one learning rate: the base job with the cell's settings over it, without
 * a target, for as many rounds as a job may have. Whoever runs it ends it. One with runs of its own
 * has the experiment's name, and ends with the cell's rounds.
 *
 * data_dir  as data.dir; "": the base job's
 *
 * Returns as choir_job_read; a setting that is at fault is told with the experiment's file and
 * cell.
 */
CHOIR_NODISCARD choir_status ch_paper_job(choir_job *out, const ch_paper_experiment *e,
                                          uint32_t row, uint32_t column, int32_t rate,
                                          uint64_t seed, const char *data_dir, choir_error *err);

#endif
