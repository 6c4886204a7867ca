/* Simulator: what rounds come to, what they cost, and how they fail. */
#include "support/check.h"

#include "base/error.h"
#include "choir/blob.h"
#include "choir/sim.h"
#include "support/linear_trainer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIM = 5, CLIENTS = 50, ROUNDS = 6, WORKERS_MAX = 4 };

/* The linear trainer, with clients that fail on request. Serves any number of threads. */
typedef struct test_data {
    uint32_t fails_every; // clients whose number is a multiple of this fail; 0: none
    choir_status failure; // with this
    atomic_uint trained;  // calls so far
} test_data;

static choir_status test_train(void *self, uint32_t client, const choir_task *task,
                               const float *params, float *delta, choir_training *out,
                               choir_error *err) {
    test_data *data = self;
    atomic_fetch_add(&data->trained, 1);
    if (data->fails_every != 0 && client % data->fails_every == 0) {
        *out = (choir_training){.examples = 1, .metrics = {.examples = 1, .loss_q20 = 1 << 20}};
        return ch_error_set(err, data->failure, "client %u fails on purpose", client);
    }
    return linear_train(NULL, client, task, params, delta, out, err);
}

static const choir_trainer_ops TEST_TRAINER_OPS = {
    .train = test_train, .evaluate = linear_evaluate, .examples = linear_examples};

static test_data data;
static choir_trainer trainers[WORKERS_MAX];

static choir_sim_options options(void) {
    data = (test_data){.failure = CHOIR_OK};
    for (int i = 0; i < WORKERS_MAX; i++) {
        trainers[i] = (choir_trainer){.ops = &TEST_TRAINER_OPS, .self = &data};
    }
    choir_sim_options o = choir_sim_defaults();
    o.coordinator.dim = DIM;
    o.coordinator.clients = CLIENTS;
    o.coordinator.rounds = ROUNDS;
    o.coordinator.sample_rate = 0.2;
    o.coordinator.client_epochs = 2;
    o.coordinator.coordinate_max = 100;
    o.workers = 2;
    return o;
}

static choir_sim *sim_of(const choir_sim_options *o, const choir_env *env) {
    const float zero[DIM] = {0};
    choir_sim *s = NULL;
    check_status(choir_sim_create(&s, zero, trainers, o, env, NULL), CHOIR_OK);
    return s;
}

/* Runs to the end; rounds (ROUNDS) may be NULL. Returns the final model's hash. */
static choir_hash run_to_end(const choir_sim_options *o, choir_sim_round *rounds) {
    const choir_env env = choir_env_default();
    choir_sim *s = sim_of(o, &env);
    choir_sim_round round;
    for (uint32_t i = 0; i < o->coordinator.rounds; i++) {
        check_status(choir_sim_step(s, &round, NULL), CHOIR_OK);
        assert_int_equal(round.summary.round, i + 1);
        if (rounds != NULL) {
            rounds[i] = round;
        }
    }
    check_status(choir_sim_step(s, &round, NULL), CHOIR_EAGAIN);
    const choir_hash hash = choir_coordinator_hash(choir_sim_coordinator(s));
    choir_sim_destroy(s);
    return hash;
}

// ----- what rounds come to ----------------------------------------------------------------------

static void a_round_is_what_its_cohort_reported(void **state) {
    (void)state;
    const choir_sim_options o = options();
    choir_sim_round rounds[ROUNDS];
    (void)run_to_end(&o, rounds);
    uint64_t last_ms = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const choir_sim_round *r = &rounds[i];
        assert_int_equal(r->summary.cohort, 10);
        assert_int_equal(r->summary.reports, 10);
        assert_true(r->summary.applied);
        assert_int_equal(r->requests, 20); // everybody checks in and reports
        assert_true(r->bytes_down >= sizeof(float) * 10 * DIM);
        assert_true(r->bytes_up >= sizeof(float) * 10 * DIM);
        assert_true(r->virtual_ms > last_ms);
        last_ms = r->virtual_ms;
    }
    assert_int_equal(atomic_load(&data.trained), 10 * ROUNDS);
}

