/*
 * Algorithms with a client end, whole: coordinator, participants, engine and simulator against
 * numbers of another implementation, tools/golden_methods.py, and against what the papers say each
 * of them must become in a special case.
 */
#include "support/check.h"
#include "support/check_ok.h"
#include "support/folder.h"

#include "base/error.h"
#include "choir/blob.h"
#include "choir/sim.h"
#include "train/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 4, DIM = 3, ROUNDS = 8, WORKERS = 2, NAME_BYTES = 32, COHORT_MAX = CLIENTS };

static const float START[DIM] = {0.5F, -0.25F, 0.125F};
static const double TOLERANCE = 1e-5; // of fp32 parameters up to 3, over 8 rounds of 6 steps

static char folder[FOLDER_PATH_MAX];

/* The script's clients. Columns have mean 0 and deviation 1, so they are read as they are. */
static const char TABLE[] = "who,a,b,y\n"
                            "c0,1,1,2\nc0,1,1,2\n"
                            "c1,1,-1,-1\nc1,1,-1,-1\nc1,1,-1,-1\nc1,1,-1,-1\n"
                            "c2,-1,1,0.5\nc2,-1,1,0.5\nc2,-1,1,0.5\nc2,-1,1,0.5\n"
                            "c3,-1,-1,-3\nc3,-1,-1,-3\n";

/* And its cohorts: of half of the clients, and of one. */
static const uint32_t HALF[ROUNDS][2] = {{0, 3}, {0, 2}, {1, 2}, {0, 1},
                                         {1, 2}, {0, 1}, {0, 2}, {1, 3}};
static const uint32_t ONE[ROUNDS] = {3, 2, 1, 0, 1, 0, 2, 3};

typedef struct bench {
    ch_federation *federation;
    ch_engine *engines[WORKERS];
    choir_trainer trainers[WORKERS];
    choir_sim *sim;
} bench;

static choir_sim_options usual(const char *algorithm) {
    choir_sim_options o = choir_sim_defaults();
    o.workers = WORKERS;
    o.coordinator.dim = DIM;
    o.coordinator.clients = CLIENTS;
    o.coordinator.rounds = ROUNDS;
    o.coordinator.seed = 7;
    o.coordinator.sample_rate = 0.5;
    o.coordinator.algorithm = algorithm;
    o.coordinator.client_epochs = 3;
    o.coordinator.client_batch_size = 2;
    o.coordinator.client_learning_rate = 0.0625F;
    return o;
}

static void bench_open(bench *b, const choir_sim_options *o, uint32_t method) {
    const choir_env env = choir_env_default();
    choir_job_data data = {.partition = "natural",
                           .clients = CLIENTS,
                           .label = "y",
                           .group = "who",
                           .task = "regression"};
    ch_net_options net = ch_net_defaults();
    net.layers = "dense 1";
    net.loss = CH_LOSS_MEAN_SQUARED;
    (void)snprintf(data.source, sizeof(data.source), "%s/table.csv", folder);
    *b = (bench){.sim = NULL};
    check_ok(ch_federation_open(&b->federation, &data, NULL, 1, &env, &err));
    for (uint32_t i = 0; i < WORKERS; i++) {
        check_ok(ch_engine_create(&b->engines[i], &net, b->federation, 4, method, &env, &err));
        b->trainers[i] = ch_engine_trainer(b->engines[i]);
    }
    check_ok(choir_sim_create(&b->sim, START, b->trainers, o, &env, &err));
}

static void bench_close(bench *b) {
    choir_sim_destroy(b->sim);
    for (uint32_t i = 0; i < WORKERS; i++) {
        ch_engine_destroy(b->engines[i]);
    }
    ch_federation_destroy(b->federation);
}

static void bench_round(bench *b) {
    choir_sim_round round;
    check_ok(choir_sim_step(b->sim, &round, &err));
    assert_true(round.summary.applied);
    assert_int_equal(round.summary.reports, round.summary.cohort);
}

