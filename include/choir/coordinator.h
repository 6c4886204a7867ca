/*
 * Coordinator: the server side of the protocol, without a server.
 *
 * It opens no socket, starts no thread, reads no clock and makes no random choice of its own:
 * requests go in, replies come out, time is an argument, chance is a seed. An HTTP server, the
 * simulator and a replay of a log file drive the same object and get the same model.
 *
 *     loop:  on request r      reply = choir_coordinator_reply(c, now_ms, r)
 *            on FETCH of h     choir_coordinator_model(c, &h, &bytes)
 *            at the deadline   choir_coordinator_tick(c, now_ms)
 */
#ifndef CHOIR_COORDINATOR_H
#define CHOIR_COORDINATOR_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"
#include "choir/task.h"
#include "choir/trainer.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_coordinator choir_coordinator;

//  name, text: why an update was not added, or a client sampled in vain
#define CHOIR_REFUSAL_MAP(X)                                                                       \
    X(MALFORMED, "malformed")     /* bytes that do not parse */                                    \
    X(STALE, "stale")             /* for a round that has closed, or another job's */              \
    X(DUPLICATE, "duplicate")     /* this client has been counted in this round */                 \
    X(UNSAMPLED, "unsampled")     /* not in the round's cohort */                                  \
    X(SIZE, "wrong_size")         /* not (dim) parameters, or no examples */                       \
    X(NOT_FINITE, "not_finite")   /* NaN or infinity among them */                                 \
    X(NORM, "norm")               /* longer than the clip link or update_norm_max allows */        \
    X(RANGE, "out_of_range")      /* a coordinate beyond coordinate_max */                         \
    X(DIVERGED, "diverged")       /* the client says its training left the finite numbers */       \
    X(NO_DATA, "no_data")         /* the client says it has no examples */                         \
    X(PROTOCOL, "protocol")       /* the sender speaks another version */                          \
    X(UNSUPPORTED, "unsupported") /* the client cannot do, or did not do, what the task asks */    \
    X(MISSING, "missing")         /* sampled, and silent when the round closed */

typedef enum choir_refusal {
#define X(name, text) CHOIR_REFUSAL_##name,
    CHOIR_REFUSAL_MAP(X)
#undef X
        CHOIR_REFUSAL_COUNT,
} choir_refusal;

/* "not_finite". Never NULL. */
const char *choir_refusal_text(choir_refusal refusal);

typedef struct choir_coordinator_options {
    const char *job;  // what tasks say whose they are: "keyboard@3", less than CHOIR_JOB_TEXT_MAX
                      // bytes; default "", where there is only one
    uint32_t dim;     // parameters in the model; required
    uint32_t clients; // K: registered clients, ids 0 .. clients-1; required; at most 2^31; in an
                      // open population only the bound of their ids
    uint32_t rounds;  // to run; default 1

    const char *population; // "closed": a roster, of which every round's cohort is drawn; "open":
                            // whoever checks in while there is room; default "closed"
    const char *sampler;    // closed: "fixed": exactly max(round(C K), 1) a round; "poisson": each
                            // with probability C; open: one of these too, and not heeded; default
                            // "fixed"
    double sample_rate;     // closed: C, (0, 1]; default 1
    uint32_t goal;         // open: reports with which a round closes, 1 .. clients; required there,
                           // 0 in a closed population
    double over_selection; // open: at most ceil(goal times this) clients hold a task of the round,
                           // [1, 100]; default 1.3
    uint32_t rounds_between; // open: for so many rounds a client is left out after one that counted
                             // it; times goal at most CHOIR_RECENT_MAX; default 0
    uint32_t quorum;         // reports without which a round is discarded at its deadline, at most
                             // the largest cohort, or the goal; default 1
    uint32_t deadline_ms;    // a round closes when all reported, or the goal is reached, or this
                             // long after opening (the first opens with the first request or
                             // tick); default 600 000

    uint32_t evaluation_every; // after so many applied rounds the model is measured by clients on
                               // their held-out examples, in a round of its own; 0, the default:
                               // never

    const char *algorithm;      // a row of docs/algorithm.md; default "fedavg"
    float server_learning_rate; // eta_s, > 0; default 1
    float server_momentum;      // fedavgm's beta, [0, 1); default 0.9
    float server_beta1;         // of fedadam and fedyogi, [0, 1); default 0.9
    float server_beta2;         // likewise; default 0.99
    float server_tau;           // of fedadagrad, fedadam and fedyogi, > 0; default 1e-3
    float server_q;             // q-fedavg's q, [0, 10]; default 1

    uint32_t client_epochs;             // E; default 1
    uint32_t client_batch_size;         // B, 0 = all; default 10
    float client_learning_rate;         // eta, > 0; default 0.1
    float client_momentum;              // default 0
    float client_weight_decay;          // default 0
    float client_proximal_mu;           // default 0
    const char *schedule_learning_rate; // see docs/schedule.md; default "constant"
    const char *schedule_epochs;        // default "constant"
    const char *schedule_batch_size;    // default "constant"

    const char *chain;      // see docs/chain.md; default "weight"
    uint32_t examples_max;  // a report's n is capped to this; default 65 536
    double update_norm_max; // L2 norm beyond which an update is refused; default 1e4
    double coordinate_max;  // magnitude beyond which an update is refused; default 16
    uint64_t seed;          // of the whole run; default 1

    bool announce; // whether a client asks, when it has trained, if its update is still wanted, and
                   // sends it when it is; changes no model; default false

    bool keep_sum; // whether the sum of the round that closed last is kept, for a replay, in 8
                   // bytes a parameter; changes nothing else; default false
} choir_coordinator_options;

