/*
 * Simulator, inside: what sim.c makes and keeps, and round.c sets going.
 */
#ifndef CH_SIM_SIMULATOR_H
#define CH_SIM_SIMULATOR_H

#include "base/arena.h"
#include "base/permutation.h"
#include "base/rng.h"
#include "choir/participant.h"
#include "choir/sim.h"
#include "sim/crew.h"
#include "sim/states.h"
#include "sim/timeline.h"

#include <stdbool.h>

typedef enum ch_slot_state {
    CH_SLOT_WAKE,    // the participant is asked what to do next
    CH_SLOT_REQUEST, // its request reaches the server
    CH_SLOT_MODEL,   // the model reaches it
    CH_SLOT_REPORT,  // it has trained, and the first of its report reaches the server
} ch_slot_state;

/* A client while its round lasts. */
typedef struct ch_slot {
    choir_participant *participant; // owned
    ch_slot_state state;            // what happens at its next moment
    ch_rng rng;                     // of its messages in this round
    ch_work work; // its training; .client, .number and .participant are the slot's
} ch_slot;

/* Who comes by in the open round, one a millisecond, in an order drawn for it. */
typedef struct ch_arrivals {
    ch_permutation order;
    uint32_t count; // so far, those that are not there included
    uint64_t next_ms;
} ch_arrivals;

struct choir_sim {
    choir_sim_options options;
    choir_env env;
    ch_arena arena; // owns the arrays below
    choir_coordinator *coordinator;
    const choir_trainer *trainers; // (workers) borrowed
    ch_crew *crew;
    ch_states states;     // of clients
    choir_status keeping; // of the last that was to be kept
    bool is_open;         // the population
    ch_slot *slots; // (slots_max) one for each client of the largest cohort, and some for those
                    // that are on their way in an open population
    uint32_t slots_max;
    uint32_t slots_used; // in this round
    ch_timeline timeline;
    ch_arrivals arrivals; // of an open population
    uint32_t *free_slots; // (slots_max, of which free_count) nobody is in; likewise
    uint32_t free_count;
    float
        *model; // (moved) of the open round, of an open population: which closes while others train
    choir_hash model_hash; // of model; all zero: nobody has fetched it yet
    uint64_t now_ms;       // virtual time
    choir_sim_round round; // so far
};

/* Runs the open round, whichever it is for, until it has closed, and adds what was seen to
 * s->round; the rest is choir_sim_step. */
CHOIR_NODISCARD choir_status ch_round_run(choir_sim *s, choir_error *err);

#endif