// ----- against the script -----------------------------------------------------------------------

typedef struct golden_case {
    const char *name;
    const char *algorithm;
    choir_method method;
    double sample_rate;
    const char *chain;
    uint32_t epochs, batch_size;
    float momentum, proximal_mu, q;
} golden_case;

static const golden_case CASES[] = {
    {"fedprox", "fedprox", CHOIR_METHOD_PLAIN, 0.5, "weight", 3, 2, 0, 0.5F, 0},
    {"fedprox-momentum", "fedprox", CHOIR_METHOD_PLAIN, 1, "weight", 3, 2, 0.5F, 1, 0},
    {"fednova", "fednova", CHOIR_METHOD_FEDNOVA, 0.5, "weight", 3, 2, 0, 0, 0},
    {"fednova-momentum", "fednova", CHOIR_METHOD_FEDNOVA, 1, "weight", 3, 2, 0.5F, 0.25F, 0},
    {"q-fedavg", "q-fedavg", CHOIR_METHOD_QFEDAVG, 0.5, "uniform", 3, 2, 0, 0, 1},
    {"q-fedavg-2", "q-fedavg", CHOIR_METHOD_QFEDAVG, 1, "uniform", 3, 2, 0, 0, 2.5F},
    {"scaffold", "scaffold", CHOIR_METHOD_SCAFFOLD, 0.5, "weight", 3, 2, 0, 0, 0},
    {"scaffold-saga", "scaffold", CHOIR_METHOD_SCAFFOLD, 0.25, "weight", 1, 0, 0, 0, 0},
    {"feddyn", "feddyn", CHOIR_METHOD_FEDDYN, 0.5, "uniform", 3, 2, 0, 0.5F, 0},
    {"feddyn-momentum", "feddyn", CHOIR_METHOD_FEDDYN, 0.5, "uniform", 3, 2, 0.5F, 0.25F, 0},
};

static choir_sim_options options_of(const golden_case *g) {
    choir_sim_options o = usual(g->algorithm);
    o.coordinator.sample_rate = g->sample_rate;
    o.coordinator.chain = g->chain;
    o.coordinator.client_epochs = g->epochs;
    o.coordinator.client_batch_size = g->batch_size;
    o.coordinator.client_momentum = g->momentum;
    o.coordinator.client_proximal_mu = g->proximal_mu;
    o.coordinator.server_q = g->q;
    o.coordinator.coordinate_max = 1024; // of F^q delta
    return o;
}

static void cohort_check(const bench *b, double sample_rate, uint32_t round) {
    uint32_t count = 0;
    const uint32_t *cohort = choir_coordinator_cohort(choir_sim_coordinator(b->sim), &count);
    assert_int_equal(count, (uint32_t)(sample_rate * CLIENTS));
    if (sample_rate == 0.25) {
        assert_int_equal(cohort[0], ONE[round - 1]);
    } else if (sample_rate == 0.5) {
        assert_memory_equal(cohort, HALF[round - 1], sizeof(HALF[0]));
    }
}

static void golden_check(FILE *file, const golden_case *g) {
    const choir_sim_options o = options_of(g);
    bench b;
    bench_open(&b, &o, (uint32_t)g->method);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        char name[NAME_BYTES];
        unsigned number = 0;
        cohort_check(&b, g->sample_rate, round);
        bench_round(&b);
        assert_int_equal(fscanf(file, "%31s %u", name, &number), 2);
        assert_string_equal(name, g->name);
        assert_int_equal(number, round);
        const float *params = choir_coordinator_params(choir_sim_coordinator(b.sim));
        for (uint32_t i = 0; i < DIM; i++) {
            double wanted = 0;
            assert_int_equal(fscanf(file, "%lf", &wanted), 1);
            check_near(params[i], wanted, TOLERANCE);
        }
    }
    bench_close(&b);
}

