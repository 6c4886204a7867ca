/*
 * Progress: how a run is getting on, on a terminal or in a log.
 *
 *     round 12/60  97.42 %  loss 0.0931  10 clients  up 16.6 MB  down 17.1 MB  3.2 rounds/s  15 s
 * left
 *
 * A terminal gets one line that is rewritten in place and never wider than it is; anything else
 * gets plain lines, one for an evaluated round and at most one a second. What is written is made
 * by pure functions of the figures; only the last step knows a FILE. No clock is read: the caller
 * says what time it is.
 *
 *     ch_progress_open(&p, stderr, "", rounds, now_s)
 *     ch_progress_resume(&p, table.rows, table.count)    only when the run goes on
 *     ch_progress_round(&p, &row, now_s)                  after each round
 *     ch_progress_close(&p)
 */
#ifndef CH_REPORT_PROGRESS_H
#define CH_REPORT_PROGRESS_H

#include "store/metrics_log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CH_PROGRESS_LINE_MAX = 256, // bytes that any line fits in, its zero included
    CH_PROGRESS_LABEL_MAX = 32,
};

/* What one line says. */
typedef struct ch_progress_figures {
    char
        label[CH_PROGRESS_LABEL_MAX]; // what is trained, in front: "central"; "" for the run itself
    const char *noun;                 // what is counted; NULL: "round"; borrowed
    uint32_t round;                   // closed, or so many of the noun done
    uint32_t rounds;                  // to run
    bool is_evaluated;                // accuracy and loss below mean something
    double accuracy;                  // last evaluated, [0, 1]
    double loss;                      // likewise; may be NaN or infinite
    uint32_t clients;                 // whose reports are in the last round's sum
    uint32_t cohort;                  // clients sampled for it
    uint64_t bytes_up;                // since the start of the run
    uint64_t bytes_down;              // likewise
    double rounds_per_s;              // NaN: unknown yet
    double seconds_left;              // NaN: unknown yet
} ch_progress_figures;

/*
 * One line, without its newline, of at most width columns: what matters least is left out first.
 *
 * out    (size) zero-terminated, ASCII
 * width  columns; 0 = all there is to say
 */
void ch_progress_line(char *out, size_t size, const ch_progress_figures *figures, uint32_t width);

typedef struct ch_progress {
    FILE *out; // borrowed; NULL: nothing is written
    bool is_terminal;
    bool is_drawn;      // an unfinished line stands on the terminal
    bool is_owed;       // figures have changed since the last line
    double opened_s;    // when the work of this process began
    double written_s;   // when the last line was
    uint32_t opened_at; // rounds closed before it began
    ch_progress_figures figures;
} ch_progress;

/*
 * Starts afresh.
 *
 * out     where lines go: a terminal is recognised by itself; NULL for silence. Borrowed.
 * label   goes in front of each line; cut to CH_PROGRESS_LABEL_MAX
 * rounds  to run
 * now_s   any clock in seconds that does not go back, here and below
 */
void ch_progress_open(ch_progress *p, FILE *out, const char *label, uint32_t rounds, double now_s);

/* Takes over (count) rounds of an earlier process, so that totals are those of the whole run. */
void ch_progress_resume(ch_progress *p, const ch_metrics_row *rows, uint32_t count);

/* Counts something else than rounds, and to so many: noun "client" gives "local client 3/20". */
void ch_progress_steps(ch_progress *p, const char *noun, uint32_t count);
void ch_progress_step(ch_progress *p, uint32_t done, double now_s);

/* One more round is closed. */
void ch_progress_round(ch_progress *p, const ch_metrics_row *row, double now_s);

/* Writes what is still owed, then text, one sentence, on a line of its own; the progress line goes
 * on below it. */
void ch_progress_note(ch_progress *p, const char *text);

/* Takes the line off the terminal, for others to write there; true when it was on it. */
bool ch_progress_hide(ch_progress *p);

/* Puts the line back. */
void ch_progress_show(ch_progress *p);

/* Writes what is still owed and ends the line; no time is left any more. Safe to call twice. */
void ch_progress_close(ch_progress *p);

#endif
