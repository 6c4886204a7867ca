/* Crowd: see crowd.h. */
#include "proto/crowd.h"

#include "base/rng.h"

#include <string.h>

enum { LEVEL_MAX = 22 }; // half of the cells are then 2^31 clients

/* n = -m ln(1 - t / m), of which t + t^2 / 2m are the first terms, m being the cells. */
static uint32_t estimate(const ch_crowd *c) {
    const uint32_t clients = c->count + c->count * c->count / (2 * CH_CROWD_CELLS);
    return clients << c->level;
}

void ch_crowd_see(ch_crowd *c, uint64_t seed, uint32_t client) {
    ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_PACE, 0, client);
    const uint64_t drawn = ch_rng_next(&rng);
    const uint32_t cell = (uint32_t)(drawn % CH_CROWD_CELLS);
    const uint64_t bit = UINT64_C(1) << (cell % 64);
    const uint64_t sample = drawn / CH_CROWD_CELLS;
    if ((sample & ((UINT64_C(1) << c->level) - 1)) != 0 || (c->taken[cell / 64] & bit) != 0) {
        return;
    }
    c->taken[cell / 64] |= bit;
    c->count += 1;
    if (c->count == CH_CROWD_CELLS / 2 && c->level < LEVEL_MAX) {
        c->known = estimate(c);
        c->level += 1;
        c->count = 0;
        memset(c->taken, 0, sizeof(c->taken));
    }
}

uint32_t ch_crowd_count(const ch_crowd *c) {
    const uint32_t now = estimate(c);
    return now > c->known ? now : c->known;
}
