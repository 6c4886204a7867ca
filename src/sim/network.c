/*
 * Network: see network.h.
 *
 * Only functions whose bits are the same everywhere: virtual time decides who reports before a
 * deadline, and so which model comes out.
 */
#include "sim/network.h"

#include "base/error.h"
#include "base/real.h"

#include <math.h>

// Draws of one client in one round that do not depend on how its messages fare.
typedef enum fate { FATE_AVAILABLE, FATE_DROPOUT, FATES } fate;

choir_status ch_network_check(const choir_network *n, choir_error *err) {
    const struct {
        const char *name;
        double value;
        bool ok;
        const char *right;
    } rules[] = {
        {"loss", n->loss, n->loss >= 0 && n->loss <= 0.9, "in [0, 0.9]"},
        {"up_mbps", n->up_mbps, n->up_mbps > 0, "positive"},
        {"down_mbps", n->down_mbps, n->down_mbps > 0, "positive"},
        {"examples_per_s", n->examples_per_s, n->examples_per_s > 0, "positive"},
        {"speed_spread", n->speed_spread, n->speed_spread >= 0 && n->speed_spread <= 3,
         "in [0, 3]"},
        {"availability", n->availability, n->availability > 0 && n->availability <= 1, "in (0, 1]"},
        {"dropout", n->dropout, n->dropout >= 0 && n->dropout < 1, "in [0, 1)"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!rules[i].ok) {
            return ch_error_set(err, CHOIR_EINVAL, "network: %s is %g, must be %s", rules[i].name,
                                rules[i].value, rules[i].right);
        }
    }
    return CHOIR_OK;
}

static uint64_t ms_of(double ms) {
    return ms < (double)CH_NETWORK_MS_MAX ? (uint64_t)(ms + 0.5) : CH_NETWORK_MS_MAX;
}

ch_rng ch_network_stream(const choir_network *n, uint32_t round, uint32_t client) {
    return ch_rng_stream(n->seed, CH_PURPOSE_NETWORK, round, client);
}

/* Round 0 is the device itself. */
static double fate_draw(const choir_network *n, uint32_t round, uint32_t client, fate which) {
    ch_rng rng = ch_rng_stream(n->seed, CH_PURPOSE_DEVICE, round, client);
    double draw = ch_rng_unit(&rng);
    for (uint32_t i = 0; i < (uint32_t)which; i++) {
        draw = ch_rng_unit(&rng);
    }
    return draw;
}

bool ch_network_is_available(const choir_network *n, uint32_t round, uint32_t client) {
    return fate_draw(n, round, client, FATE_AVAILABLE) < n->availability;
}

bool ch_network_drops_out(const choir_network *n, uint32_t round, uint32_t client) {
    return fate_draw(n, round, client, FATE_DROPOUT) < n->dropout;
}

bool ch_network_loses(const choir_network *n, ch_rng *rng) {
    return ch_rng_unit(rng) < n->loss;
}

uint64_t ch_network_latency_ms(const choir_network *n, ch_rng *rng) {
    return ms_of((double)n->latency_ms * (0.5 + ch_rng_unit(rng)));
}

uint64_t ch_network_latency_most_ms(const choir_network *n) {
    return ms_of((double)n->latency_ms * 1.5);
}

static uint64_t transfer_ms(uint64_t bytes, double mbps) {
    return ms_of((double)bytes * 8.0 / (1000.0 * mbps));
}

uint64_t ch_network_up_ms(const choir_network *n, uint64_t bytes) {
    return transfer_ms(bytes, n->up_mbps);
}

uint64_t ch_network_down_ms(const choir_network *n, uint64_t bytes) {
    return transfer_ms(bytes, n->down_mbps);
}

/*
 * z = sqrt(-2 log(1 - u)) cos(2 pi v)
 *
 * Source: Box, Muller, "A Note on the Generation of Random Normal Deviates", Annals of Mathematical
 * Statistics 29(2), 1958.
 */
static double normal_draw(ch_rng *rng) {
    const double u = ch_rng_unit(rng);
    const double v = ch_rng_unit(rng);
    return sqrt(-2.0 * ch_real_log(1.0 - u)) * ch_real_cospi(2.0 * v);
}

uint64_t ch_network_training_ms(const choir_network *n, uint32_t client, uint64_t examples) {
    ch_rng rng = ch_rng_stream(n->seed, CH_PURPOSE_DEVICE, 0, client);
    const double speed = n->examples_per_s * ch_real_exp(n->speed_spread * normal_draw(&rng));
    return ms_of(1000.0 * (double)examples / speed);
}
