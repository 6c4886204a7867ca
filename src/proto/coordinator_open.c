/*
 * The open round of an open population: who is given its task.
 *
 * Whoever checks in while there is room: at most (places) clients hold the task at a time, counted
 * ones included. One that was refused leaves its place to another, and is remembered, so that it
 * gets no second task; a round remembers as many as there are places, and takes nobody in beyond
 * that: in a job in which so many fail, others would too.
 */
#include "proto/coordinator_parts.h"

#include "base/assert.h"

#include <math.h>

// Below it, 1.1 times 10 would be 12 clients: 1.1 is a little more than that in binary.
static const double ROUNDING = 1e-6;

uint32_t ch_coordinator_places(uint32_t goal, double over_selection, uint32_t clients) {
    const double places = ceil((double)goal * over_selection - ROUNDING);
    return places < clients ? (uint32_t)places : clients;
}

uint32_t ch_coordinator_table(uint32_t places, uint32_t clients) {
    return places < clients - places ? 2 * places : clients;
}

bool choir_coordinator_has_room(const choir_coordinator *c) {
    const uint32_t holding = c->cohort.count - c->cohort.settled + c->aggregator.reports;
    return c->is_open && !choir_coordinator_is_done(c) && holding < c->places &&
           c->cohort.count < c->cohort.capacity;
}

uint32_t ch_coordinator_seat_find(const choir_coordinator *c, uint32_t client, bool *is_free,
                                  ch_unseated *why) {
    CH_ASSERT(client < c->options.clients);
    *is_free = false;
    const uint32_t place = ch_cohort_find(&c->cohort, client);
    if (place != UINT32_MAX && c->cohort.standing[place] != CH_STANDING_AWAITED) {
        const bool is_counted =
            !c->is_evaluating && c->cohort.standing[place] == CH_STANDING_COUNTED;
        *why = (ch_unseated){.why = CHOIR_WHY_NOT_ELIGIBLE,
                             .rounds = is_counted ? 1 + c->recent.rounds : 1};
        return place;
    }
    if (place != UINT32_MAX) {
        return place;
    }
    // Measuring is not what is to be spared.
    const uint32_t left_out =
        c->is_evaluating ? 0 : ch_recent_left_out(&c->recent, c->task.round, client);
    if (left_out > 0) {
        *why = (ch_unseated){.why = CHOIR_WHY_NOT_ELIGIBLE, .rounds = left_out};
        return UINT32_MAX;
    }
    if (!choir_coordinator_has_room(c)) {
        *why = (ch_unseated){.why = CHOIR_WHY_FULL, .rounds = 1};
        return UINT32_MAX;
    }
    *is_free = true;
    return UINT32_MAX;
}

uint32_t ch_coordinator_seat(choir_coordinator *c, uint32_t client, ch_unseated *why) {
    bool is_free = false;
    const uint32_t place = ch_coordinator_seat_find(c, client, &is_free, why);
    if (!is_free) {
        return place;
    }
    c->has_given_tasks = true;
    c->changes += 1;
    return ch_cohort_add(&c->cohort, client);
}
