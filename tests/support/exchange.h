/*
 * Exchange: one coordinator and its participants, wired together by function calls.
 *
 * The least driver there can be: it asks every client of the open round, one after another, what it
 * wants, and does that. A test may get between the two and damage what passes.
 */
#ifndef CHOIR_TESTS_EXCHANGE_H
#define CHOIR_TESTS_EXCHANGE_H

#include "support/check.h"

#include "base/error.h"
#include "choir/coordinator.h"
#include "choir/participant.h"
#include "support/linear_trainer.h"

#include <string.h>

enum { EXCHANGE_BYTES_MAX = 1024 };

typedef struct exchange {
    choir_coordinator *coordinator;
    choir_participant *participant; // becomes one client after another
    choir_workspace *room;
    choir_trainer trainer;
    uint64_t now_ms;
    uint32_t messages; // carried so far, requests and replies
    uint32_t trained;

    /* Changes what passes, in place. Returns how often it arrives: 0, 1 or 2. NULL: faithful. */
    uint32_t (*damage)(void *self, uint32_t message, uint8_t *bytes, size_t *size);
    void *self;
} exchange;

static inline exchange exchange_open(const choir_coordinator_options *o, const float *params,
                                     const choir_env *env) {
    exchange e = {.trainer = {.ops = &LINEAR_TRAINER_OPS}};
    choir_participant_options p = choir_participant_defaults();
    p.dim_max = LINEAR_DIM_MAX;
    choir_error err = {.message = ""};
    if (choir_coordinator_create(&e.coordinator, params, o, env, &err) != CHOIR_OK) {
        fail_msg("coordinator: %s", err.message);
    }
    check_status(choir_participant_create(&e.participant, &p, env, NULL), CHOIR_OK);
    check_status(choir_workspace_create(&e.room, LINEAR_DIM_MAX, env), CHOIR_OK);
    return e;
}

static inline void exchange_close(exchange *e) {
    choir_coordinator_destroy(e->coordinator);
    choir_participant_destroy(e->participant);
    choir_workspace_destroy(e->room);
}

/* Carries one message through damage into bytes. */
static inline uint32_t exchange_carry(exchange *e, choir_bytes message, uint8_t *bytes,
                                      size_t *size) {
    assert_true(message.size <= EXCHANGE_BYTES_MAX);
    memcpy(bytes, message.data, message.size);
    *size = message.size;
    const uint32_t number = e->messages;
    e->messages += 1;
    return e->damage == NULL ? 1 : e->damage(e->self, number, bytes, size);
}

static inline void exchange_send(exchange *e, choir_bytes request) {
    uint8_t bytes[EXCHANGE_BYTES_MAX];
    size_t size = 0;
    choir_bytes reply = {0};
    const uint32_t times = exchange_carry(e, request, bytes, &size);
    for (uint32_t i = 0; i < times; i++) {
        reply = choir_coordinator_reply(e->coordinator, e->now_ms, (choir_bytes){bytes, size});
    }
    if (times == 0 || exchange_carry(e, reply, bytes, &size) == 0) {
        choir_participant_lost(e->participant, e->now_ms);
        return;
    }
    const choir_status status =
        choir_participant_receive(e->participant, e->now_ms, (choir_bytes){bytes, size});
    assert_true(status == CHOIR_OK || status == CHOIR_EPROTO || status == CHOIR_ERANGE);
}

static inline void exchange_fetch(exchange *e, const choir_task *task) {
    choir_bytes bytes = {0};
    choir_blob blob;
    if (choir_coordinator_model(e->coordinator, &task->model, &bytes) == CHOIR_OK &&
        choir_blob_open(&blob, bytes, &task->model) == CHOIR_OK) {
        check_status(choir_participant_fetched(e->participant, e->now_ms, &blob), CHOIR_OK);
    } else {
        choir_participant_lost(e->participant, e->now_ms);
    }
}

/* Lets one client do one thing; false when it is done or the round it was in is over. */
static inline bool exchange_step(exchange *e, uint32_t round) {
    choir_intent intent;
    choir_participant_next(e->participant, e->now_ms, &intent);
    if (choir_coordinator_round(e->coordinator) != round) {
        return false;
    }
    switch (intent.kind) {
    case CHOIR_INTENT_SEND:
        exchange_send(e, intent.request);
        return true;
    case CHOIR_INTENT_FETCH:
        exchange_fetch(e, intent.task);
        return true;
    case CHOIR_INTENT_TRAIN:
        e->trained += 1;
        ch_ignore(choir_participant_train(e->participant, e->now_ms, e->trainer, e->room, NULL),
                  "a failure is reported to the coordinator");
        return true;
    case CHOIR_INTENT_WAIT:
        e->now_ms = intent.wake_ms;
        choir_coordinator_tick(e->coordinator, e->now_ms);
        return true;
    case CHOIR_INTENT_DONE:
        return false;
    }
    return false;
}

/* One client's part in the open round: until it has been told to wait, or is done. */
static inline void exchange_client(exchange *e, uint32_t client, uint32_t round) {
    choir_participant_reset(e->participant, client);
    for (uint32_t steps = 0; steps < 200; steps++) {
        choir_intent intent;
        choir_participant_next(e->participant, e->now_ms, &intent);
        const bool is_told_to_wait = intent.kind == CHOIR_INTENT_WAIT &&
                                     intent.wake_ms - e->now_ms > 5000; // retries wait less
        if (is_told_to_wait || !exchange_step(e, round)) {
            return;
        }
    }
    fail_msg("client %u does not come to rest", client);
}

/* Runs every client of the open round, then the clock until the round has closed. */
static inline void exchange_round(exchange *e) {
    const uint32_t round = choir_coordinator_round(e->coordinator);
    choir_coordinator_tick(e->coordinator, e->now_ms);
    uint32_t count = 0;
    (void)choir_coordinator_cohort(e->coordinator, &count);
    for (uint32_t i = 0; i < count && choir_coordinator_round(e->coordinator) == round; i++) {
        const uint32_t *cohort = choir_coordinator_cohort(e->coordinator, &count);
        exchange_client(e, cohort[i], round);
    }
    if (choir_coordinator_round(e->coordinator) == round) {
        e->now_ms = choir_coordinator_deadline_ms(e->coordinator);
        choir_coordinator_tick(e->coordinator, e->now_ms);
    }
    assert_true(choir_coordinator_round(e->coordinator) == round + 1);
}

#endif
