/*
 * Timers: which of many members is to be woken next, and when. A binary heap; a member has one
 * timer at most.
 */
#ifndef CH_SWARM_TIMERS_H
#define CH_SWARM_TIMERS_H

#include "choir/env.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_timer {
    uint64_t wake_ms;
    uint32_t member;
} ch_timer;

typedef struct ch_timers {
    ch_timer *heap; // (capacity) owned; heap[i] is no later than heap[2i+1] and heap[2i+2]
    uint32_t count;
    uint32_t capacity;
} ch_timers;

/* Room for one timer of each of so many members. Returns OK and an object to release; ENOMEM. */
CHOIR_NODISCARD choir_status ch_timers_init(ch_timers *t, uint32_t members, const choir_env *env);

/* Safe to call twice, and on one that is all zero. */
void ch_timers_release(ch_timers *t, const choir_env *env);

/* The member must have none. */
void ch_timers_add(ch_timers *t, uint32_t member, uint64_t wake_ms);

/* Takes the first whose time has come; false when there is none. */
bool ch_timers_take(ch_timers *t, uint64_t now_ms, uint32_t *member);

/* When the first's time comes; UINT64_MAX without timers. */
uint64_t ch_timers_next_ms(const ch_timers *t);

#endif
