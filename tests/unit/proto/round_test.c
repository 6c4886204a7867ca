/* The open round: saved after any message, a coordinator that was killed goes on to the same model.
 */
#include "support/exchange.h"

#include "base/checksum.h"

#include <stdio.h>
#include <stdlib.h>

enum { DIM = 4, ROUNDS = 3, CLIENTS = 8, COHORT = 4 };

static choir_coordinator_options job(void) {
    choir_coordinator_options o = choir_coordinator_defaults();
    o.job = "letters@2";
    o.dim = DIM;
    o.clients = CLIENTS;
    o.rounds = ROUNDS;
    o.sample_rate = 0.5;
    o.algorithm = "fedavgm";
    return o;
}

static exchange job_open(void) {
    const float params[DIM] = {0.25F, 0, 0, 0};
    const choir_env env = choir_env_default();
    const choir_coordinator_options o = job();
    return exchange_open(&o, params, &env);
}

typedef struct saved {
    uint8_t *state;
    uint8_t *round;
    size_t state_size, round_size;
} saved;

static saved save(const exchange *e) {
    saved s = {.state_size = choir_coordinator_state_bytes(e->coordinator),
               .round_size = choir_coordinator_round_bytes(e->coordinator)};
    s.state = malloc(s.state_size);
    s.round = malloc(s.round_size);
    assert_non_null(s.state);
    assert_non_null(s.round);
    choir_coordinator_save(e->coordinator, s.state);
    choir_coordinator_round_save(e->coordinator, e->now_ms, s.round);
    return s;
}

static void release(saved *s) {
    free(s->state);
    free(s->round);
}

/* A server that begins again, with a clock that does. */
static exchange reborn(const saved *s, uint64_t now_ms) {
    exchange e = job_open();
    e.now_ms = now_ms;
    check_status(
        choir_coordinator_restore(e.coordinator, (choir_bytes){s->state, s->state_size}, NULL),
        CHOIR_OK);
    check_status(choir_coordinator_round_restore(e.coordinator, now_ms,
                                                 (choir_bytes){s->round, s->round_size}, NULL),
                 CHOIR_OK);
    return e;
}

/* Lets the round's first (reports) clients report. */
static void clients_report(exchange *e, uint32_t reports) {
    choir_coordinator_tick(e->coordinator, e->now_ms);
    const uint32_t round = choir_coordinator_round(e->coordinator);
    uint32_t count = 0;
    for (uint32_t i = 0; i < reports; i++) {
        exchange_client(e, choir_coordinator_cohort(e->coordinator, &count)[i], round);
    }
    assert_int_equal(count, reports == 0 ? 0 : COHORT);
}

static void job_finish(exchange *e) {
    while (!choir_coordinator_is_done(e->coordinator)) {
        exchange_round(e);
    }
}

static void a_round_goes_on_where_it_was_saved(void **state) {
    (void)state;
    exchange calm = job_open();
    job_finish(&calm);
    const choir_hash expected = choir_coordinator_hash(calm.coordinator);
    for (uint32_t rounds = 0; rounds < ROUNDS; rounds++) {
        for (uint32_t reports = 0; reports < COHORT; reports++) {
            exchange e = job_open();
            for (uint32_t i = 0; i < rounds; i++) {
                exchange_round(&e);
            }
            clients_report(&e, reports);
            saved s = save(&e);
            exchange next = reborn(&s, 5);
            job_finish(&next);
            const choir_hash hash = choir_coordinator_hash(next.coordinator);
            assert_memory_equal(&hash, &expected, sizeof(hash));
            assert_int_equal(choir_coordinator_summary(next.coordinator)->reports, COHORT);
            assert_int_equal(next.trained, (ROUNDS - rounds) * COHORT - reports);
            release(&s);
            exchange_close(&next);
            exchange_close(&e);
        }
    }
    exchange_close(&calm);
}

static void what_was_counted_stays_counted(void **state) {
    (void)state;
    exchange e = job_open();
    clients_report(&e, 2);
    const uint64_t changes = choir_coordinator_changes(e.coordinator);
    assert_int_equal(changes, 2);
    saved s = save(&e);
    exchange next = reborn(&s, 0);
    clients_report(&next, 2); // the same two
    assert_int_equal(next.trained, 0);
    assert_int_equal(choir_coordinator_changes(next.coordinator), 0);
    release(&s);
    exchange_close(&next);
    exchange_close(&e);
}

