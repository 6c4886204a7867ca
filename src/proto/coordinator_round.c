/*
 * The coordinator's open round: save and restore.
 *
 *   "CHR1"  digest of the options (32)  round (4)  its model (32)  time left, ms (8)
 *   tasks were given, to evaluate (4: bits 0, 1)  cohort (4)  reports (4)  weight (8)  metrics (3 x
 * 8) refused (4 each reason)  standing (1 each client) in an open population: the clients (4 each)
 *   sum (8 each number of a report; nothing without reports, nor to evaluate)
 *   checksum of all before it (8)
 *
 * The checksum is the wire's, not SHA-256: this is written with every group of reports, and what it
 * is to find is damage, not forgery.
 */
#include "proto/coordinator_parts.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/error.h"

#include <string.h>

enum {
    ROUND_MAGIC = 0x31524843, // "CHR1" as little-endian bytes
    ROUND_HEAD = 4 + CHOIR_HASH_BYTES + 4 + CHOIR_HASH_BYTES + 8 + 4 + 4 + 4 + 8 + 3 * 8 +
                 4 * CHOIR_REFUSAL_COUNT,
    CHECK_BYTES = 8,
    GIVEN = 1, // flags
    EVALUATES = 2,
};

/* Of the standing of so many clients, and of who they are where that was not drawn. */
static size_t cohort_bytes(const choir_coordinator *c, uint32_t count) {
    return (size_t)count * (c->is_open ? 1 + sizeof(uint32_t) : 1);
}

static size_t round_bytes(const choir_coordinator *c, uint32_t cohort, uint32_t reports) {
    return ROUND_HEAD + cohort_bytes(c, cohort) + ch_coordinator_sum_bytes(c, reports) +
           CHECK_BYTES;
}

size_t choir_coordinator_round_bytes(const choir_coordinator *c) {
    return round_bytes(c, c->cohort.count, c->aggregator.reports);
}

/* What of the round's time is left: it goes on where it was, however long nobody was there. */
static uint64_t time_left(const choir_coordinator *c, uint64_t now_ms) {
    if (c->deadline_ms == UINT64_MAX) {
        return UINT64_MAX;
    }
    return c->deadline_ms > now_ms ? c->deadline_ms - now_ms : 0;
}

void choir_coordinator_round_save(const choir_coordinator *c, uint64_t now_ms, uint8_t *out) {
    ch_writer w = {.data = out, .capacity = choir_coordinator_round_bytes(c)};
    ch_put_u32(&w, ROUND_MAGIC);
    ch_put_bytes(&w, c->options_digest, CHOIR_HASH_BYTES);
    ch_put_u32(&w, ch_coordinator_open_round(c));
    ch_put_bytes(&w, c->hash.bytes, CHOIR_HASH_BYTES);
    ch_put_u64(&w, time_left(c, now_ms));
    ch_put_u32(&w, (c->has_given_tasks ? GIVEN : 0U) | (c->is_evaluating ? EVALUATES : 0U));
    ch_put_u32(&w, c->cohort.count);
    ch_put_u32(&w, c->aggregator.reports);
    ch_put_u64(&w, c->aggregator.weight);
    ch_put_u64(&w, c->metrics.examples);
    ch_put_u64(&w, c->metrics.correct);
    ch_put_u64(&w, (uint64_t)c->metrics.loss_q20);
    for (int i = 0; i < CHOIR_REFUSAL_COUNT; i++) {
        ch_put_u32(&w, c->refused[i]);
    }
    CH_ASSERT(w.size == ROUND_HEAD);
    ch_put_bytes(&w, c->cohort.standing, c->cohort.count);
    for (uint32_t i = 0; c->is_open && i < c->cohort.count; i++) {
        ch_put_u32(&w, c->cohort.clients[i]);
    }
    ch_put_bytes(&w, c->aggregator.sum, ch_coordinator_sum_bytes(c, c->aggregator.reports));
    ch_put_u64(&w, ch_checksum_of(0, out, w.size));
    CH_ASSERT(!w.failed);
    CH_ASSERT(w.size == w.capacity);
}

/* What a saved round says before its clients and its sum. */
typedef struct saved_round {
    uint32_t magic;
    choir_bytes digest;
    uint32_t round;
    choir_bytes model;
    uint64_t left_ms;
    uint32_t flags;
    uint32_t cohort;
    uint32_t reports;
    uint64_t weight;
    choir_metrics metrics;
    uint32_t refused[CHOIR_REFUSAL_COUNT];
} saved_round;

