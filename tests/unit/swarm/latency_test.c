/* Latency: quantiles are those of the times themselves, to 1.6 %. */
#include "support/check.h"

#include "base/rng.h"
#include "swarm/latency.h"

#include <stdlib.h>

enum { TIMES = 5000 };

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Times from a microsecond to hours, so that each doubling has as many. */
static void quantiles_are_those_of_the_sorted_times(void **state) {
    (void)state;
    static const double shares[] = {0.001, 0.1, 0.5, 0.9, 0.99, 0.999};
    static ch_latency l;
    static uint64_t times[TIMES];
    ch_rng rng = ch_rng_stream(7, 1, 0, 0);
    for (int i = 0; i < TIMES; i++) {
        times[i] = (uint64_t)exp2(34 * ch_rng_unit(&rng));
        ch_latency_add(&l, times[i]);
    }
    qsort(times, TIMES, sizeof(times[0]), compare);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        const uint64_t exact = times[(int)ceil(shares[i] * TIMES) - 1];
        const uint64_t told = ch_latency_quantile(&l, shares[i]);
        assert_true(told >= exact);
        assert_true((double)told <= 1.016 * (double)exact);
    }
    assert_int_equal(ch_latency_quantile(&l, 1), times[TIMES - 1]);
    assert_int_equal(l.longest_us, times[TIMES - 1]);
    assert_int_equal(l.count, TIMES);
}

static void nothing_and_one_and_the_longest_are_told(void **state) {
    (void)state;
    static ch_latency l;
    assert_int_equal(ch_latency_quantile(&l, 0.5), 0);
    assert_int_equal(ch_latency_quantile(&l, 1), 0);
    ch_latency_add(&l, 0);
    assert_int_equal(ch_latency_quantile(&l, 1), 0);
    ch_latency_add(&l, 1000003);
    assert_int_equal(ch_latency_quantile(&l, 0.5), 0);
    assert_int_equal(ch_latency_quantile(&l, 1), 1000003);
    ch_latency_add(&l, UINT64_MAX); // longer than what is told apart
    assert_int_equal(ch_latency_quantile(&l, 1), (UINT64_C(128) << 31) - 1);
    assert_int_equal(l.longest_us, UINT64_MAX);
}

/* Each bucket's neighbours: no time is counted as a shorter one. */
static void every_time_is_in_its_own_bucket(void **state) {
    (void)state;
    static ch_latency l;
    for (uint64_t us = 1; us < 100000; us++) {
        l = (ch_latency){.count = 0};
        ch_latency_add(&l, us);
        l.longest_us = UINT64_MAX; // so that the bucket's own end is told
        const uint64_t end = ch_latency_quantile(&l, 1);
        assert_true(end >= us && end <= us + us / CH_LATENCY_STEPS);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_the_sorted_times),
        cmocka_unit_test(nothing_and_one_and_the_longest_are_told),
        cmocka_unit_test(every_time_is_in_its_own_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