/* The loss of a model is measured after every second round; and nothing else is another. */
static void models_are_evaluated_between_rounds(void **state) {
    (void)state;
    choir_sim_options o = options();
    o.coordinator.client_epochs = 40; // enough to learn something
    choir_sim_round plain[ROUNDS];
    choir_sim_round measured[ROUNDS];
    const choir_hash without = run_to_end(&o, plain);
    const uint32_t trained = atomic_load(&data.trained);
    o.coordinator.evaluation_every = 2;
    const choir_hash with = run_to_end(&o, measured);
    assert_memory_equal(&without, &with, sizeof(with));
    double losses[ROUNDS] = {0};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const choir_round_summary *e = &measured[i].evaluation;
        assert_memory_equal(&plain[i].summary, &measured[i].summary, sizeof(plain[i].summary));
        assert_int_equal(plain[i].evaluation.round, 0);
        assert_int_equal(e->round, i % 2 == 1 ? i + 1 : 0);
        if (e->round > 0) {
            assert_int_equal(e->reports, 10);
            assert_int_equal(measured[i].requests, 40);
            assert_true(e->metrics.examples > 0);
            losses[i] = (double)e->metrics.loss_q20 / (double)e->metrics.examples;
        }
    }
    assert_true(losses[ROUNDS - 1] < losses[1] / 2);
    assert_int_equal(atomic_load(&data.trained), 2 * trained); // nobody trains to evaluate
}