static void a_deadline_is_as_far_away_as_it_was(void **state) {
    (void)state;
    exchange e = job_open();
    choir_coordinator_tick(e.coordinator, 1000);
    assert_int_equal(choir_coordinator_deadline_ms(e.coordinator), 601000);
    e.now_ms = 201000;
    saved s = save(&e);
    exchange next = reborn(&s, 7);
    assert_int_equal(choir_coordinator_deadline_ms(next.coordinator), 400007);
    exchange_close(&next);
    release(&s);
    e.now_ms = 700000; // past it, and nobody has ticked
    s = save(&e);
    next = reborn(&s, 7);
    assert_int_equal(choir_coordinator_deadline_ms(next.coordinator), 7);
    exchange_close(&next);
    release(&s);
    exchange_close(&e);
}

static void a_deadline_that_has_not_begun_has_not(void **state) {
    (void)state;
    exchange e = job_open();
    saved s = save(&e);
    exchange next = reborn(&s, 7);
    assert_true(choir_coordinator_deadline_ms(next.coordinator) == UINT64_MAX);
    release(&s);
    exchange_close(&next);
    exchange_close(&e);
}

static void check_refused(exchange *e, choir_bytes round, const char *message) {
    choir_error err;
    check_status(choir_coordinator_round_restore(e->coordinator, 0, round, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, message);
    assert_true(choir_coordinator_deadline_ms(e->coordinator) == UINT64_MAX);
}

static void damaged_rounds_are_refused(void **state) {
    (void)state;
    exchange e = job_open();
    clients_report(&e, 3);
    saved s = save(&e);
    exchange next = job_open();
    char message[128];
    for (size_t cut = 0; cut < s.round_size; cut++) {
        (void)snprintf(message, sizeof(message),
                       "round: damaged, its %zu bytes do not have their checksum", cut);
        check_refused(&next, (choir_bytes){s.round, cut}, message);
    }
    (void)snprintf(message, sizeof(message),
                   "round: damaged, its %zu bytes do not have their checksum", s.round_size);
    for (size_t bit = 0; bit < s.round_size * 8; bit++) {
        s.round[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        check_refused(&next, (choir_bytes){s.round, s.round_size}, message);
        s.round[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    release(&s);
    exchange_close(&next);
    exchange_close(&e);
}

/* With the right checksum, as a faulty writer would leave it. */
static void clients_that_the_sum_does_not_know_are_refused(void **state) {
    (void)state;
    exchange e = job_open();
    clients_report(&e, 3);
    saved s = save(&e);
    uint8_t *standing = s.round + s.round_size - 8 - DIM * sizeof(int64_t) - COHORT;
    for (uint32_t i = 0; i < 2; i++) {
        standing[0] = i == 0 ? 0 : 255; // not counted; nothing that there is
        const uint64_t check = ch_checksum_of(0, s.round, s.round_size - 8);
        memcpy(s.round + s.round_size - 8, &check, sizeof(check));
        exchange next = job_open();
        check_refused(&next, (choir_bytes){s.round, s.round_size},
                      "round: its clients and its sum do not agree");
        exchange_close(&next);
    }
    release(&s);
    exchange_close(&e);
}

static void other_rounds_are_refused(void **state) {
    (void)state;
    exchange e = job_open();
    saved s = save(&e);
    exchange_round(&e);
    choir_error err;
    check_status(choir_coordinator_round_restore(e.coordinator, 0,
                                                 (choir_bytes){s.round, s.round_size}, &err),
                 CHOIR_EPROTO);
    assert_string_equal(err.message,
                        "round: saved by another job or in another round than 2, which is open");
    release(&s);
    exchange_close(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_goes_on_where_it_was_saved),
        cmocka_unit_test(what_was_counted_stays_counted),
        cmocka_unit_test(a_deadline_is_as_far_away_as_it_was),
        cmocka_unit_test(a_deadline_that_has_not_begun_has_not),
        cmocka_unit_test(damaged_rounds_are_refused),
        cmocka_unit_test(clients_that_the_sum_does_not_know_are_refused),
        cmocka_unit_test(other_rounds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
