/* Recent: see recent.h. */
#include "proto/recent.h"

#include "base/assert.h"

#include <string.h>

static size_t cells(const ch_recent *r) {
    return (size_t)r->rounds * r->most;
}

size_t ch_recent_cost(uint32_t rounds, uint32_t most) {
    return ch_arena_cost(rounds, sizeof(uint32_t)) +
           ch_arena_cost((size_t)rounds * most, sizeof(uint32_t));
}

void ch_recent_init(ch_recent *r, uint32_t rounds, uint32_t most, ch_arena *arena) {
    *r = (ch_recent){.rounds = rounds, .most = most};
    if (rounds > 0) {
        r->counts = CH_NEW(arena, uint32_t, rounds);
        r->clients = CH_NEW(arena, uint32_t, cells(r));
        CH_ASSERT(r->clients != NULL);
        ch_recent_reset(r);
    }
}

void ch_recent_reset(ch_recent *r) {
    if (r->rounds > 0) {
        memset(r->counts, 0, r->rounds * sizeof(r->counts[0]));
        memset(r->clients, 0, cells(r) * sizeof(r->clients[0]));
    }
}

void ch_recent_add(ch_recent *r, uint32_t round, const ch_cohort *cohort) {
    if (r->rounds == 0) {
        return;
    }
    uint32_t *list = r->clients + (size_t)(round % r->rounds) * r->most;
    uint32_t count = 0;
    for (uint32_t i = 0; i < cohort->count; i++) {
        if (cohort->standing[i] == CH_STANDING_COUNTED) {
            CH_ASSERT(count < r->most);
            list[count] = cohort->clients[i];
            count += 1;
        }
    }
    memset(list + count, 0, (r->most - count) * sizeof(list[0]));
    r->counts[round % r->rounds] = count;
}

uint32_t ch_recent_left_out(const ch_recent *r, uint32_t open_round, uint32_t client) {
    for (uint32_t age = 1; age <= r->rounds && age < open_round; age++) {
        const uint32_t at = (open_round - age) % r->rounds;
        const uint32_t *list = r->clients + (size_t)at * r->most;
        if (ch_sorted_find(list, r->counts[at], client) != UINT32_MAX) {
            return r->rounds - age + 1;
        }
    }
    return 0;
}

bool ch_recent_has(const ch_recent *r, uint32_t closed, uint32_t round, uint32_t client) {
    if (round == 0 || round > closed || closed - round >= r->rounds) {
        return false;
    }
    const uint32_t at = round % r->rounds;
    const uint32_t *list = r->clients + (size_t)at * r->most;
    return ch_sorted_find(list, r->counts[at], client) != UINT32_MAX;
}

size_t ch_recent_bytes(const ch_recent *r) {
    return (r->rounds + cells(r)) * sizeof(uint32_t);
}

void ch_recent_put(const ch_recent *r, ch_writer *w) {
    for (uint32_t i = 0; i < r->rounds; i++) {
        ch_put_u32(w, r->counts[i]);
    }
    for (size_t i = 0; i < cells(r); i++) {
        ch_put_u32(w, r->clients[i]);
    }
}

bool ch_recent_is_sane(const ch_recent *r, choir_bytes bytes, uint32_t clients) {
    ch_reader counts = {.data = bytes.data, .size = bytes.size};
    ch_reader lists = {
        .data = bytes.data, .size = bytes.size, .at = r->rounds * sizeof(r->counts[0])};
    for (uint32_t i = 0; i < r->rounds; i++) {
        const uint32_t count = ch_get_u32(&counts);
        uint32_t next = 0; // the least that may come
        for (uint32_t k = 0; k < r->most; k++) {
            const uint32_t client = ch_get_u32(&lists);
            const bool is_right = k < count ? client >= next && client < clients : client == 0;
            if (!is_right) {
                return false;
            }
            next = client + 1;
        }
        if (count > r->most) {
            return false;
        }
    }
    return !lists.failed;
}

void ch_recent_get(ch_recent *r, ch_reader *from) {
    for (uint32_t i = 0; i < r->rounds; i++) {
        r->counts[i] = ch_get_u32(from);
    }
    for (size_t i = 0; i < cells(r); i++) {
        r->clients[i] = ch_get_u32(from);
    }
}
