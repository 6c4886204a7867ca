/* Evaluation rounds: when they open, what counts in them, and that they change nothing else. */
#include "unit/proto/peer.h"

#include <stdlib.h>

enum { CLIENTS = 12, COHORT = 6, ROUNDS = 4, DEADLINE_MS = 60000 };

static choir_coordinator_options options(uint32_t every) {
    choir_coordinator_options o = peer_options();
    o.clients = CLIENTS;
    o.rounds = ROUNDS;
    o.sample_rate = 0.5;
    o.quorum = 2;
    o.deadline_ms = DEADLINE_MS;
    o.chain = "weight=20";
    o.evaluation_every = every;
    return o;
}

/* The open round's clients. */
static void cohort_take(const peer *p, uint32_t out[COHORT]) {
    uint32_t count = 0;
    const uint32_t *cohort = choir_coordinator_cohort(p->c, &count);
    assert_int_equal(count, COHORT);
    memcpy(out, cohort, COHORT * sizeof(out[0]));
}

/* A report of what was measured, of the open evaluation round. */
static ch_request measure(const peer *p, uint32_t client) {
    return (ch_request){
        .protocol = CH_PROTOCOL,
        .client = client,
        .kind = CH_REQUEST_REPORT,
        .report = {.round = choir_coordinator_round(p->c),
                   .model = choir_coordinator_hash(p->c),
                   .examples = 10,
                   .metrics = {.examples = 10, .correct = client % 10, .loss_q20 = 5 << 20},
                   .purpose = CHOIR_PURPOSE_EVALUATE}};
}

static void round_train(peer *p) {
    uint32_t cohort[COHORT];
    cohort_take(p, cohort);
    assert_false(choir_coordinator_is_evaluating(p->c));
    for (uint32_t i = 0; i < COHORT; i++) {
        assert_int_equal(peer_reports(p, cohort[i], 0.25F), CH_REPLY_ACK);
    }
}

static void round_measure(peer *p) {
    uint32_t cohort[COHORT];
    cohort_take(p, cohort);
    assert_true(choir_coordinator_is_evaluating(p->c));
    for (uint32_t i = 0; i < COHORT; i++) {
        const ch_request m = measure(p, cohort[i]);
        assert_int_equal(peer_send(p, &m).kind, CH_REPLY_ACK);
    }
}

static ch_reason reason_of(peer *p, const ch_request *m) {
    const ch_reply reply = peer_send(p, m);
    assert_int_equal(reply.kind, CH_REPLY_REFUSED);
    return (ch_reason)reply.reason;
}

// ----- when -------------------------------------------------------------------------------------

static void one_opens_after_so_many_applied_rounds(void **state) {
    (void)state;
    for (uint32_t every = 0; every <= 3; every++) {
        const choir_coordinator_options o = options(every);
        peer p;
        peer_open(&p, &o);
        for (uint32_t round = 1; round <= ROUNDS; round++) {
            round_train(&p);
            assert_int_equal(choir_coordinator_round(p.c), round);
            assert_int_equal(choir_coordinator_is_evaluating(p.c), every > 0 && round % every == 0);
            if (choir_coordinator_is_evaluating(p.c)) {
                assert_false(choir_coordinator_is_done(p.c)); // the last one is waited for
                round_measure(&p);
                assert_int_equal(choir_coordinator_evaluation(p.c)->round, round);
            }
        }
        assert_true(choir_coordinator_is_done(p.c));
        const uint32_t evaluations = every == 0 ? 0 : ROUNDS / every;
        assert_int_equal(choir_coordinator_closings(p.c), ROUNDS + evaluations);
        peer_close(&p);
    }
}

static void a_discarded_round_is_not_evaluated(void **state) {
    (void)state;
    const choir_coordinator_options o = options(1);
    peer p;
    peer_open(&p, &o);
    choir_coordinator_tick(p.c, 0);
    p.now_ms = DEADLINE_MS;
    choir_coordinator_tick(p.c, p.now_ms);
    assert_int_equal(choir_coordinator_round(p.c), 1);
    assert_false(choir_coordinator_is_evaluating(p.c));
    round_train(&p);
    assert_true(choir_coordinator_is_evaluating(p.c));
    peer_close(&p);
}

