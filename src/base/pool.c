/* Pool: see pool.h. One queue, one lock, two conditions. */
#include "base/pool.h"

#include "base/arena.h"
#include "base/assert.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct pool_worker {
    ch_pool *pool;
    uint32_t number;
    pthread_t thread;
} pool_worker;

struct ch_pool {
    choir_env env;
    pthread_mutex_t lock;
    pthread_cond_t queued; // a job was submitted, or the pool is closing
    pthread_cond_t ran;    // a thread has run a job
    ch_pool_job *first, *last;
    bool closing;
    uint32_t started; // threads
    uint32_t workers;
    pool_worker thread[]; // (workers - 1)
};

/* Those below are called with the lock held. */

static ch_pool_job *job_take(ch_pool *pool) {
    ch_pool_job *job = pool->first;
    if (job != NULL) {
        pool->first = job->next;
    }
    return job;
}

static ch_pool_job *job_await(ch_pool *pool) {
    while (pool->first == NULL && !pool->closing) {
        (void)pthread_cond_wait(&pool->queued, &pool->lock);
    }
    return job_take(pool);
}

static void job_run(ch_pool *pool, ch_pool_job *job, uint32_t worker) {
    (void)pthread_mutex_unlock(&pool->lock);
    job->run(job->self, worker);
    (void)pthread_mutex_lock(&pool->lock);
    job->done = true;
}

static void *worker_run(void *argument) {
    const pool_worker *self = argument;
    ch_pool *pool = self->pool;
    (void)pthread_mutex_lock(&pool->lock);
    for (ch_pool_job *job = job_await(pool); job != NULL; job = job_await(pool)) {
        job_run(pool, job, self->number);
        (void)pthread_cond_signal(&pool->ran);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

choir_status ch_pool_create(ch_pool **out, uint32_t workers, const choir_env *env) {
    CH_ASSERT(workers >= 1);
    CH_ASSERT(workers <= 256);
    *out = NULL;
    const size_t bytes = sizeof(ch_pool) + (workers - 1) * sizeof(pool_worker);
    ch_pool *pool = env->alloc(env->self, ch_arena_cost(bytes, 1));
    if (pool == NULL) {
        return CHOIR_ENOMEM;
    }
    *pool = (ch_pool){.env = *env, .workers = workers};
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->queued, NULL);
    (void)pthread_cond_init(&pool->ran, NULL);
    for (uint32_t i = 0; i < workers - 1; i++) {
        pool->thread[i] = (pool_worker){.pool = pool, .number = i + 1};
        if (pthread_create(&pool->thread[i].thread, NULL, worker_run, &pool->thread[i]) != 0) {
            ch_pool_destroy(pool);
            return CHOIR_EIO;
        }
        pool->started += 1;
    }
    *out = pool;
    return CHOIR_OK;
}

void ch_pool_destroy(ch_pool *pool) {
    if (pool == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    for (ch_pool_job *job = job_take(pool); job != NULL; job = job_take(pool)) {
        job_run(pool, job, 0);
    }
    pool->closing = true;
    (void)pthread_cond_broadcast(&pool->queued);
    (void)pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->started; i++) {
        (void)pthread_join(pool->thread[i].thread, NULL);
    }
    (void)pthread_cond_destroy(&pool->ran);
    (void)pthread_cond_destroy(&pool->queued);
    (void)pthread_mutex_destroy(&pool->lock);
    const choir_env env = pool->env;
    env.free(env.self, pool);
}

uint32_t ch_pool_workers(const ch_pool *pool) {
    return pool->workers;
}

void ch_pool_submit(ch_pool *pool, ch_pool_job *job) {
    job->next = NULL;
    job->done = false;
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->first == NULL) {
        pool->first = job;
    } else {
        pool->last->next = job;
    }
    pool->last = job;
    (void)pthread_cond_signal(&pool->queued);
    (void)pthread_mutex_unlock(&pool->lock);
}

void ch_pool_wait(ch_pool *pool, ch_pool_job *job) {
    (void)pthread_mutex_lock(&pool->lock);
    while (!job->done) {
        ch_pool_job *other = job_take(pool);
        if (other != NULL) {
            job_run(pool, other, 0);
        } else {
            (void)pthread_cond_wait(&pool->ran, &pool->lock);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

typedef struct each_call {
    void (*run)(void *self, uint32_t worker, uint32_t index);
    void *self;
    uint32_t count;
    atomic_uint_fast32_t next;
} each_call;

static void each_run(void *self, uint32_t worker) {
    each_call *call = self;
    for (;;) {
        const uint32_t index = (uint32_t)atomic_fetch_add(&call->next, 1);
        if (index >= call->count) {
            return;
        }
        call->run(call->self, worker, index);
    }
}

void ch_pool_each(ch_pool *pool, uint32_t count,
                  void (*run)(void *self, uint32_t worker, uint32_t index), void *self) {
    each_call call = {.run = run, .self = self, .count = count};
    ch_pool_job jobs[256];
    const uint32_t used = count < pool->workers ? count : pool->workers;
    for (uint32_t i = 0; i < used; i++) {
        jobs[i] = (ch_pool_job){.run = each_run, .self = &call};
        ch_pool_submit(pool, &jobs[i]);
    }
    for (uint32_t i = 0; i < used; i++) {
        ch_pool_wait(pool, &jobs[i]);
    }
}
