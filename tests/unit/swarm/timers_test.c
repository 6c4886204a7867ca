/* Timers: they come in order of time, each once, and not before. */
#include "support/check.h"

#include "base/rng.h"
#include "swarm/timers.h"

#include <string.h>

enum { MEMBERS = 300 };

static void timers_come_in_order_and_not_before_their_time(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_timers t;
    check_status(ch_timers_init(&t, MEMBERS, &env), CHOIR_OK);
    ch_rng rng = ch_rng_stream(3, 1, 0, 0);
    uint64_t wake_ms[MEMBERS];
    bool has_timer[MEMBERS] = {false};
    uint32_t alive = 0;
    uint64_t now_ms = 1000;
    for (int step = 0; step < 20000; step++) {
        const uint32_t k = (uint32_t)(ch_rng_unit(&rng) * MEMBERS);
        if (!has_timer[k]) {
            wake_ms[k] = now_ms + (uint64_t)(ch_rng_unit(&rng) * 50);
            has_timer[k] = true;
            alive += 1;
            ch_timers_add(&t, k, wake_ms[k]);
        }
        now_ms += step % 7 == 0;
        uint64_t last_ms = 0;
        uint32_t member = MEMBERS;
        while (ch_timers_take(&t, now_ms, &member)) {
            assert_true(has_timer[member]);
            assert_in_range(wake_ms[member], last_ms, now_ms);
            last_ms = wake_ms[member];
            has_timer[member] = false;
            alive -= 1;
        }
        assert_int_equal(t.count, alive);
        assert_true(ch_timers_next_ms(&t) > now_ms);
    }
    ch_timers_release(&t, &env);
    ch_timers_release(&t, &env);
}

static void without_timers_nobody_is_due(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_timers t;
    uint32_t member = 9;
    check_status(ch_timers_init(&t, 1, &env), CHOIR_OK);
    assert_int_equal(ch_timers_next_ms(&t), UINT64_MAX);
    assert_false(ch_timers_take(&t, UINT64_MAX - 1, &member));
    ch_timers_add(&t, 0, 5);
    assert_false(ch_timers_take(&t, 4, &member));
    assert_true(ch_timers_take(&t, 5, &member));
    assert_int_equal(member, 0);
    ch_timers_release(&t, &env);
}

static void without_memory_there_are_none(void **state) {
    (void)state;
    counted_memory memory;
    const choir_env env = counted_env(&memory, 0);
    ch_timers t;
    check_status(ch_timers_init(&t, 10, &env), CHOIR_ENOMEM);
    ch_timers_release(&t, &env);
    assert_int_equal(memory.alive, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_come_in_order_and_not_before_their_time),
        cmocka_unit_test(without_timers_nobody_is_due),
        cmocka_unit_test(without_memory_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
