/*
 * Recent: whose reports were counted in the last rounds: whom an open population spares, and who is
 * to be told that its report was counted, and with it what it keeps from round to round.
 *
 * One sorted list for each of the rounds that are kept, so that memory grows with them and with
 * what a round counts, never with the number of clients.
 */
#ifndef CH_PROTO_RECENT_H
#define CH_PROTO_RECENT_H

#include "base/arena.h"
#include "base/bytes.h"
#include "proto/cohort.h"

#include <stdint.h>

typedef struct ch_recent {
    uint32_t rounds;   // kept; 0: none, and all below is empty
    uint32_t most;     // clients that a round counts
    uint32_t *counts;  // (rounds) round r's is at r % rounds; borrowed from an arena
    uint32_t *clients; // (rounds, most) ascending as far as counted, then zero; likewise
} ch_recent;

/* Bytes that ch_recent_init takes from its arena. */
size_t ch_recent_cost(uint32_t rounds, uint32_t most);

/* Empty; the arena must have room. */
void ch_recent_init(ch_recent *r, uint32_t rounds, uint32_t most, ch_arena *arena);

/* Forgets all rounds. */
void ch_recent_reset(ch_recent *r);

/* Takes a round that closes, in place of the one so many rounds before it. */
void ch_recent_add(ch_recent *r, uint32_t round, const ch_cohort *cohort);

/* For how many rounds, the open one included, a client is left out; 0 when it is not. */
uint32_t ch_recent_left_out(const ch_recent *r, uint32_t open_round, uint32_t client);

/* Whether a client was counted in a round, of (closed) that have closed: false also for one that is
 * too long ago to be kept. */
bool ch_recent_has(const ch_recent *r, uint32_t closed, uint32_t round, uint32_t client);

/* As bytes: always as many. */
size_t ch_recent_bytes(const ch_recent *r);
void ch_recent_put(const ch_recent *r, ch_writer *w);

/* Whether bytes are such lists of clients below (clients); and takes them. */
bool ch_recent_is_sane(const ch_recent *r, choir_bytes bytes, uint32_t clients);
void ch_recent_get(ch_recent *r, ch_reader *from);

#endif
