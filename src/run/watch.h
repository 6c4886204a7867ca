/*
 * Watch: trainers that train as others do, and remember who diverged first.
 *
 *     ch_watch_init(&w, trainers, workers)      the simulator is given w.trainers
 *     ch_watch_round(&w, &client, &loss)        after each round
 */
#ifndef CH_RUN_WATCH_H
#define CH_RUN_WATCH_H

#include "choir/trainer.h"
#include "run/session.h"

#include <stdbool.h>

/* One worker's trainer, and the first by number of the clients that diverged on it. */
typedef struct ch_watched {
    choir_trainer inner; // borrowed
    bool has_diverged;
    uint32_t client;
    double loss; // mean over the examples until it broke off; not finite when it left the numbers
} ch_watched;

typedef struct ch_watch {
    ch_watched watched[CH_WORKERS_MAX]; // (workers)
    choir_trainer trainers[CH_WORKERS_MAX];
    choir_trainer_ops ops; // theirs
    uint32_t workers;
} ch_watch;

/* *w must stay where it is while its trainers are used. */
void ch_watch_init(ch_watch *w, const choir_trainer *trainers, uint32_t workers);

/* Of the clients that diverged since the last call the first by number; false when none did. While
 * nobody trains. */
bool ch_watch_round(ch_watch *w, uint32_t *client, double *loss);

#endif
