/* Participant: tasks with a method, by trainers that do it, do another, or know of none. */
#include "support/check.h"

#include "choir/participant.h"
#include "wire/message.h"

#include <stdlib.h>
#include <string.h>

enum { DIM = 2, BOTH = 2 * DIM };

static const float BLOB[BOTH] = {1, 2, 0.5F, 0.25F};

/* A trainer that leaves what it was given, and says that it did a method. */
typedef struct mimic {
    uint32_t method;
} mimic;

static choir_status mimic_train(void *self, uint32_t client, const choir_task *task,
                                const float *params, float *delta, choir_training *out,
                                choir_error *err) {
    const mimic *m = self;
    (void)client;
    (void)err;
    const uint32_t count = m->method == CHOIR_METHOD_PLAIN ? task->dim : choir_task_sent(task);
    memcpy(delta, params, count * sizeof(delta[0]));
    *out = (choir_training){.examples = 4, .method = m->method, .metrics = {.examples = 4}};
    return CHOIR_OK;
}

static const choir_trainer_ops MIMIC_OPS = {.train = mimic_train};

typedef struct device {
    choir_participant *p;
    choir_workspace *room;
} device;

static device device_open(uint32_t dim_max) {
    device d = {.p = NULL};
    const choir_env env = choir_env_default();
    choir_participant_options o = choir_participant_defaults();
    o.dim_max = dim_max;
    check_status(choir_participant_create(&d.p, &o, &env, NULL), CHOIR_OK);
    check_status(choir_workspace_create(&d.room, dim_max, &env), CHOIR_OK);
    return d;
}

static void device_close(device *d) {
    choir_participant_destroy(d->p);
    choir_workspace_destroy(d->room);
}

static choir_status hears_task(device *d, uint32_t method) {
    const ch_reply reply = {.kind = CH_REPLY_TASK,
                            .task = {.round = 3,
                                     .dim = DIM,
                                     .model = choir_hash_params(BLOB, BOTH),
                                     .epochs = 1,
                                     .learning_rate = 0.1F,
                                     .method = method,
                                     .chain = "weight"}};
    uint8_t bytes[CH_REPLY_MAX];
    choir_intent intent;
    choir_participant_next(d->p, 0, &intent);
    const size_t size = ch_reply_encode(&reply, bytes);
    return choir_participant_receive(d->p, 0, (choir_bytes){bytes, size});
}

static ch_report sends(device *d) {
    ch_request m;
    choir_intent intent;
    choir_participant_next(d->p, 0, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_SEND);
    check_status(ch_request_decode(&m, intent.request), CHOIR_OK);
    assert_true(ch_request_is_intact(&m));
    return m.report;
}

static choir_status trains(device *d, mimic *m, choir_error *err) {
    const choir_blob blob = {.hash = choir_hash_params(BLOB, BOTH), .params = BLOB, .dim = BOTH};
    check_status(choir_participant_fetched(d->p, 0, &blob), CHOIR_OK);
    return choir_participant_train(d->p, 0, (choir_trainer){&MIMIC_OPS, m}, d->room, err);
}

static void a_report_has_the_update_and_its_parts(void **state) {
    (void)state;
    device d = device_open(BOTH);
    mimic m = {CHOIR_METHOD_SCAFFOLD};
    check_status(hears_task(&d, CHOIR_METHOD_SCAFFOLD), CHOIR_OK);
    check_status(trains(&d, &m, NULL), CHOIR_OK);
    const ch_report report = sends(&d);
    assert_int_equal(report.dim, BOTH);
    assert_int_equal(report.method, CHOIR_METHOD_SCAFFOLD);
    assert_memory_equal(report.delta.data, BLOB, sizeof(BLOB));
    device_close(&d);
}

static void it_is_saved_and_goes_on_like_any(void **state) {
    (void)state;
    device d = device_open(BOTH);
    mimic m = {CHOIR_METHOD_SCAFFOLD};
    choir_saved saved;
    choir_saved_about about;
    check_status(hears_task(&d, CHOIR_METHOD_SCAFFOLD), CHOIR_OK);
    check_status(trains(&d, &m, NULL), CHOIR_OK);
    choir_participant_save(d.p, &saved);
    const size_t size = saved.head_size + saved.report.size;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memcpy(bytes, saved.head, saved.head_size);
    memcpy(bytes + saved.head_size, saved.report.data, saved.report.size);
    check_status(choir_participant_saved_about(&about, (choir_bytes){bytes, size}, NULL), CHOIR_OK);
    assert_int_equal(about.room_dim, BOTH);
    assert_int_equal(about.task.method, CHOIR_METHOD_SCAFFOLD);
    device other = device_open(BOTH);
    check_status(
        choir_participant_restore(other.p, 0, (choir_bytes){bytes, size}, other.room, NULL),
        CHOIR_OK);
    const ch_report report = sends(&other);
    assert_int_equal(report.dim, BOTH);
    assert_memory_equal(report.delta.data, BLOB, sizeof(BLOB));
    free(bytes);
    device_close(&other);
    device_close(&d);
}

