/*
 * A device that does over a network what its owner lets it: it works when conditions hold, sends
 * what it has trained all the same, also after a restart, and does no task that takes too long.
 */
#include "support/check.h"
#include "support/check_ok.h"
#include "support/folder.h"

#include "base/disk.h"
#include "choir/client.h"
#include "crypto/encode.h"
#include "net/operator.h"
#include "net/server.h"
#include "run/bundle.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RETRY_MS = 100 };

static char folder[FOLDER_PATH_MAX];
static const char JOB[] = "name: letters\n"
                          "model: {name: softmax}\n"
                          "data: {source: digits, partition: natural, clients: %d, examples: 10, "
                          "test_examples: 10}\n"
                          "server: {sample_rate: 1, rounds: 3, deadline: 600}\n";

/* A server with a job, and a device whose battery and pace are the test's. */
typedef struct site {
    choir_env env;
    ch_server *server;
    choir_client *client;
    int32_t battery;       // percent
    int32_t battery_after; // a training
    uint32_t training_ms;
    uint32_t trainings;
    choir_status fails; // a training, with that; OK: none
} site;

// ----- the server -------------------------------------------------------------------------------

static void host(const site *s, int clients) {
    ch_operator *owner = NULL;
    ch_bundle bundle;
    check_ok(ch_operator_open(&owner, folder_file(folder, "server/admin.json"), &s->env, &err));
    char text[sizeof(JOB) + 16];
    const int size = snprintf(text, sizeof(text), JOB, clients);
    folder_put(folder_file(folder, "job.yaml"), text, (size_t)size);
    check_ok(ch_bundle_create(&bundle, folder_file(folder, "job.yaml"), NULL, 0, &s->env, &err));
    char *model = malloc(CH_BASE64_MAX(bundle.model_size));
    assert_non_null(model);
    ch_base64(model, (choir_bytes){.data = bundle.model, .size = bundle.model_size});
    json_t *answer = NULL;
    check_ok(ch_operator_ask(owner, "POST", "/jobs",
                             json_pack("{s:s%, s:s, s:i}", "job", bundle.text, bundle.text_size,
                                       "model", model, "clients", clients),
                             "test", &answer, &err));
    json_decref(answer);
    free(model);
    ch_bundle_release(&bundle);
    ch_operator_close(owner);
}

static void serve(site *s, uint16_t port) {
    ch_server_options o = ch_server_defaults();
    o.dir = folder_file(folder, "server");
    o.port = port;
    check_ok(ch_server_start(&s->server, &o, &s->env, &err));
}

static void site_open(site *s, int clients) {
    folder_make(folder);
    *s = (site){.env = choir_env_default(), .battery = 100, .battery_after = 100};
    serve(s, 0);
    host(s, clients);
}

