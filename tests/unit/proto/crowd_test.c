/* Crowd: how many there are, however they are numbered and however often they come. */
#include "support/check.h"

#include "proto/crowd.h"

static uint32_t seen(uint32_t first, uint32_t step, uint32_t clients, uint32_t times) {
    ch_crowd c = {.count = 0};
    for (uint32_t t = 0; t < times; t++) {
        for (uint32_t i = 0; i < clients; i++) {
            ch_crowd_see(&c, 7, first + i * step);
        }
    }
    return ch_crowd_count(&c);
}

static void one_is_one_whatever_its_number(void **state) {
    (void)state;
    assert_int_equal(seen(0, 1, 0, 1), 0);
    assert_int_equal(seen(0, 1, 1, 1), 1);
    assert_int_equal(seen(UINT32_C(1) << 31, 1, 1, 1000), 1);
}

static void any_number_is_right_to_a_third(void **state) {
    (void)state;
    static const uint32_t numbers[] = {10, 100, 500, 1000, 3000, 10000, 100000, 1000000};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const uint32_t n = numbers[i];
        assert_in_range(seen(0, 1, n, 3), n - n / 3, n + n / 3);
        assert_in_range(seen(5, 1000, n, 3), n - n / 3, n + n / 3);
    }
}

static void more_of_them_are_never_less(void **state) {
    (void)state;
    ch_crowd c = {.count = 0};
    uint32_t before = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        ch_crowd_see(&c, 3, i);
        assert_true(ch_crowd_count(&c) >= before);
        before = ch_crowd_count(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_one_whatever_its_number),
        cmocka_unit_test(any_number_is_right_to_a_third),
        cmocka_unit_test(more_of_them_are_never_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
