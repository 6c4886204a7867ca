/*
 * One device in several jobs of a server: each is trained for as if it were alone, in turn, and
 * what stops one does not stop the others; what a trainer keeps survives the device's restarts.
 */
#include "support/check.h"
#include "support/check_ok.h"
#include "support/folder.h"
#include "support/measured_memory.h"

#include "choir/agent.h"
#include "crypto/encode.h"
#include "net/operator.h"
#include "net/server.h"
#include "run/bundle.h"
#include "run/device.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3, JOBS = 2, TRAININGS_MAX = 64, SLACK = 1 << 17 };

static char folder[FOLDER_PATH_MAX];
static const char *const NAMES[JOBS] = {"letters", "digits"};

typedef struct site {
    choir_env env;
    ch_server *server;
    ch_operator *operator;
    choir_join join;
} site;

// ----- the operator -----------------------------------------------------------------------------

static json_t *ask(site *s, const char *method, const char *path, json_t *body) {
    json_t *answer = NULL;
    check_ok(ch_operator_ask(s->operator, method, path, body, "test", &answer, &err));
    return answer;
}

static void host(site *s, const char *name) {
    char yaml[400];
    ch_bundle bundle;
    const char *path = folder_file(folder, "job.yaml");
    const int size = snprintf(yaml, sizeof(yaml),
                              "name: %s\nmodel: {name: mlp, hidden: [100]}\n"
                              "data: {source: digits, partition: natural, clients: 1, "
                              "examples: 25, test_examples: 10}\n"
                              "client: {batch_size: 10, epochs: 2}\n"
                              "server: {sample_rate: 1, rounds: %d, deadline: 600}\n",
                              name, ROUNDS);
    folder_put(path, yaml, (size_t)size);
    check_ok(ch_bundle_create(&bundle, path, NULL, 0, &s->env, &err));
    char *model = malloc(CH_BASE64_MAX(bundle.model_size));
    assert_non_null(model);
    ch_base64(model, (choir_bytes){.data = bundle.model, .size = bundle.model_size});
    json_decref(ask(s, "POST", "/jobs",
                    json_pack("{s:s%, s:s, s:i}", "job", bundle.text, bundle.text_size, "model",
                              model, "clients", 1)));
    free(model);
    ch_bundle_release(&bundle);
}

static site site_open(void) {
    site s = {.env = choir_env_default()};
    ch_server_options o = ch_server_defaults();
    o.dir = folder_file(folder, "server");
    o.port = 0;
    check_ok(ch_server_start(&s.server, &o, &s.env, &err));
    check_ok(ch_operator_open(&s.operator, folder_file(folder, "server/admin.json"), &s.env, &err));
    check_ok(choir_join_read(&s.join, folder_file(folder, "server/join.json"), &s.env, &err));
    for (uint32_t i = 0; i < JOBS; i++) {
        host(&s, NAMES[i]);
    }
    return s;
}

static void site_close(site *s) {
    ch_operator_close(s->operator);
    ch_server_stop(s->server);
}

static size_t devices_count(site *s) {
    json_t *answer = ask(s, "GET", "/devices", NULL);
    const size_t count = json_array_size(json_object_get(answer, "devices"));
    json_decref(answer);
    return count;
}

// ----- the device -------------------------------------------------------------------------------

/* What was done for whom, in order, and what was told of it. */
typedef struct diary {
    uint32_t trained[TRAININGS_MAX]; // the job of each training
    uint32_t trainings;
    uint32_t ready[JOBS];
    uint32_t complete[JOBS];
    uint32_t blocked[JOBS];
    uint32_t errors[JOBS];
    uint32_t reported[JOBS];
    uint64_t steps[JOBS]; // of progress
    choir_status status[JOBS];
    char message[400];
} diary;

static void on_ready(void *self, uint32_t job, const choir_offer *offer) {
    assert_string_equal(offer->name, NAMES[job]);
    ((diary *)self)->ready[job] += 1;
}

static void on_complete(void *self, uint32_t job, const choir_event *event) {
    assert_int_equal(event->why, CHOIR_WHY_FINISHED);
    ((diary *)self)->complete[job] += 1;
}

static void on_blocked(void *self, uint32_t job, const choir_event *event) {
    diary *d = self;
    d->blocked[job] += 1;
    (void)snprintf(d->message, sizeof(d->message), "%s", event->message);
}

