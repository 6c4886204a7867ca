/* Arena: alignment, capacity, and failure to get memory. */
#include "support/check.h"

#include "base/arena.h"

static void blocks_are_zeroed_aligned_and_bounded(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_arena arena;
    check_status(ch_arena_init(&arena, ch_arena_cost(3, 5) + ch_arena_cost(1, 100), &env),
                 CHOIR_OK);
    unsigned char *a = ch_arena_alloc(&arena, 3, 5);
    unsigned char *b = ch_arena_alloc(&arena, 1, 100);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal((uintptr_t)a % 64, 0);
    assert_int_equal((uintptr_t)b % 64, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(b[i], 0);
    }
    assert_null(ch_arena_alloc(&arena, 1, 1));
    ch_arena_release(&arena);
    ch_arena_release(&arena);
}

static void no_memory_is_reported(void **state) {
    (void)state;
    counted_memory memory;
    const choir_env env = counted_env(&memory, 0);
    ch_arena arena;
    check_status(ch_arena_init(&arena, 10, &env), CHOIR_ENOMEM);
    ch_arena_release(&arena);
    assert_int_equal(memory.alive, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_aligned_and_bounded),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
