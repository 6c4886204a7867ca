/* Samplers: how many, who, how evenly, and at what size of the population. */
#include "support/check.h"

#include "fl/sampler.h"

#include <string.h>

enum { COHORT_MAX = 4096 };

static uint32_t cohort[COHORT_MAX];

static ch_sampler sampler_of(const char *name, uint32_t clients, double rate, uint64_t seed) {
    ch_sampler s;
    check_status(ch_sampler_init(&s, name, clients, rate, seed, NULL), CHOIR_OK);
    assert_true(s.cohort_max <= COHORT_MAX);
    return s;
}

static uint32_t draw(const ch_sampler *s, uint32_t round) {
    static uint32_t scratch[COHORT_MAX];
    const uint32_t count = ch_sampler_draw(s, CH_PURPOSE_SAMPLING, round, cohort, scratch);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(cohort[i] < s->clients);
        assert_true(i == 0 || cohort[i - 1] < cohort[i]); // ascending, and so distinct
    }
    return count;
}

static void fixed_draws_the_share_rounded_but_at_least_one(void **state) {
    (void)state;
    const struct {
        uint32_t clients;
        double rate;
        uint32_t count;
    } cases[] = {{100, 0.1, 10}, {100, 0.105, 11}, {100, 0.104, 10}, {100, 1e-6, 1},
                 {1, 1, 1},      {1, 0.1, 1},      {2, 0.5, 1},      {3, 0.5, 2},
                 {7, 1, 7},      {1000, 1, 1000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const ch_sampler s = sampler_of("fixed", cases[i].clients, cases[i].rate, 1);
        assert_int_equal(s.cohort_max, cases[i].count);
        for (uint32_t round = 1; round <= 20; round++) {
            assert_int_equal(draw(&s, round), cases[i].count);
        }
    }
}

static uint32_t bits_of_cohort(uint32_t count) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        bits |= 1U << cohort[i];
    }
    return bits;
}

/* Every set of m out of K, counted; chi-square against equally likely. */
static void check_sets_are_even(uint32_t clients, uint32_t m, uint32_t sets, double limit) {
    enum { ROUNDS = 20000, SETS_MAX = 256 };
    static uint32_t counts[SETS_MAX];
    memset(counts, 0, sizeof(counts));
    const ch_sampler s = sampler_of("fixed", clients, (double)m / clients, 7);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        assert_int_equal(draw(&s, round), m);
        counts[bits_of_cohort(m)] += 1;
    }
    double chi_square = 0;
    uint32_t seen = 0;
    for (uint32_t set = 0; set < SETS_MAX; set++) {
        const double off = counts[set] - (double)ROUNDS / sets;
        chi_square += counts[set] > 0 ? off * off / ((double)ROUNDS / sets) : 0;
        seen += counts[set] > 0;
    }
    assert_int_equal(seen, sets);
    if (chi_square > limit) {
        fail_msg("%u of %u: chi-square %g, limit %g", m, clients, chi_square, limit);
    }
}

static void fixed_draws_every_set_equally_often(void **state) {
    (void)state;
    check_sets_are_even(5, 2, 10, 27.9); // 99.9 % of 9 degrees of freedom
    check_sets_are_even(6, 3, 20, 43.8); // of 19
    check_sets_are_even(8, 1, 8, 24.3);  // of 7
    check_sets_are_even(7, 4, 35, 65.2); // of 34
    check_sets_are_even(8, 4, 70, 111);  // of 69
}

static void populations_of_any_size_cost_only_their_cohort(void **state) {
    (void)state;
    const uint32_t clients = UINT32_C(1) << CH_CLIENTS_BITS_MAX;
    const char *const names[] = {"fixed", "poisson"};
    for (int i = 0; i < 2; i++) {
        const ch_sampler s = sampler_of(names[i], clients, 1000.0 / clients, 3);
        double sum = 0;
        double count = 0;
        for (uint32_t round = 1; round <= 100; round++) {
            const uint32_t m = draw(&s, round);
            count += m;
            for (uint32_t c = 0; c < m; c++) {
                sum += cohort[c];
            }
        }
        check_near(count, 100 * 1000, 3.3 * sqrt(100 * 1000));
        check_near(sum / count / clients, 0.5, 3.3 * 0.289 / sqrt(count));
    }
}

