/*
 * A swarm is devices: hundreds of clients in one thread end a closed job with the model of its
 * simulation, also when the server goes and comes back, and are known again afterwards.
 */
#include "support/hosted_job.h"

#include "choir/route.h"
#include "crypto/entropy.h"
#include "run/device.h"
#include "swarm/made.h"
#include "swarm/swarm.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { MANY = 200, SOME = 30, ROUNDS = 4, TIMES = 4 };

static char folder[FOLDER_PATH_MAX];
static ch_swarm_result result;

static choir_job job_make(uint32_t clients) {
    choir_job job = tiny_job();
    job.data.clients = clients;
    job.sample_rate = 1;
    job.rounds = ROUNDS;
    return job;
}

/* A server in dir with the tiny job, and what devices need to find it. */
typedef struct place {
    char dir[FOLDER_PATH_MAX + 200];
    uint32_t clients; // of the job
    ch_server *server;
    ch_operator *operator;
    choir_join join;
} place;

static void place_open(place *p, const char *name, uint32_t clients) {
    const choir_env env = choir_env_default();
    const choir_job job = job_make(clients);
    p->clients = clients;
    char path[sizeof(p->dir) + 32];
    (void)snprintf(p->dir, sizeof(p->dir), "%s", folder_file(folder, name));
    job_put(&job, folder_file(folder, "tiny.yaml"));
    p->server = server_start(p->dir, 0);
    (void)snprintf(path, sizeof(path), "%s/admin.json", p->dir);
    check_ok(ch_operator_open(&p->operator, path, &env, &err));
    host(p->operator, folder_file(folder, "tiny.yaml"));
    (void)snprintf(path, sizeof(path), "%s/join.json", p->dir);
    check_ok(choir_join_read(&p->join, path, &env, &err));
}

static void place_close(place *p) {
    ch_operator_close(p->operator);
    ch_server_stop(p->server);
}

/* That the server has the model which the simulation ends with. */
static void check_model(place *p) {
    char expected[65];
    char hash[65];
    char run[FOLDER_PATH_MAX + 300];
    char path[FOLDER_PATH_MAX + 300];
    const choir_job job = job_make(p->clients);
    (void)snprintf(run, sizeof(run), "%s/simulated", p->dir);
    (void)snprintf(path, sizeof(path), "%s/model.safetensors", p->dir);
    hash_of_simulation(&job, run, expected);
    hash_of_server(p->operator, path, hash);
    assert_string_equal(hash, expected);
}

/* ------------------------------------------------------------------------------------------ hosts
 */

static choir_status engine_offered(void *self, const choir_offer *offer, choir_trainer *trainer,
                                   choir_error *err) {
    const choir_env env = choir_env_default();
    ch_device *device = self;
    const ch_device_options o = {.job = {(const uint8_t *)offer->job, offer->job_size},
                                 .model = offer->model,
                                 .dir = "",
                                 .client = CH_DEVICE_EACH};
    const choir_status status = ch_device_open(device, &o, &env, err);
    if (status == CHOIR_OK) {
        *trainer = ch_device_trainer(device);
    }
    return status;
}

static choir_status made_offered(void *self, const choir_offer *offer, choir_trainer *trainer,
                                 choir_error *err) {
    static const uint32_t examples = 30;
    (void)self;
    (void)offer;
    (void)err;
    *trainer = ch_made_trainer(&examples);
    return CHOIR_OK;
}

static ch_swarm_options options_of(const place *p) {
    ch_swarm_options o = ch_swarm_defaults();
    o.join = &p->join;
    o.job = "tiny";
    o.clients = p->clients;
    o.updates = 8;
    o.patience_s = 20;
    return o;
}

/* until: NULL: the job is over */
static void swarm_train(const ch_swarm_options *o, bool (*until)(void *self)) {
    const choir_env env = choir_env_default();
    ch_device device = {0};
    const ch_swarm_host host = {.offered = engine_offered, .is_stopped = until, .self = &device};
    check_ok(ch_swarm_run(&result, o, host, &env, &err));
    ch_device_release(&device);
}

static void swarm_make(const ch_swarm_options *o, bool (*until)(void *self)) {
    const choir_env env = choir_env_default();
    const ch_swarm_host host = {.offered = made_offered, .is_stopped = until};
    check_ok(ch_swarm_run(&result, o, host, &env, &err));
}

static uint64_t answered(ch_swarm_kind kind) {
    return result.calls[kind].answered;
}

