/*
 * Crew: worker threads that train ahead of virtual time.
 *
 * The simulator offers a training as soon as it is known when, in virtual time, its report will
 * reach the server. The crew trains in that order, as far ahead as it has rooms: a room is where an
 * update lives between its training and its acknowledgement. So memory depends on the workers and
 * not on the cohort. One more room is made when a report overtakes all that were trained ahead of
 * it, and one for each report that is lost and keeps its room until it has been sent again.
 *
 *     offer(t1) offer(t2) offer(t3) ...   in any order
 *     need(t)                             t is trained; its report can be sent
 *     settle(t)                           its room is free: the next is trained
 *
 * Trainings are needed in the order of (due_ms, client).
 */
#ifndef CH_SIM_CREW_H
#define CH_SIM_CREW_H

#include "base/pool.h"
#include "choir/coordinator.h"
#include "choir/participant.h"
#include "choir/trainer.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_crew ch_crew;
typedef struct ch_room ch_room;

/* One client's training. Owned by the simulator; between offer and need it is the crew's. */
typedef struct ch_work {
    choir_participant *participant; // borrowed
    uint32_t client;
    uint32_t number;         // below the crew's capacity: its own
    uint64_t trained_ms;     // virtual time when the training is over
    uint64_t due_ms;         // and when the report reaches the server
    choir_status status;     // of the training; valid after need
    choir_inspection report; // likewise: of the first that is sent of its report
    bool keeps;              // whether its client is to keep what the trainer leaves
    choir_bytes state;       // what it has kept, borrowed
    choir_error err;         // likewise
    ch_crew *crew;           // the crew's, like all below
    ch_room *room;           // NULL: not begun, or settled
    ch_pool_job job;
} ch_work;

/*
 * trainers  (workers) one per thread; borrowed
 * dim       numbers of an update
 * capacity  trainings that may be offered at a time
 *
 * Returns OK and an object to destroy; ENOMEM or EIO (no thread) and *out == NULL.
 */
CHOIR_NODISCARD choir_status ch_crew_create(ch_crew **out, const choir_trainer *trainers,
                                            uint32_t workers, uint32_t dim, uint32_t capacity,
                                            const choir_env *env);

/* Waits for what is being trained. Accepts NULL. */
void ch_crew_destroy(ch_crew *crew);

/* Takes a training in hand. Its number must not be among those offered already. */
void ch_crew_offer(ch_crew *crew, ch_work *work);

/*
 * Returns when work is trained: OK, with the trainer's answer in work->status; ENOMEM when there
 * was no memory for one more room.
 */
CHOIR_NODISCARD choir_status ch_crew_need(ch_crew *crew, ch_work *work);

/* What the client of a training that is needed is to keep, borrowed until the room is taken back;
 * empty: nothing. */
choir_bytes ch_crew_kept(const ch_work *work);

/* Takes the room back, for the next. The participant must not hold it any more. */
void ch_crew_settle(ch_crew *crew, ch_work *work);

/* Waits for what is being trained, forgets what was offered and takes all rooms back. */
void ch_crew_reset(ch_crew *crew);

/* Rooms there are. */
uint32_t ch_crew_rooms(const ch_crew *crew);

#endif
