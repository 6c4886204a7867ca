/* Cohort: see cohort.h. */
#include "proto/cohort.h"

#include "base/assert.h"

#include <string.h>

/* The first of (count) ascending ones that is not below value; count when all are. */
static uint32_t sorted_from(const uint32_t *values, uint32_t count, uint32_t value) {
    uint32_t from = 0;
    for (uint32_t size = count; size > 0;) {
        const uint32_t half = size / 2;
        if (values[from + half] < value) {
            from += half + 1;
            size -= half + 1;
        } else {
            size = half;
        }
    }
    return from;
}

uint32_t ch_sorted_find(const uint32_t *values, uint32_t count, uint32_t value) {
    const uint32_t at = sorted_from(values, count, value);
    return at < count && values[at] == value ? at : UINT32_MAX;
}

void ch_cohort_open(ch_cohort *c, uint32_t count) {
    CH_ASSERT(count <= c->capacity);
    c->count = count;
    c->settled = 0;
    memset(c->standing, CH_STANDING_AWAITED, count);
}

uint32_t ch_cohort_find(const ch_cohort *c, uint32_t client) {
    return ch_sorted_find(c->clients, c->count, client);
}

uint32_t ch_cohort_add(ch_cohort *c, uint32_t client) {
    const uint32_t place = sorted_from(c->clients, c->count, client);
    const uint32_t behind = c->count - place;
    CH_ASSERT(c->count < c->capacity);
    CH_ASSERT(behind == 0 || c->clients[place] != client);
    memmove(&c->clients[place + 1], &c->clients[place], behind * sizeof(c->clients[0]));
    memmove(&c->standing[place + 1], &c->standing[place], behind * sizeof(c->standing[0]));
    c->clients[place] = client;
    c->standing[place] = CH_STANDING_AWAITED;
    c->count += 1;
    return place;
}

void ch_cohort_settle(ch_cohort *c, uint32_t place, uint32_t standing) {
    CH_ASSERT(place < c->count);
    CH_ASSERT(c->standing[place] == CH_STANDING_AWAITED);
    CH_ASSERT(standing != CH_STANDING_AWAITED);
    c->standing[place] = (uint8_t)standing;
    c->settled += 1;
}
