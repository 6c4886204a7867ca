/*
 * What our tests add to cmocka: statuses by name, texts, memory that fails on request.
 *
 *     static void sum_does_not_depend_on_order(void **state) { ... }
 *     int main(void) { const struct CMUnitTest tests[] = {cmocka_unit_test(...)}; ... }
 */
#ifndef CHOIR_TESTS_CHECK_H
#define CHOIR_TESTS_CHECK_H

#include <setjmp.h> // cmocka wants these four first
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "choir/env.h"
#include "choir/status.h"

#include <math.h>
#include <stdbool.h>

#define check_status(expression, expected)                                                         \
    assert_string_equal(choir_status_name(expression), choir_status_name(expected))

/* |a - b| <= tolerance, with both values in the message. */
#define check_near(a, b, tolerance)                                                                \
    do {                                                                                           \
        const double a_ = (a);                                                                     \
        const double b_ = (b);                                                                     \
        if (!(fabs(a_ - b_) <= (tolerance))) {                                                     \
            fail_msg("%s near %s: %.9g against %.9g, allowed %.3g", #a, #b, a_, b_,                \
                     (double)(tolerance));                                                         \
        }                                                                                          \
    } while (0)

/* An environment whose allocations are counted and, after until_failure of them, refused. */
typedef struct counted_memory {
    choir_env real;
    uint32_t until_failure; // UINT32_MAX: never
    uint32_t alive;         // blocks not yet freed
    uint32_t total;         // blocks ever handed out
} counted_memory;

static inline void *counted_alloc(void *self, size_t bytes) {
    counted_memory *m = self;
    if (m->until_failure == 0) {
        return NULL;
    }
    m->until_failure -= m->until_failure != UINT32_MAX ? 1 : 0;
    m->alive += 1;
    m->total += 1;
    return m->real.alloc(m->real.self, bytes);
}

static inline void counted_free(void *self, void *block) {
    counted_memory *m = self;
    m->alive -= 1;
    m->real.free(m->real.self, block);
}

/* The environment over m, which must outlive it. */
static inline choir_env counted_env(counted_memory *m, uint32_t until_failure) {
    *m = (counted_memory){.real = choir_env_default(), .until_failure = until_failure};
    choir_env env = m->real;
    env.alloc = counted_alloc;
    env.free = counted_free;
    env.self = m;
    return env;
}

/*
 * Memory that runs out one allocation later each time, until there is enough:
 *
 *     failing_memory m = {.tries = 0};
 *     while (failing_memory_next(&m)) {
 *         ch_net *net = NULL;
 *         m.status = ch_net_create(&net, &options, &m.env, NULL);
 *         ch_net_destroy(net);
 *     }
 *     assert_int_equal(m.tries, 3); // the net, its arena, the success
 *
 * Each time but the last the status must be ENOMEM, the last time OK, and no block be left behind.
 */
typedef struct failing_memory {
    choir_env env;
    choir_status status; // what came of it; the body's to set
    uint32_t tries;      // begun so far
    counted_memory counted;
} failing_memory;

enum { FAILING_TRIES_MAX = 10000 };

/* Whether there is another time; judges the one before. */
static inline bool failing_memory_next(failing_memory *m) {
    if (m->tries > 0) {
        assert_int_equal(m->counted.alive, 0);
    }
    if (m->tries > 0 && m->status == CHOIR_OK) {
        return false;
    }
    if (m->tries > 0) {
        check_status(m->status, CHOIR_ENOMEM);
    }
    assert_true(m->tries < FAILING_TRIES_MAX);
    m->env = counted_env(&m->counted, m->tries);
    m->tries += 1;
    return true;
}

#endif
