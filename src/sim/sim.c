/*
 * Simulator: see include/choir/sim.h. Its life and its state; what happens in a round is in
 * round.c.
 *
 * What a simulation leaves from one round to the next is its virtual time and what the coordinator
 * leaves. A saved state says which network it was run with, because virtual time depends on it:
 *
 *     offset  bytes
 *     0       8      magic "choirsim", little-endian like all that follows
 *     8       4      version of this form
 *     12      8      virtual time, ms
 *     20      32     SHA-256 of the above and the network's fields
 *     52      c      choir_coordinator_save
 *     52 + c  k      what clients keep, where they keep anything: states.h
 */
#include "sim/simulator.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/sha256.h"
#include "sim/network.h"

#include <math.h>
#include <string.h>

enum {
    WORKERS_MAX = 256,
    UNDERWAY_MAX = 256, // clients of an open population that come by and have no task
    STATE_VERSION = 1,
    STATE_HEAD_BYTES = 52,
    DIGESTED_BYTES = 96,
};

static const uint64_t STATE_MAGIC = UINT64_C(0x6d697372696f6863); // "choirsim"

choir_sim_options choir_sim_defaults(void) {
    return (choir_sim_options){
        .coordinator = choir_coordinator_defaults(),
        .network =
            {
                .seed = 1,
                .latency_ms = 50,
                .up_mbps = 10,
                .down_mbps = 50,
                .examples_per_s = 1000,
                .availability = 1,
            },
        .workers = 1,
    };
}

// ----- life -------------------------------------------------------------------------------------

static choir_status options_check(const choir_sim_options *o, const choir_trainer *trainers,
                                  choir_error *err) {
    if (o->workers < 1 || o->workers > WORKERS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "sim: workers is %u, must be in [1, %d]", o->workers,
                            WORKERS_MAX);
    }
    if (trainers == NULL) {
        return ch_error_set(err, CHOIR_EINVAL, "sim: trainers is missing");
    }
    if (trainers[0].ops->examples == NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "sim: trainers do not say how many examples a client has, which "
                            "virtual time depends on");
    }
    if (trainers[0].ops->state_bytes_max > 0 && trainers[0].ops->lend == NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "sim: trainers keep a state of %u bytes for each client, but cannot be "
                            "lent it",
                            trainers[0].ops->state_bytes_max);
    }
    return ch_network_check(&o->network, err);
}

static choir_status slots_create(choir_sim *s, choir_error *err) {
    choir_participant_options o = choir_participant_defaults();
    o.dim_max = choir_coordinator_moved(s->coordinator);
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < s->slots_max && status == CHOIR_OK; i++) {
        status = choir_participant_create(&s->slots[i].participant, &o, &s->env, err);
    }
    return status;
}