/* What became of one round. */
typedef struct choir_round_summary {
    uint32_t round;        // the first is 1
    uint32_t cohort;       // clients sampled, or taken in
    uint32_t reports;      // updates in the sum
    bool applied;          // false: no quorum, or choir_coordinator_unfit: the model is unchanged
    uint64_t examples;     // sum of the reports' capped n
    choir_metrics metrics; // sum over the reports, as the chain lets them count
    uint32_t refused[CHOIR_REFUSAL_COUNT]; // by reason
    float learning_rate;                   // as planned for this round
    uint32_t epochs, batch_size;           // likewise
} choir_round_summary;

enum { CHOIR_RECENT_MAX = 1 << 22 }; // the most of rounds_between times goal

/* Every field that has a default, set to it. Start here and change what you mean to change. */
choir_coordinator_options choir_coordinator_defaults(void);

/*
 * Makes a coordinator. All memory it will ever use is claimed here.
 *
 * params   (options->dim) initial global parameters, all within 1e30; copied
 * options  copied, texts included
 * env      copied
 * err      which option is wrong, when EINVAL; may be NULL
 *
 * Returns OK and an object to destroy; EINVAL or ENOMEM and *out == NULL.
 */
CHOIR_NODISCARD choir_status choir_coordinator_create(choir_coordinator **out, const float *params,
                                                      const choir_coordinator_options *options,
                                                      const choir_env *env, choir_error *err);

/* Accepts NULL. */
void choir_coordinator_destroy(choir_coordinator *c);

/*
 * What the bytes of a request tell without the coordinator: most of the work that a report makes,
 * for whoever has threads to spare.
 */
typedef struct choir_inspection {
    choir_bytes request; // that was inspected, borrowed
    bool is_intact;      // the checksum is right; when it is not, nothing below is told
    bool is_measured;    // it is a report whose parameters lie in one piece; else nothing is told
    bool is_finite;      // no parameter is NaN or infinite
    float magnitude;     // the largest of them, without its sign
    double norm;         // L2
} choir_inspection;

/* Reads a request, of whatever quality. May be called from any thread. */
choir_inspection choir_request_inspect(choir_bytes request);

/*
 * Answers one request. Always answers: bytes that do not parse get REFUSED. A report that is
 * refused ends its client's round: the same client is told the same again, and gets no further task
 * in it. An announcement changes nothing but the count of refusals: it is told what its report
 * would be, as far as can be told without it, or to proceed.
 *
 * now_ms  any monotonic clock; must not go backwards between calls
 * Returns the reply, borrowed until the next call on c.
 */
choir_bytes choir_coordinator_reply(choir_coordinator *c, uint64_t now_ms, choir_bytes request);

/* Answers a request that was inspected, and has not changed since: the same answer, sooner. */
choir_bytes choir_coordinator_reply_inspected(choir_coordinator *c, uint64_t now_ms,
                                              const choir_inspection *inspection);

/*
 * Whether a report, or its announcement, is of a client that has been counted in its round: what to
 * tell it, where no round goes on, is then DUPLICATE, and not that it comes too late. Nothing is
 * changed. False too for bytes that are neither, and for a round too long ago to be known.
 */
bool choir_coordinator_has_counted(const choir_coordinator *c, choir_bytes request);

/*
 * The bytes that a hash names: of the current global model, little-endian fp32 in layout order, or
 * of that and behind it what the open round's method gives clients beside.
 *
 * Returns OK and *out, borrowed until the round closes; ESTALE when hash names another model.
 */
CHOIR_NODISCARD choir_status choir_coordinator_model(const choir_coordinator *c,
                                                     const choir_hash *hash, choir_bytes *out);

/*
 * Opens the first round; closes the open one if its time is up or nobody is in it, one round a
 * call. Cheap; call it once at the start and whenever you wake.
 */
void choir_coordinator_tick(choir_coordinator *c, uint64_t now_ms);

