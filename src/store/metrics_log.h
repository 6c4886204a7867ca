/*
 * Metrics log: what every round of a run came to, as metrics.jsonl and metrics.csv.
 *
 * Both files have one line a round and the same columns, which are one table in metrics_row.c. A
 * line is handed to the operating system as soon as its round is over. The .csv is a function of
 * the .jsonl, which is the one that is read back. A run that is resumed cuts the rounds after its
 * checkpoint and writes them again, so that its log equals an undisturbed run's in all but wall
 * times.
 *
 *     ch_metrics_log_open(&log, dir, 0, env, err)     a new run: both files start empty
 *     ch_metrics_log_add(log, &row, err)              after each round
 *     ch_metrics_log_sync(log, err)                   before a checkpoint
 *     ch_metrics_log_close(log)
 *
 *     ch_metrics_read(&table, dir, env, err)          for reports
 */
#ifndef CH_STORE_METRICS_LOG_H
#define CH_STORE_METRICS_LOG_H

#include "choir/coordinator.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One round. All counts and times are this round's own, but for virtual_seconds. */
typedef struct ch_metrics_row {
    uint32_t round;        // the first is 1
    double accuracy;       // on the central test set, [0, 1]; NaN: not evaluated in this round
    double loss;           // likewise, a mean over examples
    double heldout_mean;   // mean over clients of the accuracy on their own held-out examples; NaN
    double heldout_worst;  // mean over the worst tenth of the clients; NaN
    double heldout_spread; // standard deviation over clients; NaN
    double train_accuracy; // as the reporting clients saw it while they trained; NaN: no reports
    double train_loss;     // likewise
    uint32_t clients;      // sampled
    uint32_t reports;      // updates in the sum
    bool applied;          // false: no quorum, the model stayed as it was
    uint64_t examples;     // sum of the reports' n
    double learning_rate;  // of the clients in this round
    uint32_t epochs;       // likewise
    uint32_t batch_size;   // likewise; 0: all local examples
    uint32_t refused[CHOIR_REFUSAL_COUNT]; // by reason; columns "refused_malformed" and so on
    uint32_t measured_clients;  // asked to evaluate the model after it; 0: there was no such round
    uint32_t measured_reports;  // of them, those that did
    uint64_t measured_examples; // sum of their n
    double measured_accuracy;   // on their held-out examples; NaN: of no quorum, or not asked
    double measured_loss;       // likewise
    double diverged_client; // the first by number of those that diverged; NaN: none, or not known
    double diverged_loss;   // its mean loss until training broke off; NaN: likewise, or none
    uint64_t requests;      // answered by the coordinator
    uint64_t bytes_up;      // from clients
    uint64_t bytes_down;    // to clients
    double seconds;         // wall time of the round, evaluation apart
    double evaluation_seconds; // wall time of its evaluation
    double virtual_seconds; // since the start of the run, when the round closed, in the cost model
} ch_metrics_row;

/* Everything of one round that the simulator knows; the rest is zero, evaluations NaN. */
ch_metrics_row ch_metrics_row_of(const choir_round_summary *summary);

/* Notes the evaluation of the model after the row's round; one of another round is none. */
void ch_metrics_row_measure(ch_metrics_row *row, const choir_round_summary *evaluation);

typedef struct ch_metrics_table {
    ch_metrics_row *rows; // (count) rounds ascending; owned
    uint32_t count;
    choir_env env;
} ch_metrics_table;

/*
 * Reads dir/metrics.jsonl. A last line without its newline is a write cut short and is left out.
 *
 * Returns OK and a table to release; EIO when there is no such file; EPROTO when a line is not what
 * it should be (err names file and line); ENOMEM. *out is safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_metrics_read(ch_metrics_table *out, const char *dir,
                                             const choir_env *env, choir_error *err);

/* The same from text in memory; name stands for the file in messages. */
CHOIR_NODISCARD choir_status ch_metrics_parse(ch_metrics_table *out, const char *text, size_t size,
                                              const char *name, const choir_env *env,
                                              choir_error *err);

/* Safe to call twice, and on a table that is all zero. */
void ch_metrics_table_release(ch_metrics_table *table);

typedef struct ch_metrics_log ch_metrics_log;

/*
 * Opens the log of the run in dir for writing.
 *
 * rounds  rows up to this round are kept, later ones are cut, whatever they say; 0 starts both
 * files afresh
 *
 * Returns OK and an object to close; EIO when a file cannot be read or written; EPROTO when what
 * should be kept is malformed or a round up to `rounds` is missing; ENOMEM; *out == NULL then.
 */
CHOIR_NODISCARD choir_status ch_metrics_log_open(ch_metrics_log **out, const char *dir,
                                                 uint32_t rounds, const choir_env *env,
                                                 choir_error *err);

/* Appends one round, the one after the last. Returns OK, or EIO when a file cannot be written. */
CHOIR_NODISCARD choir_status ch_metrics_log_add(ch_metrics_log *log, const ch_metrics_row *row,
                                                choir_error *err);

/* Returns OK when everything added so far survives a power cut; EIO. */
CHOIR_NODISCARD choir_status ch_metrics_log_sync(ch_metrics_log *log, choir_error *err);

/* Accepts NULL. */
void ch_metrics_log_close(ch_metrics_log *log);

#endif
