/*
 * Pool: workers that run jobs in the order they were submitted.
 *
 * Whoever owns the pool is worker 0, and works while it waits; the others are threads. So a pool of
 * n workers keeps n cores busy and not one more, and a pool of one starts no thread: its jobs run
 * when they are waited for.
 *
 * For drivers only; the protocol core starts no thread. Each worker has a number below the pool's
 * count, by which a job finds what belongs to that worker alone (a network, a workspace).
 */
#ifndef CH_BASE_POOL_H
#define CH_BASE_POOL_H

#include "choir/env.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_pool ch_pool;

/* One piece of work. Owned by the caller, who keeps it alive until it has been waited for. */
typedef struct ch_pool_job {
    void (*run)(void *self, uint32_t worker);
    void *self;
    struct ch_pool_job *next; // the pool's
    bool done;                // the pool's
} ch_pool_job;

/*
 * Makes a pool of workers, 1 .. 256, owned by the calling thread: the one thread that may call what
 * follows.
 * Returns OK; ENOMEM, or EIO when the system gives no thread, and *out == NULL.
 */
CHOIR_NODISCARD choir_status ch_pool_create(ch_pool **out, uint32_t workers, const choir_env *env);

/* Sees submitted jobs done, then ends the threads. Accepts NULL. */
void ch_pool_destroy(ch_pool *pool);

uint32_t ch_pool_workers(const ch_pool *pool);

/* Queues job. */
void ch_pool_submit(ch_pool *pool, ch_pool_job *job);

/* Returns when job has run. Until then the caller runs jobs itself, in their order. */
void ch_pool_wait(ch_pool *pool, ch_pool_job *job);

/*
 * Calls run(self, worker, index) for every index below count, on all workers, and returns when all
 * have run. Indexes are handed out in order, one at a time.
 */
void ch_pool_each(ch_pool *pool, uint32_t count,
                  void (*run)(void *self, uint32_t worker, uint32_t index), void *self);

#endif
