/*
 * Schedule: a number that changes over the rounds: the learning rate, E or B.
 *
 * A schedule is a factor by which the job's own number is multiplied, 1 in the first round. It is
 * written as text, the row's name and its knobs; docs/schedule.md lists them:
 *
 *   "constant"   "step every=10 factor=0.5"   "exponential factor=0.99"
 *   "cosine rounds=100 final=0.01"            "plateau patience=5 factor=0.5"
 */
#ifndef CH_FL_SCHEDULE_H
#define CH_FL_SCHEDULE_H

#include "choir/status.h"

#include <stdint.h>

enum {
    CH_SCHEDULE_TEXT_MAX = 64, // bytes, with the terminating zero
    CH_SCHEDULE_KNOBS_MAX = 2,
};

/* What a schedule remembers of the run; everything else about it is in its text. */
typedef struct ch_progress {
    double best;   // lowest loss observed; infinity before the first
    uint32_t idle; // observations since then
    uint32_t cuts; // how often patience has run out
} ch_progress;

typedef struct ch_schedule ch_schedule;

typedef struct ch_schedule_knob {
    const char *name;
    double min; // both inclusive
    double max;
    double initial; // its default
    int is_whole;   // takes whole numbers only
} ch_schedule_knob;

typedef struct ch_schedule_ops {
    const char *name;
    ch_schedule_knob knobs[CH_SCHEDULE_KNOBS_MAX]; // the unused ones have no name

    /* The factor of a round; rounds count from 1. */
    double (*factor)(const ch_schedule *s, const ch_progress *progress, uint32_t round);

    /* Takes note of a held-out loss; NULL when the schedule does not look. */
    void (*observe)(const ch_schedule *s, ch_progress *progress, double loss);
} ch_schedule_ops;

struct ch_schedule {
    const ch_schedule_ops *ops;
    double knobs[CH_SCHEDULE_KNOBS_MAX];
};

/* Nothing observed yet. */
ch_progress ch_progress_start(void);

/*
 * what  the option's name, which messages start with: "schedule_epochs"
 *
 * Returns OK; EINVAL when the text is not of the form above, with one sentence; *s is unchanged.
 */
CHOIR_NODISCARD choir_status ch_schedule_parse(ch_schedule *s, const char *text, const char *what,
                                               choir_error *err);

/* The factor of a round, kept within [1e-6, 1e6]. */
double ch_schedule_factor(const ch_schedule *s, const ch_progress *progress, uint32_t round);

/* A loss that is not finite counts as no improvement. */
void ch_schedule_observe(const ch_schedule *s, ch_progress *progress, double loss);

/* base times the factor, to the nearest whole number, at least 1; 0 stays 0, which B = all needs.
 */
uint32_t ch_schedule_whole(const ch_schedule *s, const ch_progress *progress, uint32_t round,
                           uint32_t base);

#endif