/* Serves again, where every device is the next client of its job. */
static void site_renumber(site *s) {
    sqlite3 *db = NULL;
    const char *port = strrchr(ch_server_url(s->server), ':') + 1;
    const uint16_t number = (uint16_t)strtoul(port, NULL, 10);
    ch_server_stop(s->server);
    assert_int_equal(sqlite3_open(folder_file(folder, "server/choir.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE roster SET client = client + 1", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 1);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    serve(s, number);
}

static void site_close(site *s) {
    choir_client_destroy(s->client);
    ch_server_stop(s->server);
    folder_remove(folder);
}

// ----- the device -------------------------------------------------------------------------------

static choir_status train(void *self, uint32_t client, const choir_task *task, const float *params,
                          float *delta, choir_training *out, choir_error *err) {
    site *s = self;
    const struct timespec pause = {.tv_sec = s->training_ms / 1000,
                                   .tv_nsec = (long)(s->training_ms % 1000) * 1000000};
    (void)client, (void)params, (void)err;
    memset(delta, 0, task->dim * sizeof(delta[0]));
    (void)nanosleep(&pause, NULL);
    s->battery = s->battery_after;
    s->trainings += 1;
    if (s->fails != CHOIR_OK) {
        return s->fails;
    }
    *out = (choir_training){.examples = 1, .metrics = {.examples = 1, .loss_q20 = 1}};
    return CHOIR_OK;
}

static void read_battery(void *self, choir_readings *out) {
    const site *s = self;
    out->battery = s->battery;
}

/* A new process of the same device. */
static void device_start(site *s, uint32_t training_max_s) {
    choir_join join;
    choir_conditions conditions = choir_conditions_defaults();
    choir_policy policy = choir_policy_defaults();
    choir_client_options o = choir_client_defaults();
    check_ok(choir_join_read(&join, folder_file(folder, "server/join.json"), &s->env, &err));
    conditions.battery_min = 30;
    conditions.read = read_battery;
    conditions.self = s;
    policy.training_max_s = training_max_s;
    o.join = &join;
    o.job = "letters";
    o.state_dir = folder_file(folder, "device");
    o.conditions = &conditions;
    o.policy = &policy;
    o.retry_ms = RETRY_MS;
    choir_client_destroy(s->client);
    check_ok(choir_client_create(&s->client, &o, &s->env, &err));
}

/* Steps until something happens that is not a wait. */
static choir_event next(site *s) {
    static const choir_trainer_ops ops = {.train = train};
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    choir_event event = {.kind = CHOIR_EVENT_WAIT};
    for (int steps = 0; steps < 3000 && event.kind == CHOIR_EVENT_WAIT; steps++) {
        check_ok(choir_client_step(s->client, (choir_trainer){&ops, s}, &event, &err));
        if (event.kind == CHOIR_EVENT_WAIT && event.wake_ms > choir_client_now_ms()) {
            (void)nanosleep(&pause, NULL);
        }
    }
    return event;
}

static void check_next(site *s, choir_event_kind kind, uint32_t round) {
    const choir_event event = next(s);
    if (event.kind != kind || event.round != round) {
        fail_msg("event %d of round %u, not %d of %u: %s", (int)event.kind, event.round, (int)kind,
                 round, event.message);
    }
}

static void check_blocked(site *s, uint32_t round) {
    const uint64_t now_ms = choir_client_now_ms();
    const choir_event event = next(s);
    assert_int_equal(event.kind, CHOIR_EVENT_BLOCKED);
    assert_int_equal(event.round, round);
    assert_int_equal(event.obstacles, 1U << CHOIR_CONDITION_BATTERY);
    assert_true(event.wake_ms >= now_ms + 60 * 1000);
    assert_string_equal(event.message, "battery is 23 %, must be at least 30 %");
}

// ----- tests ------------------------------------------------------------------------------------

static void it_works_while_conditions_hold_and_sends_what_it_has_trained(void **state) {
    (void)state;
    site s;
    site_open(&s, 1);
    device_start(&s, 0);
    s.battery = 23;
    check_blocked(&s, 0); // before it joins
    s.battery = 30;
    check_next(&s, CHOIR_EVENT_JOINED, 0);
    s.battery = 23;
    check_blocked(&s, 0); // before it checks in
    s.battery = 30;
    check_next(&s, CHOIR_EVENT_TASK, 1);
    s.battery = 23;
    check_blocked(&s, 1); // before it fetches
    s.battery = 30;
    check_next(&s, CHOIR_EVENT_FETCHED, 1);
    s.battery = 23;
    check_blocked(&s, 1); // before it trains
    s.battery = 30;
    s.battery_after = 23;
    check_next(&s, CHOIR_EVENT_TRAINED, 1);
    check_next(&s, CHOIR_EVENT_REPORTED, 1);
    check_blocked(&s, 0);
    assert_int_equal(s.trainings, 1);
    site_close(&s);
}

static void a_report_that_was_left_is_sent_before_conditions_hold_again(void **state) {
    (void)state;
    site s;
    site_open(&s, 1);
    device_start(&s, 0);
    check_next(&s, CHOIR_EVENT_JOINED, 0);
    check_next(&s, CHOIR_EVENT_TASK, 1);
    check_next(&s, CHOIR_EVENT_FETCHED, 1);
    check_next(&s, CHOIR_EVENT_TRAINED, 1);
    s.battery = 23;
    device_start(&s, 0);
    check_next(&s, CHOIR_EVENT_JOINED, 0);
    check_next(&s, CHOIR_EVENT_RESUMED, 1);
    check_next(&s, CHOIR_EVENT_REPORTED, 1);
    check_blocked(&s, 0);
    assert_int_equal(s.trainings, 1);
    site_close(&s);
}

static void a_task_that_would_take_too_long_is_declined_once_that_is_known(void **state) {
    (void)state;
    site s;
    site_open(&s, 1);
    device_start(&s, 1);
    s.training_ms = 1100;
    check_next(&s, CHOIR_EVENT_JOINED, 0);
    check_next(&s, CHOIR_EVENT_TASK, 1);
    check_next(&s, CHOIR_EVENT_FETCHED, 1);
    check_next(&s, CHOIR_EVENT_TRAINED, 1);
    check_next(&s, CHOIR_EVENT_REPORTED, 1);
    check_next(&s, CHOIR_EVENT_TASK, 2);
    const choir_event event = next(&s);
    assert_int_equal(event.kind, CHOIR_EVENT_REJECTED);
    assert_int_equal(event.round, 2);
    assert_non_null(strstr(event.message, " s, must be at most 1"));
    const choir_event told = next(&s); // the server, which counts it as one that cannot
    assert_int_equal(told.kind, CHOIR_EVENT_REFUSED);
    assert_int_equal(told.refusal, CHOIR_REFUSAL_UNSUPPORTED);
    assert_int_equal(s.trainings, 1);
    site_close(&s);
}

static void who_is_another_client_of_the_version_is_told_so_before_it_trains(void **state) {
    (void)state;
    site s;
    site_open(&s, 2);
    device_start(&s, 0);
    check_next(&s, CHOIR_EVENT_JOINED, 0);
    assert_int_equal(choir_client_offer(s.client)->client, 0);
    site_renumber(&s);
    choir_event event = {.kind = CHOIR_EVENT_LOST}; // its connection has gone
    for (int steps = 0; steps < 100 && event.kind == CHOIR_EVENT_LOST; steps++) {
        event = next(&s);
    }
    assert_int_equal(event.kind, CHOIR_EVENT_JOINED);
    assert_int_equal(choir_client_offer(s.client)->client, 1);
    assert_int_equal(choir_client_offer(s.client)->version, 1);
    check_next(&s, CHOIR_EVENT_TASK, 1);
    site_close(&s);
}

/* Steps to the failure of a training, and says how long the client then pauses, at least. */
static uint64_t pause_after_failure(site *s) {
    check_next(s, CHOIR_EVENT_TASK, 1);
    check_next(s, CHOIR_EVENT_FETCHED, 1);
    const uint64_t from_ms = choir_client_now_ms();
    check_next(s, CHOIR_EVENT_FAILED, 1);
    static const choir_trainer_ops ops = {.train = train};
    choir_event event;
    check_ok(choir_client_step(s->client, (choir_trainer){&ops, s}, &event, &err));
    assert_int_equal(event.kind, CHOIR_EVENT_WAIT);
    return event.wake_ms - from_ms;
}

static void a_trainer_that_leaves_nothing_to_report_is_asked_ever_less_often(void **state) {
    (void)state;
    static const choir_status statuses[] = {CHOIR_EIO, CHOIR_EPROTO, CHOIR_ENOMEM};
    site s;
    site_open(&s, 1);
    device_start(&s, 0);
    check_next(&s, CHOIR_EVENT_JOINED, 0);
    for (uint32_t i = 0; i < 3; i++) {
        s.fails = statuses[i];
        assert_true(pause_after_failure(&s) >= (uint64_t)RETRY_MS << i);
    }
    s.fails = CHOIR_OK;
    check_next(&s, CHOIR_EVENT_TASK, 1);
    check_next(&s, CHOIR_EVENT_FETCHED, 1);
    check_next(&s, CHOIR_EVENT_TRAINED, 1);
    check_next(&s, CHOIR_EVENT_REPORTED, 1);
    site_close(&s);
}

static void an_identity_that_cannot_be_kept_now_is_later(void **state) {
    (void)state;
    site s;
    site_open(&s, 1);
    device_start(&s, 0);
    const char *path = folder_file(folder, "device/identity.json");
    ch_disk_file before = {0};
    ch_disk_file after = {0};
    check_ok(ch_disk_read(&before, path, 4096, &s.env, &err));
    assert_non_null(strstr((const char *)before.data, "\"subject\": 0"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0777), 0); // nothing can be read there, or written
    const choir_event event = next(&s);
    assert_int_equal(event.kind, CHOIR_EVENT_LOST);
    assert_non_null(strstr(event.message, "identity.json: is not a regular file"));
    assert_int_equal(rmdir(path), 0);
    check_next(&s, CHOIR_EVENT_JOINED, 0);
    check_ok(ch_disk_read(&after, path, 4096, &s.env, &err));
    assert_non_null(strstr((const char *)after.data, "\"subject\": 1"));
    ch_disk_release(&before);
    ch_disk_release(&after);
    site_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_works_while_conditions_hold_and_sends_what_it_has_trained),
        cmocka_unit_test(a_report_that_was_left_is_sent_before_conditions_hold_again),
        cmocka_unit_test(a_task_that_would_take_too_long_is_declined_once_that_is_known),
        cmocka_unit_test(who_is_another_client_of_the_version_is_told_so_before_it_trains),
        cmocka_unit_test(a_trainer_that_leaves_nothing_to_report_is_asked_ever_less_often),
        cmocka_unit_test(an_identity_that_cannot_be_kept_now_is_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
