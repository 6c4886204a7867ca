/* Average: the weights of the paper's figure, and what mixtures of two models are. */
#include "support/check.h"

#include "paper/average.h"

static void weights_are_fifty_evenly_spaced_from_below_0_to_above_1(void **state) {
    (void)state;
    check_near(ch_average_theta(0), -0.2, 0);
    check_near(ch_average_theta(CH_AVERAGE_POINTS - 1), 1.2, 0);
    check_near(ch_average_theta(7), 0, 0);
    check_near(ch_average_theta(42), 1, 0);
    for (uint32_t i = 1; i < CH_AVERAGE_POINTS; i++) {
        check_near(ch_average_theta(i) - ch_average_theta(i - 1), 1.4 / 49, 1e-15);
    }
}

static void a_mixture_is_a_parent_at_either_end_and_the_mean_between(void **state) {
    (void)state;
    const float w[] = {1.0F, -2.0F, 0.1F};
    const float other[] = {3.0F, 4.0F, 0.1F};
    float out[3];
    ch_average_mix(out, w, other, 1, 3);
    assert_memory_equal(out, w, sizeof(w));
    ch_average_mix(out, w, other, 0, 3);
    assert_memory_equal(out, other, sizeof(other));
    ch_average_mix(out, w, other, 0.5, 3);
    check_near(out[0], 2, 0);
    check_near(out[1], 1, 0);
    check_near(out[2], 0.1, 1e-8);
    ch_average_mix(out, w, other, -0.25, 3);
    check_near(out[0], 3.5, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_fifty_evenly_spaced_from_below_0_to_above_1),
        cmocka_unit_test(a_mixture_is_a_parent_at_either_end_and_the_mean_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
