/* Participant: what it does with a task to evaluate. */
#include "support/check.h"

#include "base/error.h"
#include "choir/participant.h"
#include "fl/metrics.h"
#include "wire/message.h"

#include <string.h>

enum { DIM = 2, EXAMPLES = 8, RETRY_MS = 1000, CLIENTS = 400, SEED = 9 };

static const float PARAMS[DIM] = {1, 2};

typedef struct device {
    choir_participant *p;
    choir_workspace *room;
    choir_status status; // of its trainer
    uint32_t examples, predicted;
    uint32_t trained, evaluated;
} device;

static choir_status train(void *self, uint32_t client, const choir_task *task, const float *params,
                          float *delta, choir_training *out, choir_error *err) {
    device *d = self;
    (void)client;
    (void)params;
    (void)err;
    d->trained += 1;
    memset(delta, 0, task->dim * sizeof(delta[0]));
    *out = (choir_training){.examples = EXAMPLES, .metrics = {.examples = EXAMPLES}};
    return CHOIR_OK;
}

static choir_status evaluate(void *self, uint32_t client, const choir_task *task,
                             const float *params, choir_training *out, choir_error *err) {
    device *d = self;
    (void)err;
    assert_true(client < CLIENTS);
    assert_int_equal(task->round, 3);
    assert_true(params[1] == PARAMS[1]);
    d->evaluated += 1;
    *out = (choir_training){
        .examples = d->examples,
        .metrics = {.examples = d->predicted, .correct = d->predicted / 2, .loss_q20 = 16 << 20}};
    return d->status;
}

static const choir_trainer_ops BOTH = {.train = train, .evaluate = evaluate};
static const choir_trainer_ops TRAINS = {.train = train};

static ch_reply task_reply(uint32_t purpose) {
    return (ch_reply){.kind = CH_REPLY_TASK,
                      .task = {.round = 3,
                               .dim = DIM,
                               .seed = SEED,
                               .model = choir_hash_params(PARAMS, DIM),
                               .epochs = 1,
                               .learning_rate = 0.1F,
                               .chain = "clip=1|weight=4",
                               .job = "letters@2",
                               .purpose = purpose}};
}

static device device_open(void) {
    device d = {.status = CHOIR_OK, .examples = EXAMPLES, .predicted = EXAMPLES};
    const choir_env env = choir_env_default();
    choir_participant_options o = choir_participant_defaults();
    o.client = 77;
    o.dim_max = DIM;
    check_status(choir_participant_create(&d.p, &o, &env, NULL), CHOIR_OK);
    check_status(choir_workspace_create(&d.room, DIM, &env), CHOIR_OK);
    return d;
}

static void device_close(device *d) {
    choir_participant_destroy(d->p);
    choir_workspace_destroy(d->room);
}

static ch_request sends(device *d, uint64_t now_ms) {
    choir_intent intent;
    ch_request m;
    choir_participant_next(d->p, now_ms, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_SEND);
    check_status(ch_request_decode(&m, intent.request), CHOIR_OK);
    assert_true(ch_request_is_intact(&m));
    return m;
}

static void hears(device *d, uint64_t now_ms, ch_reply reply, choir_status expected) {
    uint8_t bytes[CH_REPLY_MAX];
    const size_t size = ch_reply_encode(&reply, bytes);
    check_status(choir_participant_receive(d->p, now_ms, (choir_bytes){bytes, size}), expected);
}

/* Gets a task of that purpose and does it; the report that it then sends. */
static ch_request does(device *d, uint32_t purpose, const choir_trainer_ops *ops,
                       choir_status expected) {
    choir_intent intent;
    const choir_blob blob = {.hash = choir_hash_params(PARAMS, DIM), .params = PARAMS, .dim = DIM};
    assert_int_equal(sends(d, 0).kind, CH_REQUEST_CHECK_IN);
    hears(d, 0, task_reply(purpose), CHOIR_OK);
    check_status(choir_participant_fetched(d->p, 0, &blob), CHOIR_OK);
    choir_participant_next(d->p, 0, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_TRAIN);
    assert_int_equal(intent.task->purpose, purpose);
    check_status(choir_participant_train(d->p, 0, (choir_trainer){ops, d}, d->room, NULL),
                 expected);
    return sends(d, 0);
}

static void it_measures_and_reports_metrics_alone(void **state) {
    (void)state;
    device d = device_open();
    const ch_request m = does(&d, CHOIR_PURPOSE_EVALUATE, &BOTH, CHOIR_OK);
    const choir_hash model = choir_hash_params(PARAMS, DIM);
    assert_int_equal(d.evaluated, 1);
    assert_int_equal(d.trained, 0);
    assert_int_equal(m.kind, CH_REQUEST_REPORT);
    assert_int_equal(m.report.purpose, CHOIR_PURPOSE_EVALUATE);
    assert_int_equal(m.report.round, 3);
    assert_memory_equal(&m.report.model, &model, sizeof(model));
    assert_string_equal(m.job, "letters@2");
    assert_int_equal(m.report.failure, CH_FAILURE_NONE);
    assert_int_equal(m.report.dim, 0);
    assert_int_equal(m.report.examples, 4); // as the chain lets them count, like the sums
    assert_int_equal(m.report.metrics.examples, 4);
    assert_int_equal(m.report.metrics.correct, 2);
    assert_int_equal(m.report.metrics.loss_q20, 8 << 20);
    assert_null(choir_participant_holds(d.p));
    hears(&d, 0, (ch_reply){.kind = CH_REPLY_ACK}, CHOIR_OK);
    assert_int_equal(sends(&d, 0).kind, CH_REQUEST_CHECK_IN);
    device_close(&d);
}

