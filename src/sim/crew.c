/* Crew: see crew.h. */
#include "sim/crew.h"

#include "base/arena.h"
#include "base/assert.h"
#include "sim/timeline.h"

enum {
    ROOMS_PER_WORKER = 2,        // one is trained in while the other is folded
    SMALL_ROOMS_PER_WORKER = 16, // small updates are trained in less time than a thread wakes in
    SMALL_ROOMS_BYTES = 1 << 20, // as long as they take no more than this together: a cache's part
};

struct ch_room {
    choir_workspace *workspace; // owned
    ch_work *work;              // that has it; NULL: free
    uint8_t *kept;              // (state_bytes_max) owned; NULL: trainers keep nothing
    uint32_t kept_size;         // of it, by the training in the room
    ch_room *next;
};

struct ch_crew {
    choir_env env;
    ch_arena arena; // owns offered's moments and works
    ch_pool *pool;  // owned
    const choir_trainer *trainers;
    uint32_t dim;
    uint32_t ahead_max; // rooms there are at first, and trainings that may run ahead of need
    uint32_t ahead;     // begun, not needed yet
    uint32_t rooms_count;
    ch_room *rooms;      // owned: all of them
    ch_timeline offered; // not begun
    ch_work **works;     // (capacity) by number
};

// ----- rooms ------------------------------------------------------------------------------------

static void room_release(const ch_crew *crew, ch_room *room) {
    choir_workspace_destroy(room->workspace);
    if (room->kept != NULL) {
        crew->env.free(crew->env.self, room->kept);
    }
    crew->env.free(crew->env.self, room);
}

static choir_status room_make(ch_crew *crew) {
    const choir_env *env = &crew->env;
    ch_room *room = env->alloc(env->self, ch_arena_cost(1, sizeof(*room)));
    if (room == NULL) {
        return CHOIR_ENOMEM;
    }
    *room = (ch_room){.next = crew->rooms};
    const uint32_t kept = crew->trainers[0].ops->state_bytes_max;
    room->kept = kept == 0 ? NULL : env->alloc(env->self, ch_arena_cost(kept, 1));
    choir_status status = kept > 0 && room->kept == NULL ? CHOIR_ENOMEM : CHOIR_OK;
    if (status == CHOIR_OK) {
        status = choir_workspace_create(&room->workspace, crew->dim, env);
    }
    if (status != CHOIR_OK) {
        room_release(crew, room);
        return status;
    }
    crew->rooms = room;
    crew->rooms_count += 1;
    return CHOIR_OK;
}

static void rooms_release(ch_crew *crew) {
    while (crew->rooms != NULL) {
        ch_room *room = crew->rooms;
        crew->rooms = room->next;
        room_release(crew, room);
    }
}

static ch_room *room_find(const ch_crew *crew) {
    ch_room *room = crew->rooms;
    while (room != NULL && room->work != NULL) {
        room = room->next;
    }
    return room;
}

static uint32_t rooms_wanted(uint32_t workers, uint32_t dim) {
    const uint64_t small = SMALL_ROOMS_BYTES / ((uint64_t)dim * sizeof(float));
    uint64_t each = small / workers;
    each = each < SMALL_ROOMS_PER_WORKER ? each : SMALL_ROOMS_PER_WORKER;
    each = each > ROOMS_PER_WORKER ? each : ROOMS_PER_WORKER;
    return workers * (uint32_t)each;
}

// ----- life -------------------------------------------------------------------------------------

static choir_status crew_claim(ch_crew *crew, uint32_t workers, uint32_t capacity) {
    const size_t bytes =
        ch_timeline_cost(capacity) + ch_arena_cost(capacity, sizeof(crew->works[0]));
    choir_status status = ch_arena_init(&crew->arena, bytes, &crew->env);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_timeline_init(&crew->offered, capacity, &crew->arena);
    crew->works = CH_NEW(&crew->arena, ch_work *, capacity);
    crew->ahead_max = rooms_wanted(workers, crew->dim);
    for (uint32_t i = 0; i < crew->ahead_max && status == CHOIR_OK; i++) {
        status = room_make(crew);
    }
    return status == CHOIR_OK ? ch_pool_create(&crew->pool, workers, &crew->env) : status;
}

