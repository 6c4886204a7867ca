/* Open populations: who is taken in, when rounds close, and what a crash leaves of them. */
#include "unit/proto/peer.h"

#include "base/checksum.h"
#include "base/rng.h"

#include <stdlib.h>

enum { CLIENTS = 100, GOAL = 4, PLACES = 6, TABLE = 12, DEADLINE_MS = 60000 };

static choir_coordinator_options open_options(void) {
    choir_coordinator_options o = peer_options();
    o.population = "open";
    o.clients = CLIENTS;
    o.rounds = 5;
    o.goal = GOAL;
    o.over_selection = 1.3; // 5.2 clients: 6
    o.quorum = 2;
    o.deadline_ms = DEADLINE_MS;
    return o;
}

static void check_waits(peer *p, uint32_t client, choir_why why) {
    const ch_reply reply = peer_check_in(p, client);
    assert_int_equal(reply.kind, CH_REPLY_WAIT);
    assert_int_equal(reply.why, why);
    assert_in_range(reply.wait_ms, 1000, 3600000);
}

/* Clients from .. to-1 are given the open round's task. */
static void check_taken_in(peer *p, uint32_t from, uint32_t to) {
    for (uint32_t client = from; client < to; client++) {
        const ch_reply reply = peer_check_in(p, client);
        assert_int_equal(reply.kind, CH_REPLY_TASK);
        assert_int_equal(reply.task.round, choir_coordinator_round(p->c) + 1);
    }
}

static void check_counted(peer *p, uint32_t from, uint32_t to) {
    for (uint32_t client = from; client < to; client++) {
        assert_int_equal(peer_reports(p, client, 1), CH_REPLY_ACK);
    }
}

static uint32_t cohort_count(const peer *p) {
    uint32_t count = 0;
    (void)choir_coordinator_cohort(p->c, &count);
    return count;
}

static ch_reason reason_of(peer *p, const ch_request *m) {
    const ch_reply reply = peer_send(p, m);
    assert_int_equal(reply.kind, CH_REPLY_REFUSED);
    return (ch_reason)reply.reason;
}

// ----- rounds -----------------------------------------------------------------------------------

static void whoever_checks_in_is_taken_in_while_there_is_room(void **state) {
    (void)state;
    const choir_coordinator_options o = open_options();
    peer p;
    peer_open(&p, &o);
    assert_int_equal(choir_coordinator_cohort_max(p.c), TABLE);
    assert_int_equal(cohort_count(&p), 0);
    static const uint32_t comes[] = {99, 0, 50, 7, 51, 49};
    ch_reply first = {.kind = CH_REPLY_ACK};
    for (int i = 0; i < PLACES; i++) {
        const ch_reply reply = peer_check_in(&p, comes[i]);
        assert_int_equal(reply.kind, CH_REPLY_TASK);
        first = i == 0 ? reply : first;
    }
    check_waits(&p, 8, CHOIR_WHY_FULL);
    const ch_reply again = peer_check_in(&p, 99); // the same task once more
    assert_int_equal(again.kind, CH_REPLY_TASK);
    assert_memory_equal(&again.task, &first.task, sizeof(first.task));
    uint32_t count = 0;
    const uint32_t *cohort = choir_coordinator_cohort(p.c, &count);
    static const uint32_t ascending[] = {0, 7, 49, 50, 51, 99};
    assert_int_equal(count, PLACES);
    assert_memory_equal(cohort, ascending, sizeof(ascending));
    const ch_reply stranger = peer_check_in(&p, CLIENTS);
    assert_int_equal(stranger.reason, CH_REASON_UNSAMPLED);
    peer_close(&p);
}

