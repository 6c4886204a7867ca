/* Deviates: elementary functions against libm, and the moments of what is drawn. */
#include "support/check.h"

#include "base/real.h"
#include "data/deviates.h"

#include <stdbool.h>

static void elementary_functions_agree_with_libm(void **state) {
    (void)state;
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < 20000; i++) {
        const double x = 1400 * ch_rng_unit(&rng) - 700;
        check_near(ch_real_exp(x) / exp(x), 1, 1e-14);
        const double y = ch_real_exp(x);
        check_near(ch_real_log(y), log(y), 1e-15 * (1 + fabs(x)));
    }
    check_near(ch_real_log(1), 0, 0);
    check_near(ch_real_exp(0), 1, 0);
    check_near(ch_real_exp(-1e9), 0, 0);
    check_near(ch_real_pow(3, -1.2), pow(3, -1.2), 1e-15);
}

static void normal_deviates_have_mean_0_and_variance_1(void **state) {
    (void)state;
    enum { DRAWS = 200000 };
    ch_rng rng = ch_rng_stream(2, CH_PURPOSE_TEST, 0, 0);
    double sum = 0;
    double squares = 0;
    double beyond_two = 0;
    for (int i = 0; i < DRAWS; i++) {
        const double z = ch_rng_normal(&rng);
        sum += z;
        squares += z * z;
        beyond_two += fabs(z) > 2;
    }
    const double root = sqrt(DRAWS);
    check_near(sum / DRAWS, 0, 3.3 / root);
    check_near(squares / DRAWS, 1, 3.3 * sqrt(2) / root);
    check_near(beyond_two / DRAWS, 0.0455, 3.3 * 0.2084 / root);
}

static void gamma_deviates_have_mean_and_variance_of_their_shape(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    static const double shapes[] = {0.1, 0.5, 1, 3, 40};
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        const double shape = shapes[s];
        ch_rng rng = ch_rng_stream(3, CH_PURPOSE_TEST, 0, s);
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            const double x = exp(ch_rng_log_gamma(&rng, shape));
            sum += x;
            squares += (x - shape) * (x - shape);
        }
        // Var of x is shape; Var of (x - shape)^2 is 2 shape^2 + 6 shape.
        check_near(sum / DRAWS, shape, 3.3 * sqrt(shape / DRAWS));
        check_near(squares / DRAWS, shape, 3.3 * sqrt((2 * shape * shape + 6 * shape) / DRAWS));
    }
}

static void a_tiny_shape_gives_a_finite_logarithm(void **state) {
    (void)state;
    ch_rng rng = ch_rng_stream(4, CH_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(isfinite(ch_rng_log_gamma(&rng, 1e-6)));
    }
}

static void a_shuffle_is_a_permutation(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    uint32_t items[COUNT];
    bool seen[COUNT] = {false};
    for (uint32_t i = 0; i < COUNT; i++) {
        items[i] = i;
    }
    ch_rng rng = ch_rng_stream(5, CH_PURPOSE_TEST, 0, 0);
    ch_rng_shuffle(&rng, items, COUNT);
    uint32_t fixed = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_false(seen[items[i]]);
        seen[items[i]] = true;
        fixed += items[i] == i;
    }
    assert_in_range(fixed, 0, 8); // one is expected
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementary_functions_agree_with_libm),
        cmocka_unit_test(normal_deviates_have_mean_0_and_variance_1),
        cmocka_unit_test(gamma_deviates_have_mean_and_variance_of_their_shape),
        cmocka_unit_test(a_tiny_shape_gives_a_finite_logarithm),
        cmocka_unit_test(a_shuffle_is_a_permutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
