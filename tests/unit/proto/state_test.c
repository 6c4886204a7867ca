/* The coordinator's state: saved after any round, it continues to the same model. */
#include "support/exchange.h"

#include "base/sha256.h"

#include <stdlib.h>

enum {
    DIM = 4,
    ROUNDS = 6,
    COHORT = 5,
    RECENT_BYTES = 16 * 4 * (1 + COHORT), // before the checksum
};

static const char *const ALGORITHMS[] = {"fedavgm", "fedadagrad", "fedyogi"}; // that have a state

static choir_coordinator_options job(void) {
    choir_coordinator_options o = choir_coordinator_defaults();
    o.dim = DIM;
    o.clients = 20;
    o.rounds = ROUNDS;
    o.sample_rate = 0.25;
    o.algorithm = "fedavgm";
    o.schedule_learning_rate = "plateau patience=1 factor=0.5";
    o.schedule_epochs = "step every=2 factor=2";
    return o;
}

static exchange job_open(const choir_coordinator_options *o) {
    const float params[DIM] = {0.25F, 0, 0, 0};
    const choir_env env = choir_env_default();
    return exchange_open(o, params, &env);
}

/* One round; then what a driver does: evaluate, and tell. */
static void job_round(exchange *e) {
    exchange_round(e);
    choir_coordinator_observe(e->coordinator, 1.0 / (choir_coordinator_round(e->coordinator) % 3));
}

static void check_restored(const char *algorithm) {
    choir_coordinator_options o = job();
    o.algorithm = algorithm;
    exchange calm = job_open(&o);
    const size_t size = choir_coordinator_state_bytes(calm.coordinator);
    uint8_t *states = malloc((ROUNDS + 1) * size);
    assert_non_null(states);
    choir_coordinator_save(calm.coordinator, states);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        job_round(&calm);
        choir_coordinator_save(calm.coordinator, states + round * size);
    }
    const choir_hash expected = choir_coordinator_hash(calm.coordinator);
    for (uint32_t round = 0; round <= ROUNDS; round++) {
        exchange e = job_open(&o);
        if (round % 2 == 1) {
            job_round(&e); // it may have run a while before
        }
        const choir_bytes saved = {states + round * size, size};
        check_status(choir_coordinator_restore(e.coordinator, saved, NULL), CHOIR_OK);
        assert_int_equal(choir_coordinator_round(e.coordinator), round);
        while (!choir_coordinator_is_done(e.coordinator)) {
            job_round(&e);
        }
        const choir_hash hash = choir_coordinator_hash(e.coordinator);
        assert_memory_equal(&hash, &expected, sizeof(hash));
        exchange_close(&e);
    }
    free(states);
    exchange_close(&calm);
}

static void a_restored_run_ends_like_an_undisturbed_one(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]); i++) {
        check_restored(ALGORITHMS[i]);
    }
}

static void check_refused(choir_coordinator *c, choir_bytes state, const char *message) {
    choir_error err;
    const choir_hash before = choir_coordinator_hash(c);
    const uint32_t round = choir_coordinator_round(c);
    check_status(choir_coordinator_restore(c, state, &err), CHOIR_EPROTO);
    if (message != NULL) {
        assert_string_equal(err.message, message);
    }
    const choir_hash after = choir_coordinator_hash(c);
    assert_memory_equal(&after, &before, sizeof(after));
    assert_int_equal(choir_coordinator_round(c), round);
}

