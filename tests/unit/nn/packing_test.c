/* Packing: the order of rows, parts by length, and that padding is never read. */
#include "support/check.h"

#include "nn/packing.h"

enum { STEPS = 4, COUNT = 5 };

static const uint32_t LENGTHS[COUNT] = {2, 4, 1, 2, 3};

typedef struct sequences {
    float x[COUNT * STEPS]; // 10 * example + step; padding is NaN
    uint32_t labels[COUNT * STEPS];
} sequences;

static ch_batch fill(sequences *s) {
    for (uint32_t i = 0; i < COUNT * STEPS; i++) {
        const bool is_there = i % STEPS < LENGTHS[i / STEPS];
        s->x[i] = is_there ? (float)(10 * (i / STEPS) + i % STEPS) : NAN;
        s->labels[i] = is_there ? i : UINT32_MAX;
    }
    return (ch_batch){.count = COUNT, .x = s->x, .labels = s->labels, .lengths = LENGTHS};
}

static ch_packing create(uint32_t batch) {
    const choir_env env = choir_env_default();
    ch_packing packing;
    check_status(ch_packing_init(&packing, STEPS, batch, &env), CHOIR_OK);
    return packing;
}

static void rows_are_steps_of_the_longest_first(void **state) {
    (void)state;
    static const uint32_t active[STEPS] = {5, 4, 2, 1};
    static const float rows[12] = {10, 40, 0, 30, 20, 11, 41, 1, 31, 12, 42, 13};
    sequences s;
    const ch_batch b = fill(&s);
    ch_packing packing = create(COUNT);
    ch_packing_fill(&packing, &b, 0, COUNT);
    assert_int_equal(packing.rows, 12);
    assert_memory_equal(packing.active, active, sizeof(active));
    assert_memory_equal(packing.x, rows, sizeof(rows));
    for (uint32_t row = 0; row < 12; row++) {
        assert_int_equal(packing.labels[row],
                         (uint32_t)rows[row] / 10 * STEPS + (uint32_t)rows[row] % 10);
    }
    assert_int_equal(ch_packing_position(&packing, 1, 2), 4 * STEPS + 2);
    ch_packing_release(&packing);
}

static void parts_are_of_like_length(void **state) {
    (void)state;
    static const uint32_t first[STEPS] = {2, 2, 2, 1};
    static const uint32_t second[STEPS] = {2, 2, 0, 0};
    static const uint32_t last[STEPS] = {1, 0, 0, 0};
    static const float rows[4] = {0, 30, 1, 31};
    sequences s;
    ch_batch b = fill(&s);
    b.labels = NULL;
    ch_packing packing = create(2);
    ch_packing_fill(&packing, &b, 0, 2);
    assert_memory_equal(packing.active, first, sizeof(first));
    assert_int_equal(packing.rows, 7);
    ch_packing_fill(&packing, &b, 2, 2);
    assert_memory_equal(packing.active, second, sizeof(second));
    assert_memory_equal(packing.x, rows, sizeof(rows));
    ch_packing_fill(&packing, &b, 4, 1);
    assert_memory_equal(packing.active, last, sizeof(last));
    assert_true(packing.x[0] == 20.0F);
    ch_packing_release(&packing);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_steps_of_the_longest_first),
        cmocka_unit_test(parts_are_of_like_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
