/* Open populations in simulation: goals, who is left out, and the same result every time. */
#include "support/check.h"

#include "choir/blob.h"
#include "choir/sim.h"
#include "support/linear_trainer.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { DIM = 5, CLIENTS = 60, ROUNDS = 8, GOAL = 8, PLACES = 11, WORKERS_MAX = 4 };

/* The linear trainer, which notes who trained in which round. Serves any number of threads. */
typedef struct test_data {
    uint32_t fails_every;    // clients whose number is a multiple of this have no examples; 0: none
    uint32_t diverges_every; // likewise those whose training diverges
    atomic_bool trained[ROUNDS + 1][CLIENTS];
    atomic_uint calls;
} test_data;

static test_data data;

static choir_status test_train(void *self, uint32_t client, const choir_task *task,
                               const float *params, float *delta, choir_training *out,
                               choir_error *err) {
    test_data *d = self;
    atomic_fetch_add(&d->calls, 1);
    if (client < CLIENTS) {
        atomic_store(&d->trained[task->round][client], true);
    }
    if (d->fails_every != 0 && client % d->fails_every == 0) {
        return CHOIR_EAGAIN;
    }
    if (d->diverges_every != 0 && client % d->diverges_every == 0) {
        out->metrics = (choir_metrics){.examples = 4, .loss_q20 = (int64_t)client << 20};
        return CHOIR_ERANGE;
    }
    return linear_train(NULL, client, task, params, delta, out, err);
}

static const choir_trainer_ops OPS = {
    .train = test_train,
    .evaluate = linear_evaluate,
    .examples = linear_examples,
};
static choir_trainer trainers[WORKERS_MAX];

static choir_sim_options options(void) {
    memset(&data, 0, sizeof(data));
    for (int i = 0; i < WORKERS_MAX; i++) {
        trainers[i] = (choir_trainer){.ops = &OPS, .self = &data};
    }
    choir_sim_options o = choir_sim_defaults();
    o.coordinator.dim = DIM;
    o.coordinator.clients = CLIENTS;
    o.coordinator.rounds = ROUNDS;
    o.coordinator.population = "open";
    o.coordinator.goal = GOAL;
    o.coordinator.coordinate_max = 100;
    o.workers = 2;
    return o;
}

static choir_sim_options rough_options(void) {
    choir_sim_options o = options();
    o.coordinator.deadline_ms = 4000;
    o.coordinator.rounds_between = 2;
    o.coordinator.algorithm = "fedavgm";
    o.coordinator.evaluation_every = 2;
    o.coordinator.announce = true;
    o.network.loss = 0.2;
    o.network.availability = 0.8;
    o.network.dropout = 0.2;
    o.network.examples_per_s = 5;
    o.network.speed_spread = 1;
    data.fails_every = 7;
    return o;
}

static choir_sim *sim_of(const choir_sim_options *o) {
    const float zero[DIM] = {0};
    const choir_env env = choir_env_default();
    choir_sim *s = NULL;
    choir_error err = {.message = ""};
    if (choir_sim_create(&s, zero, trainers, o, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return s;
}

/* Runs rounds from .. to-1 of a simulation. */
static void run(choir_sim *s, choir_sim_round *rounds, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) {
        check_status(choir_sim_step(s, &rounds[i], NULL), CHOIR_OK);
        assert_int_equal(rounds[i].summary.round, i + 1);
    }
}

static choir_hash run_to_end(const choir_sim_options *o, choir_sim_round *rounds) {
    choir_sim *s = sim_of(o);
    run(s, rounds, 0, o->coordinator.rounds);
    const choir_hash hash = choir_coordinator_hash(choir_sim_coordinator(s));
    choir_sim_destroy(s);
    return hash;
}

static void every_round_counts_its_goal(void **state) {
    (void)state;
    const choir_sim_options o = options();
    choir_sim_round rounds[ROUNDS];
    (void)run_to_end(&o, rounds);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const choir_round_summary *r = &rounds[i].summary;
        assert_int_equal(r->reports, GOAL);
        assert_int_equal(r->cohort, PLACES);
        assert_int_equal(r->refused[CHOIR_REFUSAL_MISSING], PLACES - GOAL);
        assert_true(r->applied);
        assert_true(rounds[i].requests >= CLIENTS); // everybody comes by
        assert_in_range(rounds[i].virtual_ms, 1, 4000 * (i + 1));
    }
}

