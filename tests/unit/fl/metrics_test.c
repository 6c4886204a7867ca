/* Metrics: other numbers of examples keep their means, and no lie overflows a sum. */
#include "support/check.h"

#include "fl/metrics.h"

#include <math.h>

static choir_metrics scaled(choir_metrics m, uint64_t examples) {
    ch_metrics_scale(&m, examples, 0);
    return m;
}

static void the_means_stay(void **state) {
    (void)state;
    const choir_metrics m = {.examples = 600, .correct = 450, .loss_q20 = -(600 << 20)};
    const choir_metrics less = scaled(m, 100);
    assert_int_equal(less.examples, 100);
    assert_int_equal(less.correct, 75);
    assert_true(less.loss_q20 == -(100 << 20));
    const choir_metrics more = scaled(less, 600);
    assert_memory_equal(&more, &m, sizeof(m));
    assert_int_equal(scaled((choir_metrics){.examples = 3, .correct = 1}, 100).correct, 33);
    choir_metrics same = m;
    ch_metrics_shrink(&same, 600, 0);
    assert_memory_equal(&same, &m, sizeof(m));
    ch_metrics_shrink(&same, 100, 0);
    assert_memory_equal(&same, &less, sizeof(m));
}

/* Clients with few examples, each of which many answers belong to: all 3 of 15 right, say. */
static void the_mean_of_many_small_clients_stays(void **state) {
    (void)state;
    enum { CLIENTS = 4000, PREDICTED = 15 };
    for (uint32_t examples = 1; examples <= 4; examples += 3) {
        for (uint64_t right = 0; right <= PREDICTED; right++) {
            choir_metrics sum = {0};
            for (uint32_t client = 0; client < CLIENTS; client++) {
                choir_metrics m = {.examples = PREDICTED, .correct = right};
                ch_metrics_shrink(&m, examples, ch_metrics_dither(7, 3, client));
                ch_metrics_add(&sum, &m, INT64_MAX / CLIENTS);
            }
            const double mean = (double)right / PREDICTED;
            const double deviation = 0.5 / sqrt(CLIENTS); // of a mean of zeros and ones, at most
            assert_int_equal(sum.examples, CLIENTS * examples);
            check_near((double)sum.correct / (double)sum.examples, mean,
                       right % PREDICTED == 0 ? 0 : 4 * deviation / examples);
        }
    }
}

/* Who is right in every fifth round is not so in the same ones, nor with the others. */
static void a_dither_is_of_one_client_in_one_round(void **state) {
    (void)state;
    const double one = ch_metrics_dither(1, 2, 3);
    assert_true(one == ch_metrics_dither(1, 2, 3));
    assert_true(one != ch_metrics_dither(2, 2, 3));
    assert_true(one != ch_metrics_dither(1, 3, 3));
    assert_true(one != ch_metrics_dither(1, 2, 4));
    for (uint32_t client = 0; client < 1000; client++) {
        const double dither = ch_metrics_dither(1, 1, client);
        assert_true(dither >= -0.5 && dither < 0.5);
        choir_metrics whole = {.examples = 30, .correct = 20};
        ch_metrics_shrink(&whole, 3, dither);
        assert_int_equal(whole.correct, 2); // a whole number has nothing to be rounded
    }
}

static void over_no_example_there_is_nothing_to_say(void **state) {
    (void)state;
    const choir_metrics m = scaled((choir_metrics){.correct = 5, .loss_q20 = 7}, 100);
    assert_int_equal(m.examples, 0);
    assert_int_equal(m.correct, 0);
    assert_int_equal(m.loss_q20, 0);
    assert_int_equal(scaled((choir_metrics){.examples = 5, .correct = 5}, 0).correct, 0);
}

static void sums_stay_within_their_limit(void **state) {
    (void)state;
    const uint64_t counts[] = {0, 1, 100, UINT64_C(1) << 50, UINT64_MAX};
    const double dithers[] = {-0.5, 0, 0.5 - 0x1p-53};
    const int64_t losses[] = {INT64_MIN, -1, 0, INT64_MAX};
    const int64_t limits[] = {0, 1, INT64_C(1) << 45, INT64_MAX / 2};
    for (int i = 0; i < 5 * 5 * 4 * 4; i++) {
        const choir_metrics m = {.examples = counts[i % 5],
                                 .correct = counts[i / 5 % 5],
                                 .loss_q20 = losses[i / 25 % 4]};
        const int64_t limit = limits[i / 100];
        choir_metrics most = m;
        ch_metrics_scale(&most, UINT64_MAX, dithers[i % 3]);
        assert_true(m.correct < m.examples || most.correct == most.examples);
        choir_metrics sum = {0};
        ch_metrics_add(&sum, &m, limit);
        ch_metrics_add(&sum, &m, limit);
        assert_true(sum.examples <= 2 * (uint64_t)limit);
        assert_true(sum.correct <= sum.examples);
        assert_true(sum.loss_q20 <= 2 * limit);
        assert_true(sum.loss_q20 >= -2 * limit);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_means_stay),
        cmocka_unit_test(the_mean_of_many_small_clients_stays),
        cmocka_unit_test(a_dither_is_of_one_client_in_one_round),
        cmocka_unit_test(over_no_example_there_is_nothing_to_say),
        cmocka_unit_test(sums_stay_within_their_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