/* Sizes are binomial, clients alike, and pairs independent. */
static void poisson_draws_each_client_on_its_own(void **state) {
    (void)state;
    enum { CLIENTS = 50, ROUNDS = 20000 };
    const double rate = 0.2;
    const ch_sampler s = sampler_of("poisson", CLIENTS, rate, 11);
    double sum = 0;
    double squares = 0;
    double both = 0;
    uint32_t counts[CLIENTS] = {0};
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        const uint32_t m = draw(&s, round);
        sum += m;
        squares += (double)m * m;
        both += m >= 2 && cohort[0] == 0 && cohort[1] == 1;
        for (uint32_t i = 0; i < m; i++) {
            counts[cohort[i]] += 1;
        }
    }
    const double mean = sum / ROUNDS;
    const double variance = squares / ROUNDS - mean * mean;
    const double expected = CLIENTS * rate * (1 - rate);
    check_near(mean, CLIENTS * rate, 3.3 * sqrt(expected / ROUNDS));
    check_near(variance, expected, 3.3 * expected * sqrt(2.0 / ROUNDS));
    check_near(both / ROUNDS, rate * rate, 3.3 * sqrt(rate * rate * (1 - rate * rate) / ROUNDS));
    double chi_square = 0;
    for (int i = 0; i < CLIENTS; i++) {
        const double off = counts[i] - ROUNDS * rate;
        chi_square += off * off / (ROUNDS * rate * (1 - rate));
    }
    assert_true(chi_square < 86.7); // 99.9 % of 50 degrees of freedom
}

static void poisson_may_draw_everybody_and_nobody(void **state) {
    (void)state;
    const ch_sampler all = sampler_of("poisson", 300, 1, 1);
    assert_int_equal(draw(&all, 1), 300);
    const ch_sampler hardly = sampler_of("poisson", 300, 1e-300, 1);
    assert_int_equal(draw(&hardly, 1), 0);
}

/* Persistent: a change here changes every run there has been. */
static void draws_are_functions_of_seed_and_round(void **state) {
    (void)state;
    const uint32_t first[] = {5, 38, 54, 85, 88};
    const uint32_t other[] = {7, 51, 98};
    const ch_sampler fixed = sampler_of("fixed", 100, 0.05, 1);
    assert_int_equal(draw(&fixed, 1), 5);
    assert_memory_equal(cohort, first, sizeof(first));
    assert_int_equal(draw(&fixed, 2), 5);
    assert_memory_not_equal(cohort, first, sizeof(first));
    assert_int_equal(draw(&fixed, 1), 5);
    assert_memory_equal(cohort, first, sizeof(first));
    const ch_sampler poisson = sampler_of("poisson", 100, 0.05, 1);
    assert_int_equal(draw(&poisson, 1), sizeof(other) / sizeof(other[0]));
    assert_memory_equal(cohort, other, sizeof(other));
}

static void what_cannot_be_sampled_is_refused(void **state) {
    (void)state;
    const struct {
        const char *name;
        uint32_t clients;
        double rate;
        const char *message;
    } cases[] = {
        {"fixed", 0, 0.1, "sampler: 0 clients, but there must be 1 to 2^31"},
        {"fixed", UINT32_MAX, 0.1, "sampler: 4294967295 clients, but there must be 1 to 2^31"},
        {"fixed", 10, 0, "sampler: sample_rate is 0, must be in (0, 1]"},
        {"fixed", 10, 1.5, "sampler: sample_rate is 1.5, must be in (0, 1]"},
        {"fixd", 10, 0.1, "sampler: 'fixd' is unknown; known: fixed, poisson"},
        {NULL, 10, 0.1, "sampler: '' is unknown; known: fixed, poisson"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ch_sampler s;
        choir_error err;
        check_status(ch_sampler_init(&s, cases[i].name, cases[i].clients, cases[i].rate, 1, &err),
                     CHOIR_EINVAL);
        assert_string_equal(err.message, cases[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_draws_the_share_rounded_but_at_least_one),
        cmocka_unit_test(fixed_draws_every_set_equally_often),
        cmocka_unit_test(populations_of_any_size_cost_only_their_cohort),
        cmocka_unit_test(poisson_draws_each_client_on_its_own),
        cmocka_unit_test(poisson_may_draw_everybody_and_nobody),
        cmocka_unit_test(draws_are_functions_of_seed_and_round),
        cmocka_unit_test(what_cannot_be_sampled_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