/* 7 of 15 words of one message: 0 or 1 of 1, by chance, but the same as on the server. */
static void what_few_examples_cannot_tell_is_rounded_as_the_server_would(void **state) {
    (void)state;
    device d = device_open();
    uint64_t correct = 0;
    d.examples = 1;
    d.predicted = 15;
    for (uint32_t client = 0; client < CLIENTS; client++) {
        choir_participant_reset(d.p, client);
        const ch_request m = does(&d, CHOIR_PURPOSE_EVALUATE, &BOTH, CHOIR_OK);
        choir_metrics right = {.examples = 15, .correct = 7, .loss_q20 = 16 << 20};
        ch_metrics_scale(&right, 1, ch_metrics_dither(SEED, 3, client));
        assert_memory_equal(&m.report.metrics, &right, sizeof(right));
        correct += m.report.metrics.correct;
    }
    check_near((double)correct / CLIENTS, 7 / 15.0, 0.1); // four deviations
    device_close(&d);
}

static void failures_to_measure_are_reported(void **state) {
    (void)state;
    static const struct {
        const choir_trainer_ops *ops;
        choir_status status;
        uint32_t examples;
        choir_status returned;
        ch_failure failure;
    } rows[] = {
        {&TRAINS, CHOIR_OK, EXAMPLES, CHOIR_EINVAL, CH_FAILURE_UNSUPPORTED},
        {&BOTH, CHOIR_EINVAL, EXAMPLES, CHOIR_EINVAL, CH_FAILURE_UNSUPPORTED},
        {&BOTH, CHOIR_EAGAIN, 0, CHOIR_EAGAIN, CH_FAILURE_NO_DATA},
        {&BOTH, CHOIR_OK, 0, CHOIR_EAGAIN, CH_FAILURE_NO_DATA},
        {&BOTH, CHOIR_ERANGE, EXAMPLES, CHOIR_ERANGE, CH_FAILURE_DIVERGED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        device d = device_open();
        d.status = rows[i].status;
        d.examples = rows[i].examples;
        const ch_request m = does(&d, CHOIR_PURPOSE_EVALUATE, rows[i].ops, rows[i].returned);
        assert_int_equal(m.report.failure, rows[i].failure);
        assert_int_equal(m.report.purpose, CHOIR_PURPOSE_EVALUATE);
        assert_int_equal(m.report.dim, 0);
        assert_int_equal(d.trained, 0);
        device_close(&d);
    }
}

static void a_purpose_of_a_later_version_is_not_guessed(void **state) {
    (void)state;
    device d = device_open();
    sends(&d, 0);
    hears(&d, 0, task_reply(2), CHOIR_ERANGE);
    const ch_request m = sends(&d, 0);
    assert_int_equal(m.report.failure, CH_FAILURE_UNSUPPORTED);
    assert_int_equal(m.report.purpose, 2);
    device_close(&d);
}

/* Rounds of the two kinds have the same number; being refused in one says nothing of the other. */
static void a_refused_training_does_not_keep_it_from_measuring(void **state) {
    (void)state;
    device d = device_open();
    (void)does(&d, CHOIR_PURPOSE_TRAIN, &BOTH, CHOIR_OK);
    hears(&d, 0, (ch_reply){.kind = CH_REPLY_REFUSED, .reason = CH_REASON_NORM}, CHOIR_OK);
    (void)does(&d, CHOIR_PURPOSE_EVALUATE, &BOTH, CHOIR_OK);
    assert_int_equal(d.evaluated, 1);
    hears(&d, 0, (ch_reply){.kind = CH_REPLY_REFUSED, .reason = CH_REASON_SIZE}, CHOIR_OK);
    sends(&d, 0);
    hears(&d, 0, task_reply(CHOIR_PURPOSE_EVALUATE), CHOIR_OK); // the same again: not now
    choir_intent intent;
    choir_participant_next(d.p, 0, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_WAIT);
    device_close(&d);
}

static void what_was_measured_is_kept_over_a_restart(void **state) {
    (void)state;
    device d = device_open();
    const ch_request m = does(&d, CHOIR_PURPOSE_EVALUATE, &BOTH, CHOIR_OK);
    choir_saved saved;
    choir_participant_save(d.p, &saved);
    uint8_t bytes[CHOIR_SAVED_HEAD_MAX + CH_REQUEST_HEAD_MAX];
    memcpy(bytes, saved.head, saved.head_size);
    memcpy(bytes + saved.head_size, saved.report.data, saved.report.size);
    const choir_bytes all = {bytes, saved.head_size + saved.report.size};
    choir_participant_reset(d.p, 77);
    check_status(choir_participant_restore(d.p, 0, all, NULL, NULL), CHOIR_OK);
    const ch_request again = sends(&d, 0);
    assert_int_equal(again.report.purpose, CHOIR_PURPOSE_EVALUATE);
    assert_memory_equal(&again.report.metrics, &m.report.metrics, sizeof(m.report.metrics));
    assert_int_equal(d.evaluated, 1);
    device_close(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_measures_and_reports_metrics_alone),
        cmocka_unit_test(what_few_examples_cannot_tell_is_rounded_as_the_server_would),
        cmocka_unit_test(failures_to_measure_are_reported),
        cmocka_unit_test(a_purpose_of_a_later_version_is_not_guessed),
        cmocka_unit_test(a_refused_training_does_not_keep_it_from_measuring),
        cmocka_unit_test(what_was_measured_is_kept_over_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
