/*
 * The claim the architecture stands on: one set of options gives one model, bit for bit, whether
 * messages are function calls, are delayed, reordered and lost, or cross a real socket; and however
 * many threads train.
 */
#include "support/check.h"

#include "choir/blob.h"
#include "choir/participant.h"
#include "choir/sim.h"
#include "support/linear_trainer.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 23, DIM = 5, FRAME_MAX = 4096, WORKERS_MAX = 4, SEEDS = 40 };

static const choir_trainer LINEAR = {.ops = &LINEAR_TRAINER_OPS};

static choir_sim_options options(void) {
    choir_sim_options o = choir_sim_defaults();
    o.coordinator.dim = DIM;
    o.coordinator.clients = CLIENTS;
    o.coordinator.rounds = 40;
    o.coordinator.sample_rate = 0.5;
    o.coordinator.deadline_ms = 24 * 3600 * 1000; // everybody reports
    o.coordinator.client_epochs = 3;
    o.coordinator.client_batch_size = 2;
    o.coordinator.client_learning_rate = 0.5F;
    o.coordinator.chain = "clip=50|weight";
    o.coordinator.coordinate_max = 64;
    o.coordinator.seed = 2024;
    return o;
}

static choir_hash run(const choir_sim_options *o, float params[DIM]) {
    const choir_trainer trainers[WORKERS_MAX] = {LINEAR, LINEAR, LINEAR, LINEAR};
    const choir_env env = choir_env_default();
    const float zero[DIM] = {0};
    choir_sim *s = NULL;
    check_status(choir_sim_create(&s, zero, trainers, o, &env, NULL), CHOIR_OK);
    choir_sim_round round;
    for (uint32_t i = 0; i < o->coordinator.rounds; i++) {
        check_status(choir_sim_step(s, &round, NULL), CHOIR_OK);
        assert_int_equal(round.summary.reports, round.summary.cohort);
    }
    check_status(choir_sim_step(s, &round, NULL), CHOIR_EAGAIN);
    memcpy(params, choir_coordinator_params(choir_sim_coordinator(s)), DIM * sizeof(float));
    const choir_hash hash = choir_coordinator_hash(choir_sim_coordinator(s));
    choir_sim_destroy(s);
    return hash;
}

static void training_finds_the_model_everyone_agrees_on(void **state) {
    (void)state;
    const choir_sim_options o = options();
    float params[DIM];
    (void)run(&o, params);
    float furthest = 0;
    for (int i = 0; i < DIM; i++) {
        furthest = fmaxf(furthest, fabsf(params[i] - (float)(i + 1)));
    }
    check_near(furthest, 0, 1e-3);
}

static void the_number_of_workers_changes_nothing(void **state) {
    (void)state;
    choir_sim_options o = options();
    float params[DIM];
    const choir_hash one = run(&o, params);
    for (o.workers = 2; o.workers <= WORKERS_MAX; o.workers *= 2) {
        const choir_hash many = run(&o, params);
        assert_memory_equal(&many, &one, sizeof(one));
    }
}

static void an_unkind_network_changes_nothing_but_the_time(void **state) {
    (void)state;
    choir_sim_options o = options();
    float params[DIM];
    const choir_hash calm = run(&o, params);
    o.workers = 2;
    o.network.latency_ms = 700;
    o.network.speed_spread = 1.5;
    o.network.examples_per_s = 20;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        o.network.seed = seed;
        o.network.loss = 0.015 * (double)seed;
        const choir_hash rough = run(&o, params);
        assert_memory_equal(&rough, &calm, sizeof(calm));
    }
}

// The same objects over a stream socket. A frame is a 4-byte size, a byte that says what it is,
// and that many bytes.

typedef enum frame_kind { FRAME_REQUEST, FRAME_FETCH } frame_kind;

static void send_all(int fd, const void *data, size_t size) {
    for (size_t at = 0; at < size;) {
        const size_t chunk = size - at < 7 ? size - at : 7; // tear frames apart on purpose
        const ssize_t sent = write(fd, (const char *)data + at, chunk);
        assert_true(sent > 0);
        at += (size_t)sent;
    }
}

static bool receive_all(int fd, void *data, size_t size) {
    for (size_t at = 0; at < size;) {
        const ssize_t got = read(fd, (char *)data + at, size - at);
        if (got <= 0) {
            return false;
        }
        at += (size_t)got;
    }
    return true;
}

static void frame_send(int fd, frame_kind kind, choir_bytes bytes) {
    const uint32_t size = (uint32_t)bytes.size;
    const uint8_t tag = (uint8_t)kind;
    send_all(fd, &size, sizeof(size));
    send_all(fd, &tag, sizeof(tag));
    send_all(fd, bytes.data, bytes.size);
}

static bool frame_receive(int fd, uint8_t *tag, uint8_t *buffer, choir_bytes *bytes) {
    uint32_t size = 0;
    if (!receive_all(fd, &size, sizeof(size)) || size > FRAME_MAX ||
        !receive_all(fd, tag, sizeof(*tag))) {
        return false;
    }
    *bytes = (choir_bytes){.data = buffer, .size = size};
    return receive_all(fd, buffer, size);
}

typedef struct server {
    int fd;
    choir_coordinator *coordinator;
} server;

