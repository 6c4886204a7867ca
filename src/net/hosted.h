/*
 * Hosted: one version of a job on a server: its coordinator, and what the next commit must keep.
 *
 * What a report changes is in memory at once and on the disk with the next group commit; only then
 * its answer may go. Until then the answer waits here:
 *
 *     ch_hosted_reply ----> answer now                      nothing changed
 *            '--hold------> ch_hosted_wait                  must be kept first
 *     ch_batch_take  -----> store commit -----> ch_batch_settle: answers go; or, when the disk
 *                                                          refused, 503, and all is taken again
 *
 * A check-in with nothing to do may sleep here instead of coming back, until a round opens:
 *
 *     ch_hosted_reply ----> WAIT, and the client rather waits ----> ch_hosted_sleep
 *     ch_hosted_rouse: all are asked again when a round has closed, or a place in it is free again;
 *                      WAIT when their time is up
 *
 * So does one that comes while a round has closed and is not on the disk: a task that a crash would
 * take back must not be given. Its client would report it to a server that knows nothing of it, be
 * refused, and not do it again when it is given in earnest. Nor is it told that the last round was
 * the last.
 *
 * A coordinator is single-threaded, so all of this is, but for the commit between take and settle,
 * which needs nothing of it.
 */
#ifndef CH_NET_HOSTED_H
#define CH_NET_HOSTED_H

#include "choir/coordinator.h"
#include "choir/job.h"
#include "choir/route.h"
#include "net/http_server.h"
#include "net/model.h"
#include "store/hosting_store.h"
#include "store/metrics_row.h"

/* An answer that waits for the commit. */
typedef struct ch_waiting {
    struct ch_waiting *next;
    ch_http_exchange *exchange;
    size_t size;
    uint8_t reply[CHOIR_ANSWER_MAX];
} ch_waiting;

/* A check-in of a client that rather waits for an answer than asks again. */
typedef struct ch_sleeper {
    struct ch_sleeper *next;
    ch_http_exchange *exchange;
    uint64_t until_ms;
    bool is_patient; // it comes back at once when its time is up; else it must be told when
} ch_sleeper;

/* A round that has closed and is not on the disk; or, without a model, one that was evaluated, of
 * which there is more to say than when it closed. */
typedef struct ch_closing {
    struct ch_closing *next;
    uint32_t round;
    uint64_t closed_ms; // of the Unix epoch
    ch_model *model;    // after it; an owner; NULL: it is there
    choir_bytes sum;    // behind this; empty: not kept, or there was no quorum
    ch_metrics_row row; // the same as its summary
    size_t summary_size;
    char summary[CH_METRICS_LINE_MAX];
} ch_closing;

/* What the disk has of a job's rounds: what is shown of them, so that a crash takes nothing back.
 */
typedef struct ch_kept_rounds {
    uint32_t closed;
    choir_hash model;    // of the next
    ch_metrics_row last; // its round is 0: there is none
} ch_kept_rounds;

typedef struct ch_hosted {
    ch_hosted_row row;
    char reference[CHOIR_JOB_TEXT_MAX]; // "keyboard@3"
    bool keeps_sums;
    choir_job job;
    ch_stored yaml; // the job's text, and its initial model's head: what devices are told
    uint8_t *head;  // (head_size)
    size_t head_size;
    choir_env env;
    choir_coordinator *coordinator; // NULL, like the next and the roster: the job is not open
    ch_model *model;                // of the open round; an owner
    ch_model *offered;              // what its tasks name, where that is more; an owner
    int64_t *roster;     // (row.clients) each client's subject, as far as it came in; else 0
    ch_metrics_row last; // the round that closed last, since the server began; and before, when its
                         // model is to be evaluated
    double best_loss;    // of row.best_round's clients, while they trained; NaN: of none
    uint64_t requests;   // answered since the server began
    uint64_t bytes_up;
    uint64_t bytes_down;
    bool is_replaced;                    // a later version came, and it was not resumed since
    uint8_t own_reply[CHOIR_ANSWER_MAX]; // what is answered without the coordinator

    ch_sleeper *sleepers;
    uint32_t sleepers_count;
    uint64_t roused; // the coordinator's closings when they were asked last
    bool had_room;   // its open round then, in an open population

    uint8_t *frozen; // (frozen_size) the open round while its clock stands still; NULL: it runs
    size_t frozen_size;

    ch_kept_rounds kept; // all zero of one that is not open

    // What the next commit keeps.
    uint64_t committed;   // choir_coordinator_changes that are on the disk
    ch_receipt *receipts; // (receipts_count) each with its update, owned, where the job keeps those
    uint32_t receipts_count;
    uint32_t receipts_max;
    ch_closing *closed; // oldest first
    ch_waiting *waiting;
} ch_hosted;

/*
 * Opens a job as the store has it, where it was when it was last committed.
 *
 * keeps_sums  whether closed rounds leave their sums, for a replay
 *
 * Returns OK and an object to close; EINVAL or EPROTO when what is stored is no job that this
 * version of choir can run; EIO; ENOMEM. *out == NULL on failure.
 */
CHOIR_NODISCARD choir_status ch_hosted_open(ch_hosted **out, ch_hosting_store *store,
                                            const ch_hosted_row *row, bool keeps_sums,
                                            uint64_t now_ms, const choir_env *env,
                                            choir_error *err);