static void every_round_comes_to_the_other_implementations_parameters(void **state) {
    (void)state;
    FILE *file = fopen(CHOIR_SOURCE_DIR "/tests/golden/methods.txt", "rb");
    assert_non_null(file);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        golden_check(file, &CASES[i]);
    }
    assert_int_equal(fclose(file), 0);
}

// ----- what they must become in a special case --------------------------------------------------

/* Runs so many rounds. Returns the model's hash; params (DIM) out. */
static choir_hash hash_after(const choir_sim_options *o, choir_method method, uint32_t rounds,
                             float *params) {
    bench b;
    bench_open(&b, o, (uint32_t)method);
    for (uint32_t i = 0; i < rounds; i++) {
        bench_round(&b);
    }
    const choir_coordinator *c = choir_sim_coordinator(b.sim);
    const choir_hash hash = choir_coordinator_hash(c);
    memcpy(params, choir_coordinator_params(c), DIM * sizeof(params[0]));
    bench_close(&b);
    return hash;
}

static void fednova_of_equal_steps_is_fedavg(void **state) {
    (void)state;
    choir_sim_options o = usual("fedavg");
    o.coordinator.client_batch_size = 0; // one step an epoch, whatever n
    float fedavg[DIM];
    float fednova[DIM];
    (void)hash_after(&o, CHOIR_METHOD_PLAIN, ROUNDS, fedavg);
    o.coordinator.algorithm = "fednova";
    (void)hash_after(&o, CHOIR_METHOD_FEDNOVA, ROUNDS, fednova);
    for (uint32_t i = 0; i < DIM; i++) {
        check_near(fednova[i], fedavg[i], 1e-6); // updates are divided by 3 and multiplied again
    }
    o.coordinator.client_batch_size = 2;
    (void)hash_after(&o, CHOIR_METHOD_FEDNOVA, ROUNDS, fednova);
    o.coordinator.algorithm = "fedavg";
    (void)hash_after(&o, CHOIR_METHOD_PLAIN, ROUNDS, fedavg);
    assert_true(fabs((double)fednova[0] - (double)fedavg[0]) > 1e-3); // of unequal ones it is not
}

static void qfedavg_of_power_zero_is_fedavg_to_the_bit(void **state) {
    (void)state;
    choir_sim_options o = usual("fedavg");
    o.coordinator.chain = "uniform";
    float params[DIM];
    const choir_hash fedavg = hash_after(&o, CHOIR_METHOD_PLAIN, ROUNDS, params);
    o.coordinator.algorithm = "q-fedavg";
    o.coordinator.server_q = 0;
    const choir_hash qfedavg = hash_after(&o, CHOIR_METHOD_QFEDAVG, ROUNDS, params);
    assert_memory_equal(&qfedavg, &fedavg, sizeof(fedavg));
}

static void scaffold_without_controls_is_fedavg_to_the_bit(void **state) {
    (void)state;
    choir_sim_options o = usual("fedavg");
    float params[DIM];
    const choir_hash fedavg = hash_after(&o, CHOIR_METHOD_PLAIN, 1, params);
    const choir_hash after = hash_after(&o, CHOIR_METHOD_PLAIN, 2, params);
    o.coordinator.algorithm = "scaffold"; // all are zero in the first round
    const choir_hash scaffold = hash_after(&o, CHOIR_METHOD_SCAFFOLD, 1, params);
    const choir_hash later = hash_after(&o, CHOIR_METHOD_SCAFFOLD, 2, params);
    assert_memory_equal(&scaffold, &fedavg, sizeof(fedavg));
    assert_memory_not_equal(&later, &after, sizeof(after));
}

/* An example takes half a second, a round five: those with 4 have time for two epochs of three. */
static void check_partial(const char *algorithm, choir_method method, float proximal_mu,
                          uint32_t reports, uint64_t examples) {
    choir_sim_options o = usual(algorithm);
    o.coordinator.sample_rate = 1;
    o.coordinator.client_proximal_mu = proximal_mu;
    o.coordinator.deadline_ms = 5000;
    o.network.examples_per_s = 2;
    choir_sim_round round;
    bench b;
    bench_open(&b, &o, (uint32_t)method);
    check_ok(choir_sim_step(b.sim, &round, &err));
    assert_int_equal(round.summary.reports, reports);
    assert_int_equal(round.summary.metrics.examples, examples);
    bench_close(&b);
}