static choir_bytes server_answer(server *s, uint64_t now_ms, uint8_t tag, choir_bytes frame) {
    if (tag == FRAME_REQUEST) {
        return choir_coordinator_reply(s->coordinator, now_ms, frame);
    }
    choir_hash hash;
    choir_bytes model = {0};
    memcpy(&hash, frame.data, sizeof(hash));
    const choir_status status = choir_coordinator_model(s->coordinator, &hash, &model);
    return status == CHOIR_OK ? model : (choir_bytes){0};
}

static void *server_run(void *argument) {
    server *s = argument;
    uint8_t buffer[FRAME_MAX];
    uint8_t tag = 0;
    choir_bytes frame;
    for (uint64_t now_ms = 0; frame_receive(s->fd, &tag, buffer, &frame); now_ms++) {
        frame_send(s->fd, (frame_kind)tag, server_answer(s, now_ms, tag, frame));
    }
    return NULL;
}

/* A device's end: participants that share what a process shares. */
typedef struct devices {
    int fd;
    choir_participant *participants[CLIENTS];
    choir_workspace *rooms[CLIENTS];
    float model[DIM]; // what the blob's bytes are
    choir_blob blob;
} devices;

static choir_bytes ask(devices *d, frame_kind kind, choir_bytes question, uint8_t *buffer) {
    choir_bytes answer = {0};
    uint8_t tag = 0;
    frame_send(d->fd, kind, question);
    assert_true(frame_receive(d->fd, &tag, buffer, &answer));
    assert_int_equal(tag, kind);
    return answer;
}

static void model_fetch(devices *d, choir_participant *p, uint64_t now_ms, const choir_hash *hash) {
    uint8_t buffer[FRAME_MAX];
    const choir_bytes question = {.data = hash->bytes, .size = sizeof(*hash)};
    const choir_bytes answer = ask(d, FRAME_FETCH, question, buffer);
    assert_int_equal(answer.size, sizeof(d->model));
    memcpy(d->model, answer.data, sizeof(d->model));
    const choir_bytes model = {.data = (const uint8_t *)d->model, .size = sizeof(d->model)};
    check_status(choir_blob_open(&d->blob, model, hash), CHOIR_OK);
    check_status(choir_participant_fetched(p, now_ms, &d->blob), CHOIR_OK);
}

/* One step of one device. Returns whether it has heard that all is done. */
static bool device_step(devices *d, uint32_t k, uint64_t now_ms) {
    uint8_t buffer[FRAME_MAX];
    choir_participant *p = d->participants[k];
    choir_intent intent;
    choir_participant_next(p, now_ms, &intent);
    switch (intent.kind) {
    case CHOIR_INTENT_SEND: {
        const choir_bytes reply = ask(d, FRAME_REQUEST, intent.request, buffer);
        check_status(choir_participant_receive(p, now_ms, reply), CHOIR_OK);
        break;
    }
    case CHOIR_INTENT_FETCH:
        model_fetch(d, p, now_ms, &intent.task->model);
        break;
    case CHOIR_INTENT_TRAIN:
        check_status(choir_participant_train(p, now_ms, LINEAR, d->rooms[k], NULL), CHOIR_OK);
        break;
    case CHOIR_INTENT_WAIT:
        break;
    case CHOIR_INTENT_DONE:
        return true;
    }
    return false;
}

/* Highest id first, to be unlike the simulator's order. Returns whether all are done. */
static bool devices_step(devices *d, uint64_t now_ms) {
    uint32_t done = 0;
    for (uint32_t k = CLIENTS; k > 0; k--) {
        done += device_step(d, k - 1, now_ms) ? 1 : 0;
    }
    return done == CLIENTS;
}

static void devices_make(devices *d, const choir_env *env) {
    for (uint32_t k = 0; k < CLIENTS; k++) {
        choir_participant_options o = choir_participant_defaults();
        o.client = k;
        o.dim_max = DIM;
        check_status(choir_participant_create(&d->participants[k], &o, env, NULL), CHOIR_OK);
        check_status(choir_workspace_create(&d->rooms[k], DIM, env), CHOIR_OK);
    }
}

static void a_socket_gives_the_same_bits_as_the_simulator(void **state) {
    (void)state;
    const choir_sim_options o = options();
    const choir_env env = choir_env_default();
    float params[DIM];
    const choir_hash simulated = run(&o, params);

    const float zero[DIM] = {0};
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    server s = {.fd = fds[0]};
    check_status(choir_coordinator_create(&s.coordinator, zero, &o.coordinator, &env, NULL),
                 CHOIR_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, server_run, &s), 0);
    devices d = {.fd = fds[1]};
    devices_make(&d, &env);
    for (uint64_t now_ms = 0; !devices_step(&d, now_ms); now_ms += 600000) {
    }
    assert_int_equal(close(fds[1]), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    const choir_hash served = choir_coordinator_hash(s.coordinator);
    assert_memory_equal(&served, &simulated, sizeof(simulated));
    for (uint32_t k = 0; k < CLIENTS; k++) {
        choir_participant_destroy(d.participants[k]);
        choir_workspace_destroy(d.rooms[k]);
    }
    choir_coordinator_destroy(s.coordinator);
    assert_int_equal(close(fds[0]), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_finds_the_model_everyone_agrees_on),
        cmocka_unit_test(the_number_of_workers_changes_nothing),
        cmocka_unit_test(an_unkind_network_changes_nothing_but_the_time),
        cmocka_unit_test(a_socket_gives_the_same_bits_as_the_simulator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