/*
 * Makes a job that no store has yet, at its start, so that nothing changes where there is no memory
 * for it. Its row's id is to be set once a store has it.
 *
 * yaml    its text, copied
 * bundle  its initial model, as safetensors; borrowed for the call
 *
 * Returns OK and an object to close; EINVAL or EPROTO when they are no job; ENOMEM. *out == NULL on
 * failure.
 */
CHOIR_NODISCARD choir_status ch_hosted_create(ch_hosted **out, const ch_hosted_row *row,
                                              choir_bytes yaml, choir_bytes bundle, bool keeps_sums,
                                              uint64_t now_ms, const choir_env *env,
                                              choir_error *err);

/*
 * Stands for a job that cannot be opened, which the log is told with why, any text. One that was
 * running or paused has failed; others are what they were. The store is not changed: to go on it is
 * closed and opened again.
 *
 * Returns OK and an object to close; ENOMEM, and *out == NULL.
 */
CHOIR_NODISCARD choir_status ch_hosted_absent(ch_hosted **out, ch_hosting_store *store,
                                              const ch_hosted_row *row, const char *why,
                                              const choir_env *env, choir_error *err);

/* Whether there is a coordinator, a model and a roster: false of one that only stands for a job. */
bool ch_hosted_is_open(const ch_hosted *h);

/* Rounds that have closed, those among them that are not on the disk; 0 of one that is not open. */
uint32_t ch_hosted_round(const ch_hosted *h);

/* Its state as it is shown: one whose last round is not on the disk is not finished. */
const char *ch_hosted_shown_state(const ch_hosted *h);

/* Takes the open round's model, to be served, and what its tasks name, where that is more. Returns
 * OK; ENOMEM, and those of the round before stay. */
CHOIR_NODISCARD choir_status ch_hosted_model_refresh(ch_hosted *h);

/* Answers that still wait get a 503 that says why; NULL: they have been answered, with the HTTP
 * server's end. Accepts NULL for h. */
void ch_hosted_close(ch_hosted *h, const char *why);

/* Whether rounds go on: the job is neither paused, nor stopped, nor at its end. */
bool ch_hosted_is_running(const ch_hosted *h);

/* Makes it a job that has failed, which the log is told with its reference and why, any text.
 * Answers that wait get a 503; who sleeps is to be roused. */
void ch_hosted_fail(ch_hosted *h, const char *why);

/* Whether a round could not be noted, or the store refused it. Nothing of it is committed any more;
 * to go on it is closed and opened again, where it was when it was last committed. */
bool ch_hosted_has_failed(const ch_hosted *h);

/*
 * Answers one request of a client whose subject has been checked.
 *
 * hold  out: a report's answer must wait for the commit, ch_hosted_wait; a check-in must sleep,
 *       ch_hosted_sleep
 *
 * Returns the reply, borrowed until the next call; empty for a check-in that must sleep.
 */
choir_bytes ch_hosted_reply(ch_hosted *h, uint64_t now_ms, const choir_route *route,
                            choir_bytes request, bool *hold);

/* Keeps an exchange and its reply until the commit. Without memory it is answered 503 at once. */
void ch_hosted_wait(ch_hosted *h, ch_http_exchange *x, choir_bytes reply);

/*
 * Lets a check-in sleep, until a round opens or patience_ms are over; 0: until the next commit.
 * Returns false when there is no room for it: it is to be answered.
 */
bool ch_hosted_sleep(ch_hosted *h, ch_http_exchange *x, uint64_t now_ms, uint64_t patience_ms);

/* Closes rounds whose time is up; then answers sleepers that have something to do now, or whose
 * time is up, but none while a round that has closed is not on the disk. Returns when the next
 * one's is; UINT64_MAX for never. */
uint64_t ch_hosted_rouse(ch_hosted *h, uint64_t now_ms);

/* Answers those of a subject that has been revoked: 401. */
void ch_hosted_revoke(ch_hosted *h, int64_t subject);

/* Answers all sleepers with a 503 that says why; NULL: they have been answered. */
void ch_hosted_disturb(ch_hosted *h, const char *why);

/*
 * Stops the clock of a job that does not run, and lets it run again: the open round has as much
 * time left as it had, across restarts too. Frozen twice is frozen; what is not frozen thaws to
 * nothing.
 *
 * freeze  ENOMEM and the clock runs on
 */
CHOIR_NODISCARD choir_status ch_hosted_freeze(ch_hosted *h, uint64_t now_ms);
void ch_hosted_thaw(ch_hosted *h, uint64_t now_ms);

/* Closes rounds whose time is up: up to 64, which are to be committed before it is called again, as
 * rounds that draw nobody are over when they open. */
void ch_hosted_tick(ch_hosted *h, uint64_t now_ms);

/* When tick has something to do; UINT64_MAX when never. */
uint64_t ch_hosted_deadline_ms(const ch_hosted *h);

/* Whether what it is now may be kept: it is open, and has not failed. */
bool ch_hosted_may_commit(const ch_hosted *h);

/* Whether there is something to commit, or an answer that waits for it: batch.h. */
bool ch_hosted_wants_commit(const ch_hosted *h);

/* Frees what a receipt keeps of a report. */
void ch_receipt_release(const ch_hosted *h, ch_receipt *receipt);

/* Frees a closing, which nothing points to any more. */
void ch_closing_release(const ch_hosted *h, ch_closing *c);

/* Answers with the bytes of a Reply. */
void ch_answer_reply(ch_http_exchange *x, choir_bytes reply);

/* Says in an answer that the server cannot do now what it will be able to do in a while. */
void ch_answer_busy(ch_http_exchange *x, const char *why);

#endif
