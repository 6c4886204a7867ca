/*
 * Cohort: the clients of one round and where each of them stands.
 *
 * Memory grows with the cohort, never with the number of registered clients. A cohort is drawn
 * whole, or grows by one client after another.
 */
#ifndef CH_PROTO_COHORT_H
#define CH_PROTO_COHORT_H

#include "choir/coordinator.h"

#include <stdint.h>

enum {
    CH_STANDING_AWAITED = 0,
    CH_STANDING_COUNTED = 1,
    CH_STANDING_REFUSED = 2, // plus the choir_refusal
};

typedef struct ch_cohort {
    uint32_t capacity; // clients there is room for
    uint32_t count;
    uint32_t settled;  // no longer awaited: counted or refused
    uint32_t *clients; // (capacity) ascending; borrowed
    uint8_t *standing; // (capacity) likewise
} ch_cohort;

/* Where value is among (count) ascending ones; UINT32_MAX when it is not. */
uint32_t ch_sorted_find(const uint32_t *values, uint32_t count, uint32_t value);

/* Makes (count) clients, already in place, all awaited. */
void ch_cohort_open(ch_cohort *c, uint32_t count);

/* The client's place, or UINT32_MAX when it is not in the cohort. */
uint32_t ch_cohort_find(const ch_cohort *c, uint32_t client);

/* Takes in a client that is not in the cohort, awaited; there must be room. Returns its place,
 * which those behind it make for it. */
uint32_t ch_cohort_add(ch_cohort *c, uint32_t client);

/* Ends an awaited client's round: CH_STANDING_COUNTED, or CH_STANDING_REFUSED + refusal. */
void ch_cohort_settle(ch_cohort *c, uint32_t place, uint32_t standing);

#endif