choir_status ch_crew_create(ch_crew **out, const choir_trainer *trainers, uint32_t workers,
                            uint32_t dim, uint32_t capacity, const choir_env *env) {
    *out = NULL;
    ch_crew *crew = env->alloc(env->self, ch_arena_cost(1, sizeof(*crew)));
    if (crew == NULL) {
        return CHOIR_ENOMEM;
    }
    *crew = (ch_crew){.env = *env, .trainers = trainers, .dim = dim};
    const choir_status status = crew_claim(crew, workers, capacity);
    if (status != CHOIR_OK) {
        ch_crew_destroy(crew);
        return status;
    }
    *out = crew;
    return CHOIR_OK;
}

void ch_crew_destroy(ch_crew *crew) {
    if (crew == NULL) {
        return;
    }
    ch_pool_destroy(crew->pool);
    rooms_release(crew);
    ch_arena_release(&crew->arena);
    const choir_env env = crew->env;
    env.free(env.self, crew);
}

uint32_t ch_crew_rooms(const ch_crew *crew) {
    return crew->rooms_count;
}

// ----- work -------------------------------------------------------------------------------------

/* The report is inspected where it was made, which the coordinator's thread is spared. */
static void work_run(void *self, uint32_t worker) {
    ch_work *work = self;
    ch_room *room = work->room;
    const choir_trainer trainer = work->crew->trainers[worker];
    choir_lent lent = {.state = work->state, .state_next = room->kept};
    const bool is_lent = work->keeps && room->kept != NULL && trainer.ops->lend != NULL;
    if (is_lent) {
        trainer.ops->lend(trainer.self, &lent);
    }
    work->status = choir_participant_train(work->participant, work->trained_ms, trainer,
                                           room->workspace, &work->err);
    if (is_lent) {
        trainer.ops->lend(trainer.self, NULL);
    }
    room->kept_size = work->status == CHOIR_OK ? lent.state_next_size : 0;
    choir_intent intent;
    choir_participant_next(work->participant, work->due_ms, &intent);
    if (intent.kind == CHOIR_INTENT_SEND) {
        work->report = choir_request_inspect(intent.request);
    }
}

static void work_begin(ch_crew *crew, ch_work *work, ch_room *room) {
    room->work = work;
    work->room = room;
    work->crew = crew;
    work->err = (choir_error){.message = ""};
    work->job = (ch_pool_job){.run = work_run, .self = work};
    ch_pool_submit(crew->pool, &work->job);
}

static ch_work *offered_next(ch_crew *crew) {
    return crew->works[ch_timeline_next(&crew->offered).slot];
}

// Rooms that were made for stragglers are not filled ahead of need: there would never be one free
// for the next straggler, and each would make one more.
static void rooms_fill(ch_crew *crew) {
    while (crew->ahead < crew->ahead_max && !ch_timeline_is_empty(&crew->offered)) {
        ch_room *room = room_find(crew);
        if (room == NULL) {
            return;
        }
        work_begin(crew, offered_next(crew), room);
        crew->ahead += 1;
    }
}

/* The first that is offered: nothing runs ahead of it. */
static choir_status work_begin_now(ch_crew *crew, ch_work *work) {
    if (room_find(crew) == NULL) {
        const choir_status status = room_make(crew);
        if (status != CHOIR_OK) {
            return status;
        }
    }
    CH_ASSERT(offered_next(crew) == work);
    work_begin(crew, work, room_find(crew));
    return CHOIR_OK;
}

void ch_crew_offer(ch_crew *crew, ch_work *work) {
    work->room = NULL;
    crew->works[work->number] = work;
    ch_timeline_add(&crew->offered, (ch_moment){work->due_ms, work->client, work->number});
}

choir_status ch_crew_need(ch_crew *crew, ch_work *work) {
    if (work->room != NULL) {
        crew->ahead -= 1;
    } else {
        const choir_status status = work_begin_now(crew, work);
        if (status != CHOIR_OK) {
            return status;
        }
    }
    rooms_fill(crew);
    ch_pool_wait(crew->pool, &work->job);
    return CHOIR_OK;
}

choir_bytes ch_crew_kept(const ch_work *work) {
    return (choir_bytes){.data = work->room->kept, .size = work->room->kept_size};
}

void ch_crew_settle(ch_crew *crew, ch_work *work) {
    work->room->work = NULL;
    work->room = NULL;
    rooms_fill(crew);
}

void ch_crew_reset(ch_crew *crew) {
    ch_timeline_reset(&crew->offered);
    crew->ahead = 0;
    for (ch_room *room = crew->rooms; room != NULL; room = room->next) {
        if (room->work != NULL) {
            ch_pool_wait(crew->pool, &room->work->job);
            room->work->room = NULL;
            room->work = NULL;
        }
    }
}