/* Models, training cohorts and what training rounds say are those of the job without it. */
static void training_is_what_it_is_without(void **state) {
    (void)state;
    const choir_coordinator_options plain = options(0);
    const choir_coordinator_options measured = options(1);
    peer a;
    peer b;
    peer_open(&a, &plain);
    peer_open(&b, &measured);
    bool are_others = false;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t cohorts[3][COHORT];
        cohort_take(&a, cohorts[0]);
        cohort_take(&b, cohorts[1]);
        assert_memory_equal(cohorts[0], cohorts[1], sizeof(cohorts[0]));
        round_train(&a);
        round_train(&b);
        cohort_take(&b, cohorts[2]);
        are_others = are_others || memcmp(cohorts[0], cohorts[2], sizeof(cohorts[0])) != 0;
        const choir_hash before = choir_coordinator_hash(b.c);
        round_measure(&b);
        const choir_hash hashes[] = {choir_coordinator_hash(a.c), choir_coordinator_hash(b.c)};
        assert_memory_equal(&hashes[0], &hashes[1], sizeof(hashes[0]));
        assert_memory_equal(&before, &hashes[1], sizeof(before));
        assert_memory_equal(choir_coordinator_summary(a.c), choir_coordinator_summary(b.c),
                            sizeof(choir_round_summary));
    }
    assert_true(are_others); // it has a draw of its own
    peer_close(&a);
    peer_close(&b);
}

// ----- what counts ------------------------------------------------------------------------------

static void its_task_says_what_it_is_for(void **state) {
    (void)state;
    choir_coordinator_options o = options(1);
    o.client_epochs = 5;
    peer p;
    peer_open(&p, &o);
    uint32_t cohort[COHORT];
    cohort_take(&p, cohort);
    assert_int_equal(peer_check_in(&p, cohort[0]).task.purpose, CHOIR_PURPOSE_TRAIN);
    round_train(&p);
    cohort_take(&p, cohort);
    const choir_task task = peer_check_in(&p, cohort[0]).task;
    const choir_hash hash = choir_coordinator_hash(p.c);
    assert_int_equal(task.purpose, CHOIR_PURPOSE_EVALUATE);
    assert_int_equal(task.round, 1);
    assert_int_equal(task.epochs, 1);
    assert_memory_equal(&task.model, &hash, sizeof(hash));
    assert_string_equal(task.chain, "weight=20");
    peer_close(&p);
}

static void what_was_measured_is_summed_as_the_chain_lets_it(void **state) {
    (void)state;
    const choir_coordinator_options o = options(1);
    peer p;
    peer_open(&p, &o);
    round_train(&p);
    uint32_t cohort[COHORT];
    uint64_t correct = 0;
    cohort_take(&p, cohort);
    for (uint32_t i = 0; i < COHORT; i++) {
        ch_request m = measure(&p, cohort[i]);
        if (i == 0) { // one that says more than the chain lets a client count for
            m.report.examples = 4000;
            m.report.metrics = (choir_metrics){4000, 2000, INT64_C(8000) << 20};
        }
        correct += i == 0 ? 10 : cohort[i] % 10;
        assert_int_equal(peer_send(&p, &m).kind, CH_REPLY_ACK);
    }
    const choir_round_summary *s = choir_coordinator_evaluation(p.c);
    assert_int_equal(s->round, 1);
    assert_int_equal(s->cohort, COHORT);
    assert_int_equal(s->reports, COHORT);
    assert_true(s->applied);
    assert_int_equal(s->examples, 20 + 10 * (COHORT - 1));
    assert_int_equal(s->metrics.examples, 20 + 10 * (COHORT - 1));
    assert_int_equal(s->metrics.correct, correct);
    assert_int_equal(s->metrics.loss_q20, (int64_t)(40 + 5 * (COHORT - 1)) << 20);
    assert_string_equal(p.event, "round_evaluated");
    peer_close(&p);
}

/* A message with fifteen words, three of them right, is one example: of each client alone that is 0
 * or 1 of 1, of all together still a fifth. */
static void the_mean_over_clients_with_few_examples_stays(void **state) {
    (void)state;
    enum { ALL = 1600 };
    choir_coordinator_options o = options(1);
    o.clients = ALL;
    o.sample_rate = 1;
    peer p;
    peer_open(&p, &o);
    for (uint32_t client = 0; client < ALL; client++) {
        assert_int_equal(peer_reports(&p, client, 0.25F), CH_REPLY_ACK);
    }
    for (uint32_t client = 0; client < ALL; client++) {
        ch_request m = measure(&p, client);
        m.report.examples = 1;
        m.report.metrics = (choir_metrics){.examples = 15, .correct = 3, .loss_q20 = 30 << 20};
        assert_int_equal(peer_send(&p, &m).kind, CH_REPLY_ACK);
    }
    const choir_metrics *sum = &choir_coordinator_evaluation(p.c)->metrics;
    assert_int_equal(sum->examples, ALL);
    check_near((double)sum->correct / ALL, 0.2, 0.04); // four deviations
    assert_true(sum->loss_q20 == (INT64_C(2) << 20) * ALL);
    peer_close(&p);
}