static void who_has_no_time_for_all_epochs_does_fewer_where_that_counts(void **state) {
    (void)state;
    check_partial("fedavg", CHOIR_METHOD_PLAIN, 0.25F, 2, 2 * 3 * 2);
    check_partial("fedprox", CHOIR_METHOD_PLAIN, 0.25F, 4, 2 * 3 * 2 + 2 * 2 * 4);
    check_partial("fednova", CHOIR_METHOD_FEDNOVA, 0, 4, 2 * 3 * 2 + 2 * 2 * 4);
    check_partial("scaffold", CHOIR_METHOD_SCAFFOLD, 0, 2, 2 * 3 * 2);
}

/* Behind an announcement come its answer and the update, for which there must be time, too. */
static void who_does_fewer_epochs_is_in_time_with_the_update_behind_its_announcement(void **state) {
    (void)state;
    for (uint32_t announce = 0; announce < 2; announce++) {
        choir_sim_options o = usual("fedprox");
        o.coordinator.sample_rate = 1;
        o.coordinator.client_proximal_mu = 0.25F;
        o.coordinator.client_epochs = 200;
        o.coordinator.deadline_ms = 30000;
        o.coordinator.announce = announce == 1;
        o.network.examples_per_s = 10;
        o.network.latency_ms = 1000;
        choir_sim_round round;
        bench b;
        bench_open(&b, &o, CHOIR_METHOD_PLAIN);
        check_ok(choir_sim_step(b.sim, &round, &err));
        assert_int_equal(round.summary.reports, CLIENTS);
        assert_in_range(round.summary.metrics.examples, CLIENTS * 200, CLIENTS * 300);
        bench_close(&b);
    }
}

// ----- whatever happens on the way --------------------------------------------------------------

static choir_sim_options unkind(const char *algorithm) {
    choir_sim_options o = usual(algorithm);
    o.coordinator.sample_rate = 1;
    o.coordinator.chain = "uniform";
    o.coordinator.client_proximal_mu = strcmp(algorithm, "feddyn") == 0 ? 0.5F : 0;
    o.coordinator.deadline_ms = 4000;
    o.network.loss = 0.3;
    o.network.dropout = 0.2;
    o.network.latency_ms = 300;
    return o;
}

static const struct {
    const char *algorithm;
    choir_method method;
} STATEFUL[] = {{"scaffold", CHOIR_METHOD_SCAFFOLD}, {"feddyn", CHOIR_METHOD_FEDDYN}};

static void unkind_round(bench *b) {
    choir_sim_round round;
    check_ok(choir_sim_step(b->sim, &round, &err));
}

/* Messages are lost, and clients drop out: what each keeps is then of another round. */
static void a_run_goes_on_from_any_round_with_what_clients_keep(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(STATEFUL) / sizeof(STATEFUL[0]); i++) {
        const choir_sim_options o = unkind(STATEFUL[i].algorithm);
        const uint32_t method = (uint32_t)STATEFUL[i].method;
        uint8_t *saved[ROUNDS + 1];
        size_t sizes[ROUNDS + 1];
        bench calm;
        bench_open(&calm, &o, method);
        for (uint32_t round = 0; round <= ROUNDS; round++) {
            sizes[round] = choir_sim_state_bytes(calm.sim);
            saved[round] = malloc(sizes[round]);
            assert_non_null(saved[round]);
            choir_sim_save(calm.sim, saved[round]);
            if (round < ROUNDS) {
                unkind_round(&calm);
            }
        }
        assert_true(sizes[ROUNDS] > sizes[0] + CLIENTS * DIM * sizeof(float));
        const choir_hash wanted = choir_coordinator_hash(choir_sim_coordinator(calm.sim));
        bench_close(&calm);
        for (uint32_t round = 0; round <= ROUNDS; round++) {
            bench b;
            bench_open(&b, &o, method);
            unkind_round(&b); // it may have run a while before
            check_ok(choir_sim_restore(b.sim, (choir_bytes){saved[round], sizes[round]}, &err));
            for (uint32_t r = round; r < ROUNDS; r++) {
                unkind_round(&b);
            }
            const choir_hash hash = choir_coordinator_hash(choir_sim_coordinator(b.sim));
            assert_memory_equal(&hash, &wanted, sizeof(hash));
            bench_close(&b);
            free(saved[round]);
        }
    }
}

