/*
 * Counter-based random numbers: pinned values, independence of streams, uniformity.
 *
 * The pinned ones were computed in Python from rng.c's definition.
 */
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

static void values_are_pinned(void **state) {
    (void)state;
    static const struct {
        uint64_t seed, round, client;
        ch_purpose purpose;
        uint64_t next;
        double unit;
        uint32_t below; // 1000
    } rows[] = {
        {1, 2, 3, CH_PURPOSE_TEST, UINT64_C(0x2EF70C668476F77F), 0x1.336c961512b42p-2, 872},
        {0, 0, 0, CH_PURPOSE_SAMPLING, UINT64_C(0x1A2A69903431E5B4), 0x1.0e07878cadbc8p-2, 777},
        {UINT64_MAX, 7, UINT64_MAX, CH_PURPOSE_SHUFFLE, UINT64_C(0xB18D2625A9CA16B7),
         0x1.118094baddf58p-4, 154},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_rng rng = ch_rng_stream(rows[i].seed, rows[i].purpose, rows[i].round, rows[i].client);
        assert_true(ch_rng_next(&rng) == rows[i].next);
        assert_true(ch_rng_unit(&rng) == rows[i].unit);
        assert_int_equal(ch_rng_below(&rng, 1000), rows[i].below);
    }
}

static void a_stream_is_splitmix64_from_its_key(void **state) {
    (void)state;
    ch_rng rng = {.key = 0}; // as published for the seed 0
    assert_true(ch_rng_next(&rng) == UINT64_C(0xE220A8397B1DCDAF));
    assert_true(ch_rng_next(&rng) == UINT64_C(0x6E789E6AA1B965F4));
    assert_true(ch_rng_next(&rng) == UINT64_C(0x06C45D188009454F));
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
        cmocka_unit_test(values_are_pinned),
        cmocka_unit_test(a_stream_is_splitmix64_from_its_key),
        cmocka_unit_test(numbers_below_a_limit_are_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