static uint64_t lost(void) {
    uint64_t sum = 0;
    for (ch_swarm_kind kind = 0; kind < CH_SWARM_KINDS; kind++) {
        sum += result.calls[kind].lost;
    }
    return sum;
}

static bool is_everyones_report_in(void *self) {
    (void)self;
    return answered(CH_SWARM_REPORT) >= SOME;
}

static bool are_check_ins_answered(void *self) {
    (void)self;
    return answered(CH_SWARM_CHECK_IN) > 40;
}

static bool are_reports_refused(void *self) {
    (void)self;
    return result.answers[CHOIR_ANSWER_REFUSED] > 10;
}

static bool is_nobody_left(void *self) {
    (void)self;
    return result.over == SOME;
}

/* ------------------------------------------------------------------------------------------ tests
 */

static void a_swarm_gives_the_simulations_model(void **state) {
    (void)state;
    // Under valgrind so many handshakes at once take longer than a call may.
    const uint32_t many = getenv("CHOIR_VALGRIND") != NULL ? SOME : MANY;
    place p;
    place_open(&p, "calm", many);
    const ch_swarm_options o = options_of(&p);
    swarm_train(&o, NULL);
    check_model(&p);
    assert_int_equal(result.entered, many);
    assert_int_equal(result.over, many);
    assert_int_equal(answered(CH_SWARM_ENROL), many);
    assert_int_equal(answered(CH_SWARM_JOIN), many);
    assert_int_equal(answered(CH_SWARM_MODEL), many * ROUNDS);
    assert_int_equal(answered(CH_SWARM_REPORT), many * ROUNDS);
    assert_int_equal(result.answers[CHOIR_ANSWER_ACK], many * ROUNDS);
    assert_int_equal(result.answers[CHOIR_ANSWER_REFUSED], 0);
    assert_int_equal(result.failures, 0);
    assert_int_equal(result.first_round, 1);
    assert_int_equal(result.last_round, ROUNDS);
    assert_int_equal(lost(), 0);
    place_close(&p);
}

/* Brings the server back, and takes it away again, while the swarm runs in the test's thread. */
typedef struct goer {
    pthread_t thread;
    place *place;
    uint16_t port;
} goer;

