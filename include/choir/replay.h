/*
 * Replay: a job's models once more, from the sums of its rounds.
 *
 * What a coordinator does when a round closes is a function of the options, the model before it and
 * the sum of what was reported. Whoever has kept the sums can do it again and compare hashes:
 *
 *     choir_replay_create(&r, initial parameters, &options, &env, &err);
 *     for every round:  choir_replay_round(r, reports, examples, sum, &err)
 *                       choir_replay_hash(r) is the hash of the model after it
 */
#ifndef CHOIR_REPLAY_H
#define CHOIR_REPLAY_H

#include "choir/bytes.h"
#include "choir/coordinator.h"
#include "choir/env.h"
#include "choir/status.h"
#include "choir/task.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_replay choir_replay;

/*
 * Begins from a model: the initial one, or, for an algorithm without a state, that before any
 * round.
 *
 * params   (options->dim) copied
 * options  of the coordinator; copied
 * env      copied
 *
 * Returns as choir_coordinator_create.
 */
CHOIR_NODISCARD choir_status choir_replay_create(choir_replay **out, const float *params,
                                                 const choir_coordinator_options *options,
                                                 const choir_env *env, choir_error *err);

/* Accepts NULL. */
void choir_replay_destroy(choir_replay *r);

/* Whether rounds leave more to the next than the model, as momentum: then all rounds must be
 * replayed, from the first on. */
bool choir_replay_has_state(const choir_replay *r);

/*
 * Adds a report to what is gathered for the round that is replayed next, as the coordinator counted
 * it: where reports were kept, a round's sum can be made from them once more. The order does not
 * matter.
 *
 * request  a Request with a report, as the coordinator got it; borrowed
 *
 * Returns OK; EPROTO when it is no report that the coordinator would have counted on the model as
 * it is, or one more than a round has; ENOMEM; what is gathered is then as it was.
 */
CHOIR_NODISCARD choir_status choir_replay_report(choir_replay *r, choir_bytes request,
                                                 choir_error *err);

/*
 * The sum of what was gathered since the last round, int64, as choir_coordinator_sum; empty when
 * that is nothing. Borrowed until the next call but choir_replay_round, which may be given it and
 * forgets it.
 *
 * reports, examples  out: how many there were, and how they weigh
 */
choir_bytes choir_replay_gathered(const choir_replay *r, uint32_t *reports, uint64_t *examples);

/*
 * Closes a round as the coordinator did: applies its sum, unless there was no quorum, or the
 * algorithm could not, as choir_coordinator_unfit has it.
 *
 * reports, examples  as its choir_round_summary has them
 * sum                as choir_coordinator_sum gave it, 8-byte aligned; borrowed; not looked at
 *                    without a quorum
 *
 * Returns OK; EPROTO when the sum has another size, or is none of so many reports and examples; r
 * is then unchanged.
 */
CHOIR_NODISCARD choir_status choir_replay_round(choir_replay *r, uint32_t reports,
                                                uint64_t examples, choir_bytes sum,
                                                choir_error *err);

/* Of the model after the last round that was replayed. */
choir_hash choir_replay_hash(const choir_replay *r);

#ifdef __cplusplus
}
#endif

#endif
