/* Timeline: see timeline.h. The children of moment i are 2i + 1 and 2i + 2, and come after it. */
#include "sim/timeline.h"

#include "base/assert.h"

size_t ch_timeline_cost(uint32_t capacity) {
    return ch_arena_cost(capacity, sizeof(ch_moment));
}

void ch_timeline_init(ch_timeline *t, uint32_t capacity, ch_arena *arena) {
    *t = (ch_timeline){.moments = CH_NEW(arena, ch_moment, capacity), .capacity = capacity};
    CH_ASSERT(t->moments != NULL);
}

void ch_timeline_reset(ch_timeline *t) {
    t->count = 0;
}

bool ch_timeline_is_empty(const ch_timeline *t) {
    return t->count == 0;
}

static bool is_before(const ch_moment *a, const ch_moment *b) {
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->client < b->client;
}

void ch_timeline_add(ch_timeline *t, ch_moment moment) {
    CH_ASSERT(t->count < t->capacity);
    uint32_t at = t->count;
    t->count += 1;
    while (at > 0 && is_before(&moment, &t->moments[(at - 1) / 2])) {
        t->moments[at] = t->moments[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    t->moments[at] = moment;
}

ch_moment ch_timeline_first(const ch_timeline *t) {
    CH_ASSERT(t->count > 0);
    return t->moments[0];
}

ch_moment ch_timeline_next(ch_timeline *t) {
    const ch_moment first = ch_timeline_first(t);
    t->count -= 1;
    const ch_moment last = t->moments[t->count];
    uint32_t at = 0;
    for (uint32_t child = 1; child < t->count; child = 2 * at + 1) {
        const bool right =
            child + 1 < t->count && is_before(&t->moments[child + 1], &t->moments[child]);
        child += right ? 1 : 0;
        if (!is_before(&t->moments[child], &last)) {
            break;
        }
        t->moments[at] = t->moments[child];
        at = child;
    }
    t->moments[at] = last;
    return first;
}