static void *goer_main(void *self) {
    const struct timespec pause = {.tv_nsec = 150 * 1000000L};
    const choir_env env = choir_env_default();
    goer *g = self;
    ch_server_options o = ch_server_defaults();
    o.dir = g->place->dir;
    o.port = g->port;
    for (int i = 0; i < TIMES; i++) {
        ch_server_stop(g->place->server);
        (void)nanosleep(&pause, NULL);
        if (ch_server_start(&g->place->server, &o, &env, NULL) != CHOIR_OK) {
            g->place->server = NULL;
            return NULL; // for the thread that joins to find
        }
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static void a_server_that_goes_and_comes_back_changes_nothing(void **state) {
    (void)state;
    place p;
    place_open(&p, "rough", SOME);
    goer g = {.place = &p, .port = port_of(p.server)};
    ch_server_stop(p.server); // so that at least the first calls are lost
    p.server = NULL;
    assert_int_equal(pthread_create(&g.thread, NULL, goer_main, &g), 0);
    const ch_swarm_options o = options_of(&p);
    swarm_train(&o, NULL);
    assert_int_equal(pthread_join(g.thread, NULL), 0);
    assert_non_null(p.server);
    check_model(&p);
    assert_true(lost() > 0);
    place_close(&p);
}

static void fewer_connections_and_a_cached_model_change_nothing(void **state) {
    (void)state;
    place p;
    place_open(&p, "narrow", SOME);
    ch_swarm_options o = options_of(&p);
    o.patience_s = 0;
    o.connections = 3;
    o.updates = 2;
    o.caches_models = true;
    swarm_train(&o, is_everyones_report_in); // who has reported is told to wait
    assert_int_equal(result.open_max, 3);
    assert_in_range(answered(CH_SWARM_MODEL), 1, 2 * result.last_round); // two may ask at once
    assert_int_equal(result.answers[CHOIR_ANSWER_ACK], SOME);
    place_close(&p);
}

static void a_swarm_is_known_again(void **state) {
    (void)state;
    place p;
    place_open(&p, "known", SOME);
    char dir[FOLDER_PATH_MAX + 300];
    (void)snprintf(dir, sizeof(dir), "%s/swarm", p.dir);
    ch_swarm_options o = options_of(&p);
    o.state_dir = dir;
    o.clients = 10;
    o.load = CH_SWARM_CHECK_INS;
    swarm_make(&o, are_check_ins_answered);
    assert_int_equal(answered(CH_SWARM_ENROL), 10);
    o.clients = 15;
    swarm_make(&o, are_check_ins_answered);
    assert_int_equal(answered(CH_SWARM_ENROL), 5);
    assert_int_equal(answered(CH_SWARM_JOIN), 15);
    o.first = 5;
    o.clients = 12;
    swarm_make(&o, are_check_ins_answered);
    assert_int_equal(answered(CH_SWARM_ENROL), 2);
    assert_int_equal(result.calls[CH_SWARM_CHECK_IN].latency.count, answered(CH_SWARM_CHECK_IN));
    place_close(&p);
}

static void a_report_may_be_sent_again_and_again(void **state) {
    (void)state;
    place p;
    place_open(&p, "again", SOME);
    ch_swarm_options o = options_of(&p);
    o.load = CH_SWARM_RESENDS;
    o.updates = 2;
    swarm_make(&o, are_reports_refused);
    assert_int_equal(result.answers[CHOIR_ANSWER_ACK], 2); // of two devices one report each counts
    assert_int_equal(result.last_round, 1);
    place_close(&p);
}

static void who_waits_is_counted(void **state) {
    (void)state;
    place p;
    place_open(&p, "waits", SOME);
    ch_swarm_options o = options_of(&p);
    o.load = CH_SWARM_WAITS;
    o.seconds = 100;
    swarm_make(&o, is_nobody_left); // everybody has a task, and leaves it alone
    assert_int_equal(result.over, SOME);
    assert_int_equal(answered(CH_SWARM_CHECK_IN), SOME);
    assert_int_equal(answered(CH_SWARM_REPORT), 0);
    place_close(&p);
}

static void what_a_server_refuses_ends_the_run(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const ch_swarm_host host = {.offered = made_offered};
    place p;
    place_open(&p, "refusing", SOME);
    ch_swarm_options o = options_of(&p);
    choir_error err = {.message = ""};
    o.job = "huge";
    check_status(ch_swarm_run(&result, &o, host, &env, &err), CHOIR_EAGAIN);
    assert_non_null(strstr(err.message, "there is no job 'huge' here"));
    o.job = "tiny";
    o.first = SOME - 1;
    o.clients = 2;
    check_status(ch_swarm_run(&result, &o, host, &env, &err), CHOIR_EAGAIN);
    assert_non_null(strstr(err.message, "client 30: join: "));
    place_close(&p);
}

static void options_that_make_no_sense_are_refused(void **state) {
    (void)state;
    static const choir_join join = {.url = "http://127.0.0.1:1", .signing_key = "short"};
    static const struct {
        ch_swarm_options o;
        const char *message;
    } rows[] = {
        {{.job = "tiny", .clients = 1, .updates = 1}, "swarm: a join file and a job are required"},
        {{.join = &join, .job = "tiny", .updates = 1},
         "clients: 0 from 0 on; there must be 1, and none from 1048576 on"},
        {{.join = &join, .job = "tiny", .first = 1048576, .clients = 1, .updates = 1},
         "clients: 1 from 1048576 on; there must be 1, and none from 1048576 on"},
        {{.join = &join, .job = "tiny", .clients = 1},
         "updates must be at least 1, and patience at most 60 s"},
        {{.join = &join,
          .job = "tiny",
          .clients = 9,
          .updates = 1,
          .connections = 8,
          .patience_s = 1},
         "patience: a check-in that waits keeps its connection, and there are 8 for 9 clients; "
         "give "
         "no patience, or as many"},
        {{.join = &join, .job = "tiny", .clients = 1, .updates = 1},
         "swarm: the join file's signing_key must be 32 bytes in base64url"},
    };
    const choir_env env = choir_env_default();
    const ch_swarm_host host = {.offered = made_offered};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        check_status(ch_swarm_run(&result, &rows[i].o, host, &env, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_swarm_gives_the_simulations_model),
        cmocka_unit_test(a_server_that_goes_and_comes_back_changes_nothing),
        cmocka_unit_test(fewer_connections_and_a_cached_model_change_nothing),
        cmocka_unit_test(a_swarm_is_known_again),
        cmocka_unit_test(a_report_may_be_sent_again_and_again),
        cmocka_unit_test(who_waits_is_counted),
        cmocka_unit_test(what_a_server_refuses_ends_the_run),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
    };
    choir_error err = {.message = ""};
    if (ch_crypto_start(&err) != CHOIR_OK) {
        return 1;
    }
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failed;
}
