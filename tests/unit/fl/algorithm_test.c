/* Algorithms: their formulas, on numbers small enough to work out by hand. */
#include "support/check.h"

#include "base/rng.h"
#include "fl/algorithm.h"

#include <math.h>

static const double DIVISOR = 4 * 1024.0; // N = 4, s = 10

static void apply(const ch_algorithm_ops *ops, const ch_algorithm_options *o, float *params,
                  float *state, const int64_t *sum, uint32_t dim) {
    const ch_round_sums in = {.update = {sum, DIVISOR}};
    ops->apply(o, params, state, &in, dim);
}

static void fedavg_adds_the_mean_times_its_step(void **state) {
    (void)state;
    const ch_algorithm_ops *ops = ch_algorithm_find("fedavg", NULL);
    assert_non_null(ops);
    assert_int_equal(ops->state_per_param, 0);
    const ch_algorithm_options o = {.learning_rate = 0.5};
    float params[3] = {1, -2, 0};
    const int64_t sum[3] = {4 * 1024, -8 * 1024, 1};
    apply(ops, &o, params, NULL, sum, 3);
    assert_true(params[0] == 1.5F);
    assert_true(params[1] == -3);
    assert_true(params[2] == (float)(0.5 / DIVISOR));
}

/* Whatever the instruction set: sums as large as they get, and more of them than a vector holds. */
static void fedavg_rounds_each_parameter_once(void **state) {
    (void)state;
    enum { DIM = 1003 };
    static float params[DIM];
    static float expected[DIM];
    static int64_t sum[DIM];
    const ch_algorithm_options o = {.learning_rate = 0.7};
    const double divisor = 12345 * 0x1p30;
    ch_rng rng = ch_rng_stream(6, CH_PURPOSE_TEST, 0, 0);
    for (uint32_t i = 0; i < DIM; i++) {
        const int shift = (int)(1 + ch_rng_below(&rng, 60)); // up to 2^62 in magnitude
        sum[i] = (int64_t)ch_rng_next(&rng) / (INT64_C(1) << shift);
        params[i] = (float)(2 * ch_rng_unit(&rng) - 1);
        const double mean = (double)sum[i] / divisor;
        expected[i] = (float)((double)params[i] + o.learning_rate * mean);
    }
    const ch_round_sums in = {.update = {sum, divisor}};
    ch_algorithm_find("fedavg", NULL)->apply(&o, params, NULL, &in, DIM);
    assert_memory_equal(params, expected, sizeof(expected));
}

static void fedavgm_remembers_where_it_went(void **state) {
    (void)state;
    const ch_algorithm_ops *ops = ch_algorithm_find("fedavgm", NULL);
    assert_non_null(ops);
    assert_int_equal(ops->state_per_param, 1);
    const ch_algorithm_options o = {.learning_rate = 2, .momentum = 0.5};
    float params[2] = {0, 1};
    float velocity[2] = {0, 0};
    const int64_t sum[2] = {4 * 1024, 0};
    apply(ops, &o, params, velocity, sum, 2); // v = 1, w = 2
    apply(ops, &o, params, velocity, sum, 2); // v = 1.5, w = 5
    assert_true(velocity[0] == 1.5F);
    assert_true(params[0] == 5);
    assert_true(velocity[1] == 0);
    assert_true(params[1] == 1);
}

static void without_momentum_fedavgm_is_fedavg(void **state) {
    (void)state;
    const ch_algorithm_options o = {.learning_rate = 1};
    float a[2] = {0.1F, 7};
    float b[2] = {0.1F, 7};
    float velocity[2] = {0};
    const int64_t sum[2] = {64, -4096}; // means that fp32 holds exactly
    apply(ch_algorithm_find("fedavg", NULL), &o, a, NULL, sum, 2);
    apply(ch_algorithm_find("fedavgm", NULL), &o, b, velocity, sum, 2);
    assert_memory_equal(a, b, sizeof(a));
}

static void fedprox_does_on_the_server_what_fedavg_does(void **state) {
    (void)state;
    const ch_algorithm_options o = {.learning_rate = 0.7};
    float a[2] = {0.1F, 7};
    float b[2] = {0.1F, 7};
    const int64_t sum[2] = {65, -4097};
    apply(ch_algorithm_find("fedavg", NULL), &o, a, NULL, sum, 2);
    apply(ch_algorithm_find("fedprox", NULL), &o, b, NULL, sum, 2);
    assert_memory_equal(a, b, sizeof(a));
}

/* Whatever the power: the coordinator takes only an h above zero. */
static void qfedavg_of_no_loss_still_sends_an_h_above_zero(void **state) {
    (void)state;
    const choir_task task = {.dim = 2, .learning_rate = 0.1F, .fairness_q = 10};
    const ch_local local = {.task = &task, .loss = 0, .steps = 1};
    float delta[3] = {0.5F, -0.25F, NAN};
    ch_algorithm_find("q-fedavg", NULL)->report(&local, delta, NULL);
    assert_true(delta[0] == 0);
    assert_true(delta[1] == 0);
    assert_true(delta[2] > 0);
    assert_true(delta[2] < 1e-30F);
}

static void an_unknown_algorithm_is_refused(void **state) {
    (void)state;
    choir_error err;
    assert_null(ch_algorithm_find("fedsgd", &err));
    assert_string_equal(
        err.message, "algorithm: 'fedsgd' is unknown; known: fedavg, fedavgm, "
                     "fedprox, fedadagrad, fedadam, fedyogi, fednova, q-fedavg, scaffold, feddyn");
    assert_null(ch_algorithm_find(NULL, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fedavg_adds_the_mean_times_its_step),
        cmocka_unit_test(fedavg_rounds_each_parameter_once),
        cmocka_unit_test(fedavgm_remembers_where_it_went),
        cmocka_unit_test(without_momentum_fedavgm_is_fedavg),
        cmocka_unit_test(fedprox_does_on_the_server_what_fedavg_does),
        cmocka_unit_test(qfedavg_of_no_loss_still_sends_an_h_above_zero),
        cmocka_unit_test(an_unknown_algorithm_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
