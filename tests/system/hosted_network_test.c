/*
 * A job over real sockets, all in one process: a server, an operator, and a thread for each client,
 * end with the model of the job's simulation, also when the server goes and comes back.
 */
#include "support/hosted_job.h"

#include "base/error.h"
#include "choir/client.h"
#include "crypto/entropy.h"
#include "run/device.h"

#include <pthread.h>
#include <time.h>

enum { CLIENTS = 6, ROUNDS = 8 };

static char folder[FOLDER_PATH_MAX];

static choir_job job_make(void) {
    choir_job job = tiny_job();
    job.data.clients = CLIENTS;
    job.sample_rate = 0.5;
    job.rounds = ROUNDS;
    return job;
}

/* One client, in a thread of its own, until the job is over. Nothing here may fail the test: that
 * is for the thread that joins. */
typedef struct member {
    pthread_t thread;
    choir_join join;
    uint32_t client;
    uint32_t reported;
    uint32_t lost;
    choir_status status;
    choir_error err;
} member;

static void device_make(ch_device *device, const choir_offer *offer, member *m) {
    const choir_env env = choir_env_default();
    const ch_device_options o = {.job = {(const uint8_t *)offer->job, offer->job_size},
                                 .model = offer->model,
                                 .dir = "",
                                 .client = offer->client};
    ch_device_release(device);
    m->status = ch_device_open(device, &o, &env, &m->err);
}

static void nap(uint64_t wake_ms) {
    const uint64_t now_ms = choir_client_now_ms();
    const uint64_t left_ms = wake_ms > now_ms ? wake_ms - now_ms : 0;
    const struct timespec left = {.tv_sec = (time_t)(left_ms / 1000),
                                  .tv_nsec = (long)(left_ms % 1000) * 1000000};
    (void)nanosleep(&left, NULL);
}

static void member_run(member *m, choir_client *c) {
    ch_device device = {0};
    for (choir_event event = {0}; m->status == CHOIR_OK && event.kind != CHOIR_EVENT_DONE;) {
        const choir_trainer trainer =
            device.engine == NULL ? (choir_trainer){0} : ch_device_trainer(&device);
        m->status = choir_client_step(c, trainer, &event, &m->err);
        m->reported += event.kind == CHOIR_EVENT_REPORTED;
        m->lost += event.kind == CHOIR_EVENT_LOST;
        if (m->status == CHOIR_OK && event.kind == CHOIR_EVENT_JOINED) {
            device_make(&device, choir_client_offer(c), m);
        } else if (event.kind == CHOIR_EVENT_WAIT) {
            nap(event.wake_ms);
        }
    }
    ch_device_release(&device);
}

static void *member_main(void *self) {
    member *m = self;
    const choir_env env = choir_env_default();
    choir_client_options o = choir_client_defaults();
    choir_client *c = NULL;
    o.join = &m->join;
    o.job = "tiny";
    o.client = m->client;
    o.retry_ms = 20;
    o.retry_max_ms = 100;
    o.patience_s = 20;
    m->status = choir_client_create(&c, &o, &env, &m->err);
    if (m->status == CHOIR_OK) {
        member_run(m, c);
    }
    choir_client_destroy(c);
    return NULL;
}

static void members_start(member *members, const char *dir) {
    const choir_env env = choir_env_default();
    char path[FOLDER_PATH_MAX + 300];
    (void)snprintf(path, sizeof(path), "%s/join.json", dir);
    for (uint32_t k = 0; k < CLIENTS; k++) {
        members[k] = (member){.client = k};
        check_ok(choir_join_read(&members[k].join, path, &env, &err));
        assert_int_equal(pthread_create(&members[k].thread, NULL, member_main, &members[k]), 0);
    }
}

/* Returns the reports that were made, and the failures that were met. */
static uint32_t members_join(member *members, uint32_t *lost) {
    uint32_t reported = 0;
    *lost = 0;
    for (uint32_t k = 0; k < CLIENTS; k++) {
        assert_int_equal(pthread_join(members[k].thread, NULL), 0);
    }
    for (uint32_t k = 0; k < CLIENTS; k++) {
        if (members[k].status != CHOIR_OK) {
            fail_msg("client %u: %s", k, members[k].err.message);
        }
        reported += members[k].reported;
        *lost += members[k].lost;
    }
    return reported;
}

/* Runs the job in dir, with the server taken away (times) times in between. */
static uint32_t hosted_run(const char *name, uint32_t times, char hash[65]) {
    const choir_env env = choir_env_default();
    char dir[FOLDER_PATH_MAX + 200];
    char path[FOLDER_PATH_MAX + 300];
    (void)snprintf(dir, sizeof(dir), "%s", folder_file(folder, name));
    const choir_job job = job_make();
    job_put(&job, folder_file(folder, "tiny.yaml"));
    ch_server *server = server_start(dir, 0);
    const uint16_t port = port_of(server);
    ch_operator *operator= NULL;
    (void)snprintf(path, sizeof(path), "%s/admin.json", dir);
    check_ok(ch_operator_open(&operator, path, &env, &err));
    host(operator, folder_file(folder, "tiny.yaml"));
    member members[CLIENTS];
    members_start(members, dir);
    for (uint32_t i = 0; i < times; i++) {
        nap(choir_client_now_ms() + 60);
        ch_server_stop(server);
        server = server_start(dir, port);
    }
    uint32_t lost = 0;
    const uint32_t reported = members_join(members, &lost);
    assert_in_range(reported, ROUNDS * CLIENTS / 2, ROUNDS * CLIENTS); // one may be sent again
    (void)snprintf(path, sizeof(path), "%s/model.safetensors", dir);
    hash_of_server(operator, path, hash);
    ch_operator_close(operator);
    ch_server_stop(server);
    return lost;
}

static void a_hosted_job_gives_the_simulations_model(void **state) {
    (void)state;
    char expected[65];
    char hash[65];
    const choir_job job = job_make();
    hash_of_simulation(&job, folder_file(folder, "simulated"), expected);
    assert_int_equal(hosted_run("calm", 0, hash), 0);
    assert_string_equal(hash, expected);
}

static void a_server_that_goes_and_comes_back_changes_nothing(void **state) {
    (void)state;
    char expected[65];
    char hash[65];
    const choir_job job = job_make();
    hash_of_simulation(&job, folder_file(folder, "simulated-again"), expected);
    (void)hosted_run("rough", 5, hash);
    assert_string_equal(hash, expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hosted_job_gives_the_simulations_model),
        cmocka_unit_test(a_server_that_goes_and_comes_back_changes_nothing),
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