static void rounds_have_other_clients_and_those_of_late_are_left_out(void **state) {
    (void)state;
    choir_sim_options o = options();
    o.coordinator.rounds_between = 3;
    o.coordinator.over_selection = 1; // who trains is counted
    choir_sim_round rounds[ROUNDS];
    (void)run_to_end(&o, rounds);
    assert_int_equal(atomic_load(&data.calls), ROUNDS * GOAL);
    for (uint32_t client = 0; client < CLIENTS; client++) {
        uint32_t last = 0;
        for (uint32_t round = 1; round <= ROUNDS; round++) {
            if (atomic_load(&data.trained[round][client])) {
                assert_true(last == 0 || round - last > 3);
                last = round;
            }
        }
    }
}

/* A worker that has nothing else to do trains who is not waited for any more. */
static void only_who_was_heard_is_named_as_diverged(void **state) {
    (void)state;
    choir_sim_round rounds[3][ROUNDS];
    uint32_t named = 0;
    for (uint32_t i = 0; i < 3; i++) {
        choir_sim_options o = options();
        o.network.speed_spread = 1.5;
        o.coordinator.over_selection = 3;
        o.workers = 1U << i;
        data.diverges_every = 12;
        (void)run_to_end(&o, rounds[i]);
        for (uint32_t r = 0; r < ROUNDS; r++) {
            const choir_sim_round *one = &rounds[i][r];
            const bool is_any = one->summary.refused[CHOIR_REFUSAL_DIVERGED] > 0;
            assert_int_equal(one->diverged_client != UINT32_MAX, is_any);
            assert_int_equal(one->diverged_client, rounds[0][r].diverged_client);
            assert_true(is_any ? one->diverged_loss == one->diverged_client / 4.0
                               : isnan(one->diverged_loss));
            named += is_any;
        }
    }
    assert_in_range(named, 1, 3 * ROUNDS - 1); // in some rounds, and not in all
}

static void workers_and_runs_change_nothing(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        choir_sim_round rounds[3][ROUNDS];
        choir_hash hashes[3];
        for (uint32_t i = 0; i < 3; i++) {
            choir_sim_options o = rough_options();
            o.coordinator.seed = seed;
            o.coordinator.announce = seed % 2 == 0;
            o.workers = 1U << i;
            memset(rounds[i], 0, sizeof(rounds[i]));
            hashes[i] = run_to_end(&o, rounds[i]);
            assert_memory_equal(&hashes[i], &hashes[0], sizeof(hashes[0]));
            for (uint32_t r = 0; r < ROUNDS; r++) {
                assert_int_equal(rounds[i][r].virtual_ms, rounds[0][r].virtual_ms);
                assert_int_equal(rounds[i][r].requests, rounds[0][r].requests);
                assert_int_equal(rounds[i][r].bytes_up, rounds[0][r].bytes_up);
                assert_int_equal(rounds[i][r].summary.reports, rounds[0][r].summary.reports);
                assert_memory_equal(&rounds[i][r].evaluation.metrics,
                                    &rounds[0][r].evaluation.metrics, sizeof(choir_metrics));
                assert_int_equal(rounds[i][r].summary.refused[CHOIR_REFUSAL_NO_DATA],
                                 rounds[0][r].summary.refused[CHOIR_REFUSAL_NO_DATA]);
            }
        }
    }
}

static void a_resumed_simulation_ends_like_an_undisturbed_one(void **state) {
    (void)state;
    choir_sim_round rounds[ROUNDS];
    choir_sim_round again[ROUNDS];
    const choir_sim_options o = rough_options();
    const choir_hash calm = run_to_end(&o, rounds);
    for (uint32_t at = 1; at < ROUNDS; at++) {
        choir_sim *s = sim_of(&o);
        run(s, again, 0, at);
        const size_t size = choir_sim_state_bytes(s);
        uint8_t *saved = malloc(size);
        assert_non_null(saved);
        choir_sim_save(s, saved);
        choir_sim_destroy(s);
        s = sim_of(&o);
        check_status(choir_sim_restore(s, (choir_bytes){saved, size}, NULL), CHOIR_OK);
        run(s, again, at, ROUNDS);
        const choir_hash hash = choir_coordinator_hash(choir_sim_coordinator(s));
        assert_memory_equal(&hash, &calm, sizeof(hash));
        assert_int_equal(again[ROUNDS - 1].virtual_ms, rounds[ROUNDS - 1].virtual_ms);
        free(saved);
        choir_sim_destroy(s);
    }
}

/* Where everybody reports, it is the same model for a few bytes and a message there and back more.
 */
