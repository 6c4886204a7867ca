/* Replay: the sums of its rounds come to the models that a coordinator came to. */
#include "support/exchange.h"

#include "choir/replay.h"

enum { DIM = 4, ROUNDS = 6 };

static const float PARAMS[DIM] = {0.25F, 0, 0, 0};

static choir_coordinator_options job(const char *algorithm) {
    choir_coordinator_options o = choir_coordinator_defaults();
    o.dim = DIM;
    o.clients = 20;
    o.rounds = ROUNDS;
    o.sample_rate = 0.25;
    o.quorum = 2;
    o.algorithm = algorithm;
    o.keep_sum = true;
    return o;
}

/* A round as a store has it. */
typedef struct kept {
    choir_round_summary summary;
    _Alignas(8) int64_t sum[DIM];
    float params[DIM]; // after it
    choir_hash hash;
} kept;

/* Runs a job, and in its round 3 nobody reports. */
static void job_run(kept rounds[ROUNDS], const choir_coordinator_options *o) {
    const choir_env env = choir_env_default();
    exchange e = exchange_open(o, PARAMS, &env);
    assert_int_equal(choir_coordinator_sum(e.coordinator).size, 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        if (i == 2) {
            choir_coordinator_tick(e.coordinator, e.now_ms);
            e.now_ms = choir_coordinator_deadline_ms(e.coordinator);
            choir_coordinator_tick(e.coordinator, e.now_ms);
        } else {
            exchange_round(&e);
        }
        assert_int_equal(choir_coordinator_round(e.coordinator), i + 1);
        const choir_bytes sum = choir_coordinator_sum(e.coordinator);
        assert_int_equal(sum.size, sizeof(rounds[i].sum));
        memcpy(rounds[i].sum, sum.data, sum.size);
        memcpy(rounds[i].params, choir_coordinator_params(e.coordinator), sizeof(PARAMS));
        rounds[i].summary = *choir_coordinator_summary(e.coordinator);
        rounds[i].hash = choir_coordinator_hash(e.coordinator);
    }
    assert_false(rounds[2].summary.applied);
    exchange_close(&e);
}

static choir_status replay(choir_replay *r, const kept *k, choir_error *err) {
    const choir_bytes sum = {(const uint8_t *)k->sum, sizeof(k->sum)};
    return choir_replay_round(r, k->summary.reports, k->summary.examples, sum, err);
}

static void check_hash(const choir_replay *r, const choir_hash *wanted) {
    const choir_hash hash = choir_replay_hash(r);
    assert_memory_equal(&hash, wanted, sizeof(hash));
}

static void every_round_comes_to_its_model(void **state) {
    (void)state;
    static const char *const algorithms[] = {"fedavg", "fedavgm"};
    const choir_env env = choir_env_default();
    for (int i = 0; i < 2; i++) {
        kept rounds[ROUNDS];
        choir_replay *r = NULL;
        choir_coordinator_options o = job(algorithms[i]);
        job_run(rounds, &o);
        o.keep_sum = false;
        check_status(choir_replay_create(&r, PARAMS, &o, &env, NULL), CHOIR_OK);
        assert_int_equal(choir_replay_has_state(r), i == 1);
        for (uint32_t n = 0; n < ROUNDS; n++) {
            check_status(replay(r, &rounds[n], NULL), CHOIR_OK);
            check_hash(r, &rounds[n].hash);
        }
        choir_replay_destroy(r);
    }
}

static void without_a_state_any_round_can_be_replayed_alone(void **state) {
    (void)state;
    kept rounds[ROUNDS];
    const choir_coordinator_options o = job("fedavg");
    const choir_env env = choir_env_default();
    job_run(rounds, &o);
    for (uint32_t n = 1; n < ROUNDS; n++) {
        choir_replay *r = NULL;
        check_status(choir_replay_create(&r, rounds[n - 1].params, &o, &env, NULL), CHOIR_OK);
        check_status(replay(r, &rounds[n], NULL), CHOIR_OK);
        check_hash(r, &rounds[n].hash);
        choir_replay_destroy(r);
    }
}

static void keeping_sums_changes_no_model(void **state) {
    (void)state;
    kept rounds[ROUNDS];
    choir_coordinator_options o = job("fedavgm");
    const choir_env env = choir_env_default();
    job_run(rounds, &o);
    o.keep_sum = false;
    exchange e = exchange_open(&o, PARAMS, &env);
    exchange_round(&e);
    exchange_round(&e);
    const choir_hash hash = choir_coordinator_hash(e.coordinator);
    assert_memory_equal(&hash, &rounds[1].hash, sizeof(hash));
    assert_int_equal(choir_coordinator_sum(e.coordinator).size, 0);
    exchange_close(&e);
}

static void what_is_no_sum_of_the_round_is_refused_and_changes_nothing(void **state) {
    (void)state;
    kept rounds[ROUNDS];
    const choir_coordinator_options o = job("fedavg");
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    choir_replay *r = NULL;
    job_run(rounds, &o);
    const kept first = rounds[0];
    check_status(choir_replay_create(&r, PARAMS, &o, &env, NULL), CHOIR_OK);
    const choir_hash before = choir_replay_hash(r);
    kept wrong = first;
    wrong.sum[DIM - 1] = INT64_MIN;
    check_status(replay(r, &wrong, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "32 bytes are no sum of 5 reports"));
    wrong = first;
    wrong.summary.examples = wrong.summary.reports - 1;
    check_status(replay(r, &wrong, NULL), CHOIR_EPROTO);
    wrong.summary.examples = UINT64_MAX;
    check_status(replay(r, &wrong, NULL), CHOIR_EPROTO);
    const choir_bytes cut = {(const uint8_t *)first.sum, sizeof(first.sum) - 8};
    check_status(choir_replay_round(r, first.summary.reports, first.summary.examples, cut, NULL),
                 CHOIR_EPROTO);
    check_hash(r, &before);
    wrong = first;
    wrong.sum[0] /= 2;
    check_status(replay(r, &wrong, NULL), CHOIR_OK); // it can be one, but comes to another model
    const choir_hash other = choir_replay_hash(r);
    assert_true(memcmp(&other, &first.hash, sizeof(other)) != 0);
    choir_replay_destroy(r);
}

static void options_and_parameters_that_are_none_are_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_coordinator_options o = job("fedavg");
    choir_error err = {.message = ""};
    choir_replay *r = NULL;
    o.quorum = 0;
    check_status(choir_replay_create(&r, PARAMS, &o, &env, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "quorum is 0"));
    o = job("fedavg");
    const float params[DIM] = {0, 1e31F, 0, 0};
    check_status(choir_replay_create(&r, params, &o, &env, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "parameter 1"));
    assert_null(r);
    choir_replay_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_round_comes_to_its_model),
        cmocka_unit_test(without_a_state_any_round_can_be_replayed_alone),
        cmocka_unit_test(keeping_sums_changes_no_model),
        cmocka_unit_test(what_is_no_sum_of_the_round_is_refused_and_changes_nothing),
        cmocka_unit_test(options_and_parameters_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