static choir_status sim_build(choir_sim *s, const float *params, const choir_trainer *trainers,
                              choir_error *err) {
    const choir_coordinator_options *o = &s->options.coordinator;
    choir_status status = choir_coordinator_create(&s->coordinator, params, o, &s->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    s->is_open = strcmp(o->population, "open") == 0;
    s->slots_max = choir_coordinator_cohort_max(s->coordinator);
    if (s->is_open) {
        const uint32_t others = o->clients - s->slots_max;
        s->slots_max += others < UNDERWAY_MAX ? others : UNDERWAY_MAX;
    }
    const uint32_t moved = choir_coordinator_moved(s->coordinator);
    const size_t lent = s->is_open ? moved : 0;
    const size_t bytes = ch_arena_cost(lent, sizeof(s->model[0])) +
                         ch_arena_cost(s->slots_max, sizeof(s->slots[0])) +
                         ch_arena_cost(s->slots_max, sizeof(s->free_slots[0])) +
                         ch_timeline_cost(s->slots_max);
    status = ch_arena_init(&s->arena, bytes, &s->env);
    if (status != CHOIR_OK) {
        return status;
    }
    s->slots = CH_NEW(&s->arena, ch_slot, s->slots_max);
    s->free_slots = CH_NEW(&s->arena, uint32_t, s->slots_max);
    s->model = CH_NEW(&s->arena, float, lent);
    ch_timeline_init(&s->timeline, s->slots_max, &s->arena);
    status = slots_create(s, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = ch_states_init(&s->states, o->clients, trainers[0].ops->state_bytes_max, &s->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    return ch_crew_create(&s->crew, trainers, s->options.workers, moved, s->slots_max, &s->env);
}

/* Says what could not be had; what the options do wrong has been said. */
static choir_status means_missing(const choir_sim *s, choir_status status, choir_error *err) {
    const choir_sim_options *o = &s->options;
    if (status == CHOIR_ENOMEM) {
        return ch_error_set(err, status,
                            "no memory to simulate %u workers and devices with models of %u "
                            "parameters; fewer workers and a smaller sample need less",
                            o->workers, o->coordinator.dim);
    }
    if (status == CHOIR_EIO) {
        return ch_error_set(err, status,
                            "workers: the system does not give %u threads; fewer need less",
                            o->workers);
    }
    return status;
}

choir_status choir_sim_create(choir_sim **out, const float *params, const choir_trainer *trainers,
                              const choir_sim_options *options, const choir_env *env,
                              choir_error *err) {
    *out = NULL;
    choir_status status = options_check(options, trainers, err);
    if (status != CHOIR_OK) {
        return status;
    }
    choir_sim *s = env->alloc(env->self, ch_arena_cost(1, sizeof(*s)));
    if (s == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a simulation");
    }
    *s = (choir_sim){.options = *options, .env = *env, .trainers = trainers};
    status = sim_build(s, params, trainers, err);
    if (status != CHOIR_OK) {
        status = means_missing(s, status, err);
        choir_sim_destroy(s);
        return status;
    }
    *out = s;
    return CHOIR_OK;
}

void choir_sim_destroy(choir_sim *s) {
    if (s == NULL) {
        return;
    }
    ch_crew_destroy(s->crew); // first: its threads use participants
    for (uint32_t i = 0; s->slots != NULL && i < s->slots_max; i++) {
        choir_participant_destroy(s->slots[i].participant);
    }
    ch_arena_release(&s->arena);
    ch_states_release(&s->states);
    choir_coordinator_destroy(s->coordinator);
    const choir_env env = s->env;
    env.free(env.self, s);
}

choir_coordinator *choir_sim_coordinator(choir_sim *s) {
    return s->coordinator;
}

// ----- rounds -----------------------------------------------------------------------------------

choir_status choir_sim_step(choir_sim *s, choir_sim_round *out, choir_error *err) {
    if (choir_coordinator_is_done(s->coordinator)) {
        return CHOIR_EAGAIN;
    }
    choir_coordinator *c = s->coordinator;
    s->round = (choir_sim_round){0};
    s->round.diverged_client = UINT32_MAX;
    s->round.diverged_loss = (double)NAN;
    choir_status status = ch_round_run(s, err);
    if (status == CHOIR_OK && choir_coordinator_is_evaluating(c)) {
        status = ch_round_run(s, err);
        s->round.evaluation = *choir_coordinator_evaluation(c);
    }
    if (status == CHOIR_OK) {
        *out = s->round;
        out->summary = *choir_coordinator_summary(c);
        out->virtual_ms = s->now_ms;
    }
    return status;
}

// ----- state ------------------------------------------------------------------------------------

/* What stands before the coordinator's part. */
static void head_write(const choir_sim *s, uint64_t now_ms, uint8_t out[STATE_HEAD_BYTES]) {
    uint8_t bytes[DIGESTED_BYTES];
    ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
    ch_put_u64(&w, STATE_MAGIC);
    ch_put_u32(&w, STATE_VERSION);
    ch_put_u64(&w, now_ms);
    memcpy(out, bytes, w.size);
    uint8_t *digest = out + w.size;
    const choir_network *n = &s->options.network;
    ch_put_u64(&w, n->seed);
    ch_put_u32(&w, n->latency_ms);
    ch_put_f64(&w, n->loss);
    ch_put_f64(&w, n->up_mbps);
    ch_put_f64(&w, n->down_mbps);
    ch_put_f64(&w, n->examples_per_s);
    ch_put_f64(&w, n->speed_spread);
    ch_put_f64(&w, n->availability);
    ch_put_f64(&w, n->dropout);
    CH_ASSERT(!w.failed);
    ch_sha256_of(bytes, w.size, digest);
}

size_t choir_sim_state_bytes(const choir_sim *s) {
    return STATE_HEAD_BYTES + choir_coordinator_state_bytes(s->coordinator) +
           ch_states_bytes(&s->states);
}

void choir_sim_save(const choir_sim *s, uint8_t *out) {
    head_write(s, s->now_ms, out);
    choir_coordinator_save(s->coordinator, out + STATE_HEAD_BYTES);
    ch_states_save(&s->states,
                   out + STATE_HEAD_BYTES + choir_coordinator_state_bytes(s->coordinator));
}

choir_status choir_sim_restore(choir_sim *s, choir_bytes state, choir_error *err) {
    ch_reader r = {.data = state.data, .size = state.size};
    const uint64_t magic = ch_get_u64(&r);
    const uint32_t version = ch_get_u32(&r);
    const uint64_t now_ms = ch_get_u64(&r);
    if (state.size < STATE_HEAD_BYTES || magic != STATE_MAGIC || version != STATE_VERSION) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "sim: the state is not one that this version of choir saved");
    }
    uint8_t head[STATE_HEAD_BYTES];
    head_write(s, now_ms, head);
    if (memcmp(head, state.data, STATE_HEAD_BYTES) != 0) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "sim: the state is damaged, or was saved with another network");
    }
    const size_t rest = state.size - STATE_HEAD_BYTES;
    const size_t most = choir_coordinator_state_bytes(s->coordinator);
    const bool has_states = s->states.bytes_max > 0 && rest > most;
    const choir_bytes coordinator = {.data = state.data + STATE_HEAD_BYTES,
                                     .size = has_states ? most : rest};
    const choir_bytes states = {.data = state.data + STATE_HEAD_BYTES + coordinator.size,
                                .size = rest - coordinator.size};
    choir_status status = ch_states_check(&s->states, states, err);
    if (status == CHOIR_OK) {
        status = choir_coordinator_restore(s->coordinator, coordinator, err);
    }
    if (status == CHOIR_OK && ch_states_restore(&s->states, states) != CHOIR_OK) {
        return ch_error_set(err, CHOIR_ENOMEM, "sim: no memory for what clients keep");
    }
    s->now_ms = status == CHOIR_OK ? now_ms : s->now_ms;
    return status;
}
