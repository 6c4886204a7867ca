/*
 * Batch: what one group commit takes of one hosted job.
 *
 *     ch_batch_take -----> store commit -----> ch_batch_settle
 *
 * It is taken and settled with the lock of the job; what it points to is its own, or stays where it
 * is until it is settled, so that the commit in between needs no lock.
 */
#ifndef CH_NET_BATCH_H
#define CH_NET_BATCH_H

#include "net/hosted.h"

/* What one commit takes of one job. */
typedef struct ch_batch {
    ch_hosted *hosted;
    ch_commit commit; // points into the fields below
    char job_state[CH_JOB_STATE_MAX];
    uint64_t changes;
    uint8_t *state;
    uint8_t *open_round;
    ch_receipt *receipts;
    ch_closed_round *closed;
    ch_waiting *waiting;
    choir_status status; // of the commit; the committer's
    choir_error err;     // why the store refused this part alone
} ch_batch;

/* Takes what there is to commit. Returns OK; ENOMEM, and the answers that wait go on waiting. */
CHOIR_NODISCARD choir_status ch_batch_take(ch_batch *out, ch_hosted *h, uint64_t now_ms);

/* After the commit. is_kept: it is on the disk, and the answers go; else they are 503, and of a job
 * that has failed nothing is taken again. */
void ch_batch_settle(ch_batch *b, bool is_kept);

#endif
