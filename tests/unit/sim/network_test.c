/* Network: times follow their formulas, draws their distributions; wrong fields are named. */
#include "support/check.h"

#include "sim/network.h"

enum { DRAWS = 20000 };

static choir_network network(void) {
    return choir_sim_defaults().network;
}

static void the_first_bad_field_is_named(void **state) {
    (void)state;
    const struct {
        double loss, up, down, speed, spread, availability, dropout;
        const char *message;
    } rows[] = {
        {0.91, 1, 1, 1, 0, 1, 0, "network: loss is 0.91, must be in [0, 0.9]"},
        {-1, 1, 1, 1, 0, 1, 0, "network: loss is -1, must be in [0, 0.9]"},
        {NAN, 1, 1, 1, 0, 1, 0, "network: loss is nan, must be in [0, 0.9]"},
        {0, 0, 1, 1, 0, 1, 0, "network: up_mbps is 0, must be positive"},
        {0, 1, NAN, 1, 0, 1, 0, "network: down_mbps is nan, must be positive"},
        {0, 1, 1, -1, 0, 1, 0, "network: examples_per_s is -1, must be positive"},
        {0, 1, 1, 1, 3.5, 1, 0, "network: speed_spread is 3.5, must be in [0, 3]"},
        {0, 1, 1, 1, 0, 0, 0, "network: availability is 0, must be in (0, 1]"},
        {0, 1, 1, 1, 0, 1, 1, "network: dropout is 1, must be in [0, 1)"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_network n = network();
        n.loss = rows[i].loss;
        n.up_mbps = rows[i].up;
        n.down_mbps = rows[i].down;
        n.examples_per_s = rows[i].speed;
        n.speed_spread = rows[i].spread;
        n.availability = rows[i].availability;
        n.dropout = rows[i].dropout;
        choir_error err = {.message = ""};
        check_status(ch_network_check(&n, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
    const choir_network good = network();
    check_status(ch_network_check(&good, NULL), CHOIR_OK);
}

static void times_follow_their_formulas(void **state) {
    (void)state;
    choir_network n = network();
    assert_int_equal(ch_network_up_ms(&n, 1250), 1); // 10 000 bits at 10 000 bits a ms
    assert_int_equal(ch_network_up_ms(&n, 6653480), 5323);
    assert_int_equal(ch_network_down_ms(&n, 6653480), 1065);
    assert_int_equal(ch_network_training_ms(&n, 3, 600), 600);
    n.examples_per_s = 100;
    assert_int_equal(ch_network_training_ms(&n, 3, 600), 6000);
    n.up_mbps = 1e-300;
    assert_int_equal(ch_network_up_ms(&n, UINT64_MAX), CH_NETWORK_MS_MAX);
}

static void latency_is_between_half_and_one_and_a_half(void **state) {
    (void)state;
    choir_network n = network();
    n.latency_ms = 200;
    ch_rng rng = ch_network_stream(&n, 1, 2);
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        const uint64_t ms = ch_network_latency_ms(&n, &rng);
        assert_in_range(ms, 100, 300);
        sum += (double)ms;
    }
    check_near(sum / DRAWS, 200, 2);
}

static void chances_are_what_they_say(void **state) {
    (void)state;
    choir_network n = network();
    n.loss = 0.3;
    n.availability = 0.8;
    n.dropout = 0.1;
    ch_rng rng = ch_network_stream(&n, 1, 2);
    double lost = 0;
    double available = 0;
    double dropped = 0;
    double both = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        const bool is_there = ch_network_is_available(&n, 1 + i % 10, i);
        const bool drops = ch_network_drops_out(&n, 1 + i % 10, i);
        lost += ch_network_loses(&n, &rng) ? 1 : 0;
        available += is_there ? 1 : 0;
        dropped += drops ? 1 : 0;
        both += is_there && drops ? 1 : 0;
    }
    check_near(lost / DRAWS, 0.3, 0.015);
    check_near(available / DRAWS, 0.8, 0.015);
    check_near(dropped / DRAWS, 0.1, 0.01);
    check_near(both / DRAWS, 0.08, 0.01); // independent of each other
}

// The median device is examples_per_s fast; the logarithm of speeds has deviation speed_spread.
static void speeds_are_spread_log_normally(void **state) {
    (void)state;
    choir_network n = network();
    n.speed_spread = 0.5;
    double sum = 0;
    double squares = 0;
    for (uint32_t client = 0; client < DRAWS; client++) {
        const double ms = (double)ch_network_training_ms(&n, client, 1000000);
        assert_int_equal(ms, ch_network_training_ms(&n, client, 1000000));
        const double z = log(ms / 1e6);
        sum += z;
        squares += z * z;
    }
    check_near(sum / DRAWS, 0, 0.02);
    check_near(sqrt(squares / DRAWS), 0.5, 0.02);
}

static void the_slowest_device_has_a_time(void **state) {
    (void)state;
    choir_network n = network();
    n.speed_spread = 3;
    n.examples_per_s = 1e-9;
    for (uint32_t client = 0; client < DRAWS; client++) {
        assert_true(ch_network_training_ms(&n, client, UINT64_MAX) <= CH_NETWORK_MS_MAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_bad_field_is_named),
        cmocka_unit_test(times_follow_their_formulas),
        cmocka_unit_test(latency_is_between_half_and_one_and_a_half),
        cmocka_unit_test(chances_are_what_they_say),
        cmocka_unit_test(speeds_are_spread_log_normally),
        cmocka_unit_test(the_slowest_device_has_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
