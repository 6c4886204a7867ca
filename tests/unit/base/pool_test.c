/* Pool: every job runs once, waits return, and a failed start leaks nothing. */
#include "support/check.h"

#include "base/pool.h"

#include <stdatomic.h>

enum { COUNT = 1000 };

typedef struct tally {
    atomic_int ran[COUNT];
    atomic_int worker_too_high;
} tally;

static void count_one(void *self, uint32_t worker, uint32_t index) {
    tally *t = self;
    atomic_fetch_add(&t->ran[index], 1);
    atomic_fetch_add(&t->worker_too_high, worker >= 3 ? 1 : 0);
}

static void every_index_runs_once(void **state) {
    (void)state;
    static tally t;
    const choir_env env = choir_env_default();
    ch_pool *pool = NULL;
    check_status(ch_pool_create(&pool, 3, &env), CHOIR_OK);
    ch_pool_each(pool, COUNT, count_one, &t);
    ch_pool_each(pool, 0, count_one, &t);
    ch_pool_destroy(pool);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(atomic_load(&t.ran[i]), 1);
    }
    assert_int_equal(atomic_load(&t.worker_too_high), 0);
}

static void set_one(void *self, uint32_t worker) {
    (void)worker;
    *(int *)self = 1;
}

static void a_wait_returns_after_its_job(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_pool *pool = NULL;
    check_status(ch_pool_create(&pool, 2, &env), CHOIR_OK);
    for (int i = 0; i < COUNT; i++) {
        int value = 0;
        ch_pool_job job = {.run = set_one, .self = &value};
        ch_pool_submit(pool, &job);
        ch_pool_wait(pool, &job);
        assert_int_equal(value, 1);
    }
    ch_pool_destroy(pool);
}

static void count_worker_0(void *self, uint32_t worker) {
    *(int *)self += worker == 0 ? 1 : 0;
}

static void whoever_waits_is_a_worker(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_pool *pool = NULL;
    int first = 0;
    int second = 0;
    ch_pool_job jobs[2] = {{.run = count_worker_0, .self = &first},
                           {.run = count_worker_0, .self = &second}};
    check_status(ch_pool_create(&pool, 1, &env), CHOIR_OK);
    ch_pool_submit(pool, &jobs[0]);
    ch_pool_submit(pool, &jobs[1]);
    assert_int_equal(first, 0); // a pool of one has nobody else
    ch_pool_wait(pool, &jobs[0]);
    assert_int_equal(first, 1);
    assert_int_equal(second, 0);
    ch_pool_destroy(pool);
    assert_int_equal(second, 1);
}

static void no_memory_is_reported(void **state) {
    (void)state;
    counted_memory memory;
    const choir_env env = counted_env(&memory, 0);
    ch_pool *pool = NULL;
    check_status(ch_pool_create(&pool, 2, &env), CHOIR_ENOMEM);
    assert_null(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_runs_once),
        cmocka_unit_test(a_wait_returns_after_its_job),
        cmocka_unit_test(whoever_waits_is_a_worker),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
