/*
 * Tally: which texts there are, and how often each; then which place each has by that.
 *
 *     add, add, ...      in any order
 *     rank               the most frequent first, equally frequent ones by ascending bytes
 *     find               the place of a text
 */
#ifndef CH_DATA_TALLY_H
#define CH_DATA_TALLY_H

#include "choir/env.h"
#include "choir/status.h"
#include "data/csv.h"

#define CH_TALLY_NONE UINT32_MAX

typedef struct ch_tally_entry {
    ch_cell text; // borrowed
    uint32_t count;
} ch_tally_entry;

typedef struct ch_tally {
    ch_tally_entry *entries; // (count) owned; by rank once they were ranked
    uint32_t *slots;         // (mask + 1) owned; an entry's number and 1, or 0
    uint32_t count, room;
    uint32_t mask; // a power of two less one
    choir_env env;
} ch_tally;

/* Empty, with room for so many different texts, at most 2^28. ENOMEM; on failure *out is empty. */
CHOIR_NODISCARD choir_status ch_tally_init(ch_tally *out, uint32_t room, const choir_env *env);

/* Safe on an empty one, and twice. */
void ch_tally_release(ch_tally *t);

/* Counts a text, whose bytes have to stay; there is room for it. */
void ch_tally_add(ch_tally *t, const ch_cell *text);

/* Sorts the entries, and drops those beyond most. Nothing is added after that. */
void ch_tally_rank(ch_tally *t, uint32_t most);

/* The entry's number, by rank once they were ranked; CH_TALLY_NONE when there is none. */
uint32_t ch_tally_find(const ch_tally *t, const ch_cell *text);

#endif
