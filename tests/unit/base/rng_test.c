/* Counter-based random numbers: pinned values, independence of streams, uniformity. */
#include "support/check.h"

#include "base/rng.h"

static void streams_are_pure_functions_of_their_names(void **state) {
    (void)state;
    ch_rng a = ch_rng_stream(1, CH_PURPOSE_TEST, 2, 3);
    ch_rng b = ch_rng_stream(1, CH_PURPOSE_TEST, 2, 3);
    ch_rng c = ch_rng_stream(1, CH_PURPOSE_TEST, 3, 2);
    const uint64_t first = ch_rng_next(&a);
    assert_true(first == ch_rng_next(&b));
    assert_true(first != ch_rng_next(&c));
    assert_true(ch_rng_next(&a) != first);
}

static void numbers_below_a_limit_are_uniform(void **state) {
    (void)state;
    enum { LIMIT = 10, DRAWS = 100000 };
    uint32_t counts[LIMIT] = {0};
    ch_rng rng = ch_rng_stream(7, CH_PURPOSE_TEST, 0, 0);
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        counts[ch_rng_below(&rng, LIMIT)] += 1;
        sum += ch_rng_unit(&rng);
    }
    double chi_square = 0;
    for (int i = 0; i < LIMIT; i++) {
        const double off = (double)counts[i] - (double)DRAWS / LIMIT;
        chi_square += off * off / ((double)DRAWS / LIMIT);
    }
    assert_true(chi_square < 27.9);                 // 99.9 % of 9 degrees of freedom
    check_near(sum / DRAWS, 0.5, 3.3 * 0.29 / 316); // 3.3 standard errors
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_pure_functions_of_their_names),
        cmocka_unit_test(numbers_below_a_limit_are_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