/* The first of a cohort that is not in another. */
static uint32_t first_without(const uint32_t cohort[COHORT], const uint32_t other[COHORT]) {
    for (uint32_t i = 0; i < COHORT; i++) {
        bool is_in = false;
        for (uint32_t k = 0; k < COHORT; k++) {
            is_in = is_in || other[k] == cohort[i];
        }
        if (!is_in) {
            return cohort[i];
        }
    }
    fail_msg("the cohorts are the same");
    return 0;
}

static void what_is_no_measurement_is_refused_and_ends_nobody_elses(void **state) {
    (void)state;
    static const float delta[PEER_DIM] = {0.5F, 0.5F, 0.5F};
    const choir_coordinator_options o = options(1);
    peer p;
    peer_open(&p, &o);
    uint32_t trained[COHORT];
    uint32_t cohort[COHORT];
    cohort_take(&p, trained);
    const ch_request late = peer_report(&p, trained[0], delta); // of the round that trained
    round_train(&p);
    assert_int_equal(reason_of(&p, &late), CH_REASON_DUPLICATE);
    cohort_take(&p, cohort);
    ch_request training = measure(&p, first_without(cohort, trained));
    training.report.purpose = CHOIR_PURPOSE_TRAIN;
    assert_int_equal(reason_of(&p, &training), CH_REASON_STALE);
    ch_request update = measure(&p, cohort[0]);
    update.report.dim = PEER_DIM;
    update.report.delta = (choir_bytes){(const uint8_t *)delta, sizeof(delta)};
    assert_int_equal(reason_of(&p, &update), CH_REASON_SIZE);
    ch_request nothing = measure(&p, cohort[1]);
    nothing.report.examples = 0;
    assert_int_equal(reason_of(&p, &nothing), CH_REASON_SIZE);
    ch_request cannot = measure(&p, cohort[2]);
    cannot.report.failure = CH_FAILURE_UNSUPPORTED;
    assert_int_equal(reason_of(&p, &cannot), CH_REASON_UNSUPPORTED);
    const ch_request right = measure(&p, cohort[3]);
    assert_int_equal(peer_send(&p, &right).kind, CH_REPLY_ACK);
    assert_int_equal(reason_of(&p, &right), CH_REASON_DUPLICATE);
    assert_true(choir_coordinator_is_evaluating(p.c));
    p.now_ms += DEADLINE_MS;
    choir_coordinator_tick(p.c, p.now_ms);
    const choir_round_summary *s = choir_coordinator_evaluation(p.c);
    assert_int_equal(s->reports, 1);
    assert_false(s->applied); // less than the quorum
    assert_int_equal(s->refused[CHOIR_REFUSAL_SIZE], 2);
    assert_int_equal(s->refused[CHOIR_REFUSAL_MISSING], 2);
    assert_string_equal(p.event, "evaluation_discarded");
    assert_int_equal(choir_coordinator_round(p.c), 1); // training goes on
    round_train(&p);
    peer_close(&p);
}

static void in_an_open_population_whoever_comes_measures(void **state) {
    (void)state;
    choir_coordinator_options o = options(1);
    o.population = "open";
    o.goal = 2;
    o.over_selection = 1;
    o.rounds_between = 2;
    peer p;
    peer_open(&p, &o);
    assert_int_equal(peer_reports(&p, 3, 0.5F), CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 4, 0.5F), CH_REPLY_ACK);
    assert_true(choir_coordinator_is_evaluating(p.c));
    assert_int_equal(peer_check_in(&p, 3).kind, CH_REPLY_TASK); // nobody is left out of this
    assert_int_equal(peer_check_in(&p, 5).kind, CH_REPLY_TASK);
    assert_int_equal(peer_check_in(&p, 6).why, CHOIR_WHY_FULL);
    const ch_request first = measure(&p, 3);
    const ch_request second = measure(&p, 5);
    assert_int_equal(peer_send(&p, &first).kind, CH_REPLY_ACK);
    assert_int_equal(peer_send(&p, &second).kind, CH_REPLY_ACK);
    assert_int_equal(choir_coordinator_evaluation(p.c)->reports, 2);
    assert_int_equal(peer_check_in(&p, 4).why, CHOIR_WHY_NOT_ELIGIBLE); // of training it is
    assert_int_equal(peer_check_in(&p, 5).kind, CH_REPLY_TASK); // to measure is not counted there
    peer_close(&p);
}