static void announcements_cost_their_way_and_change_no_model(void **state) {
    (void)state;
    choir_sim_round rounds[2][ROUNDS];
    choir_hash hashes[2];
    for (int announce = 0; announce < 2; announce++) {
        choir_sim_options o = options();
        o.coordinator.population = "closed";
        o.coordinator.goal = 0;
        o.coordinator.sample_rate = 0.3;
        o.coordinator.announce = announce == 1;
        o.network.latency_ms = 100;
        hashes[announce] = run_to_end(&o, rounds[announce]);
    }
    assert_memory_equal(&hashes[0], &hashes[1], sizeof(hashes[0]));
    uint64_t before[2] = {0};
    for (uint32_t r = 0; r < ROUNDS; r++) {
        const choir_sim_round *plain = &rounds[0][r];
        const choir_sim_round *announced = &rounds[1][r];
        assert_int_equal(announced->summary.reports, plain->summary.reports);
        assert_int_equal(announced->requests, plain->requests + plain->summary.reports);
        assert_in_range(announced->bytes_up, plain->bytes_up + 40ULL * plain->summary.reports,
                        plain->bytes_up + 80ULL * plain->summary.reports);
        assert_in_range(announced->bytes_down, plain->bytes_down + 10, plain->bytes_down + 2000);
        assert_in_range(announced->virtual_ms - before[1],
                        plain->virtual_ms - before[0] + 2 * 50 - 100,
                        plain->virtual_ms - before[0] + 2 * 150 + 100);
        before[0] = plain->virtual_ms;
        before[1] = announced->virtual_ms;
    }
    assert_true(before[1] > before[0] + ROUNDS * 100ULL);
}

/* At a kilobit a second its report takes the time of its 86 bytes or so, behind one that weighs
 * nothing, instead of its parameters' 20 bytes. */
static void an_announcement_weighs_nothing_and_its_report_what_it_has(void **state) {
    (void)state;
    choir_sim_round rounds[2][ROUNDS];
    for (int announce = 0; announce < 2; announce++) {
        choir_sim_options o = options();
        o.coordinator.population = "closed";
        o.coordinator.goal = 0;
        o.coordinator.announce = announce == 1;
        o.network.latency_ms = 0;
        o.network.up_mbps = 0.001;
        (void)run_to_end(&o, rounds[announce]);
    }
    const uint64_t more = rounds[1][ROUNDS - 1].virtual_ms - rounds[0][ROUNDS - 1].virtual_ms;
    assert_in_range(more / ROUNDS, 8 * (86 - 20) - 80, 8 * (86 - 20) + 79);
}

static void a_goal_that_too_few_come_for_waits_for_the_deadline(void **state) {
    (void)state;
    choir_sim_options o = options();
    o.coordinator.goal = CLIENTS;
    o.coordinator.quorum = 10;
    o.network.availability = 0.5;
    choir_sim_round rounds[ROUNDS];
    (void)run_to_end(&o, rounds);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        assert_in_range(rounds[i].summary.reports, 10, CLIENTS - 10);
        assert_true(rounds[i].summary.applied);
        assert_int_equal(rounds[i].virtual_ms, (uint64_t)(i + 1) * o.coordinator.deadline_ms);
    }
}

static void as_many_clients_as_there_can_be_cost_no_memory(void **state) {
    (void)state;
    choir_sim_options o = options();
    o.coordinator.clients = UINT32_C(1) << 31;
    o.coordinator.rounds_between = 2;
    o.network.latency_ms = 2000; // more than there are slots are under way at a time
    o.network.examples_per_s = 1e9;
    choir_sim_round rounds[ROUNDS];
    (void)run_to_end(&o, rounds);
    assert_int_equal(rounds[ROUNDS - 1].summary.reports, GOAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_round_counts_its_goal),
        cmocka_unit_test(rounds_have_other_clients_and_those_of_late_are_left_out),
        cmocka_unit_test(only_who_was_heard_is_named_as_diverged),
        cmocka_unit_test(workers_and_runs_change_nothing),
        cmocka_unit_test(a_resumed_simulation_ends_like_an_undisturbed_one),
        cmocka_unit_test(announcements_cost_their_way_and_change_no_model),
        cmocka_unit_test(an_announcement_weighs_nothing_and_its_report_what_it_has),
        cmocka_unit_test(a_goal_that_too_few_come_for_waits_for_the_deadline),
        cmocka_unit_test(as_many_clients_as_there_can_be_cost_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