static void options_out_of_range_are_named(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const float zero[DIM] = {0};
    choir_sim *s = NULL;
    choir_error err = {.message = ""};
    choir_sim_options o = options();
    o.workers = 0;
    check_status(choir_sim_create(&s, zero, trainers, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "sim: workers is 0, must be in [1, 256]");
    o = options();
    o.network.loss = 1;
    check_status(choir_sim_create(&s, zero, trainers, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "network: loss is 1, must be in [0, 0.9]");
    o = options();
    o.coordinator.sample_rate = 2;
    check_status(choir_sim_create(&s, zero, trainers, &o, &env, &err), CHOIR_EINVAL);
    assert_null(s);
    o = options();
    check_status(choir_sim_create(&s, zero, NULL, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "sim: trainers is missing");
    const choir_trainer_ops silent = {.train = test_train};
    const choir_trainer mute[2] = {{.ops = &silent}, {.ops = &silent}};
    check_status(choir_sim_create(&s, zero, mute, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "sim: trainers do not say how many examples a client has, "
                                     "which virtual time depends on");
    choir_trainer_ops keeping = TEST_TRAINER_OPS;
    keeping.state_bytes_max = 8;
    const choir_trainer keepers[2] = {{.ops = &keeping}, {.ops = &keeping}};
    check_status(choir_sim_create(&s, zero, keepers, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "sim: trainers keep a state of 8 bytes for each client, but cannot be "
                        "lent it");
    assert_null(s);
}

// ----- deadlines and absences -------------------------------------------------------------------

/* A job in which much goes wrong: some are absent, some go away, some are too slow. */
static choir_sim_options rough_options(void) {
    choir_sim_options o = options();
    o.coordinator.deadline_ms = 4000;
    o.network.loss = 0.2;
    o.network.availability = 0.8;
    o.network.dropout = 0.2;
    o.network.examples_per_s = 5;
    o.network.speed_spread = 1;
    return o;
}

static void rounds_end_at_their_deadline_and_count_who_is_missing(void **state) {
    (void)state;
    const choir_sim_options o = rough_options();
    choir_sim_round rounds[ROUNDS];
    (void)run_to_end(&o, rounds);
    uint32_t missing = 0;
    uint32_t reports = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const choir_round_summary *r = &rounds[i].summary;
        assert_int_equal(r->reports + r->refused[CHOIR_REFUSAL_MISSING], r->cohort);
        assert_true(rounds[i].virtual_ms <= 4000 * (uint64_t)(i + 1));
        missing += r->refused[CHOIR_REFUSAL_MISSING];
        reports += r->reports;
    }
    assert_in_range(missing, 10, 50);
    assert_in_range(reports, 10, 50);
    // Who is late or goes away is not trained.
    assert_true(atomic_load(&data.trained) < 60 - missing / 3);
    assert_true(atomic_load(&data.trained) >= reports);
}

static void the_number_of_workers_changes_nothing_on_a_rough_network(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        choir_hash hashes[3];
        choir_sim_round rounds[3][ROUNDS];
        for (uint32_t i = 0; i < 3; i++) {
            choir_sim_options o = rough_options();
            o.network.seed = seed;
            o.workers = 1U << i;
            memset(rounds[i], 0, sizeof(rounds[i]));
            hashes[i] = run_to_end(&o, rounds[i]);
        }
        for (uint32_t i = 1; i < 3; i++) {
            assert_memory_equal(&hashes[i], &hashes[0], sizeof(hashes[0]));
            for (uint32_t r = 0; r < ROUNDS; r++) {
                assert_int_equal(rounds[i][r].virtual_ms, rounds[0][r].virtual_ms);
                assert_int_equal(rounds[i][r].bytes_up, rounds[0][r].bytes_up);
                assert_int_equal(rounds[i][r].bytes_down, rounds[0][r].bytes_down);
                assert_int_equal(rounds[i][r].summary.reports, rounds[0][r].summary.reports);
            }
        }
    }
}

static void a_round_that_nobody_comes_to_changes_nothing(void **state) {
    (void)state;
    choir_sim_options o = options();
    o.coordinator.deadline_ms = 1; // before anybody can answer
    choir_sim_round rounds[ROUNDS];
    const choir_hash hash = run_to_end(&o, rounds);
    const float zero[DIM] = {0};
    const choir_hash before = choir_hash_params(zero, DIM);
    assert_memory_equal(&hash, &before, sizeof(hash));
    for (uint32_t i = 0; i < ROUNDS; i++) {
        assert_false(rounds[i].summary.applied);
        assert_int_equal(rounds[i].virtual_ms, i + 1);
    }
    assert_int_equal(atomic_load(&data.trained), 0);
}

static void poisson_cohorts_of_any_size_are_run(void **state) {
    (void)state;
    choir_sim_options o = options();
    o.coordinator.sampler = "poisson";
    o.coordinator.sample_rate = 0.03; // one and a half clients a round: often none
    o.coordinator.rounds = 60;
    const choir_env env = choir_env_default();
    choir_sim *s = sim_of(&o, &env);
    uint32_t empty = 0;
    uint32_t most = 0;
    for (uint32_t i = 0; i < 60; i++) {
        choir_sim_round round;
        check_status(choir_sim_step(s, &round, NULL), CHOIR_OK);
        assert_int_equal(round.summary.reports, round.summary.cohort);
        empty += round.summary.cohort == 0 ? 1 : 0;
        most = round.summary.cohort > most ? round.summary.cohort : most;
    }
    assert_in_range(empty, 4, 30);
    assert_in_range(most, 3, 12);
    choir_sim_destroy(s);
}

// ----- trainers that fail -----------------------------------------------------------------------

static void clients_that_diverge_are_counted_and_left_out(void **state) {
    (void)state;
    static const struct {
        choir_status failure;
        choir_refusal refusal;
    } rows[] = {{CHOIR_ERANGE, CHOIR_REFUSAL_DIVERGED}, {CHOIR_EAGAIN, CHOIR_REFUSAL_NO_DATA}};
    for (int i = 0; i < 2; i++) {
        const choir_sim_options o = options();
        data.fails_every = 3;
        data.failure = rows[i].failure;
        choir_sim_round rounds[ROUNDS];
        (void)run_to_end(&o, rounds);
        uint32_t failed = 0;
        for (uint32_t r = 0; r < ROUNDS; r++) {
            const choir_round_summary *summary = &rounds[r].summary;
            assert_int_equal(summary->reports + summary->refused[rows[i].refusal], 10);
            failed += summary->refused[rows[i].refusal];
        }
        assert_in_range(failed, 5, 40);
    }
}

static char heard[512];

static void log_hear(void *self, choir_level level, const char *event, const char *fields) {
    (void)self;
    if (level == CHOIR_LEVEL_WARN && strcmp(event, "client_diverged") == 0) {
        (void)snprintf(heard, sizeof(heard), "%s", fields);
    }
}

static void divergence_is_logged_with_round_and_client(void **state) {
    (void)state;
    const choir_sim_options o = options();
    data.fails_every = 1;
    data.failure = CHOIR_ERANGE;
    choir_env env = choir_env_default();
    env.log = log_hear;
    choir_sim *s = sim_of(&o, &env);
    choir_sim_round round;
    check_status(choir_sim_step(s, &round, NULL), CHOIR_OK);
    assert_non_null(strstr(heard, "round=1 client="));
    assert_non_null(strstr(heard, "fails on purpose"));
    assert_false(round.summary.applied);
    choir_sim_destroy(s);
}

static void a_trainer_without_data_or_memory_ends_the_simulation(void **state) {
    (void)state;
    static const choir_status failures[] = {CHOIR_EIO, CHOIR_ENOMEM};
    for (int i = 0; i < 2; i++) {
        const choir_sim_options o = options();
        data.fails_every = 7;
        data.failure = failures[i];
        const choir_env env = choir_env_default();
        choir_sim *s = sim_of(&o, &env);
        choir_status status = CHOIR_OK;
        choir_error err = {.message = ""};
        for (uint32_t r = 0; r < ROUNDS && status == CHOIR_OK; r++) {
            choir_sim_round round;
            status = choir_sim_step(s, &round, &err);
        }
        check_status(status, failures[i]);
        assert_non_null(strstr(err.message, " cannot train: client "));
        choir_sim_destroy(s);
    }
}

// ----- memory -----------------------------------------------------------------------------------

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const choir_sim_options o = options();
    const float zero[DIM] = {0};
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        choir_sim *s = NULL;
        choir_error err = {.message = ""};
        m.status = choir_sim_create(&s, zero, trainers, &o, &m.env, &err);
        assert_true(m.status == CHOIR_OK || s == NULL);
        assert_true((m.status == CHOIR_OK) == (err.message[0] == '\0'));
        choir_sim_round round;
        for (uint32_t r = 0; r < ROUNDS && m.status == CHOIR_OK; r++) {
            m.status = choir_sim_step(s, &round, NULL);
        }
        choir_sim_destroy(s);
    }
    assert_true(m.tries > 10); // at least the participants of a cohort
}

static void no_room_for_one_more_update_is_reported(void **state) {
    (void)state;
    choir_sim_options o = options();
    o.coordinator.clients = 10 * CLIENTS;
    o.coordinator.sample_rate = 1;
    o.coordinator.deadline_ms = 3600 * 1000;
    o.network.loss = 0.5; // reports wait to be sent again, in rooms of their own
    counted_memory memory;
    const choir_env env = counted_env(&memory, UINT32_MAX);
    choir_sim *s = sim_of(&o, &env);
    memory.until_failure = 0;
    choir_sim_round round;
    choir_error err = {.message = ""};
    check_status(choir_sim_step(s, &round, &err), CHOIR_ENOMEM);
    assert_non_null(strstr(err.message, " cannot train: no room for its update"));
    choir_sim_destroy(s);
    assert_int_equal(memory.alive, 0);
}

/* How many allocations ROUNDS rounds with a cohort of this size make. */
static uint32_t allocations(uint32_t cohort, uint32_t latency_ms, double examples_per_s) {
    choir_sim_options o = options();
    o.coordinator.clients = cohort;
    o.coordinator.sample_rate = 1;
    o.coordinator.deadline_ms = UINT32_MAX;
    o.network.latency_ms = latency_ms;
    o.network.examples_per_s = examples_per_s;
    o.network.speed_spread = 3;
    o.workers = 1;
    counted_memory memory;
    const choir_env env = counted_env(&memory, UINT32_MAX);
    choir_sim *s = sim_of(&o, &env);
    const uint32_t before = memory.total;
    for (uint32_t r = 0; r < ROUNDS; r++) {
        choir_sim_round round;
        check_status(choir_sim_step(s, &round, NULL), CHOIR_OK);
        assert_int_equal(round.summary.reports, cohort);
    }
    choir_sim_destroy(s);
    return memory.total - before;
}

static void memory_does_not_grow_with_the_cohort_on_a_calm_network(void **state) {
    (void)state;
    assert_int_equal(allocations(10, 50, 1000), 0);
    assert_int_equal(allocations(500, 50, 1000), 0);
    assert_int_equal(allocations(2000, 50, 1000), 0);
    // Reports that overtake have one more room together, which is two blocks.
    assert_int_equal(allocations(30, 100, 1), 2);
    assert_int_equal(allocations(100, 1000, 0.1), 2);
    assert_int_equal(allocations(225, 100, 0.1), 2);
}

// ----- state ------------------------------------------------------------------------------------

static void a_run_restored_after_any_round_ends_the_same(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_sim_options o = rough_options();
    choir_sim_round calm[ROUNDS];
    const choir_hash hash = run_to_end(&o, calm);
    for (uint32_t kept = 0; kept <= ROUNDS; kept++) {
        choir_sim *s = sim_of(&o, &env);
        choir_sim_round round;
        for (uint32_t r = 0; r < kept; r++) {
            check_status(choir_sim_step(s, &round, NULL), CHOIR_OK);
        }
        const size_t size = choir_sim_state_bytes(s);
        uint8_t *bytes = malloc(size);
        choir_sim_save(s, bytes);
        choir_sim_destroy(s);
        s = sim_of(&o, &env);
        check_status(choir_sim_restore(s, (choir_bytes){bytes, size}, NULL), CHOIR_OK);
        for (uint32_t r = kept; r < ROUNDS; r++) {
            check_status(choir_sim_step(s, &round, NULL), CHOIR_OK);
            assert_int_equal(round.virtual_ms, calm[r].virtual_ms);
            assert_int_equal(round.bytes_up, calm[r].bytes_up);
            assert_int_equal(round.summary.reports, calm[r].summary.reports);
        }
        const choir_hash ended = choir_coordinator_hash(choir_sim_coordinator(s));
        assert_memory_equal(&ended, &hash, sizeof(hash));
        choir_sim_destroy(s);
        free(bytes);
    }
}

static void a_state_of_something_else_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_sim_options o = options();
    choir_sim *s = sim_of(&o, &env);
    const size_t size = choir_sim_state_bytes(s);
    uint8_t *bytes = malloc(size);
    choir_sim_save(s, bytes);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, bytes, cut);
        check_status(choir_sim_restore(s, (choir_bytes){exact, cut}, NULL), CHOIR_EPROTO);
        free(exact);
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        check_status(choir_sim_restore(s, (choir_bytes){bytes, size}, NULL), CHOIR_EPROTO);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    choir_sim_destroy(s);
    o.network.latency_ms += 1;
    s = sim_of(&o, &env);
    choir_error err = {.message = ""};
    check_status(choir_sim_restore(s, (choir_bytes){bytes, size}, &err), CHOIR_EPROTO);
    assert_string_equal(err.message,
                        "sim: the state is damaged, or was saved with another network");
    choir_sim_destroy(s);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_is_what_its_cohort_reported),
        cmocka_unit_test(models_are_evaluated_between_rounds),
        cmocka_unit_test(options_out_of_range_are_named),
        cmocka_unit_test(rounds_end_at_their_deadline_and_count_who_is_missing),
        cmocka_unit_test(the_number_of_workers_changes_nothing_on_a_rough_network),
        cmocka_unit_test(a_round_that_nobody_comes_to_changes_nothing),
        cmocka_unit_test(poisson_cohorts_of_any_size_are_run),
        cmocka_unit_test(clients_that_diverge_are_counted_and_left_out),
        cmocka_unit_test(divergence_is_logged_with_round_and_client),
        cmocka_unit_test(a_trainer_without_data_or_memory_ends_the_simulation),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
        cmocka_unit_test(no_room_for_one_more_update_is_reported),
        cmocka_unit_test(memory_does_not_grow_with_the_cohort_on_a_calm_network),
        cmocka_unit_test(a_run_restored_after_any_round_ends_the_same),
        cmocka_unit_test(a_state_of_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
