/* Pace: when clients are told to come back, and how many come at a time. */
#include "unit/proto/peer.h"

#include "base/rng.h"
#include "proto/pace.h"

#include <stdlib.h>

/* 10 s into a round that may last 10 minutes, of a few clients. */
static ch_pace_question question(void) {
    return (ch_pace_question){.seed = 1,
                              .round = 5,
                              .lasts_ms = 10000,
                              .left_ms = 590000,
                              .clients = 100,
                              .cohort = 50,
                              .all_must_come = true,
                              .rounds = 1};
}

static void a_few_come_when_the_round_is_expected_to_have_closed(void **state) {
    (void)state;
    static const struct {
        uint64_t usual_ms, lasts_ms, left_ms;
        uint32_t wait_ms;
    } rows[] = {
        {0, 0, 600000, 150000},        // nothing is known: a quarter of what is left
        {0, 597000, 3000, 1000},       // but a second at least
        {0, 0, 60000000, 3600000},     // and an hour at most
        {30000, 0, 600000, 30000},     // as long as rounds take
        {30000, 20000, 580000, 10000}, // at the same moment, whenever they ask
        {30000, 29900, 570100, 1000},
        {30000, 40000, 560000, 10000}, // it lasts longer: a quarter of that more
        {30000, 400000, 200000, 100000},
        {30000, 598000, 2000, 2000}, // but not beyond its deadline
        {30000, 600000, 0, 1000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_pace p = {.usual_ms = rows[i].usual_ms};
        ch_pace_question q = question();
        q.lasts_ms = rows[i].lasts_ms;
        q.left_ms = rows[i].left_ms;
        for (q.client = 0; q.client < 100; q.client++) {
            assert_int_equal(ch_pace_wait_ms(&p, &q), rows[i].wait_ms);
        }
    }
}

static void what_is_usual_follows_the_rounds(void **state) {
    (void)state;
    ch_pace p = {0};
    ch_pace_learn(&p, 8000);
    assert_int_equal(p.usual_ms, 8000);
    ch_pace_learn(&p, 16000);
    assert_int_equal(p.usual_ms, 10000);
    for (int i = 0; i < 40; i++) {
        ch_pace_learn(&p, 2000);
    }
    assert_in_range(p.usual_ms, 2000, 2010);
    for (int i = 0; i < 100; i++) {
        ch_pace_learn(&p, 0);
    }
    assert_in_range(p.usual_ms, 1, 4); // something is known still
}

static int by_size(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* However many there are, as many of them come in every part of the span as in any other. */
static void many_come_in_a_steady_trickle(void **state) {
    (void)state;
    enum { ASKED = 20000, PARTS = 20 };
    static uint32_t waits[ASKED];
    const ch_pace p = {.usual_ms = 20000};
    ch_pace_question q = question();
    q.clients = 10000;
    q.all_must_come = false;
    const uint64_t span_ms = 20000 * 200 / 2; // usual, times clients in cohorts, by two
    for (q.client = 0; q.client < ASKED; q.client++) {
        waits[q.client] = ch_pace_wait_ms(&p, &q);
        assert_int_equal(ch_pace_wait_ms(&p, &q), waits[q.client]); // always the same
        assert_in_range(waits[q.client], 10000, 10000 + span_ms);
    }
    uint32_t parts[PARTS] = {0};
    for (int i = 0; i < ASKED; i++) {
        parts[(uint64_t)(waits[i] - 10000) * PARTS / (span_ms + 1)] += 1;
    }
    for (int i = 0; i < PARTS; i++) { // 1000 each, give or take five standard deviations
        assert_in_range(parts[i], 1000 - 155, 1000 + 155);
    }
    qsort(waits, ASKED, sizeof(waits[0]), by_size);
    check_near(waits[ASKED / 2], 10000 + (double)span_ms / 2, 0.02 * (double)span_ms);
}

/* The last wait there is among many clients: where the span ends. */
static double span_of(ch_pace_question q, uint64_t usual_ms) {
    const ch_pace p = {.usual_ms = usual_ms};
    uint32_t most = 0;
    uint32_t fewest = UINT32_MAX;
    for (q.client = 0; q.client < 4000; q.client++) {
        const uint32_t wait = ch_pace_wait_ms(&p, &q);
        most = wait > most ? wait : most;
        fewest = wait < fewest ? wait : fewest;
    }
    return (double)(most - fewest);
}

static void the_span_grows_with_the_population(void **state) {
    (void)state;
    ch_pace_question q = question();
    q.all_must_come = false;
    for (q.clients = 400; q.clients <= 12800; q.clients *= 2) { // from 8 cohorts on
        const double expected = 20000.0 * (q.clients / 50.0) / 2;
        check_near(span_of(q, 20000), expected, 0.01 * expected);
    }
    q.clients = 399;
    assert_true(span_of(q, 20000) == 0);
    q.clients = UINT32_MAX; // an hour and no more
    check_near(span_of(q, 20000), 3600000, 36000);
    q.all_must_come = true; // half a round, lest one that is sampled comes too late
    check_near(span_of(q, 20000), 10000, 100);
}

static void no_wait_is_outside_of_its_bounds(void **state) {
    (void)state;
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    for (uint32_t i = 0; i < 20000; i++) {
        const ch_pace p = {.usual_ms = ch_rng_next(&rng) >> (ch_rng_next(&rng) % 64)};
        const ch_pace_question q = {.seed = i,
                                    .round = i,
                                    .client = (uint32_t)ch_rng_next(&rng),
                                    .lasts_ms = ch_rng_next(&rng) >> (32 + i % 32),
                                    .left_ms = ch_rng_next(&rng) >> (32 + i % 31),
                                    .clients = (uint32_t)(ch_rng_next(&rng) >> (32 + i % 30)),
                                    .cohort = 1 + (uint32_t)(ch_rng_next(&rng) >> (33 + i % 29)),
                                    .all_must_come = i % 2 == 0,
                                    .rounds = 1 + (uint32_t)(ch_rng_next(&rng) >> (33 + i % 31))};
        assert_in_range(ch_pace_wait_ms(&p, &q), 1000, 3600000);
    }
}

static void who_has_to_wait_for_more_rounds_waits_for_as_many(void **state) {
    (void)state;
    const ch_pace p = {.usual_ms = 20000};
    ch_pace_question q = question();
    q.rounds = 4;
    assert_int_equal(ch_pace_wait_ms(&p, &q), 10000 + 3 * 20000);
}

/* The coordinator's own: rounds of 20 s, then one that is asked after in its middle. */
static void a_coordinator_learns_from_its_rounds(void **state) {
    (void)state;
    choir_coordinator_options o = peer_options();
    o.clients = 10;
    o.sample_rate = 0.3;
    o.quorum = 1;
    peer p;
    peer_open(&p, &o);
    choir_coordinator_tick(p.c, 0);
    for (int round = 0; round < 2; round++) {
        uint32_t cohort[3];
        uint32_t count = 0;
        memcpy(cohort, choir_coordinator_cohort(p.c, &count), sizeof(cohort));
        p.now_ms += 20000;
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(peer_reports(&p, cohort[i], 1), CH_REPLY_ACK);
        }
    }
    p.now_ms += 5000;
    uint32_t waits = 0;
    for (uint32_t client = 0; client < 10; client++) {
        const ch_reply reply = peer_check_in(&p, client);
        waits += reply.kind == CH_REPLY_WAIT;
        assert_int_equal(reply.wait_ms, reply.kind == CH_REPLY_WAIT ? 15000 : 0);
    }
    assert_int_equal(waits, 7);
    peer_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_come_when_the_round_is_expected_to_have_closed),
        cmocka_unit_test(what_is_usual_follows_the_rounds),
        cmocka_unit_test(many_come_in_a_steady_trickle),
        cmocka_unit_test(the_span_grows_with_the_population),
        cmocka_unit_test(no_wait_is_outside_of_its_bounds),
        cmocka_unit_test(who_has_to_wait_for_more_rounds_waits_for_as_many),
        cmocka_unit_test(a_coordinator_learns_from_its_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
