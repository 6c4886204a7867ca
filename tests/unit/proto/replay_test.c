/* Replay: the sums of its rounds come to the models that a coordinator came to. */
#include "support/exchange.h"

#include "choir/replay.h"
#include "choir/route.h"

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
    static const char *const algorithms[] = {"fedavg", "fedavgm", "fedyogi"};
    const choir_env env = choir_env_default();
    for (int i = 0; i < 3; i++) {
        kept rounds[ROUNDS];
        choir_replay *r = NULL;
        choir_coordinator_options o = job(algorithms[i]);
        job_run(rounds, &o);
        o.keep_sum = false;
        check_status(choir_replay_create(&r, PARAMS, &o, &env, NULL), CHOIR_OK);
        assert_int_equal(choir_replay_has_state(r), i > 0);
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

enum { HEARD_MAX = 16 };

/* The reports of a round, as they pass. */
typedef struct heard {
    uint8_t bytes[HEARD_MAX][EXCHANGE_BYTES_MAX];
    size_t sizes[HEARD_MAX];
    uint32_t count;
} heard;

static uint32_t listen(void *self, uint32_t message, uint8_t *bytes, size_t *size) {
    heard *h = self;
    choir_route route;
    choir_refusal refusal;
    (void)message;
    if (choir_route_read(&route, &refusal, (choir_bytes){bytes, *size}) == CHOIR_OK &&
        route.is_report) {
        assert_true(h->count < HEARD_MAX);
        memcpy(h->bytes[h->count], bytes, *size);
        h->sizes[h->count] = *size;
        h->count += 1;
    }
    return 1;
}

static choir_bytes heard_at(const heard *h, uint32_t i) {
    return (choir_bytes){h->bytes[i], h->sizes[i]};
}

static void reports_come_to_their_sum_in_any_order(void **state) {
    (void)state;
    static heard h;
    const choir_env env = choir_env_default();
    const choir_coordinator_options o = job("fedavgm");
    exchange e = exchange_open(&o, PARAMS, &env);
    choir_replay *r = NULL;
    uint32_t reports = 1;
    uint64_t examples = 1;
    e.damage = listen;
    e.self = &h;
    check_status(choir_replay_create(&r, PARAMS, &o, &env, NULL), CHOIR_OK);
    assert_int_equal(choir_replay_gathered(r, &reports, &examples).size, 0);
    assert_int_equal(reports, 0);
    for (uint32_t n = 0; n < ROUNDS; n++) {
        h.count = 0;
        exchange_round(&e);
        const choir_round_summary *summary = choir_coordinator_summary(e.coordinator);
        assert_int_equal(h.count, summary->reports);
        for (uint32_t i = 0; i < h.count; i++) {
            const uint32_t at = n % 2 == 0 ? i : h.count - 1 - i;
            check_status(choir_replay_report(r, heard_at(&h, at), NULL), CHOIR_OK);
        }
        const choir_bytes sum = choir_replay_gathered(r, &reports, &examples);
        const choir_bytes wanted = choir_coordinator_sum(e.coordinator);
        assert_int_equal(reports, summary->reports);
        assert_int_equal(examples, summary->examples);
        assert_int_equal(sum.size, wanted.size);
        assert_memory_equal(sum.data, wanted.data, wanted.size);
        check_status(choir_replay_round(r, reports, examples, sum, NULL), CHOIR_OK);
        const choir_hash hash = choir_coordinator_hash(e.coordinator);
        check_hash(r, &hash);
        assert_int_equal(choir_replay_gathered(r, &reports, &examples).size, 0);
    }
    exchange_close(&e);
    choir_replay_destroy(r);
}

static void what_the_coordinator_would_not_count_is_not_gathered(void **state) {
    (void)state;
    static heard h;
    const choir_env env = choir_env_default();
    const choir_coordinator_options o = job("fedavg");
    exchange e = exchange_open(&o, PARAMS, &env);
    choir_replay *r = NULL;
    choir_error err = {.message = ""};
    uint32_t reports = 0;
    uint64_t examples = 0;
    e.damage = listen;
    e.self = &h;
    h.count = 0;
    exchange_round(&e);
    check_status(choir_replay_create(&r, PARAMS, &o, &env, NULL), CHOIR_OK);
    choir_bytes report = heard_at(&h, 0);
    for (size_t size = 0; size < report.size; size++) {
        const choir_bytes cut = {report.data, size};
        check_status(choir_replay_report(r, cut, NULL), CHOIR_EPROTO);
    }
    for (size_t i = 0; i < report.size; i++) {
        h.bytes[0][i] ^= 0x10;
        check_status(choir_replay_report(r, report, NULL), CHOIR_EPROTO);
        h.bytes[0][i] ^= 0x10;
    }
    assert_int_equal(choir_replay_gathered(r, &reports, &examples).size, 0);
    for (uint32_t i = 0; i < o.clients * o.sample_rate; i++) {
        check_status(choir_replay_report(r, report, NULL), CHOIR_OK); // whose, is not asked
    }
    check_status(choir_replay_report(r, report, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "does not count: one more than a round has"));
    (void)choir_replay_gathered(r, &reports, &examples);
    check_status(choir_replay_round(r, reports, examples,
                                    choir_replay_gathered(r, &reports, &examples), NULL),
                 CHOIR_OK);
    check_status(choir_replay_report(r, report, &err), CHOIR_EPROTO); // another model by now
    assert_non_null(strstr(err.message, "are no report on the model"));
    exchange_close(&e);
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
        cmocka_unit_test(reports_come_to_their_sum_in_any_order),
        cmocka_unit_test(what_the_coordinator_would_not_count_is_not_gathered),
        cmocka_unit_test(options_and_parameters_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
