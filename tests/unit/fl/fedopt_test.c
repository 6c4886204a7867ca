/* Server optimisers against numbers of another implementation: tools/golden_fedopt.py. */
#include "support/check.h"

#include "fl/algorithm.h"

#include <stdio.h>

enum { DIM = 5, ROUNDS = 12, STATE_MAX = 2, NAME_MAX_BYTES = 32 };

static const double DIVISOR = 4096;
static const double TOLERANCE = 4e-6; // of fp32 state and parameters near 3, over 12 rounds
static const ch_algorithm_options OPTIONS = {
    .learning_rate = 0.125, .beta1 = 0.75, .beta2 = 0.875, .tau = 0.0625};

/* The script's mean(), times the divisor. */
static void sum_fill(int64_t sum[DIM], uint32_t round) {
    static const int64_t scales[DIM] = {1, 4, 16, 64, 0};
    for (uint32_t i = 0; i < DIM; i++) {
        sum[i] = ((int64_t)(round * 37 + i * 101) % 257 - 128) * scales[i];
    }
}

static void start(float params[DIM]) {
    for (uint32_t i = 0; i < DIM; i++) {
        params[i] = 1 - (float)i / 2;
    }
}

static void round_check(FILE *file, const ch_algorithm_ops *ops, float *params, float *state,
                        uint32_t round) {
    char name[NAME_MAX_BYTES];
    unsigned number = 0;
    int64_t sum[DIM];
    sum_fill(sum, round);
    const ch_round_sums in = {.update = {sum, DIVISOR}};
    ops->apply(&OPTIONS, params, state, &in, DIM);
    assert_int_equal(fscanf(file, "%31s %u", name, &number), 2);
    assert_string_equal(name, ops->name);
    assert_int_equal(number, round);
    for (uint32_t i = 0; i < DIM; i++) {
        double wanted = 0;
        assert_int_equal(fscanf(file, "%lf", &wanted), 1);
        check_near(params[i], wanted, TOLERANCE);
    }
}

static void every_round_comes_to_the_other_implementations_parameters(void **state) {
    (void)state;
    static const char *const names[] = {"fedadagrad", "fedadam", "fedyogi"};
    FILE *file = fopen(CHOIR_SOURCE_DIR "/tests/golden/fedopt.txt", "rb");
    assert_non_null(file);
    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
        const ch_algorithm_ops *ops = ch_algorithm_find(names[k], NULL);
        assert_non_null(ops);
        assert_true(ops->state_per_param <= STATE_MAX);
        float params[DIM];
        float kept[DIM * STATE_MAX];
        start(params);
        ch_algorithm_begin(ops, &OPTIONS, kept, DIM);
        for (uint32_t round = 1; round <= ROUNDS; round++) {
            round_check(file, ops, params, kept, round);
        }
    }
    assert_int_equal(fclose(file), 0);
}

/* By hand: d = 1, tau = 1, v_{-1} = 1. Adagrad: v = 2. Adam, beta2 = 1/2: v = 1. Yogi: v is d^2
 * already, and stays. */
static void the_first_step_is_what_it_is_by_hand(void **state) {
    (void)state;
    const ch_algorithm_options o = {.learning_rate = 2, .beta1 = 0.5, .beta2 = 0.5, .tau = 1};
    const struct {
        const char *name;
        double step, second;
    } rows[] = {{"fedadagrad", 2 / (sqrt(2) + 1), 2},
                {"fedadam", 2 * 0.5 / 2, 1},
                {"fedyogi", 2 * 0.5 / 2, 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_algorithm_ops *ops = ch_algorithm_find(rows[i].name, NULL);
        const int64_t sum[1] = {4096};
        const ch_round_sums in = {.update = {sum, DIVISOR}};
        float params[1] = {0};
        float kept[STATE_MAX];
        ch_algorithm_begin(ops, &o, kept, 1);
        ops->apply(&o, params, kept, &in, 1);
        check_near(params[0], rows[i].step, 1e-7);
        assert_true(kept[ops->state_per_param - 1] == (float)rows[i].second);
    }
}

static void yogis_second_moment_never_becomes_negative(void **state) {
    (void)state;
    const ch_algorithm_ops *ops = ch_algorithm_find("fedyogi", NULL);
    const ch_algorithm_options o = {.learning_rate = 1, .beta1 = 0, .beta2 = 0, .tau = 1e-9};
    float params[1] = {0};
    float kept[STATE_MAX];
    ch_algorithm_begin(ops, &o, kept, 1);
    for (int64_t round = 0; round < 100; round++) {
        const int64_t sum[1] = {round * 7919 % 8192 - 4096};
        const ch_round_sums in = {.update = {sum, DIVISOR}};
        ops->apply(&o, params, kept, &in, 1);
        assert_true(kept[1] >= 0);
        assert_true(isfinite(params[0]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_round_comes_to_the_other_implementations_parameters),
        cmocka_unit_test(the_first_step_is_what_it_is_by_hand),
        cmocka_unit_test(yogis_second_moment_never_becomes_negative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
