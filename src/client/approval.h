/*
 * Approval: what the device's owner accepts, held against what a job offered and each task asks.
 *
 * How long a training takes is known from those before: the fastest counts, for a day; then it is
 * measured anew, so that one that was slow once does not keep the device out for good.
 */
#ifndef CH_CLIENT_APPROVAL_H
#define CH_CLIENT_APPROVAL_H

#include "choir/client.h"

typedef struct ch_approval {
    choir_policy policy;
    uint32_t version;    // of the job that the next four are of; 0: none yet
    choir_terms offered; // with what is known of the device's data
    bool is_read;        // its text was understood
    choir_error unread;  // why not
    uint64_t look_ms;    // it is refused, and looked at again then; 0: it is not
    uint32_t client;     // that the device is in it

    choir_trainer trainer;      // of the training under way
    uint32_t examples;          // of the last training; CHOIR_TERMS_UNKNOWN before
    double examples_per_ms;     // of the fastest; 0: none
    uint64_t examples_timed_ms; // when that was first measured
} ch_approval;

/* Takes the policy, which is NULL for none. Returns OK; EINVAL. */
CHOIR_NODISCARD choir_status ch_approval_init(ch_approval *a, const choir_policy *policy,
                                              choir_error *err);

/*
 * Whether the policy accepts the job; else event is the REJECTED that says why not, whose wake_ms
 * is the time to see whether there is a next version: it has passed when the job was joined again
 * since.
 *
 * trainer  of the version before, or empty, while there is none for the offer
 */
bool ch_approval_of_job(ch_approval *a, const choir_offer *offer, choir_trainer trainer,
                        uint64_t now_ms, choir_event *event);

/* The same for a task of the job that was accepted last, which must ask for no more than that. */
bool ch_approval_of_task(ch_approval *a, const choir_task *task, choir_trainer trainer,
                         uint64_t now_ms, choir_event *event);

/*
 * The trainer, with a watch, and answering EAGAIN where the data turn out to be too few. Borrowed
 * from a until the next call.
 */
choir_trainer ch_approval_trainer(ch_approval *a, choir_trainer trainer);

#endif