static void a_round_closes_at_once_when_its_goal_is_counted(void **state) {
    (void)state;
    const choir_coordinator_options o = open_options();
    const float delta[PEER_DIM] = {1, 1, 1};
    peer p;
    peer_open(&p, &o);
    check_taken_in(&p, 0, PLACES);
    const ch_request late = peer_report(&p, 4, delta);
    check_counted(&p, 0, GOAL - 1);
    assert_int_equal(choir_coordinator_round(p.c), 0);
    check_waits(&p, 1, CHOIR_WHY_NOT_ELIGIBLE); // it has been counted in this round
    const ch_request twice = peer_report(&p, 1, delta);
    assert_int_equal(reason_of(&p, &twice), CH_REASON_DUPLICATE);
    check_counted(&p, GOAL - 1, GOAL);
    assert_int_equal(choir_coordinator_round(p.c), 1);
    const choir_hash before = choir_coordinator_hash(p.c);
    assert_int_equal(reason_of(&p, &late), CH_REASON_STALE); // one beyond is never added
    const choir_hash after = choir_coordinator_hash(p.c);
    assert_memory_equal(&before, &after, sizeof(before));
    const choir_round_summary *s = choir_coordinator_summary(p.c);
    assert_int_equal(s->cohort, PLACES);
    assert_int_equal(s->reports, GOAL);
    assert_true(s->applied);
    assert_int_equal(s->refused[CHOIR_REFUSAL_MISSING], PLACES - GOAL);
    assert_int_equal(s->refused[CHOIR_REFUSAL_DUPLICATE], 1);
    assert_true(choir_coordinator_params(p.c)[0] == 2);
    check_taken_in(&p, 0, 1); // and the next one takes anybody in
    peer_close(&p);
}

static void at_the_deadline_the_quorum_decides(void **state) {
    (void)state;
    const choir_coordinator_options o = open_options();
    for (uint32_t reports = 0; reports < GOAL; reports++) {
        peer p;
        peer_open(&p, &o);
        choir_coordinator_tick(p.c, 0);
        check_taken_in(&p, 0, reports);
        check_counted(&p, 0, reports);
        choir_coordinator_tick(p.c, DEADLINE_MS - 1);
        assert_int_equal(choir_coordinator_round(p.c), 0); // also when nobody is in it
        choir_coordinator_tick(p.c, DEADLINE_MS);
        assert_int_equal(choir_coordinator_round(p.c), 1);
        assert_int_equal(choir_coordinator_summary(p.c)->reports, reports);
        assert_int_equal(choir_coordinator_summary(p.c)->applied, reports >= o.quorum);
        assert_true(choir_coordinator_params(p.c)[0] == (reports >= o.quorum ? 2 : 1));
        assert_int_equal(choir_coordinator_deadline_ms(p.c), 2 * (uint64_t)DEADLINE_MS);
        peer_close(&p);
    }
}

static void a_place_that_failed_is_free_again(void **state) {
    (void)state;
    const choir_coordinator_options o = open_options();
    peer p;
    peer_open(&p, &o);
    check_taken_in(&p, 0, PLACES);
    ch_request failure = peer_report(&p, 3, NULL);
    failure.report.dim = 0;
    failure.report.delta = (choir_bytes){0};
    failure.report.failure = CH_FAILURE_DIVERGED;
    check_waits(&p, 20, CHOIR_WHY_FULL);
    assert_false(choir_coordinator_has_room(p.c));
    assert_int_equal(reason_of(&p, &failure), CH_REASON_DIVERGED);
    assert_true(choir_coordinator_has_room(p.c));
    check_waits(&p, 3, CHOIR_WHY_NOT_ELIGIBLE); // it gets no second task
    check_taken_in(&p, 20, 21);
    check_waits(&p, 21, CHOIR_WHY_FULL);
    // Where all fail, a round takes in as many again as there are places, and no more.
    for (uint32_t client = 21; cohort_count(&p) < TABLE; client++) {
        failure.client = client - 1;
        assert_int_equal(reason_of(&p, &failure), CH_REASON_DIVERGED);
        check_taken_in(&p, client, client + 1);
    }
    failure.client = 0;
    assert_int_equal(reason_of(&p, &failure), CH_REASON_DIVERGED);
    check_waits(&p, 60, CHOIR_WHY_FULL);
    assert_int_equal(cohort_count(&p), TABLE);
    peer_close(&p);
}