/* When tick will next have something to do, in the clock of now_ms; UINT64_MAX when never. */
uint64_t choir_coordinator_deadline_ms(const choir_coordinator *c);

/* The open round's clients, ascending; borrowed until the next call on c. In an open population
 * those taken in so far. Empty when done. */
const uint32_t *choir_coordinator_cohort(const choir_coordinator *c, uint32_t *count);

/* Whether a client that checks in may be taken in, in an open population: a place is free. */
bool choir_coordinator_has_room(const choir_coordinator *c);

/* The most clients that any round can have. */
uint32_t choir_coordinator_cohort_max(const choir_coordinator *c);

/* Training rounds closed so far; and whether all rounds are, the last evaluation too. */
uint32_t choir_coordinator_round(const choir_coordinator *c);
bool choir_coordinator_is_done(const choir_coordinator *c);

/* The last closed training round; borrowed until the next one closes. All zero before the first. */
const choir_round_summary *choir_coordinator_summary(const choir_coordinator *c);

/* Why the last closed training round was not applied though a quorum reported: what is wrong with
 * what the algorithm sums, and what helps; "": it was, or there was no quorum. Of static storage.
 */
const char *choir_coordinator_unfit(const choir_coordinator *c);

/*
 * The last closed evaluation round, likewise: its .round is that of the model, .cohort who was
 * asked, .examples and .metrics what was measured, and .applied whether that was by a quorum.
 */
const choir_round_summary *choir_coordinator_evaluation(const choir_coordinator *c);

/* Whether the open round is to evaluate: the model of the last closed one. */
bool choir_coordinator_is_evaluating(const choir_coordinator *c);

/* Rounds of either kind closed in this object's life: grows when one closes. */
uint64_t choir_coordinator_closings(const choir_coordinator *c);

/*
 * The sum of the round that closed last, with options.keep_sum: int64_t, one for each number of a
 * report, borrowed until the next one closes; see choir/replay.h. Empty before the first that
 * closes in this object's life.
 */
choir_bytes choir_coordinator_sum(const choir_coordinator *c);

/* (dim) current global parameters; borrowed until the next call on c. */
const float *choir_coordinator_params(const choir_coordinator *c);

/* The current global parameters' hash. */
choir_hash choir_coordinator_hash(const choir_coordinator *c);

/* Of what tasks to train name: the same, unless the algorithm gives clients more than the model. */
choir_hash choir_coordinator_offered(const choir_coordinator *c);

/* The most numbers that a task has a client fetch, or send in a report: dim, or more. */
uint32_t choir_coordinator_moved(const choir_coordinator *c);

/*
 * Tells schedules that watch progress ("plateau") the loss of the model on held-out data. It counts
 * for the open round when nobody has been given its task yet, and else from the next one on.
 */
void choir_coordinator_observe(choir_coordinator *c, double loss);

/*
 * Saves and restores what one round leaves to the next. Everything else is a function of the
 * options, so a coordinator made with equal options and restored continues to the same model: from
 * the start of its open round, whatever has been reported in that.
 *
 * save     out (choir_coordinator_state_bytes(c)) bytes
 *          the summary of the last round, and why it was not applied, is not part of it
 * restore  EPROTO when the state is not one of this job's (size, magic, options' digest);
 *          c is then unchanged
 */
size_t choir_coordinator_state_bytes(const choir_coordinator *c);
void choir_coordinator_save(const choir_coordinator *c, uint8_t *out);
CHOIR_NODISCARD choir_status choir_coordinator_restore(choir_coordinator *c, choir_bytes state,
                                                       choir_error *err);

/*
 * Saves and restores what the open round holds: the sum, who is in it, who was refused, and how
 * much of its time is left. What a server commits before it lets an answer to a report go, so that
 * nothing acknowledged is lost and nothing is added twice.
 *
 * round_save     out (choir_coordinator_round_bytes(c)) bytes
 * round_restore  into a coordinator whose open round is the one that was saved and which has not
 *                been asked anything in it: after choir_coordinator_restore of the state before it.
 *                The deadline is as far away as it was. EPROTO when it is another round's or
 *                damaged; c is then unchanged
 */
size_t choir_coordinator_round_bytes(const choir_coordinator *c);
void choir_coordinator_round_save(const choir_coordinator *c, uint64_t now_ms, uint8_t *out);
CHOIR_NODISCARD choir_status choir_coordinator_round_restore(choir_coordinator *c, uint64_t now_ms,
                                                             choir_bytes saved, choir_error *err);

/*
 * Counts what must not be forgotten: a report that was counted or refused, a client that was taken
 * in, a round that closed. A
 * server that sees it unchanged after a reply has nothing to commit.
 */
uint64_t choir_coordinator_changes(const choir_coordinator *c);

#ifdef __cplusplus
}
#endif

#endif
