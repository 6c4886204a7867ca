/*
 * Participant: the device side of the protocol, driven by its host.
 *
 * The host asks what to do next and reports what became of it. The participant never blocks,
 * starts nothing and owns no thread, so it fits a phone's background job, a browser and a
 * simulation of a million devices. Its state is about a kilobyte; the room for an update is lent to
 * it by the host, only from TRAIN until the report is settled.
 *
 *     choir_intent intent;
 *     choir_participant_next(p, now_ms, &intent);
 *     switch (intent.kind) {
 *     case CHOIR_INTENT_SEND:   // carry intent.request; then _receive(p, ...) or _lost(p)
 *     case CHOIR_INTENT_FETCH:  // get intent.task->model, choir_blob_open, then _fetched(p, ...)
 *     case CHOIR_INTENT_TRAIN:  // when charging and idle: choir_participant_train(p, ...)
 *     case CHOIR_INTENT_WAIT:   // come back at intent.wake_ms
 *     case CHOIR_INTENT_DONE:   // nothing left, intent.why says why: destroy or reset it
 *     }
 */
#ifndef CHOIR_PARTICIPANT_H
#define CHOIR_PARTICIPANT_H

#include "choir/blob.h"
#include "choir/bytes.h"
#include "choir/coordinator.h"
#include "choir/env.h"
#include "choir/status.h"
#include "choir/trainer.h"
#include "choir/why.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_participant choir_participant;

/* Room for one update on its way: the request that carries it. Single-threaded, reusable. */
typedef struct choir_workspace choir_workspace;

typedef enum choir_intent_kind {
    CHOIR_INTENT_SEND,
    CHOIR_INTENT_FETCH,
    CHOIR_INTENT_TRAIN,
    CHOIR_INTENT_WAIT,
    CHOIR_INTENT_DONE,
} choir_intent_kind;

typedef struct choir_intent {
    choir_intent_kind kind;
    choir_bytes request;     // SEND: borrowed until the next call on the participant
    const choir_task *task;  // FETCH, TRAIN and a report's SENDs: borrowed likewise; else NULL
    choir_exchange exchange; // of a report's SENDs, which of them; else NONE
    uint64_t wake_ms;        // WAIT: in the clock of now_ms
    choir_why why;           // WAIT, DONE: as the coordinator said it; NONE where it said nothing
} choir_intent;

typedef struct choir_participant_options {
    const char *job;   // to take part in, by its name; copied; default "", where there is only one
    uint32_t client;   // this device's registered id
    uint32_t dim_max;  // largest model this device will accept, and most numbers that a task may
                       // have it fetch or send, 1 .. CHOIR_DIM_MAX; required
    uint32_t retry_ms; // pause after a lost request; default 1000
} choir_participant_options;

choir_participant_options choir_participant_defaults(void);

/*
 * options and env are copied, the job's name included; what env points to must outlive the
 * participant. Returns OK; EINVAL or ENOMEM and *out == NULL.
 */
CHOIR_NODISCARD choir_status choir_participant_create(choir_participant **out,
                                                      const choir_participant_options *options,
                                                      const choir_env *env, choir_error *err);

/* Accepts NULL. A workspace it still borrows is the host's to release. */
void choir_participant_destroy(choir_participant *p);

/* Forgets everything and becomes the given client, as if just created. For pools. */
void choir_participant_reset(choir_participant *p, uint32_t client);

/* Room for updates of up to dim_max parameters. ENOMEM and *out == NULL when there is none. */
CHOIR_NODISCARD choir_status choir_workspace_create(choir_workspace **out, uint32_t dim_max,
                                                    const choir_env *env);
void choir_workspace_destroy(choir_workspace *w);

/* Bytes that a participant, and a workspace for updates of up to dim parameters, claim. */
size_t choir_participant_bytes(void);
size_t choir_workspace_bytes(uint32_t dim);

/* What the host should do now. Asking twice gives the same answer. */
void choir_participant_next(choir_participant *p, uint64_t now_ms, choir_intent *intent);

/*
 * The reply to the last SEND.
 *
 * Returns OK; EPROTO when the bytes were ignored, and the request will be sent again after
 * retry_ms; ERANGE when the task asks for what this device cannot do (dim_max, an unknown link): it
 * is not done, and the next SEND says so.
 */
CHOIR_NODISCARD choir_status choir_participant_receive(choir_participant *p, uint64_t now_ms,
                                                       choir_bytes reply);

/*
 * The model of the last FETCH. blob is borrowed until the participant has trained.
 * EPROTO when it is not the task's model: as if the FETCH had been lost.
 */
CHOIR_NODISCARD choir_status choir_participant_fetched(choir_participant *p, uint64_t now_ms,
                                                       const choir_blob *blob);

