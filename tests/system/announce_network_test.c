/*
 * Announced updates over real sockets: of devices of an open population that are given the same
 * round, one is too late. What it uploads is a few bytes where the job has it announce, and its
 * whole update where it does not.
 */
#include "support/hosted_job.h"

#include "base/error.h"
#include "choir/client.h"
#include "crypto/entropy.h"
#include "run/device.h"

enum { MODEL_BYTES = 100000, STEPS_MAX = 1000, DEVICES = 2 };

static char folder[FOLDER_PATH_MAX];

/* One report closes a round, and two devices may hold its task. */
static choir_job job_make(bool announce) {
    choir_job job = tiny_job();
    (void)snprintf(job.population, sizeof(job.population), "open");
    (void)snprintf(job.model.name, sizeof(job.model.name), "mlp");
    (void)snprintf(job.model.hidden, sizeof(job.model.hidden), "400");
    job.goal = 1;
    job.over_selection = 2;
    job.rounds = 2;
    job.announce = announce;
    return job;
}

/* A server with the job, and its operator. */
typedef struct site {
    ch_server *server;
    ch_operator *operator;
    choir_join join;
} site;

static site site_open(const char *name, bool announce) {
    const choir_env env = choir_env_default();
    char dir[FOLDER_PATH_MAX + 200];
    char path[FOLDER_PATH_MAX + 300];
    site s = {.server = NULL};
    (void)snprintf(dir, sizeof(dir), "%s", folder_file(folder, name));
    const choir_job job = job_make(announce);
    job_put(&job, folder_file(folder, "tiny.yaml"));
    s.server = server_start(dir, 0);
    (void)snprintf(path, sizeof(path), "%s/admin.json", dir);
    check_ok(ch_operator_open(&s.operator, path, &env, &err));
    host(s.operator, folder_file(folder, "tiny.yaml"));
    (void)snprintf(path, sizeof(path), "%s/join.json", dir);
    check_ok(choir_join_read(&s.join, path, &env, &err));
    return s;
}

static void site_close(site *s) {
    ch_operator_close(s->operator);
    ch_server_stop(s->server);
}

/* Bytes of the requests that came so far. */
static uint64_t bytes_up(const site *s) {
    json_t *answer = NULL;
    check_ok(ch_operator_ask(s->operator, "GET", "/jobs", NULL, "jobs", &answer, &err));
    const json_t *job = json_array_get(json_object_get(answer, "jobs"), 0);
    assert_non_null(json_object_get(job, "bytes_up"));
    const uint64_t bytes = (uint64_t)json_integer_value(json_object_get(job, "bytes_up"));
    json_decref(answer);
    return bytes;
}

typedef struct member {
    choir_client *client;
    ch_device device;
} member;

static member member_open(const site *s, const char *state_dir) {
    const choir_env env = choir_env_default();
    choir_client_options o = choir_client_defaults();
    member m = {.client = NULL};
    o.join = &s->join;
    o.job = "tiny";
    o.state_dir = state_dir;
    o.retry_ms = 20;
    check_ok(choir_client_create(&m.client, &o, &env, &err));
    return m;
}

static void member_close(member *m) {
    choir_client_destroy(m->client);
    ch_device_release(&m->device);
}

static void device_make(member *m) {
    const choir_env env = choir_env_default();
    const choir_offer *offer = choir_client_offer(m->client);
    const ch_device_options o = {.job = {(const uint8_t *)offer->job, offer->job_size},
                                 .model = offer->model,
                                 .dir = "",
                                 .client = offer->client};
    check_ok(ch_device_open(&m->device, &o, &env, &err));
}

/* Steps until that has happened, and nothing is lost. */
static choir_event until(member *m, choir_event_kind kind) {
    choir_event event = {0};
    for (int i = 0; i < STEPS_MAX; i++) {
        const choir_trainer trainer =
            m->device.engine == NULL ? (choir_trainer){0} : ch_device_trainer(&m->device);
        check_ok(choir_client_step(m->client, trainer, &event, &err));
        if (event.kind == kind) {
            return event;
        }
        if (event.kind == CHOIR_EVENT_JOINED) {
            device_make(m);
        }
        assert_int_not_equal(event.kind, CHOIR_EVENT_LOST);
        assert_int_not_equal(event.kind, CHOIR_EVENT_DONE);
    }
    fail_msg("event %d does not come", (int)kind);
    return event;
}

/* Bytes that the one that is counted and the one that is too late send when they have trained. */
static void round_run(const site *s, uint64_t *counted, uint64_t *late) {
    member members[DEVICES];
    for (uint32_t i = 0; i < DEVICES; i++) {
        members[i] = member_open(s, "");
        until(&members[i], CHOIR_EVENT_TRAINED);
    }
    const uint64_t before = bytes_up(s);
    until(&members[0], CHOIR_EVENT_REPORTED);
    const uint64_t between = bytes_up(s);
    const choir_event event = until(&members[1], CHOIR_EVENT_REFUSED);
    assert_int_equal(event.refusal, CHOIR_REFUSAL_STALE);
    *counted = between - before;
    *late = bytes_up(s) - between;
    for (uint32_t i = 0; i < DEVICES; i++) {
        member_close(&members[i]);
    }
}

static void an_update_that_comes_too_late_is_not_sent(void **state) {
    (void)state;
    uint64_t counted[2];
    uint64_t late[2];
    for (int announce = 0; announce < 2; announce++) {
        site s = site_open(announce == 1 ? "announced" : "sent", announce == 1);
        round_run(&s, &counted[announce], &late[announce]);
        site_close(&s);
    }
    print_message("bytes up of the round: %lu, announced %lu; of the device that is too late: "
                  "%lu, announced %lu\n",
                  (unsigned long)(counted[0] + late[0]), (unsigned long)(counted[1] + late[1]),
                  (unsigned long)late[0], (unsigned long)late[1]);
    assert_true(counted[0] > MODEL_BYTES);
    assert_in_range(late[0], counted[0] - 8, counted[0] + 8); // all for nothing
    assert_in_range(counted[1], counted[0] + 1, counted[0] + 150);
    assert_in_range(late[1], 1, 150);
}

/* The model is the one of the only report, whether it was announced or not. */
static void a_device_that_was_cut_off_announces_again(void **state) {
    (void)state;
    char state_dir[FOLDER_PATH_MAX + 200];
    site s = site_open("cut", true);
    (void)snprintf(state_dir, sizeof(state_dir), "%s", folder_file(folder, "device"));
    member first = member_open(&s, state_dir);
    until(&first, CHOIR_EVENT_TRAINED);
    until(&first, CHOIR_EVENT_WAIT); // announced, and to be sent
    member_close(&first);
    member again = member_open(&s, state_dir);
    until(&again, CHOIR_EVENT_RESUMED);
    const uint64_t before = bytes_up(&s);
    until(&again, CHOIR_EVENT_WAIT);
    assert_in_range(bytes_up(&s) - before, 1, 150); // announced once more
    until(&again, CHOIR_EVENT_REPORTED);
    assert_true(bytes_up(&s) - before > MODEL_BYTES);
    member_close(&again);
    site_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_that_comes_too_late_is_not_sent),
        cmocka_unit_test(a_device_that_was_cut_off_announces_again),
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