static void on_error(void *self, uint32_t job, choir_status status, const char *message) {
    diary *d = self;
    d->errors[job] += 1;
    d->status[job] = status;
    (void)snprintf(d->message, sizeof(d->message), "%s", message);
}

static void on_progress(void *self, uint32_t job, const choir_progress *progress) {
    diary *d = self;
    d->steps[job] += 1;
    assert_true(progress->step <= progress->steps);
}

static void on_event(void *self, uint32_t job, const choir_event *event) {
    diary *d = self;
    d->reported[job] += event->kind == CHOIR_EVENT_REPORTED;
    if (event->kind == CHOIR_EVENT_TRAINED) {
        assert_true(d->trainings < TRAININGS_MAX);
        d->trained[d->trainings] = job;
        d->trainings += 1;
    }
}

static choir_agent_callbacks callbacks_of(diary *d) {
    return (choir_agent_callbacks){.ready = on_ready,
                                   .complete = on_complete,
                                   .blocked = on_blocked,
                                   .error = on_error,
                                   .progress = on_progress,
                                   .event = on_event,
                                   .self = d};
}

/* A job's engine, over the part of the job's data that is the device's. */
static choir_status engine_make(void *self, const choir_offer *offer, choir_trainer *out,
                                choir_error *err) {
    const choir_env env = choir_env_default();
    ch_device *device = self;
    const ch_device_options o = {.job = {(const uint8_t *)offer->job, offer->job_size},
                                 .model = offer->model,
                                 .dir = "",
                                 .client = offer->client};
    ch_device_release(device);
    const choir_status status = ch_device_open(device, &o, &env, err);
    *out = ch_device_trainer(device);
    return status;
}

static choir_agent_options options_of(const site *s, const choir_agent_job *jobs, diary *d) {
    choir_agent_options o = choir_agent_defaults();
    o.client.join = &s->join;
    o.client.state_dir = folder_file(folder, "device");
    o.client.patience_s = 20;
    o.jobs = jobs;
    o.count = JOBS;
    o.callbacks = callbacks_of(d);
    return o;
}

static void jobs_fill(choir_agent_job jobs[JOBS], ch_device devices[JOBS]) {
    for (uint32_t i = 0; i < JOBS; i++) {
        jobs[i] = choir_agent_job_defaults();
        jobs[i].job = NAMES[i];
        jobs[i].trainer_make = engine_make;
        jobs[i].self = &devices[i];
    }
}

static void devices_release(ch_device devices[JOBS]) {
    for (uint32_t i = 0; i < JOBS; i++) {
        ch_device_release(&devices[i]);
    }
}

/* Runs until all is over; status and message as choir_agent_run says them. */
static choir_status run(const site *s, const choir_agent_options *o, choir_error *why) {
    choir_agent *agent = NULL;
    check_ok(choir_agent_create(&agent, o, &s->env, &err));
    const choir_status status = choir_agent_run(agent, why);
    choir_agent_event event;
    choir_agent_step(agent, &event); // and nothing is left
    assert_int_equal(event.left, 0);
    choir_agent_destroy(agent);
    return status;
}

// ----- tests ------------------------------------------------------------------------------------

static void several_jobs_have_their_turns(void **state) {
    (void)state;
    site s = site_open();
    diary d = {.trainings = 0};
    ch_device devices[JOBS] = {{.dim = 0}};
    choir_agent_job jobs[JOBS];
    jobs_fill(jobs, devices);
    const choir_agent_options o = options_of(&s, jobs, &d);
    check_status(run(&s, &o, NULL), CHOIR_OK);
    for (uint32_t i = 0; i < JOBS; i++) {
        assert_int_equal(d.ready[i], 1);
        assert_int_equal(d.complete[i], 1);
        assert_int_equal(d.errors[i], 0);
        assert_int_equal(d.reported[i], ROUNDS);
        assert_int_equal(d.steps[i], ROUNDS * 2 * ((ch_device_examples(&devices[i]) + 9) / 10));
    }
    assert_int_equal(d.trainings, ROUNDS * JOBS);
    for (uint32_t i = 1; i < d.trainings; i++) {
        assert_int_not_equal(d.trained[i], d.trained[i - 1]);
    }
    assert_int_equal(devices_count(&s), 1);
    devices_release(devices);
    site_close(&s);
}