static void damaged_states_are_refused(void **state) {
    (void)state;
    const choir_sim_options o = usual("scaffold");
    bench b;
    bench_open(&b, &o, CHOIR_METHOD_SCAFFOLD);
    bench_round(&b);
    const size_t size = choir_sim_state_bytes(b.sim);
    uint8_t *saved = malloc(size);
    assert_non_null(saved);
    choir_sim_save(b.sim, saved);
    const size_t coordinator = choir_coordinator_state_bytes(choir_sim_coordinator(b.sim));
    for (size_t at = 0; at < size; at++) {
        saved[at] ^= 1;
        check_status(choir_sim_restore(b.sim, (choir_bytes){saved, size}, NULL), CHOIR_EPROTO);
        saved[at] ^= 1;
        check_status(choir_sim_restore(b.sim, (choir_bytes){saved, at}, NULL), CHOIR_EPROTO);
    }
    assert_true(coordinator < size);
    check_status(choir_sim_restore(b.sim, (choir_bytes){saved, size}, NULL), CHOIR_OK);
    free(saved);
    bench_close(&b);
}

static void the_model_does_not_depend_on_workers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        choir_sim_options o = options_of(&CASES[i]);
        float params[DIM];
        const choir_hash two = hash_after(&o, CASES[i].method, ROUNDS, params);
        o.workers = 1;
        const choir_hash one = hash_after(&o, CASES[i].method, ROUNDS, params);
        assert_memory_equal(&one, &two, sizeof(one));
    }
}

static void clients_that_keep_more_than_there_is_room_for_are_refused(void **state) {
    (void)state;
    choir_sim_options o = usual("scaffold");
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    choir_sim *s = NULL;
    bench b;
    bench_open(&b, &o, CHOIR_METHOD_SCAFFOLD);
    o.coordinator.clients = UINT32_C(1) << 30;
    o.coordinator.sample_rate = 1e-9;
    check_status(choir_sim_create(&s, START, b.trainers, &o, &env, &err), CHOIR_EINVAL);
    assert_null(s);
    assert_string_equal(err.message,
                        "sim: each of 1073741824 clients keeps 12 bytes between rounds, together "
                        "more than 8589934592; fewer clients, a smaller model, or an algorithm "
                        "without client state");
    bench_close(&b);
}

int main(void) {
    folder_make(folder);
    folder_put(folder_file(folder, "table.csv"), TABLE, strlen(TABLE));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_round_comes_to_the_other_implementations_parameters),
        cmocka_unit_test(fednova_of_equal_steps_is_fedavg),
        cmocka_unit_test(qfedavg_of_power_zero_is_fedavg_to_the_bit),
        cmocka_unit_test(scaffold_without_controls_is_fedavg_to_the_bit),
        cmocka_unit_test(who_has_no_time_for_all_epochs_does_fewer_where_that_counts),
        cmocka_unit_test(who_does_fewer_epochs_is_in_time_with_the_update_behind_its_announcement),
        cmocka_unit_test(a_run_goes_on_from_any_round_with_what_clients_keep),
        cmocka_unit_test(damaged_states_are_refused),
        cmocka_unit_test(the_model_does_not_depend_on_workers),
        cmocka_unit_test(clients_that_keep_more_than_there_is_room_for_are_refused),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failed;
}
