/*
 * Summary: what a run came to, as figures and as the lines that end it on a terminal.
 *
 *     ch_summary s = ch_summary_of(table.rows, table.count, job.rounds, job.target_accuracy);
 *     s.name = job.name;
 *     s.report = "runs/demo-1/report.html";
 *     ch_summary_print(stderr, &s);
 */
#ifndef CH_REPORT_SUMMARY_H
#define CH_REPORT_SUMMARY_H

#include "store/metrics_log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Counts and bytes are sums over the rounds, accuracies those of the central test set. */
typedef struct ch_summary {
    const char *name; // of the job; borrowed, like all texts here
    double accuracy;  // final, on the central test set; NaN: none
    double loss;      // likewise
    double best;      // accuracy; NaN: none
    uint32_t best_round;
    double target;         // accuracy; 0: none was set
    uint32_t target_round; // the first that reached it; 0: none did
    uint32_t round;        // closed
    uint32_t rounds;       // to run
    bool is_interrupted;
    bool was_finished;                     // before this call, which trained nothing
    bool has_failed;                       // training diverged and broke off
    double central;                        // accuracy of the baseline on the pooled data; NaN: none
    double central_loss;                   // likewise
    double local;                          // mean accuracy of clients alone; NaN: none
    double local_loss;                     // likewise
    uint64_t sampled;                      // clients, in all rounds
    uint32_t discarded;                    // rounds that left the model as it was
    uint32_t discarded_reports;            // the most that one of those had
    uint64_t refused[CHOIR_REFUSAL_COUNT]; // updates, by reason
    uint32_t diverged_round;               // the first in which a client diverged; 0: in none
    double diverged_client;                // who; NaN: not known
    double diverged_loss;     // and its mean loss until training broke off; NaN: none, not known
    bool has_risen;           // ch_summary_rise says so, of these:
    double best_loss;         // on the test set
    uint32_t best_loss_round; // 0: before the first
    uint64_t bytes_up;
    uint64_t bytes_down;
    double seconds;            // training
    double evaluation_seconds; // apart
    double virtual_seconds;    // in the cost model; 0: left out
    const char *model_hash;    // of the final parameters, hexadecimal; NULL or "": left out
    const char *report;        // path; NULL or "": none was written
} ch_summary;

/* The figures of (count) rows; texts NULL. target: accuracy, 0 = none. rounds: to run. */
ch_summary ch_summary_of(const ch_metrics_row *rows, uint32_t count, uint32_t rounds,
                         double target);

/*
 * Whether the loss on the test set ended both above where it began and at more than twice its best:
 * training diverges, though all numbers are finite. start: before the first round; NaN: unknown.
 *
 * best, last  those losses, and their rounds, 0 being the start; set in any case
 */
bool ch_summary_rise(const ch_metrics_row *rows, uint32_t count, double start, double *best,
                     uint32_t *best_round, double *last, uint32_t *last_round);

/* "118 out_of_range, 2 norm": the most frequent first; "" when nothing was refused. Reports
 * that did not come are not among them, nor those that came twice: they were counted. */
void ch_summary_refusals(char *out, size_t size, const ch_summary *s);

enum {
    CH_SUMMARY_MAX = 2048
}; // bytes that a summary fits in, its zero included; longer texts are cut

/* The block of lines at the end of a run. out: (size). is_bold: with terminal escapes. */
void ch_summary_text(char *out, size_t size, const ch_summary *s, bool is_bold);

/* Writes it; bold where out is a terminal and NO_COLOR is not set (https://no-color.org). */
void ch_summary_print(FILE *out, const ch_summary *s);

#endif
