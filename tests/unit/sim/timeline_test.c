/* Timeline: moments come back in order of time, then client, however they were added. */
#include "support/check.h"

#include "base/rng.h"
#include "sim/timeline.h"

enum { COUNT = 300 };

static void moments_come_in_order(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_arena arena;
    check_status(ch_arena_init(&arena, ch_timeline_cost(COUNT), &env), CHOIR_OK);
    ch_timeline t;
    ch_timeline_init(&t, COUNT, &arena);
    for (uint64_t seed = 0; seed < 20; seed++) {
        ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_TEST, 0, 0);
        ch_timeline_reset(&t);
        for (uint32_t i = 0; i < COUNT; i++) {
            ch_timeline_add(&t, (ch_moment){ch_rng_below(&rng, 50), ch_rng_below(&rng, 1000), i});
        }
        ch_moment last = {0};
        for (uint32_t i = 0; i < COUNT; i++) {
            const ch_moment first = ch_timeline_first(&t);
            const ch_moment next = ch_timeline_next(&t);
            assert_int_equal(first.slot, next.slot);
            assert_true(last.time_ms < next.time_ms ||
                        (last.time_ms == next.time_ms && last.client <= next.client));
            last = next;
        }
        assert_true(ch_timeline_is_empty(&t));
    }
    ch_arena_release(&arena);
}

static void nothing_is_lost_when_adding_and_taking_alternate(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_arena arena;
    check_status(ch_arena_init(&arena, ch_timeline_cost(COUNT), &env), CHOIR_OK);
    ch_timeline t;
    ch_timeline_init(&t, COUNT, &arena);
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    uint32_t seen[COUNT] = {0};
    uint32_t added = 0;
    uint64_t now_ms = 0;
    while (added < COUNT || !ch_timeline_is_empty(&t)) {
        if (added < COUNT && ch_rng_below(&rng, 3) > 0) {
            ch_timeline_add(&t, (ch_moment){now_ms + ch_rng_below(&rng, 9), added, added});
            added += 1;
        } else if (!ch_timeline_is_empty(&t)) {
            const ch_moment next = ch_timeline_next(&t);
            assert_true(next.time_ms >= now_ms);
            now_ms = next.time_ms;
            seen[next.slot] += 1;
        }
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(seen[i], 1);
    }
    ch_arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_come_in_order),
        cmocka_unit_test(nothing_is_lost_when_adding_and_taking_alternate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
