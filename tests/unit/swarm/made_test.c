/* Made: updates that are the same when they are made again, and small. */
#include "support/check.h"

#include "swarm/made.h"

#include <string.h>

enum { DIM = 1000 };

static choir_training train(uint32_t client, uint32_t round, float delta[DIM]) {
    static const uint32_t examples = 7;
    const choir_task task = {.round = round, .dim = DIM, .epochs = 3};
    const choir_trainer t = ch_made_trainer(&examples);
    const float params[DIM] = {0};
    choir_training out;
    check_status(t.ops->train(t.self, client, &task, params, delta, &out, NULL), CHOIR_OK);
    assert_int_equal(t.ops->examples(t.self, client), 7);
    return out;
}

static void an_update_is_a_function_of_client_and_round(void **state) {
    (void)state;
    float first[DIM];
    float other[DIM];
    const choir_training out = train(5, 2, first);
    assert_int_equal(out.examples, 7);
    assert_int_equal(out.metrics.examples, 21);
    (void)train(5, 2, other);
    assert_memory_equal(first, other, sizeof(first));
    (void)train(6, 2, other);
    assert_memory_not_equal(first, other, sizeof(first));
    (void)train(5, 3, other);
    assert_memory_not_equal(first, other, sizeof(first));
}

static void an_update_is_small_and_not_nothing(void **state) {
    (void)state;
    float delta[DIM];
    double square = 0;
    (void)train(0, 1, delta);
    for (int i = 0; i < DIM; i++) {
        assert_true(fabsf(delta[i]) <= 1.0F / 8192);
        square += (double)delta[i] * (double)delta[i];
    }
    assert_true(square > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_is_a_function_of_client_and_round),
        cmocka_unit_test(an_update_is_small_and_not_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
