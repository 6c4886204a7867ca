/*
 * The coordinator's state between rounds: save and restore.
 *
 *   "CHS1"  digest of the options (32)  rounds closed (4)  progress (3 x 16)
 *   parameters (4 dim)  algorithm's state (4 dim state_per_param)
 *   with evaluation rounds: applied since the last (4)  whether one is open (4)
 *   how many were counted (4 each recent round), and who (4 each of the most that a round counts)
 *   SHA-256 of all before it (32)
 *
 * Of closed populations whose algorithm has clients keep nothing, older states have no recent
 * rounds: they are taken as if nobody had been counted in any.
 */
#include "proto/coordinator_parts.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/sha256.h"
#include "math/fold.h"

#include <string.h>

enum {
    STATE_MAGIC = 0x31534843, // "CHS1" as little-endian bytes
    PROGRESS_BYTES = 16,
    STATE_HEAD = 4 + CHOIR_HASH_BYTES + 4 + CH_SCHEDULED_COUNT * PROGRESS_BYTES,
};

static size_t params_bytes(const choir_coordinator *c) {
    return (size_t)c->options.dim * sizeof(float);
}

/* Of the parameters and the algorithm's state. */
static size_t numbers_bytes(const choir_coordinator *c) {
    return params_bytes(c) * (1 + c->algorithm->state_per_param);
}

/* Of how evaluation stands, where there is any. */
static size_t evaluation_bytes(const choir_coordinator *c) {
    return c->options.evaluation_every > 0 ? 2 * sizeof(uint32_t) : 0;
}

size_t choir_coordinator_state_bytes(const choir_coordinator *c) {
    return STATE_HEAD + numbers_bytes(c) + evaluation_bytes(c) + ch_recent_bytes(&c->recent) +
           CHOIR_HASH_BYTES;
}

void choir_coordinator_save(const choir_coordinator *c, uint8_t *out) {
    ch_writer w = {.data = out, .capacity = choir_coordinator_state_bytes(c)};
    ch_put_u32(&w, STATE_MAGIC);
    ch_put_bytes(&w, c->options_digest, CHOIR_HASH_BYTES);
    ch_put_u32(&w, c->rounds_closed);
    for (int i = 0; i < CH_SCHEDULED_COUNT; i++) {
        ch_put_f64(&w, c->progress[i].best);
        ch_put_u32(&w, c->progress[i].idle);
        ch_put_u32(&w, c->progress[i].cuts);
    }
    CH_ASSERT(w.size == STATE_HEAD);
    ch_put_bytes(&w, c->params, params_bytes(c));
    ch_put_bytes(&w, c->state, params_bytes(c) * c->algorithm->state_per_param);
    if (evaluation_bytes(c) > 0) {
        ch_put_u32(&w, c->applied);
        ch_put_u32(&w, c->is_evaluating);
    }
    ch_recent_put(&c->recent, &w);
    uint8_t hash[CHOIR_HASH_BYTES];
    ch_sha256_of(out, w.size, hash);
    ch_put_bytes(&w, hash, sizeof(hash));
    CH_ASSERT(!w.failed);
    CH_ASSERT(w.size == w.capacity);
}

/* Whether a state of that size is an older one, without recent rounds. */
static bool is_older(const choir_coordinator *c, size_t size) {
    return !c->is_open && c->algorithm->kept_per_param == 0 &&
           size == choir_coordinator_state_bytes(c) - ch_recent_bytes(&c->recent);
}