// ----- crashes ----------------------------------------------------------------------------------

typedef struct saved {
    uint8_t *state, *round;
    size_t state_size, round_size;
} saved;

static saved save(const peer *p) {
    saved s = {.state_size = choir_coordinator_state_bytes(p->c),
               .round_size = choir_coordinator_round_bytes(p->c)};
    s.state = malloc(s.state_size);
    s.round = malloc(s.round_size);
    assert_non_null(s.state);
    assert_non_null(s.round);
    choir_coordinator_save(p->c, s.state);
    choir_coordinator_round_save(p->c, p->now_ms, s.round);
    return s;
}

static void saved_release(saved *s) {
    free(s->state);
    free(s->round);
}

static void a_kill_in_its_middle_takes_nothing(void **state) {
    (void)state;
    const choir_coordinator_options o = options(2);
    for (uint32_t reports = 0; reports < COHORT; reports++) {
        peer p;
        uint32_t cohort[COHORT];
        peer_open(&p, &o);
        round_train(&p);
        round_train(&p);
        cohort_take(&p, cohort);
        for (uint32_t i = 0; i < reports; i++) {
            const ch_request m = measure(&p, cohort[i]);
            assert_int_equal(peer_send(&p, &m).kind, CH_REPLY_ACK);
        }
        saved s = save(&p);
        peer_close(&p);
        peer_open(&p, &o);
        check_status(choir_coordinator_restore(p.c, (choir_bytes){s.state, s.state_size}, NULL),
                     CHOIR_OK);
        check_status(
            choir_coordinator_round_restore(p.c, 0, (choir_bytes){s.round, s.round_size}, NULL),
            CHOIR_OK);
        for (uint32_t i = 0; i < COHORT; i++) {
            const ch_request m = measure(&p, cohort[i]);
            assert_int_equal(peer_send(&p, &m).kind,
                             i < reports ? CH_REPLY_REFUSED : CH_REPLY_ACK); // a duplicate
        }
        assert_int_equal(choir_coordinator_evaluation(p.c)->round, 2);
        assert_int_equal(choir_coordinator_evaluation(p.c)->reports, COHORT);
        assert_int_equal(choir_coordinator_evaluation(p.c)->metrics.examples, 10 * COHORT);
        round_train(&p);
        assert_false(choir_coordinator_is_evaluating(p.c)); // it counts from there
        round_train(&p);
        assert_true(choir_coordinator_is_evaluating(p.c));
        saved_release(&s);
        peer_close(&p);
    }
}

/* Of one kind into one of the other, though number and model may be the same. */
static void rounds_of_the_other_kind_are_refused(void **state) {
    (void)state;
    const choir_coordinator_options o = options(1);
    peer p;
    peer_open(&p, &o);
    round_train(&p);
    saved s = save(&p);
    round_measure(&p);
    choir_error err;
    check_status(
        choir_coordinator_round_restore(p.c, 0, (choir_bytes){s.round, s.round_size}, &err),
        CHOIR_EPROTO);
    assert_string_equal(err.message,
                        "round: saved by another job or in another round than 2, which is open");
    saved_release(&s);
    peer_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_opens_after_so_many_applied_rounds),
        cmocka_unit_test(a_discarded_round_is_not_evaluated),
        cmocka_unit_test(training_is_what_it_is_without),
        cmocka_unit_test(its_task_says_what_it_is_for),
        cmocka_unit_test(what_was_measured_is_summed_as_the_chain_lets_it),
        cmocka_unit_test(the_mean_over_clients_with_few_examples_stays),
        cmocka_unit_test(what_is_no_measurement_is_refused_and_ends_nobody_elses),
        cmocka_unit_test(in_an_open_population_whoever_comes_measures),
        cmocka_unit_test(a_kill_in_its_middle_takes_nothing),
        cmocka_unit_test(rounds_of_the_other_kind_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