static void damaged_states_are_refused_and_change_nothing(void **state) {
    (void)state;
    const choir_coordinator_options o = job();
    exchange e = job_open(&o);
    job_round(&e);
    const size_t size = choir_coordinator_state_bytes(e.coordinator);
    uint8_t *saved = malloc(size);
    assert_non_null(saved);
    choir_coordinator_save(e.coordinator, saved);
    job_round(&e);
    for (size_t cut = 0; cut < size; cut++) {
        check_refused(e.coordinator, (choir_bytes){saved, cut}, NULL);
    }
    for (size_t bit = 0; bit < size * 8; bit++) {
        saved[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        check_refused(e.coordinator, (choir_bytes){saved, size},
                      "state: damaged, its checksum does not match");
        saved[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    free(saved);
    exchange_close(&e);
}

/* With the right checksum, as a faulty writer would leave it. */
static void a_state_that_holds_no_numbers_is_refused(void **state) {
    (void)state;
    const choir_coordinator_options o = job();
    exchange e = job_open(&o);
    const size_t size = choir_coordinator_state_bytes(e.coordinator);
    uint8_t *saved = malloc(size);
    assert_non_null(saved);
    choir_coordinator_save(e.coordinator, saved);
    const float nan = NAN;
    uint8_t *last = saved + size - CHOIR_HASH_BYTES - RECENT_BYTES - sizeof(nan);
    memcpy(last, &nan, sizeof(nan));
    ch_sha256_of(saved, size - CHOIR_HASH_BYTES, saved + size - CHOIR_HASH_BYTES);
    check_refused(e.coordinator, (choir_bytes){saved, size},
                  "state: holds a parameter that is not finite");
    free(saved);
    exchange_close(&e);
}

/* From before a closed population's recent rounds were part of it. */
static void an_older_state_has_no_recent_rounds(void **state) {
    (void)state;
    const choir_coordinator_options o = job();
    exchange e = job_open(&o);
    const size_t size = choir_coordinator_state_bytes(e.coordinator);
    const size_t content = size - CHOIR_HASH_BYTES - RECENT_BYTES;
    uint8_t *saved = malloc(size);
    uint8_t *again = malloc(size);
    assert_non_null(saved);
    assert_non_null(again);
    job_round(&e);
    choir_coordinator_save(e.coordinator, saved);
    job_round(&e); // has rounds to forget
    ch_sha256_of(saved, content, saved + content);
    const choir_bytes older = {saved, content + CHOIR_HASH_BYTES};
    check_status(choir_coordinator_restore(e.coordinator, older, NULL), CHOIR_OK);
    assert_int_equal(choir_coordinator_round(e.coordinator), 1);
    choir_coordinator_save(e.coordinator, again);
    assert_memory_equal(again, saved, content);
    for (size_t i = content; i < size - CHOIR_HASH_BYTES; i++) {
        assert_int_equal(again[i], 0);
    }
    free(again);
    free(saved);
    exchange_close(&e);
}

static void states_of_other_jobs_are_refused(void **state) {
    (void)state;
    const choir_coordinator_options o = job();
    exchange e = job_open(&o);
    const size_t size = choir_coordinator_state_bytes(e.coordinator);
    uint8_t *saved = malloc(size);
    assert_non_null(saved);
    choir_coordinator_save(e.coordinator, saved);
#define CHECK_OTHER(field, value, message)                                                         \
    do {                                                                                           \
        choir_coordinator_options other = job();                                                   \
        other.field = (value);                                                                     \
        exchange f = job_open(&other);                                                             \
        check_refused(f.coordinator, (choir_bytes){saved, size}, message);                         \
        exchange_close(&f);                                                                        \
    } while (0)
    const char *another = "state: of another job; resume with equal options";
    CHECK_OTHER(seed, 2, another);
    CHECK_OTHER(clients, 21, another);
    CHECK_OTHER(sampler, "poisson", another);
    CHECK_OTHER(rounds, ROUNDS + 1, another);
    CHECK_OTHER(sample_rate, 0.2, another);
    CHECK_OTHER(client_learning_rate, 0.2F, another);
    CHECK_OTHER(server_momentum, 0.5F, another);
    CHECK_OTHER(chain, "uniform", another);
    CHECK_OTHER(schedule_batch_size, "step", another);
    CHECK_OTHER(algorithm, "fedavg", another);
    free(saved);
    exchange_close(&e);
}

/* What an algorithm does not heed is not of its job: digests of jobs from before there was any. */
static void what_an_algorithm_heeds_is_of_its_job(void **state) {
    (void)state;
    static const struct {
        const char *algorithm;
        choir_status of_another_tau;
    } rows[] = {{"fedavgm", CHOIR_OK}, {"fedyogi", CHOIR_EPROTO}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_coordinator_options o = job();
        o.algorithm = rows[i].algorithm;
        exchange e = job_open(&o);
        const size_t size = choir_coordinator_state_bytes(e.coordinator);
        uint8_t *saved = malloc(size);
        assert_non_null(saved);
        choir_coordinator_save(e.coordinator, saved);
        o.server_tau = 0.5F;
        exchange f = job_open(&o);
        check_status(choir_coordinator_restore(f.coordinator, (choir_bytes){saved, size}, NULL),
                     rows[i].of_another_tau);
        exchange_close(&f);
        exchange_close(&e);
        free(saved);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restored_run_ends_like_an_undisturbed_one),
        cmocka_unit_test(damaged_states_are_refused_and_change_nothing),
        cmocka_unit_test(a_state_that_holds_no_numbers_is_refused),
        cmocka_unit_test(an_older_state_has_no_recent_rounds),
        cmocka_unit_test(states_of_other_jobs_are_refused),
        cmocka_unit_test(what_an_algorithm_heeds_is_of_its_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
