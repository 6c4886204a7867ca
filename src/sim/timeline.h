/*
 * Timeline: what happens next. A binary heap of moments, earliest first; at equal times the lowest
 * client first, so that the order does not depend on how the moments were added.
 */
#ifndef CH_SIM_TIMELINE_H
#define CH_SIM_TIMELINE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_moment {
    uint64_t time_ms;
    uint32_t client;
    uint32_t slot; // where the client's things are; says nothing about order
} ch_moment;

typedef struct ch_timeline {
    ch_moment *moments; // (capacity) borrowed from an arena; a heap of count
    uint32_t count;
    uint32_t capacity;
} ch_timeline;

/* Bytes that ch_timeline_init takes from its arena. */
size_t ch_timeline_cost(uint32_t capacity);

/* An empty timeline of at most capacity moments. The arena must have room. */
void ch_timeline_init(ch_timeline *t, uint32_t capacity, ch_arena *arena);

void ch_timeline_reset(ch_timeline *t);
bool ch_timeline_is_empty(const ch_timeline *t);

/* There must be room. */
void ch_timeline_add(ch_timeline *t, ch_moment moment);

/* The earliest moment; there must be one. _next also removes it. */
ch_moment ch_timeline_first(const ch_timeline *t);
ch_moment ch_timeline_next(ch_timeline *t);

#endif