static void a_client_is_left_out_for_so_many_rounds(void **state) {
    (void)state;
    for (uint32_t between = 0; between <= 2; between++) {
        choir_coordinator_options o = open_options();
        o.rounds_between = between;
        peer p;
        peer_open(&p, &o);
        check_taken_in(&p, 10, 10 + GOAL);
        check_counted(&p, 10, 10 + GOAL);
        for (uint32_t round = 0; round < between; round++) { // others meanwhile
            p.now_ms += 20000;
            const ch_reply reply = peer_check_in(&p, 11);
            assert_int_equal(reply.kind, CH_REPLY_WAIT);
            assert_int_equal(reply.why, CHOIR_WHY_NOT_ELIGIBLE);
            const float delta[PEER_DIM] = {1, 1, 1};
            const ch_request m = peer_report(&p, 11, delta); // nor is it counted without a task
            assert_int_equal(reason_of(&p, &m), CH_REASON_UNSAMPLED);
            check_taken_in(&p, 20 + 10 * round, 20 + 10 * round + GOAL);
            check_counted(&p, 20 + 10 * round, 20 + 10 * round + GOAL);
        }
        check_taken_in(&p, 10, 10 + GOAL);
        peer_close(&p);
    }
}

static void who_is_told_to_wait_for_more_rounds_waits_longer(void **state) {
    (void)state;
    choir_coordinator_options o = open_options();
    o.rounds_between = 3;
    peer p;
    peer_open(&p, &o);
    choir_coordinator_tick(p.c, 0);
    p.now_ms = 20000; // what is usual from now on
    check_taken_in(&p, 0, GOAL);
    check_counted(&p, 0, GOAL);
    assert_int_equal(peer_check_in(&p, 0).wait_ms, 3 * 20000);
    check_taken_in(&p, 10, 10 + PLACES);
    assert_int_equal(peer_check_in(&p, 20).wait_ms, 20000);
    assert_int_equal(peer_check_in(&p, o.clients - 1).wait_ms,
                     20000); // one more, not all there can be
    assert_int_equal(peer_check_in(&p, 20).wait_ms, 20000);
    peer_close(&p);
}

static void the_order_in_which_they_come_changes_nothing(void **state) {
    (void)state;
    const choir_coordinator_options o = open_options();
    choir_hash hashes[2];
    for (uint32_t i = 0; i < 2; i++) {
        peer p;
        peer_open(&p, &o);
        for (uint32_t k = 0; k < GOAL; k++) {
            const uint32_t client = i == 0 ? k : GOAL - 1 - k;
            check_taken_in(&p, client, client + 1);
        }
        for (uint32_t k = 0; k < GOAL; k++) {
            const uint32_t client = i == 0 ? (k + 2) % GOAL : k;
            assert_int_equal(peer_reports(&p, client, 0.1F * (float)client), CH_REPLY_ACK);
        }
        assert_int_equal(choir_coordinator_round(p.c), 1);
        hashes[i] = choir_coordinator_hash(p.c);
        peer_close(&p);
    }
    assert_memory_equal(&hashes[0], &hashes[1], sizeof(hashes[0]));
}

// ----- crashes ----------------------------------------------------------------------------------

/* A server that begins again, from what was committed; everything else is forgotten. */
static void crash(peer *p, const choir_coordinator_options *o) {
    const size_t state_size = choir_coordinator_state_bytes(p->c);
    const size_t round_size = choir_coordinator_round_bytes(p->c);
    uint8_t *state = malloc(state_size);
    uint8_t *round = malloc(round_size);
    assert_non_null(state);
    assert_non_null(round);
    choir_coordinator_save(p->c, state);
    choir_coordinator_round_save(p->c, p->now_ms, round);
    peer_close(p);
    peer_open(p, o);
    check_status(choir_coordinator_restore(p->c, (choir_bytes){state, state_size}, NULL), CHOIR_OK);
    check_status(choir_coordinator_round_restore(p->c, 0, (choir_bytes){round, round_size}, NULL),
                 CHOIR_OK);
    free(state);
    free(round);
}

/* Clients come, report, fail, and come again at random, of which a seed decides; the server is
 * killed before so many messages are through. */
