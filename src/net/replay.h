/* Replay: whether a hosted job's models are what its rounds' sums come to. */
#ifndef CH_NET_REPLAY_H
#define CH_NET_REPLAY_H

#include "net/operator.h"

#include <stdint.h>

typedef enum ch_replay_verdict {
    CH_REPLAY_SAME,      // the sum comes to the model that the server has
    CH_REPLAY_DISCARDED, // no quorum, or nothing to apply; the model is the one before
    CH_REPLAY_DIFFERS,   // it comes to another, or sum, receipts and summary do not agree
    CH_REPLAY_GONE,      // it cannot be said: what it takes is not kept
} ch_replay_verdict;

typedef struct ch_replay_row {
    uint32_t round;
    ch_replay_verdict verdict;
    uint32_t updates; // so many were kept, and come to the sum; 0: it was taken as it is
    char why[200];    // DIFFERS, GONE: what; else ""
} ch_replay_row;

enum { CH_REPLAY_ALL = 0 };

/*
 * Replays closed rounds of a job by the coordinator's own apply (choir/replay.h), from what the
 * server has kept of them.
 *
 * job    its name, or NAME@VERSION
 * round  one, from 1; CH_REPLAY_ALL
 * each   is told of every round, in their order
 *
 * An algorithm with momentum is replayed from round 1 on, to one round too.
 *
 * Returns OK, whatever the verdicts; EAGAIN when there is no such job or round; EPROTO when the job
 * that the server tells is none; EIO; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_replay_job(ch_operator *o, const char *job, uint32_t round,
                                           void (*each)(void *self, const ch_replay_row *row),
                                           void *self, const choir_env *env, choir_error *err);

#endif