static void what_stops_one_does_not_stop_the_other(void **state) {
    (void)state;
    site s = site_open();
    diary d = {.trainings = 0};
    ch_device devices[JOBS] = {{.dim = 0}};
    choir_agent_job jobs[JOBS];
    jobs_fill(jobs, devices);
    jobs[0].job = "nothing";
    choir_error err = {.message = ""};
    const choir_agent_options o = options_of(&s, jobs, &d);
    check_status(run(&s, &o, &err), CHOIR_EAGAIN);
    assert_non_null(strstr(err.message, "there is no job 'nothing' here"));
    assert_string_equal(d.message, err.message);
    check_status(d.status[0], CHOIR_EAGAIN);
    assert_int_equal(d.complete[0], 0);
    assert_int_equal(d.reported[1], ROUNDS);
    assert_int_equal(d.complete[1], 1);
    devices_release(devices);
    site_close(&s);
}

/* Says that the device is not charging, until the other job is over. */
static void read_charging(void *self, choir_readings *out) {
    const diary *d = self;
    out->charging = d->complete[1] > 0 ? CHOIR_YES : CHOIR_NO;
}

static void conditions_hold_up_the_job_that_they_are_of(void **state) {
    (void)state;
    site s = site_open();
    diary d = {.trainings = 0};
    ch_device devices[JOBS] = {{.dim = 0}};
    choir_agent_job jobs[JOBS];
    choir_conditions conditions = choir_conditions_defaults();
    conditions.charging = true;
    conditions.pause_s = 1;
    conditions.read = read_charging;
    conditions.self = &d;
    jobs_fill(jobs, devices);
    jobs[0].conditions = &conditions;
    choir_agent_options o = options_of(&s, jobs, &d);
    o.client.conditions = NULL;
    check_status(run(&s, &o, NULL), CHOIR_OK);
    assert_true(d.blocked[0] >= 1);
    assert_int_equal(d.blocked[1], 0);
    assert_string_equal(d.message, "power is the battery, must be mains");
    for (uint32_t i = 0; i < ROUNDS; i++) {
        assert_int_equal(d.trained[i], 1);
        assert_int_equal(d.trained[ROUNDS + i], 0);
    }
    devices_release(devices);
    site_close(&s);
}

/* A trainer of the host's own, which counts the rounds that it has been counted in. */
typedef struct counter {
    choir_lent *lent;
    uint32_t rounds[TRAININGS_MAX]; // that each training found
    uint32_t trainings;
} counter;

static void counter_lend(void *self, choir_lent *lent) {
    ((counter *)self)->lent = lent;
}

static choir_status counter_train(void *self, uint32_t client, const choir_task *task,
                                  const float *params, float *delta, choir_training *out,
                                  choir_error *err) {
    counter *c = self;
    (void)client;
    (void)params;
    (void)err;
    uint32_t rounds = 0;
    if (c->lent->state.size == sizeof(rounds)) {
        memcpy(&rounds, c->lent->state.data, sizeof(rounds));
    }
    c->rounds[c->trainings] = rounds;
    c->trainings += 1;
    rounds += 1;
    memcpy(c->lent->state_next, &rounds, sizeof(rounds));
    c->lent->state_next_size = sizeof(rounds);
    memset(delta, 0, task->dim * sizeof(delta[0]));
    *out = (choir_training){.examples = 1, .metrics = {.examples = 1}};
    return CHOIR_OK;
}

static void what_a_trainer_keeps_survives_the_device(void **state) {
    (void)state;
    static const choir_trainer_ops ops = {
        .train = counter_train, .lend = counter_lend, .state_bytes_max = sizeof(uint32_t)};
    site s = site_open();
    diary d = {.trainings = 0};
    counter counters[JOBS] = {{.trainings = 0}};
    choir_agent_job jobs[JOBS];
    for (uint32_t i = 0; i < JOBS; i++) {
        jobs[i] = choir_agent_job_defaults();
        jobs[i].job = NAMES[i];
        jobs[i].trainer = (choir_trainer){.ops = &ops, .self = &counters[i]};
    }
    const choir_agent_options o = options_of(&s, jobs, &d);
    choir_agent_event event = {.left = 1};
    while (event.left > 0) {
        choir_agent *agent = NULL;
        check_ok(choir_agent_create(&agent, &o, &s.env, &err));
        do { // switched off after each training, before its report is sent
            choir_agent_step(agent, &event);
        } while (event.left > 0 && event.event.kind != CHOIR_EVENT_TRAINED);
        choir_agent_destroy(agent);
    }
    for (uint32_t i = 0; i < JOBS; i++) {
        assert_int_equal(counters[i].trainings, ROUNDS);
        for (uint32_t round = 0; round < ROUNDS; round++) {
            assert_int_equal(counters[i].rounds[round], round);
        }
    }
    assert_int_equal(devices_count(&s), 1);
    site_close(&s);
}

