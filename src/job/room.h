/*
 * Room: whether what a hosted job has to keep fits the store, whose values are bounded.
 *
 *     state       between rounds   4 bytes a parameter, and what the algorithm has of each
 *     open round  and its sum      8 bytes a parameter, and the standing of each client
 *
 * A job that does not fit could never be committed; it is refused before it is hosted.
 */
#ifndef CH_JOB_ROOM_H
#define CH_JOB_ROOM_H

#include "choir/coordinator.h"

/*
 * Whether each value of the job is at most value_max bytes, whatever its rounds come to.
 *
 * o            of its coordinator: dim, clients and algorithm matter, the last a name that is known
 * state_bytes  choir_coordinator_state_bytes of that
 * value_max    bytes that the store takes in one value
 *
 * Returns OK; EINVAL with a sentence that has the largest dim that fits, with as many clients.
 */
CHOIR_NODISCARD choir_status ch_job_room_check(const choir_coordinator_options *o,
                                               size_t state_bytes, uint64_t value_max,
                                               choir_error *err);

#endif
