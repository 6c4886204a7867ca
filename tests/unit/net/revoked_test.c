/* Revoked: those that were added are in it, in whatever order, and nobody else. */
#include "support/check.h"

#include "net/revoked.h"

#include <stdlib.h>

enum { MANY = 1009 }; // a prime

static void those_added_are_in_it_and_nobody_else(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_revoked r = {.count = 0};
    assert_false(ch_revoked_has(&r, 1));
    for (int64_t i = 0; i < MANY; i++) { // all even numbers below 2 MANY, mixed
        check_status(ch_revoked_add(&r, 2 * (i * 37 % MANY), &env), CHOIR_OK);
        check_status(ch_revoked_add(&r, 2 * (i * 37 % MANY), &env), CHOIR_OK);
    }
    assert_int_equal(r.count, MANY);
    for (int64_t i = -1; i < 2 * MANY + 2; i++) {
        assert_int_equal(ch_revoked_has(&r, i), i % 2 == 0 && i < 2 * MANY);
    }
    ch_revoked_release(&r, &env);
    ch_revoked_release(&r, &env);
    assert_false(ch_revoked_has(&r, 2));
}

static void *none(void *self, size_t bytes) {
    (void)self;
    (void)bytes;
    return NULL;
}

static void without_memory_nothing_changes(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_env poor = env;
    poor.alloc = none;
    ch_revoked r = {.count = 0};
    check_status(ch_revoked_add(&r, 7, &poor), CHOIR_ENOMEM);
    assert_false(ch_revoked_has(&r, 7));
    for (int64_t i = 1; r.count < r.capacity || r.count == 0; i++) {
        check_status(ch_revoked_add(&r, i, &env), CHOIR_OK);
    }
    const uint32_t count = r.count;
    check_status(ch_revoked_add(&r, 1 << 20, &poor), CHOIR_ENOMEM);
    assert_int_equal(r.count, count);
    assert_true(ch_revoked_has(&r, 1) && ch_revoked_has(&r, count));
    assert_false(ch_revoked_has(&r, 1 << 20));
    ch_revoked_release(&r, &env);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_added_are_in_it_and_nobody_else),
        cmocka_unit_test(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
