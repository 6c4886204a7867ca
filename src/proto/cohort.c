/* Cohort: see cohort.h. */
#include "proto/cohort.h"

#include "base/assert.h"

#include <string.h>

void ch_cohort_open(ch_cohort *c, uint32_t count) {
    c->count = count;
    c->settled = 0;
    memset(c->standing, CH_STANDING_AWAITED, count);
}

uint32_t ch_cohort_find(const ch_cohort *c, uint32_t client) {
    uint32_t from = 0;
    for (uint32_t size = c->count; size > 0;) {
        const uint32_t half = size / 2;
        if (c->clients[from + half] < client) {
            from += half + 1;
            size -= half + 1;
        } else {
            size = half;
        }
    }
    return from < c->count && c->clients[from] == client ? from : UINT32_MAX;
}

void ch_cohort_settle(ch_cohort *c, uint32_t place, uint32_t standing) {
    CH_ASSERT(place < c->count);
    CH_ASSERT(c->standing[place] == CH_STANDING_AWAITED);
    CH_ASSERT(standing != CH_STANDING_AWAITED);
    c->standing[place] = (uint8_t)standing;
    c->settled += 1;
}