/* Whether it is whole, and of this job: how many bytes that has depends on its options too. */
static choir_status frame_check(const choir_coordinator *c, choir_bytes state, choir_error *err) {
    const size_t content =
        state.size < STATE_HEAD + CHOIR_HASH_BYTES ? 0 : state.size - CHOIR_HASH_BYTES;
    uint8_t hash[CHOIR_HASH_BYTES];
    ch_sha256_of(state.data, content, hash);
    if (content == 0 || memcmp(hash, state.data + content, CHOIR_HASH_BYTES) != 0) {
        return ch_error_set(err, CHOIR_EPROTO, "state: damaged, its checksum does not match");
    }
    ch_reader r = {.data = state.data, .size = state.size};
    const uint32_t magic = ch_get_u32(&r);
    const choir_bytes digest = ch_get_bytes(&r, CHOIR_HASH_BYTES);
    if (magic != STATE_MAGIC || memcmp(digest.data, c->options_digest, CHOIR_HASH_BYTES) != 0 ||
        ch_get_u32(&r) > c->options.rounds) {
        return ch_error_set(err, CHOIR_EPROTO, "state: of another job; resume with equal options");
    }
    const size_t size = choir_coordinator_state_bytes(c);
    if (state.size != size && !is_older(c, state.size)) {
        return ch_error_set(err, CHOIR_EPROTO, "state: %zu bytes, but this job's have %zu",
                            state.size, size);
    }
    return CHOIR_OK;
}

static choir_status state_check(const choir_coordinator *c, choir_bytes state, choir_error *err) {
    const choir_status status = frame_check(c, state, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_reader r = {.data = state.data, .size = state.size, .at = 4 + CHOIR_HASH_BYTES};
    const uint32_t rounds = ch_get_u32(&r);
    const size_t numbers = numbers_bytes(c);
    if (!ch_fold_measure(state.data + STATE_HEAD, numbers / sizeof(float)).is_finite) {
        return ch_error_set(err, CHOIR_EPROTO, "state: holds a parameter that is not finite");
    }
    r.at = STATE_HEAD + numbers;
    const uint32_t applied = evaluation_bytes(c) > 0 ? ch_get_u32(&r) : 0;
    const uint32_t is_evaluating = evaluation_bytes(c) > 0 ? ch_get_u32(&r) : 0;
    if (applied > rounds || (applied > 0 && applied >= c->options.evaluation_every) ||
        is_evaluating > 1 || (is_evaluating == 1 && (rounds == 0 || applied > 0))) {
        return ch_error_set(err, CHOIR_EPROTO, "state: no evaluation stands so after %u rounds",
                            rounds);
    }
    const choir_bytes recent = {.data = state.data + r.at, .size = ch_recent_bytes(&c->recent)};
    if (!is_older(c, state.size) && !ch_recent_is_sane(&c->recent, recent, c->options.clients)) {
        return ch_error_set(err, CHOIR_EPROTO, "state: its recent clients are no such lists");
    }
    return CHOIR_OK;
}

choir_status choir_coordinator_restore(choir_coordinator *c, choir_bytes state, choir_error *err) {
    const choir_status status = state_check(c, state, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_reader r = {.data = state.data, .size = state.size, .at = 4 + CHOIR_HASH_BYTES};
    c->rounds_closed = ch_get_u32(&r);
    for (int i = 0; i < CH_SCHEDULED_COUNT; i++) {
        c->progress[i].best = ch_get_f64(&r);
        c->progress[i].idle = ch_get_u32(&r);
        c->progress[i].cuts = ch_get_u32(&r);
    }
    const size_t bytes = params_bytes(c);
    memcpy(c->params, ch_get_bytes(&r, bytes).data, bytes);
    const choir_bytes algorithm = ch_get_bytes(&r, bytes * c->algorithm->state_per_param);
    if (algorithm.size > 0) {
        memcpy(c->state, algorithm.data, algorithm.size);
    }
    if (evaluation_bytes(c) > 0) {
        c->applied = ch_get_u32(&r);
        c->is_evaluating = ch_get_u32(&r) == 1;
    }
    if (is_older(c, state.size)) {
        ch_recent_reset(&c->recent);
    } else {
        ch_recent_get(&c->recent, &r);
    }
    ch_coordinator_name(c);
    c->summary = (choir_round_summary){0};
    c->unfit = "";
    c->evaluation = (choir_round_summary){0};
    c->has_sum = false;
    ch_coordinator_round_open(c, UINT64_MAX);
    return CHOIR_OK;
}
