/* Timers: see timers.h. */
#include "swarm/timers.h"

#include "base/arena.h"
#include "base/assert.h"

choir_status ch_timers_init(ch_timers *t, uint32_t members, const choir_env *env) {
    *t = (ch_timers){.capacity = members};
    t->heap = env->alloc(env->self, ch_arena_cost(members, sizeof(*t->heap)));
    return t->heap != NULL ? CHOIR_OK : CHOIR_ENOMEM;
}

void ch_timers_release(ch_timers *t, const choir_env *env) {
    if (t->heap != NULL) {
        env->free(env->self, t->heap);
    }
    *t = (ch_timers){.heap = NULL};
}

void ch_timers_add(ch_timers *t, uint32_t member, uint64_t wake_ms) {
    CH_ASSERT(t->count < t->capacity);
    uint32_t at = t->count;
    t->count += 1;
    while (at > 0 && t->heap[(at - 1) / 2].wake_ms > wake_ms) {
        t->heap[at] = t->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    t->heap[at] = (ch_timer){.wake_ms = wake_ms, .member = member};
}

bool ch_timers_take(ch_timers *t, uint64_t now_ms, uint32_t *member) {
    if (ch_timers_next_ms(t) > now_ms) {
        return false;
    }
    *member = t->heap[0].member;
    t->count -= 1;
    const ch_timer last = t->heap[t->count];
    uint32_t at = 0;
    for (uint32_t down = 1; down < t->count; down = 2 * at + 1) {
        if (down + 1 < t->count && t->heap[down + 1].wake_ms < t->heap[down].wake_ms) {
            down += 1;
        }
        if (t->heap[down].wake_ms >= last.wake_ms) {
            break;
        }
        t->heap[at] = t->heap[down];
        at = down;
    }
    t->heap[at] = last;
    return true;
}

uint64_t ch_timers_next_ms(const ch_timers *t) {
    return t->count > 0 ? t->heap[0].wake_ms : UINT64_MAX;
}
