/*
 * Network: what a simulated message and a simulated training take, in virtual milliseconds.
 *
 *   latency    one way: L (1/2 + u), u uniform in [0, 1)
 *   transfer   8 bytes / (1000 mbps)
 *   training   1000 examples / (s e^(sigma z)), z standard normal, drawn once for each client
 *
 * All draws come from generators keyed by (network seed, round, client): a client's fate in a round
 * depends on nothing that happens to others. No time is longer than CH_NETWORK_MS_MAX.
 */
#ifndef CH_SIM_NETWORK_H
#define CH_SIM_NETWORK_H

#include "base/rng.h"
#include "choir/sim.h"

#include <stdbool.h>
#include <stdint.h>

#define CH_NETWORK_MS_MAX (UINT64_C(1) << 50)

/* EINVAL and the first field out of its range. */
CHOIR_NODISCARD choir_status ch_network_check(const choir_network *n, choir_error *err);

/* The generator of a client's messages in a round. */
ch_rng ch_network_stream(const choir_network *n, uint32_t round, uint32_t client);

/* Is the client there at all in this round? Does it go away once it has trained? */
bool ch_network_is_available(const choir_network *n, uint32_t round, uint32_t client);
bool ch_network_drops_out(const choir_network *n, uint32_t round, uint32_t client);

/* Draws from the client's generator. */
bool ch_network_loses(const choir_network *n, ch_rng *rng);
uint64_t ch_network_latency_ms(const choir_network *n, ch_rng *rng);

/* The longest that it draws. */
uint64_t ch_network_latency_most_ms(const choir_network *n);

uint64_t ch_network_up_ms(const choir_network *n, uint64_t bytes);
uint64_t ch_network_down_ms(const choir_network *n, uint64_t bytes);

/* examples: passes over the data included. */
uint64_t ch_network_training_ms(const choir_network *n, uint32_t client, uint64_t examples);

#endif