static void memory_is_known_before_it_is_claimed(void **state) {
    (void)state;
    site s = site_open();
    for (uint32_t count = 1; count <= JOBS; count++) {
        diary d = {.trainings = 0};
        ch_device devices[JOBS] = {{.dim = 0}};
        choir_agent_job jobs[JOBS];
        jobs_fill(jobs, devices);
        choir_agent_options o = options_of(&s, &jobs[count - 1], &d);
        o.count = 1;
        o.callbacks = (choir_agent_callbacks){.event = on_event, .self = &d};
        measured_memory memory;
        const choir_env env = measured_env(&memory);
        choir_agent *agent = NULL;
        check_ok(choir_agent_create(&agent, &o, &env, &err));
        check_ok(choir_agent_run(agent, &err));
        choir_agent_destroy(agent);
        assert_int_equal(d.reported[0], ROUNDS);
        const uint32_t dim = devices[count - 1].dim;
        const size_t stated = choir_agent_bytes(&dim, NULL, 1);
        assert_true(memory.peak <= stated);
        assert_true(memory.peak >= 3 * sizeof(float) * dim);
        assert_true(stated - memory.peak <= SLACK);
        assert_int_equal(memory.alive, 0);
        devices_release(devices);
    }
    site_close(&s);
}

static void options_are_checked(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    static const struct {
        const char *names[JOBS];
        uint32_t count;
        bool has_trainer;
        const char *message;
    } rows[] = {
        {{"a", "b"}, 0, true, "agent: 0 jobs; must be 1 to 64"},
        {{"a", "b"}, 65, true, "agent: 65 jobs; must be 1 to 64"},
        {{"a", ""}, 2, true, "agent: job 1 has no name"},
        {{"a", "a"}, 2, true, "agent: job 'a' is there twice"},
        {{"a", "b"}, 2, false, "agent: job 'a' has no trainer; give one, or trainer_make"},
        {{"a", "b"}, 2, true, "client: join is required"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_agent_job jobs[JOBS];
        for (uint32_t j = 0; j < JOBS; j++) {
            jobs[j] = choir_agent_job_defaults();
            jobs[j].job = rows[i].names[j];
            jobs[j].trainer_make = rows[i].has_trainer ? engine_make : NULL;
        }
        choir_agent_options o = choir_agent_defaults();
        choir_agent *agent = NULL;
        choir_error err = {.message = ""};
        o.jobs = jobs;
        o.count = rows[i].count;
        check_status(choir_agent_create(&agent, &o, &env, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
        assert_null(agent);
    }
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    site s = site_open();
    diary d = {.trainings = 0};
    ch_device devices[JOBS] = {{.dim = 0}};
    choir_agent_job jobs[JOBS];
    jobs_fill(jobs, devices);
    const choir_agent_options o = options_of(&s, jobs, &d);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        choir_agent *agent = NULL;
        m.status = choir_agent_create(&agent, &o, &m.env, NULL);
        choir_agent_destroy(agent);
    }
    site_close(&s);
}

static int start(void **state) {
    (void)state;
    folder_make(folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(several_jobs_have_their_turns, start, end),
        cmocka_unit_test_setup_teardown(what_stops_one_does_not_stop_the_other, start, end),
        cmocka_unit_test_setup_teardown(conditions_hold_up_the_job_that_they_are_of, start, end),
        cmocka_unit_test_setup_teardown(what_a_trainer_keeps_survives_the_device, start, end),
        cmocka_unit_test_setup_teardown(memory_is_known_before_it_is_claimed, start, end),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test_setup_teardown(every_failed_allocation_is_reported_and_leaks_nothing,
                                        start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
