/* Both ends of the protocol together: they learn, and no accident on the way changes what. */
#include "support/exchange.h"

enum { DIM = 4, CLIENTS = 5 };

static choir_coordinator_options small(void) {
    choir_coordinator_options o = choir_coordinator_defaults();
    o.dim = DIM;
    o.clients = CLIENTS;
    o.rounds = 3;
    o.client_epochs = 2;
    o.client_batch_size = 1;
    o.client_learning_rate = 0.3F;
    o.deadline_ms = 100000;
    return o;
}

static void federated_averaging_finds_the_common_model(void **state) {
    (void)state;
    const float params[DIM] = {0};
    const choir_env env = choir_env_default();
    choir_coordinator_options o = small();
    o.rounds = 60;
    exchange e = exchange_open(&o, params, &env);
    while (!choir_coordinator_is_done(e.coordinator)) {
        exchange_round(&e);
        assert_true(choir_coordinator_summary(e.coordinator)->applied);
        assert_int_equal(choir_coordinator_summary(e.coordinator)->reports, CLIENTS);
    }
    for (uint32_t i = 0; i < DIM; i++) {
        check_near(choir_coordinator_params(e.coordinator)[i], i + 1, 1e-3);
    }
    exchange_close(&e);
}

/*
 * With C = 1, E = 1 and B = 0, every client takes one step along its own mean gradient, and their
 * weighted mean is one step along the mean gradient of all examples.
 */
static void one_full_batch_step_everywhere_is_central_gradient_descent(void **state) {
    (void)state;
    const float params[DIM] = {0.5F, -1, 2, 0};
    const choir_env env = choir_env_default();
    choir_coordinator_options o = small();
    o.client_epochs = 1;
    o.client_batch_size = 0;
    o.rounds = 20;
    exchange e = exchange_open(&o, params, &env);
    double central[DIM];
    for (uint32_t i = 0; i < DIM; i++) {
        central[i] = (double)params[i];
    }
    while (!choir_coordinator_is_done(e.coordinator)) {
        exchange_round(&e);
        float w[DIM];
        double gradient[DIM] = {0};
        uint32_t examples = 0;
        for (uint32_t i = 0; i < DIM; i++) {
            w[i] = (float)central[i];
        }
        for (uint32_t client = 0; client < CLIENTS; client++) {
            for (uint32_t n = 0; n < linear_examples(NULL, client); n++) {
                (void)linear_gradient(gradient, w, client, DIM, n);
                examples += 1;
            }
        }
        for (uint32_t i = 0; i < DIM; i++) {
            central[i] -= (double)o.client_learning_rate * gradient[i] / examples;
            check_near(choir_coordinator_params(e.coordinator)[i], central[i], 1e-6);
        }
        assert_int_equal(choir_coordinator_summary(e.coordinator)->examples, examples);
    }
    exchange_close(&e);
}

/* One accident, to one message. */
typedef struct accident {
    uint32_t message; // which; the rest pass
    uint32_t times;   // 0: lost, 2: repeated
    size_t cut;       // bytes cut off its end
    size_t flip;      // bit to flip; SIZE_MAX: none
    size_t size;      // of the message, as it was
} accident;

static uint32_t accident_happen(void *self, uint32_t message, uint8_t *bytes, size_t *size) {
    accident *a = self;
    if (message != a->message) {
        return 1;
    }
    a->size = *size;
    *size = a->cut < *size ? *size - a->cut : 0;
    if (a->flip < *size * 8) {
        bytes[a->flip / 8] ^= (uint8_t)(1U << (a->flip % 8));
    }
    return a->times;
}

typedef struct ending {
    choir_hash model;
    uint32_t messages;
} ending;

static ending run_with(accident *a, bool announce) {
    const float params[DIM] = {0};
    const choir_env env = choir_env_default();
    choir_coordinator_options o = small();
    o.rounds = 2;
    o.clients = 2;
    o.announce = announce;
    exchange e = exchange_open(&o, params, &env);
    e.damage = accident_happen;
    e.self = a;
    while (!choir_coordinator_is_done(e.coordinator)) {
        exchange_round(&e);
    }
    const ending end = {.model = choir_coordinator_hash(e.coordinator), .messages = e.messages};
    assert_int_equal(e.trained, 4);
    exchange_close(&e);
    return end;
}

static void check_unharmed(accident a, bool announce, const ending *calm) {
    const ending end = run_with(&a, announce);
    if (memcmp(&end.model, &calm->model, sizeof(end.model)) != 0) {
        fail_msg("another model after: message %u, times %u, cut %zu, flip %zu", a.message, a.times,
                 a.cut, a.flip);
    }
}

/* Every accident to every message of a run that came to that without any. */
static void check_accidents(bool announce, const ending *calm) {
    for (uint32_t message = 0; message < calm->messages; message++) {
        accident whole = {.message = message, .times = 1, .flip = SIZE_MAX};
        run_with(&whole, announce);
        accident a = {.message = message, .times = 0, .flip = SIZE_MAX};
        check_unharmed(a, announce, calm);
        a.times = 2;
        check_unharmed(a, announce, calm);
        a.times = 1;
        for (a.cut = 1; a.cut <= whole.size; a.cut++) {
            check_unharmed(a, announce, calm);
        }
        a.cut = 0;
        for (a.flip = 0; a.flip < whole.size * 8; a.flip++) {
            check_unharmed(a, announce, calm);
        }
    }
}

static void no_single_accident_changes_the_model(void **state) {
    (void)state;
    accident none = {.message = UINT32_MAX, .times = 1, .flip = SIZE_MAX};
    const ending calm = run_with(&none, false);
    assert_true(calm.messages >= 12);
    check_accidents(false, &calm);
    const ending announced = run_with(&none, true);
    assert_int_equal(announced.messages, calm.messages + 8); // two a report
    assert_memory_equal(&announced.model, &calm.model, sizeof(calm.model));
    check_accidents(true, &announced);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const float params[DIM] = {0};
    const choir_coordinator_options o = small();
    choir_participant_options p = choir_participant_defaults();
    p.dim_max = DIM;
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        choir_coordinator *c = NULL;
        choir_participant *device = NULL;
        choir_workspace *room = NULL;
        m.status = choir_coordinator_create(&c, params, &o, &m.env, NULL);
        if (m.status == CHOIR_OK) {
            m.status = choir_participant_create(&device, &p, &m.env, NULL);
        }
        if (m.status == CHOIR_OK) {
            m.status = choir_workspace_create(&room, DIM, &m.env);
        }
        assert_true(m.status == CHOIR_OK || room == NULL);
        choir_coordinator_destroy(c);
        choir_participant_destroy(device);
        choir_workspace_destroy(room);
    }
    assert_int_equal(m.tries, 2 + 1 + 1 + 1); // coordinator, participant, room, the success
}

static void rounds_allocate_nothing(void **state) {
    (void)state;
    const float params[DIM] = {0};
    const choir_coordinator_options o = small();
    counted_memory memory;
    const choir_env env = counted_env(&memory, UINT32_MAX);
    exchange e = exchange_open(&o, params, &env);
    const uint32_t before = memory.total;
    while (!choir_coordinator_is_done(e.coordinator)) {
        exchange_round(&e);
    }
    assert_int_equal(memory.total, before);
    exchange_close(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(federated_averaging_finds_the_common_model),
        cmocka_unit_test(one_full_batch_step_everywhere_is_central_gradient_descent),
        cmocka_unit_test(no_single_accident_changes_the_model),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
        cmocka_unit_test(rounds_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