static void a_trainer_that_does_another_method_is_no_help(void **state) {
    (void)state;
    static const uint32_t methods[] = {CHOIR_METHOD_PLAIN, CHOIR_METHOD_FEDDYN};
    for (int i = 0; i < 2; i++) {
        device d = device_open(BOTH);
        mimic m = {methods[i]};
        choir_error err = {.message = ""};
        check_status(hears_task(&d, CHOIR_METHOD_SCAFFOLD), CHOIR_OK);
        check_status(trains(&d, &m, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, i == 0
                                             ? "participant: round 3 asks client 0 for method 3, "
                                               "its trainer does method 0"
                                             : "participant: round 3 asks client 0 for method 3, "
                                               "its trainer does method 4");
        assert_int_equal(sends(&d).failure, CH_FAILURE_UNSUPPORTED);
        device_close(&d);
    }
}

static void what_it_has_no_room_for_or_does_not_know_it_says_before_it_fetches(void **state) {
    (void)state;
    device narrow = device_open(BOTH - 1);
    check_status(hears_task(&narrow, CHOIR_METHOD_SCAFFOLD), CHOIR_ERANGE);
    assert_int_equal(sends(&narrow).failure, CH_FAILURE_UNSUPPORTED);
    device_close(&narrow);
    device d = device_open(BOTH);
    check_status(hears_task(&d, 99), CHOIR_ERANGE);
    assert_int_equal(sends(&d).failure, CH_FAILURE_UNSUPPORTED);
    device_close(&d);
}

static void a_blob_without_what_comes_with_the_model_is_none(void **state) {
    (void)state;
    device d = device_open(BOTH);
    check_status(hears_task(&d, CHOIR_METHOD_SCAFFOLD), CHOIR_OK);
    const choir_blob bare = {.hash = choir_hash_params(BLOB, BOTH), .params = BLOB, .dim = DIM};
    check_status(choir_participant_fetched(d.p, 0, &bare), CHOIR_EPROTO);
    device_close(&d);
}

/* A trainer that says how many epochs it was asked for. */
static choir_status counting_train(void *self, uint32_t client, const choir_task *task,
                                   const float *params, float *delta, choir_training *out,
                                   choir_error *err) {
    uint32_t *epochs = self;
    (void)client;
    (void)err;
    *epochs = task->epochs;
    memcpy(delta, params, task->dim * sizeof(delta[0]));
    *out = (choir_training){.examples = 1};
    return CHOIR_OK;
}

static void a_shortened_task_asks_for_fewer_epochs(void **state) {
    (void)state;
    static const choir_trainer_ops ops = {.train = counting_train};
    const ch_reply reply = {.kind = CH_REPLY_TASK,
                            .task = {.round = 3,
                                     .dim = DIM,
                                     .model = choir_hash_params(BLOB, DIM),
                                     .epochs = 5,
                                     .learning_rate = 0.1F,
                                     .partial = 1,
                                     .chain = "weight"}};
    const choir_blob blob = {.hash = choir_hash_params(BLOB, DIM), .params = BLOB, .dim = DIM};
    device d = device_open(BOTH);
    uint8_t bytes[CH_REPLY_MAX];
    choir_intent intent;
    uint32_t epochs = 0;
    choir_participant_next(d.p, 0, &intent);
    const size_t size = ch_reply_encode(&reply, bytes);
    check_status(choir_participant_receive(d.p, 0, (choir_bytes){bytes, size}), CHOIR_OK);
    check_status(choir_participant_fetched(d.p, 0, &blob), CHOIR_OK);
    choir_participant_next(d.p, 0, &intent);
    assert_int_equal(intent.task->epochs, 5);
    choir_participant_shorten(d.p, 2);
    check_status(choir_participant_train(d.p, 0, (choir_trainer){&ops, &epochs}, d.room, NULL),
                 CHOIR_OK);
    assert_int_equal(epochs, 2);
    device_close(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_has_the_update_and_its_parts),
        cmocka_unit_test(it_is_saved_and_goes_on_like_any),
        cmocka_unit_test(a_trainer_that_does_another_method_is_no_help),
        cmocka_unit_test(what_it_has_no_room_for_or_does_not_know_it_says_before_it_fetches),
        cmocka_unit_test(a_shortened_task_asks_for_fewer_epochs),
        cmocka_unit_test(a_blob_without_what_comes_with_the_model_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