static choir_hash run_randomly(uint64_t seed, uint32_t killed_at) {
    choir_coordinator_options o = open_options();
    o.rounds_between = 1;
    o.algorithm = "fedavgm";
    ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_TEST, 0, 0);
    peer p;
    peer_open(&p, &o);
    for (uint32_t i = 0; !choir_coordinator_is_done(p.c); i++) {
        assert_in_range(i, 0, 5000);
        if (i == killed_at) {
            crash(&p, &o);
        }
        p.now_ms += 1000; // some rounds close by their deadline
        const uint32_t client = ch_rng_below(&rng, 24);
        const uint32_t what = ch_rng_below(&rng, 5);
        const float value = (float)ch_rng_unit(&rng);
        const float delta[PEER_DIM] = {value, -value, value * value};
        ch_request m = peer_report(&p, client, delta);
        if (what < 2) {
            const ch_reply_kind kind = peer_check_in(&p, client).kind;
            assert_true(kind == CH_REPLY_TASK || kind == CH_REPLY_WAIT);
        } else if (what == 4) {
            m.report.examples = 0; // refused
            (void)peer_send(&p, &m);
        } else {
            (void)peer_send(&p, &m);
        }
        if (!choir_coordinator_is_done(p.c)) {
            assert_in_range(cohort_count(&p), 0, TABLE);
        }
    }
    const choir_hash hash = choir_coordinator_hash(p.c);
    peer_close(&p);
    return hash;
}

static void a_kill_at_any_moment_changes_nothing(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        const choir_hash calm = run_randomly(seed, UINT32_MAX);
        for (uint32_t at = 0; at < 60; at++) {
            const choir_hash hash = run_randomly(seed, at);
            assert_memory_equal(&hash, &calm, sizeof(hash));
        }
    }
}

/* Taken in after the last commit, and so forgotten; it has trained, and its report is counted. */
static void a_report_of_a_forgotten_client_is_counted(void **state) {
    (void)state;
    const choir_coordinator_options o = open_options();
    const float delta[PEER_DIM] = {1, 1, 1};
    peer p;
    peer_open(&p, &o);
    check_taken_in(&p, 0, 1);
    const ch_request m = peer_report(&p, 1, delta);
    assert_int_equal(peer_send(&p, &m).kind, CH_REPLY_ACK);
    assert_int_equal(cohort_count(&p), 2);
    check_taken_in(&p, 2, PLACES);
    ch_request beyond = peer_report(&p, 30, delta); // where there is room
    assert_int_equal(reason_of(&p, &beyond), CH_REASON_UNSAMPLED);
    beyond.client = CLIENTS + 5;
    assert_int_equal(reason_of(&p, &beyond), CH_REASON_UNSAMPLED);
    peer_close(&p);
}

static void what_must_be_committed_is_counted(void **state) {
    (void)state;
    const choir_coordinator_options o = open_options();
    peer p;
    peer_open(&p, &o);
    check_taken_in(&p, 0, 2);
    assert_int_equal(choir_coordinator_changes(p.c), 2);
    check_taken_in(&p, 0, 2); // known already
    assert_int_equal(choir_coordinator_changes(p.c), 2);
    check_counted(&p, 0, 1);
    assert_int_equal(choir_coordinator_changes(p.c), 3);
    peer_close(&p);
}

/* With the right checksum, as a faulty writer would leave it. */
static void rounds_of_impossible_clients_are_refused(void **state) {
    (void)state;
    const choir_coordinator_options o = open_options();
    static const uint32_t bad[][3] = {{5, 5, 7}, {7, 5, 9}, {5, 7, CLIENTS}, {UINT32_MAX, 0, 1}};
    peer p;
    peer_open(&p, &o);
    check_taken_in(&p, 5, 8);
    const size_t size = choir_coordinator_round_bytes(p.c);
    uint8_t *round = malloc(size);
    assert_non_null(round);
    choir_coordinator_round_save(p.c, 0, round);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memcpy(round + size - 8 - sizeof(bad[i]), bad[i], sizeof(bad[i]));
        const uint64_t check = ch_checksum_of(0, round, size - 8);
        memcpy(round + size - 8, &check, sizeof(check));
        choir_error err;
        check_status(choir_coordinator_round_restore(p.c, 0, (choir_bytes){round, size}, &err),
                     CHOIR_EPROTO);
        assert_string_equal(err.message, "round: its clients and its sum do not agree");
    }
    free(round);
    peer_close(&p);
}

