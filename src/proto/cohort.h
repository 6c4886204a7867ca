/*
 * Cohort: the clients of one round and where each of them stands.
 *
 * Memory grows with the cohort, never with the number of registered clients.
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
    uint32_t count;
    uint32_t settled;  // no longer awaited: counted or refused
    uint32_t *clients; // (count) ascending; borrowed, with room for the sampler's cohort_max
    uint8_t *standing; // (count) likewise
} ch_cohort;

/* Makes (count) clients, already in place, all awaited. */
void ch_cohort_open(ch_cohort *c, uint32_t count);

/* The client's place, or UINT32_MAX when it is not in the cohort. */
uint32_t ch_cohort_find(const ch_cohort *c, uint32_t client);

/* Ends an awaited client's round: CH_STANDING_COUNTED, or CH_STANDING_REFUSED + refusal. */
void ch_cohort_settle(ch_cohort *c, uint32_t place, uint32_t standing);

#endif