/*
 * The task of a FETCH or TRAIN is not done, because the device's owner will not have it: the next
 * SEND says so, as for a task that asks for what the device cannot do.
 */
void choir_participant_decline(choir_participant *p, uint64_t now_ms);

/*
 * Of the task of a TRAIN that lets clients do less (task->partial), only so many epochs are to be
 * done, 1 .. task->epochs: the device has no time for more. Its update counts like any other.
 */
void choir_participant_shorten(choir_participant *p, uint32_t epochs);

/*
 * The last SEND got no reply: it will be sent again after retry_ms. Or the last FETCH got no model:
 * the participant will check in again, because its round may be over.
 */
void choir_participant_lost(choir_participant *p, uint64_t now_ms);

/*
 * Runs the trainer and prepares the report: it trains or evaluates, as the task's purpose says. The
 * one slow call; see choir_trainer_ops. The
 * participant may be used from one thread at a time, so this may run on a worker.
 *
 * room  at least choir_task_sent and the task's dim; borrowed until the participant's next intent
 * is neither one of a report's SENDs nor a WAIT before one: choir_participant_holds says so
 *
 * A trainer that fails with ERANGE, EAGAIN or EINVAL leaves a report that says so (diverged, no
 * data, unsupported), and the status is returned. On any other failure the task is dropped and the
 * participant checks in again after retry_ms.
 */
CHOIR_NODISCARD choir_status choir_participant_train(choir_participant *p, uint64_t now_ms,
                                                     choir_trainer trainer, choir_workspace *room,
                                                     choir_error *err);

/*
 * Whether the report that was answered last was refused, itself or when it was announced. That an
 * earlier copy of it is in the sum is no refusal.
 *
 * refusal  out, when it was: why; COUNT for a reason that is not known here
 */
bool choir_participant_is_refused(const choir_participant *p, choir_refusal *refusal);

/*
 * What the trainer measured in the last choir_participant_train, before the chain had its way with
 * it: the host's to show, and sent to nobody as it is. Zeros while there was none, and of a trainer
 * that failed before its first step.
 */
choir_metrics choir_participant_metrics(const choir_participant *p);

/* The workspace it borrows now, or NULL. */
choir_workspace *choir_participant_holds(const choir_participant *p);

/*
 * Keeping what is under way, so that a process that ends costs no training:
 *
 *     choir_participant_save(p, &saved);
 *     write saved.head, then saved.report, to a file that is replaced at once
 *     ... later, in another process, with the file's bytes ...
 *     choir_participant_saved_about(&about, bytes, &err);  // which room it needs
 *     choir_participant_restore(p, now_ms, bytes, room, &err);
 *
 * What is kept is the task and, once there is one, the report. The model is not: it is named by its
 * hash, and FETCH gets it again, from any cache. The format has a version; what another version
 * wrote is refused, never guessed at.
 */
enum { CHOIR_SAVED_HEAD_MAX = 1024 };

typedef struct choir_saved {
    uint8_t head[CHOIR_SAVED_HEAD_MAX]; // (head_size)
    size_t head_size;                   // bytes; 0: nothing is under way
    choir_bytes report; // to be written behind the head; borrowed until the next call on the
                        // participant; empty while it has none
} choir_saved;

/* What there is to keep now. The same as long as the participant has the same under way; reads all
 * of a report, for a checksum. */
void choir_participant_save(const choir_participant *p, choir_saved *out);

/* What saved bytes are of. */
typedef struct choir_saved_about {
    choir_task task;
    uint32_t client;   // whose
    bool has_report;   // it is trained, or it failed
    uint32_t room_dim; // parameters of the update in the report; 0: none
} choir_saved_about;

/*
 * Looks at saved bytes.
 *
 * state  head and report; borrowed for the call
 *
 * Returns OK; EPROTO when they are damaged or of another version of choir; err says which, and *out
 * is unchanged.
 */
CHOIR_NODISCARD choir_status choir_participant_saved_about(choir_saved_about *out,
                                                           choir_bytes state, choir_error *err);

/*
 * Goes on with what was saved: next is a FETCH, or the first of the report's SENDs. Whatever was
 * under way is forgotten.
 *
 * state  borrowed for the call
 * room   at least room_dim; the report is copied into it, and it is borrowed as by _train; may be
 *        NULL when room_dim is 0
 *
 * Returns OK; EPROTO as above; EINVAL when it is another client's, or of another job; ERANGE when
 * the task asks for what this device cannot do, and no report says so yet. On failure the
 * participant is unchanged.
 */
CHOIR_NODISCARD choir_status choir_participant_restore(choir_participant *p, uint64_t now_ms,
                                                       choir_bytes state, choir_workspace *room,
                                                       choir_error *err);

#ifdef __cplusplus
}
#endif

#endif