// ----- options and memory -----------------------------------------------------------------------

static void options_that_contradict_each_other_are_named(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const float params[PEER_DIM] = {0};
    choir_coordinator *c = NULL;
    choir_error err;
#define CHECK_BAD(field, bad, text)                                                                \
    do {                                                                                           \
        choir_coordinator_options o = open_options();                                              \
        o.field = (bad);                                                                           \
        check_status(choir_coordinator_create(&c, params, &o, &env, &err), CHOIR_EINVAL);          \
        assert_string_equal(err.message, text);                                                    \
    } while (0)
    CHECK_BAD(goal, 0, "coordinator: goal is 0, must be in [1, 100], the clients there can be");
    CHECK_BAD(goal, 101, "coordinator: goal is 101, must be in [1, 100], the clients there can be");
    CHECK_BAD(clients, 0, "coordinator: 0 clients, but there must be 1 to 2^31");
    CHECK_BAD(over_selection, 0.9, "coordinator: over_selection is 0.9, must be in [1, 100]");
    CHECK_BAD(quorum, 5, "coordinator: quorum is 5, must be in [1, 4], the goal");
    CHECK_BAD(rounds_between, 1 << 21,
              "coordinator: rounds_between is 2097152, must be in [0, 1048576]: a coordinator "
              "remembers at most 4194304 clients, and a round counts 4");
    CHECK_BAD(population, "ajar", "coordinator: population 'ajar' is unknown; known: closed, open");
    char endless[4096];
    memset(endless, 'x', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    CHECK_BAD(sampler, NULL, "sampler: '' is unknown; known: fixed, poisson");
    CHECK_BAD(sampler, "fixd", "sampler: 'fixd' is unknown; known: fixed, poisson");
    CHECK_BAD(sampler, endless,
              "sampler: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' is unknown; known: fixed, "
              "poisson");
    CHECK_BAD(population, NULL, "coordinator: population '' is unknown; known: closed, open");
    CHECK_BAD(population, "closed",
              "coordinator: goal is 4, but the population is closed; must be 0");
#undef CHECK_BAD
}

static size_t claimed;

static void *claimed_alloc(void *self, size_t bytes) {
    (void)self;
    const choir_env env = choir_env_default();
    claimed += bytes;
    return env.alloc(env.self, bytes);
}

static void memory_does_not_grow_with_the_population(void **state) {
    (void)state;
    choir_env env = choir_env_default();
    env.alloc = claimed_alloc;
    const float params[PEER_DIM] = {0};
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        choir_coordinator_options o = open_options();
        o.clients = i == 0 ? CLIENTS : UINT32_C(1) << 31;
        o.rounds_between = 3;
        choir_coordinator *c = NULL;
        claimed = 0;
        check_status(choir_coordinator_create(&c, params, &o, &env, NULL), CHOIR_OK);
        bytes[i] = claimed;
        choir_coordinator_destroy(c);
    }
    assert_int_equal(bytes[0], bytes[1]);
    assert_in_range(bytes[0], 1, 8192);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_checks_in_is_taken_in_while_there_is_room),
        cmocka_unit_test(a_round_closes_at_once_when_its_goal_is_counted),
        cmocka_unit_test(at_the_deadline_the_quorum_decides),
        cmocka_unit_test(a_place_that_failed_is_free_again),
        cmocka_unit_test(a_client_is_left_out_for_so_many_rounds),
        cmocka_unit_test(who_is_told_to_wait_for_more_rounds_waits_longer),
        cmocka_unit_test(the_order_in_which_they_come_changes_nothing),
        cmocka_unit_test(a_kill_at_any_moment_changes_nothing),
        cmocka_unit_test(a_report_of_a_forgotten_client_is_counted),
        cmocka_unit_test(what_must_be_committed_is_counted),
        cmocka_unit_test(rounds_of_impossible_clients_are_refused),
        cmocka_unit_test(options_that_contradict_each_other_are_named),
        cmocka_unit_test(memory_does_not_grow_with_the_population),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