static saved_round head_read(ch_reader *r) {
    saved_round s = {.magic = ch_get_u32(r)};
    s.digest = ch_get_bytes(r, CHOIR_HASH_BYTES);
    s.round = ch_get_u32(r);
    s.model = ch_get_bytes(r, CHOIR_HASH_BYTES);
    s.left_ms = ch_get_u64(r);
    s.flags = ch_get_u32(r);
    s.cohort = ch_get_u32(r);
    s.reports = ch_get_u32(r);
    s.weight = ch_get_u64(r);
    s.metrics.examples = ch_get_u64(r);
    s.metrics.correct = ch_get_u64(r);
    s.metrics.loss_q20 = (int64_t)ch_get_u64(r);
    for (int i = 0; i < CHOIR_REFUSAL_COUNT; i++) {
        s.refused[i] = ch_get_u32(r);
    }
    return s;
}

/* Clients that counted are as many as the sum has, and none stands where nobody can. */
static bool standing_is_sane(const uint8_t *standing, uint32_t count, uint32_t reports) {
    uint32_t counted = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (standing[i] >= CH_STANDING_REFUSED + CHOIR_REFUSAL_COUNT) {
            return false;
        }
        counted += standing[i] == CH_STANDING_COUNTED;
    }
    return counted == reports;
}

/* In an open population: clients are ascending and registered, and no more hold a task, or were
 * counted, than may. */
static bool clients_are_sane(const choir_coordinator *c, const saved_round *s,
                             const uint8_t *standing) {
    ch_reader r = {.data = standing + s->cohort, .size = s->cohort * sizeof(uint32_t)};
    uint32_t holding = 0;
    uint32_t next = 0; // the least that may come
    for (uint32_t i = 0; i < s->cohort; i++) {
        const uint32_t client = ch_get_u32(&r);
        if (client < next || client >= c->options.clients) {
            return false;
        }
        next = client + 1;
        holding += standing[i] < CH_STANDING_REFUSED;
    }
    return holding <= c->places && s->reports <= c->options.goal;
}

static choir_status round_check(const choir_coordinator *c, choir_bytes saved, saved_round *out,
                                choir_error *err) {
    ch_reader end = {.data = saved.data, .size = saved.size};
    (void)ch_get_bytes(&end, saved.size < CHECK_BYTES ? 0 : saved.size - CHECK_BYTES);
    if (saved.size < ROUND_HEAD + CHECK_BYTES ||
        ch_get_u64(&end) != ch_checksum_of(0, saved.data, saved.size - CHECK_BYTES)) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "round: damaged, its %zu bytes do not have their checksum", saved.size);
    }
    ch_reader r = {.data = saved.data, .size = saved.size};
    *out = head_read(&r);
    if (out->magic != ROUND_MAGIC ||
        memcmp(out->digest.data, c->options_digest, CHOIR_HASH_BYTES) != 0 ||
        out->round != ch_coordinator_open_round(c) ||
        ((out->flags & EVALUATES) != 0) != c->is_evaluating ||
        memcmp(out->model.data, c->hash.bytes, CHOIR_HASH_BYTES) != 0 ||
        !(c->is_open ? out->cohort <= c->cohort.capacity : out->cohort == c->cohort.count) ||
        saved.size != round_bytes(c, out->cohort, out->reports)) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "round: saved by another job or in another round than %u, which is "
                            "open",
                            ch_coordinator_open_round(c));
    }
    const uint8_t *standing = saved.data + ROUND_HEAD;
    if (!standing_is_sane(standing, out->cohort, out->reports) ||
        (c->is_open && !clients_are_sane(c, out, standing)) ||
        !ch_coordinator_sum_is_sane(c, out->reports, out->weight,
                                    standing + cohort_bytes(c, out->cohort))) {
        return ch_error_set(err, CHOIR_EPROTO, "round: its clients and its sum do not agree");
    }
    return CHOIR_OK;
}

choir_status choir_coordinator_round_restore(choir_coordinator *c, uint64_t now_ms,
                                             choir_bytes saved, choir_error *err) {
    saved_round s;
    const choir_status status = round_check(c, saved, &s, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_reader r = {.data = saved.data, .size = saved.size, .at = ROUND_HEAD};
    ch_cohort_open(&c->cohort, s.cohort);
    memcpy(c->cohort.standing, ch_get_bytes(&r, s.cohort).data, s.cohort);
    for (uint32_t i = 0; c->is_open && i < s.cohort; i++) {
        c->cohort.clients[i] = ch_get_u32(&r);
    }
    for (uint32_t i = 0; i < s.cohort; i++) {
        c->cohort.settled += c->cohort.standing[i] != CH_STANDING_AWAITED;
    }
    if (ch_coordinator_sum_bytes(c, s.reports) > 0) {
        const size_t bytes = ch_coordinator_sum_bytes(c, s.reports);
        memcpy(c->aggregator.sum, ch_get_bytes(&r, bytes).data, bytes);
    }
    c->aggregator.reports = s.reports;
    c->aggregator.weight = s.weight;
    c->metrics = s.metrics;
    memcpy(c->refused, s.refused, sizeof(c->refused));
    c->has_given_tasks = (s.flags & GIVEN) != 0;
    c->deadline_ms = s.left_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + s.left_ms;
    return CHOIR_OK;
}
