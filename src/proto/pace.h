/*
 * Pace: when a client that is not wanted now is told to come back.
 *
 * A few clients come all at the same moment: when the round is expected to have closed, going by
 * how long rounds took so far. Many more than a cohort takes would be a crowd at that moment, and a
 * silence before it; they come spread over a span behind it, each at a moment of its own that is a
 * function of (seed, round, client):
 *
 *     now ------- expected close ----+--------- span = usual clients / (2 cohort) ---------+
 *                 all of a few       client 7    client 2           client 9
 *
 * With such a span two cohorts' worth of clients come by while a usual round lasts, however many
 * there are. In a closed population everybody must be asked in every round, lest one that is
 * sampled is never told; its span is half a usual round, and so its rounds settle at twice what
 * training takes.
 *
 * Rounds that last longer than usual are asked after in steps of a quarter of the time that they
 * have taken. Until one has closed, a quarter of what is left stands for what is expected.
 *
 * Nothing that is computed depends on any of it: who comes when decides nothing in a closed
 * population, and in an open one anybody may come at any time.
 *
 * Source: pace steering, Bonawitz et al., "Towards Federated Learning at Scale: System Design",
 * MLSys 2019, sec. 2.3.
 */
#ifndef CH_PROTO_PACE_H
#define CH_PROTO_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum { CH_PACE_MS_MIN = 1000, CH_PACE_MS_MAX = 3600 * 1000 };

/* What has been learnt of rounds. Zero: nothing yet. */
typedef struct ch_pace {
    uint64_t usual_ms; // a moving mean of how long they took; 0: none has closed
} ch_pace;

/* A client that is told to wait. */
typedef struct ch_pace_question {
    uint64_t seed;
    uint32_t round; // the open one
    uint32_t client;
    uint64_t lasts_ms;  // since the round opened
    uint64_t left_ms;   // until its deadline
    uint32_t clients;   // that come by
    uint32_t cohort;    // the most that a round takes of them; at least 1
    bool all_must_come; // a closed population
    uint32_t rounds;    // that must close before there is anything for this client; at least 1
} ch_pace_question;

/* Learns from a round that closed. */
void ch_pace_learn(ch_pace *p, uint64_t took_ms);

/* For how long, ms, within the bounds above. */
uint32_t ch_pace_wait_ms(const ch_pace *p, const ch_pace_question *q);

#endif
