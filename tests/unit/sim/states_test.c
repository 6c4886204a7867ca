/* States: what simulated clients keep is kept, saved and restored as it was. */
#include "support/check.h"

#include "choir/sim.h"
#include "sim/states.h"

#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 5, BYTES_MAX = 6 };

static void check_state(const ch_states *s, uint32_t client, const char *expected) {
    const choir_bytes state = ch_states_of(s, client);
    assert_int_equal(state.size, strlen(expected));
    if (state.size > 0) {
        assert_memory_equal(state.data, expected, state.size);
    }
}

static void put(ch_states *s, uint32_t client, const char *state) {
    check_status(ch_states_put(s, client, (const uint8_t *)state, (uint32_t)strlen(state)),
                 CHOIR_OK);
}

static void a_client_has_what_was_put_last(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_states s;
    check_status(ch_states_init(&s, CLIENTS, BYTES_MAX, &env, NULL), CHOIR_OK);
    check_state(&s, 2, "");
    put(&s, 2, "abcdef");
    put(&s, 4, "x");
    put(&s, 2, "gh");
    check_state(&s, 2, "gh");
    check_state(&s, 4, "x");
    check_state(&s, 0, "");
    put(&s, 4, "");
    check_state(&s, 4, "");
    ch_states_release(&s);
}

static void saved_states_are_restored_and_no_others_left(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_states s;
    ch_states t;
    check_status(ch_states_init(&s, CLIENTS, BYTES_MAX, &env, NULL), CHOIR_OK);
    check_status(ch_states_init(&t, CLIENTS, BYTES_MAX, &env, NULL), CHOIR_OK);
    put(&s, 0, "first");
    put(&s, 3, "other");
    put(&t, 1, "gone");
    const size_t size = ch_states_bytes(&s);
    uint8_t *saved = malloc(size);
    assert_non_null(saved);
    ch_states_save(&s, saved);
    check_status(ch_states_check(&t, (choir_bytes){saved, size}, NULL), CHOIR_OK);
    check_status(ch_states_restore(&t, (choir_bytes){saved, size}), CHOIR_OK);
    check_state(&t, 0, "first");
    check_state(&t, 1, "");
    check_state(&t, 3, "other");
    for (size_t at = 0; at < size; at++) {
        saved[at] ^= 4;
        check_status(ch_states_check(&t, (choir_bytes){saved, size}, NULL), CHOIR_EPROTO);
        saved[at] ^= 4;
        check_status(ch_states_check(&t, (choir_bytes){saved, at}, NULL), CHOIR_EPROTO);
    }
    ch_states fewer;
    check_status(ch_states_init(&fewer, 3, BYTES_MAX, &env, NULL), CHOIR_OK);
    check_status(ch_states_check(&fewer, (choir_bytes){saved, size}, NULL), CHOIR_EPROTO);
    ch_states shorter;
    check_status(ch_states_init(&shorter, CLIENTS, 4, &env, NULL), CHOIR_OK);
    check_status(ch_states_check(&shorter, (choir_bytes){saved, size}, NULL), CHOIR_EPROTO);
    ch_states_release(&shorter);
    ch_states_release(&fewer);
    free(saved);
    ch_states_release(&s);
    ch_states_release(&t);
}

static void where_nobody_keeps_anything_nothing_is_claimed_or_saved(void **state) {
    (void)state;
    counted_memory memory;
    const choir_env env = counted_env(&memory, UINT32_MAX);
    ch_states s;
    check_status(ch_states_init(&s, UINT32_C(1) << 31, 0, &env, NULL), CHOIR_OK);
    assert_int_equal(memory.total, 0);
    assert_int_equal(ch_states_bytes(&s), 0);
    check_status(ch_states_check(&s, (choir_bytes){.size = 0}, NULL), CHOIR_OK);
    ch_states_release(&s);
}

static void every_failed_allocation_leaves_what_there_was(void **state) {
    (void)state;
    for (uint32_t failing = 0; failing < 3; failing++) {
        counted_memory memory;
        const choir_env env = counted_env(&memory, failing);
        ch_states s;
        const choir_status made = ch_states_init(&s, CLIENTS, BYTES_MAX, &env, NULL);
        check_status(made, failing < 2 ? CHOIR_ENOMEM : CHOIR_OK);
        if (made == CHOIR_OK) {
            check_status(ch_states_put(&s, 1, (const uint8_t *)"a", 1), CHOIR_ENOMEM);
            check_state(&s, 1, "");
        }
        ch_states_release(&s);
        assert_int_equal(memory.alive, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_has_what_was_put_last),
        cmocka_unit_test(saved_states_are_restored_and_no_others_left),
        cmocka_unit_test(where_nobody_keeps_anything_nothing_is_claimed_or_saved),
        cmocka_unit_test(every_failed_allocation_leaves_what_there_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
