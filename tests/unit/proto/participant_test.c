/* Participant: what it wants next, given replies written by hand. */
#include "support/check.h"

#include "base/error.h"
#include "choir/participant.h"
#include "choir/why.h"
#include "wire/message.h"

#include <stdio.h>
#include <string.h>

enum { DIM = 2, DIM_MAX = 8, RETRY_MS = 1000 };

static const float PARAMS[DIM] = {1, 2};

/* A trainer that does as it is told. */
typedef struct told {
    choir_status status;
    uint32_t examples;
    float value;
    uint32_t calls;
    uint32_t client; // of the last call
} told;

static choir_status told_train(void *self, uint32_t client, const choir_task *task,
                               const float *params, float *delta, choir_training *out,
                               choir_error *err) {
    told *t = self;
    (void)params;
    (void)err;
    t->calls += 1;
    t->client = client;
    for (uint32_t i = 0; i < task->dim; i++) {
        delta[i] = t->value;
    }
    *out = (choir_training){.examples = t->examples,
                            .metrics = {.examples = t->examples,
                                        .correct = t->examples * 3 / 4,
                                        .loss_q20 = (int64_t)t->examples << 19}};
    return t->status;
}

static const choir_trainer_ops TOLD_OPS = {.train = told_train};

typedef struct device {
    choir_participant *p;
    choir_workspace *room;
    told trainer;
} device;

static device device_open(void) {
    device d = {.trainer = {.status = CHOIR_OK, .examples = 4, .value = 3}};
    const choir_env env = choir_env_default();
    choir_participant_options o = choir_participant_defaults();
    o.client = 77;
    o.dim_max = DIM_MAX;
    assert_int_equal(o.retry_ms, RETRY_MS);
    check_status(choir_participant_create(&d.p, &o, &env, NULL), CHOIR_OK);
    check_status(choir_workspace_create(&d.room, DIM_MAX, &env), CHOIR_OK);
    return d;
}

static void device_close(device *d) {
    choir_participant_destroy(d->p);
    choir_workspace_destroy(d->room);
}

static choir_intent wants(device *d, uint64_t now_ms, choir_intent_kind kind) {
    choir_intent first;
    choir_intent again;
    choir_participant_next(d->p, now_ms, &first);
    choir_participant_next(d->p, now_ms, &again);
    assert_int_equal(first.kind, kind);
    assert_int_equal(again.kind, kind);
    assert_ptr_equal(first.request.data, again.request.data);
    assert_int_equal(first.request.size, again.request.size);
    assert_int_equal(first.wake_ms, again.wake_ms);
    assert_ptr_equal(first.task, again.task);
    return first;
}

static ch_request sends(device *d, uint64_t now_ms) {
    ch_request m;
    const choir_intent intent = wants(d, now_ms, CHOIR_INTENT_SEND);
    check_status(ch_request_decode(&m, intent.request), CHOIR_OK);
    assert_true(ch_request_is_intact(&m));
    assert_int_equal(m.protocol, CH_PROTOCOL);
    assert_int_equal(m.client, 77);
    return m;
}

static void hears(device *d, uint64_t now_ms, ch_reply reply, choir_status expected) {
    uint8_t bytes[CH_REPLY_MAX];
    const size_t size = ch_reply_encode(&reply, bytes);
    check_status(choir_participant_receive(d->p, now_ms, (choir_bytes){bytes, size}), expected);
}

static void waits(device *d, uint64_t now_ms, uint64_t wake_ms) {
    assert_true(wants(d, now_ms, CHOIR_INTENT_WAIT).wake_ms == wake_ms);
}

static ch_reply task_reply(void) {
    return (ch_reply){.kind = CH_REPLY_TASK,
                      .task = {.round = 3,
                               .dim = DIM,
                               .model = choir_hash_params(PARAMS, DIM),
                               .epochs = 1,
                               .batch_size = 10,
                               .learning_rate = 0.1F,
                               .chain = "clip=1|weight=3"}};
}

static ch_reply refusal(ch_reason reason) {
    return (ch_reply){.kind = CH_REPLY_REFUSED, .reason = reason};
}

static choir_status fetches(device *d, uint64_t now_ms) {
    const choir_blob blob = {.hash = choir_hash_params(PARAMS, DIM), .params = PARAMS, .dim = DIM};
    return choir_participant_fetched(d->p, now_ms, &blob);
}

static choir_status trains(device *d, uint64_t now_ms) {
    const choir_trainer trainer = {.ops = &TOLD_OPS, .self = &d->trainer};
    wants(d, now_ms, CHOIR_INTENT_TRAIN);
    return choir_participant_train(d->p, now_ms, trainer, d->room, NULL);
}

/* To where it wants to train. */
static void comes_to_train(device *d) {
    assert_int_equal(sends(d, 0).kind, CH_REQUEST_CHECK_IN);
    hears(d, 0, task_reply(), CHOIR_OK);
    assert_int_equal(wants(d, 0, CHOIR_INTENT_FETCH).task->round, 3);
    check_status(fetches(d, 0), CHOIR_OK);
}

static void a_task_is_fetched_trained_for_and_reported(void **state) {
    (void)state;
    device d = device_open();
    comes_to_train(&d);
    assert_null(choir_participant_holds(d.p));
    check_status(trains(&d, 0), CHOIR_OK);
    assert_int_equal(d.trainer.client, 77);
    assert_ptr_equal(choir_participant_holds(d.p), d.room);
    const ch_request m = sends(&d, 0);
    const choir_hash model = choir_hash_params(PARAMS, DIM);
    assert_int_equal(m.kind, CH_REQUEST_REPORT);
    assert_int_equal(m.report.round, 3);
    assert_memory_equal(&m.report.model, &model, sizeof(model));
    assert_int_equal(m.report.examples, 3);         // capped by the chain
    assert_int_equal(m.report.metrics.examples, 3); // likewise, and the sums with them
    assert_int_equal(m.report.metrics.correct, 2);
    assert_int_equal(m.report.metrics.loss_q20, 3 << 19);
    assert_int_equal(choir_participant_metrics(d.p).examples, d.trainer.examples); // not capped
    assert_int_equal(m.report.dim, DIM);
    float delta[DIM];
    memcpy(delta, m.report.delta.data, sizeof(delta));
    check_near(delta[0], sqrt(0.5), 1e-7); // clipped by the chain
    hears(&d, 0, (ch_reply){.kind = CH_REPLY_ACK}, CHOIR_OK);
    assert_null(choir_participant_holds(d.p));
    assert_int_equal(sends(&d, 0).kind, CH_REQUEST_CHECK_IN);
    hears(&d, 0, (ch_reply){.kind = CH_REPLY_DONE}, CHOIR_OK);
    wants(&d, 0, CHOIR_INTENT_DONE);
    device_close(&d);
}

static void what_it_is_told_it_tells_its_host(void **state) {
    (void)state;
    static const struct {
        ch_reply_kind kind;
        uint32_t said;
        choir_why heard;
    } rows[] = {
        {CH_REPLY_WAIT, CHOIR_WHY_NONE, CHOIR_WHY_NONE},
        {CH_REPLY_WAIT, CHOIR_WHY_FULL, CHOIR_WHY_FULL},
        {CH_REPLY_WAIT, CHOIR_WHY_PAUSED, CHOIR_WHY_PAUSED},
        {CH_REPLY_WAIT, CHOIR_WHY_COUNT, CHOIR_WHY_NONE}, // from a later version
        {CH_REPLY_DONE, CHOIR_WHY_STOPPED, CHOIR_WHY_STOPPED},
        {CH_REPLY_DONE, UINT32_MAX, CHOIR_WHY_NONE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        device d = device_open();
        sends(&d, 0);
        hears(&d, 0, (ch_reply){.kind = rows[i].kind, .wait_ms = 100, .why = rows[i].said},
              CHOIR_OK);
        const bool is_over = rows[i].kind == CH_REPLY_DONE;
        const choir_intent heard = wants(&d, 0, is_over ? CHOIR_INTENT_DONE : CHOIR_INTENT_WAIT);
        assert_int_equal(heard.why, rows[i].heard);
        if (!is_over) { // and it is forgotten with the next thing that happens
            sends(&d, 100);
            choir_participant_lost(d.p, 100);
            assert_int_equal(wants(&d, 100, CHOIR_INTENT_WAIT).why, CHOIR_WHY_NONE);
        }
        device_close(&d);
    }
}

static void why_a_report_was_refused_is_known_until_the_next(void **state) {
    (void)state;
    static const struct {
        uint32_t said;
        bool is_refused;
        choir_refusal heard;
    } rows[] = {
        {CH_REASON_STALE, true, CHOIR_REFUSAL_STALE},
        {CH_REASON_NORM, true, CHOIR_REFUSAL_NORM},
        {CH_REASON_DUPLICATE, false, CHOIR_REFUSAL_COUNT},
        {CH_REASON_NONE, true, CHOIR_REFUSAL_COUNT},
        {99, true, CHOIR_REFUSAL_COUNT}, // from a later version
    };
    device d = device_open();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_refusal refusal = CHOIR_REFUSAL_COUNT;
        choir_participant_reset(d.p, 77);
        assert_false(choir_participant_is_refused(d.p, &refusal));
        comes_to_train(&d);
        check_status(trains(&d, 0), CHOIR_OK);
        sends(&d, 0);
        hears(&d, 0, (ch_reply){.kind = CH_REPLY_REFUSED, .reason = rows[i].said}, CHOIR_OK);
        assert_int_equal(choir_participant_is_refused(d.p, &refusal), rows[i].is_refused);
        assert_int_equal(refusal, rows[i].heard);
        assert_int_equal(sends(&d, 0).kind, CH_REQUEST_CHECK_IN);
        ch_reply next = task_reply();
        next.task.round = 4;
        hears(&d, 0, next, CHOIR_OK);
        check_status(fetches(&d, 0), CHOIR_OK);
        check_status(trains(&d, 0), CHOIR_OK);
        sends(&d, 0);
        hears(&d, 0, (ch_reply){.kind = CH_REPLY_ACK}, CHOIR_OK);
        assert_false(choir_participant_is_refused(d.p, &refusal));
    }
    device_close(&d);
}

static void it_waits_as_long_as_it_is_told(void **state) {
    (void)state;
    device d = device_open();
    sends(&d, 10);
    hears(&d, 10, (ch_reply){.kind = CH_REPLY_WAIT, .wait_ms = 5000}, CHOIR_OK);
    waits(&d, 10, 5010);
    waits(&d, 5009, 5010);
    assert_int_equal(sends(&d, 5010).kind, CH_REQUEST_CHECK_IN);
    device_close(&d);
}

/* Nor does a host that is mistaken, or a reply that comes twice, make it come sooner. */
static void it_never_comes_sooner_than_it_was_told(void **state) {
    (void)state;
    device d = device_open();
    const uint8_t noise[] = {1, 2, 3};
    sends(&d, 0);
    const ch_reply wait = {.kind = CH_REPLY_WAIT, .wait_ms = 50000, .why = CHOIR_WHY_FULL};
    hears(&d, 0, wait, CHOIR_OK);
    choir_participant_lost(d.p, 10);
    waits(&d, 10, 50000);
    assert_int_equal(wants(&d, 10, CHOIR_INTENT_WAIT).why, CHOIR_WHY_FULL);
    check_status(choir_participant_receive(d.p, 20, (choir_bytes){noise, sizeof(noise)}),
                 CHOIR_EPROTO);
    hears(&d, 30, (ch_reply){.kind = CH_REPLY_WAIT, .wait_ms = 1000}, CHOIR_OK);
    waits(&d, 40, 50000);
    sends(&d, 50000);
    choir_participant_lost(d.p, 50000); // lost once the time was up: again after the usual pause
    waits(&d, 50000, 50000 + RETRY_MS);
    sends(&d, 50000 + RETRY_MS);
    device_close(&d);
}

static void a_lost_report_is_sent_again_and_not_trained_again(void **state) {
    (void)state;
    device d = device_open();
    comes_to_train(&d);
    check_status(trains(&d, 0), CHOIR_OK);
    for (uint64_t now_ms = 0; now_ms < 20 * RETRY_MS; now_ms += RETRY_MS) {
        assert_int_equal(sends(&d, now_ms).kind, CH_REQUEST_REPORT);
        choir_participant_lost(d.p, now_ms);
        waits(&d, now_ms, now_ms + RETRY_MS);
    }
    assert_int_equal(d.trainer.calls, 1);
    device_close(&d);
}

static void a_lost_model_makes_it_check_in_again(void **state) {
    (void)state;
    device d = device_open();
    hears(&d, 0, task_reply(), CHOIR_OK);
    wants(&d, 0, CHOIR_INTENT_FETCH);
    choir_participant_lost(d.p, 0);
    waits(&d, 0, RETRY_MS);
    assert_int_equal(sends(&d, RETRY_MS).kind, CH_REQUEST_CHECK_IN);
    device_close(&d);
}

static void another_model_is_not_trained_from(void **state) {
    (void)state;
    device d = device_open();
    hears(&d, 0, task_reply(), CHOIR_OK);
    const float others[DIM] = {1, 3};
    choir_blob blob = {.hash = choir_hash_params(others, DIM), .params = others, .dim = DIM};
    check_status(choir_participant_fetched(d.p, 0, &blob), CHOIR_EPROTO);
    waits(&d, 0, RETRY_MS);
    hears(&d, RETRY_MS, task_reply(), CHOIR_OK);
    blob = (choir_blob){.hash = choir_hash_params(PARAMS, DIM), .params = PARAMS, .dim = 1};
    check_status(choir_participant_fetched(d.p, RETRY_MS, &blob), CHOIR_EPROTO);
    device_close(&d);
}

static void a_task_it_cannot_do_is_reported_once(void **state) {
    (void)state;
    ch_reply tasks[8];
    for (int i = 0; i < 8; i++) {
        tasks[i] = task_reply();
    }
    tasks[0].task.dim = DIM_MAX + 1;
    (void)snprintf(tasks[1].task.chain, CHOIR_CHAIN_TEXT_MAX, "noise=1|weight");
    tasks[2].task.epochs = 0;
    tasks[3].task.learning_rate = NAN;
    tasks[4].task.momentum = 1;
    tasks[5].task.weight_decay = -1;
    tasks[6].task.proximal_mu = INFINITY;
    tasks[7].task.round = 0;
    for (int i = 0; i < 8; i++) {
        device d = device_open();
        hears(&d, 0, tasks[i], CHOIR_ERANGE);
        const ch_request m = sends(&d, 0);
        assert_int_equal(m.kind, CH_REQUEST_REPORT);
        assert_int_equal(m.report.failure, CH_FAILURE_UNSUPPORTED);
        assert_int_equal(m.report.round, tasks[i].task.round);
        hears(&d, 0, refusal(CH_REASON_UNSUPPORTED), CHOIR_OK);
        assert_int_equal(sends(&d, 0).kind, CH_REQUEST_CHECK_IN);
        device_close(&d);
    }
}

static void failures_of_training_are_reported(void **state) {
    (void)state;
    const struct {
        told trainer;
        choir_status status;
        ch_failure failure;
    } cases[] = {
        {{CHOIR_ERANGE, 4, 0, 0, 0}, CHOIR_ERANGE, CH_FAILURE_DIVERGED},
        {{CHOIR_OK, 4, NAN, 0, 0}, CHOIR_ERANGE, CH_FAILURE_DIVERGED},
        {{CHOIR_EAGAIN, 0, 0, 0, 0}, CHOIR_EAGAIN, CH_FAILURE_NO_DATA},
        {{CHOIR_OK, 0, 0, 0, 0}, CHOIR_EAGAIN, CH_FAILURE_NO_DATA},
        {{CHOIR_EINVAL, 0, 0, 0, 0}, CHOIR_EINVAL, CH_FAILURE_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        device d = device_open();
        d.trainer = cases[i].trainer;
        comes_to_train(&d);
        check_status(trains(&d, 0), cases[i].status);
        assert_null(choir_participant_holds(d.p));
        const ch_request m = sends(&d, 0);
        assert_int_equal(m.report.failure, cases[i].failure);
        assert_int_equal(m.report.dim, 0);
        const uint32_t counted = cases[i].trainer.examples < 3 ? 0 : 3; // weight=3
        assert_int_equal(m.report.examples, counted);
        assert_int_equal(m.report.metrics.examples, counted); // how far it came
        device_close(&d);
    }
}

/* Under a chain that counts clients, what goes out has the same bytes whatever n. */
static void uniform_does_not_tell_how_many_examples_there_are(void **state) {
    (void)state;
    const uint32_t counts[] = {8, 400, 60000};
    for (int diverges = 0; diverges < 2; diverges++) {
        uint8_t first[CH_REQUEST_HEAD_MAX + DIM * sizeof(float)];
        size_t first_size = 0;
        for (int i = 0; i < 3; i++) {
            device d = device_open();
            d.trainer.examples = counts[i];
            d.trainer.status = diverges ? CHOIR_ERANGE : CHOIR_OK;
            ch_reply reply = task_reply();
            reply.task.epochs = 1;
            (void)snprintf(reply.task.chain, CHOIR_CHAIN_TEXT_MAX, "clip=1|uniform");
            hears(&d, 0, reply, CHOIR_OK);
            check_status(fetches(&d, 0), CHOIR_OK);
            check_status(trains(&d, 0), d.trainer.status);
            const ch_request m = sends(&d, 0);
            assert_int_equal(m.report.failure, diverges ? CH_FAILURE_DIVERGED : CH_FAILURE_NONE);
            assert_int_equal(m.report.examples, 1);
            assert_int_equal(m.report.metrics.correct, 75); // of 100
            const choir_bytes bytes = wants(&d, 0, CHOIR_INTENT_SEND).request;
            if (i == 0) {
                first_size = bytes.size;
                memcpy(first, bytes.data, bytes.size);
            }
            assert_int_equal(bytes.size, first_size);
            assert_memory_equal(bytes.data, first, first_size);
            device_close(&d);
        }
    }
}

static void a_device_that_cannot_read_its_data_tries_again_later(void **state) {
    (void)state;
    device d = device_open();
    d.trainer.status = CHOIR_EIO;
    comes_to_train(&d);
    check_status(trains(&d, 0), CHOIR_EIO);
    waits(&d, 0, RETRY_MS);
    assert_int_equal(sends(&d, RETRY_MS).kind, CH_REQUEST_CHECK_IN);
    device_close(&d);
}

static void refused_reports_are_not_repeated(void **state) {
    (void)state;
    const ch_reason reasons[] = {CH_REASON_STALE, CH_REASON_DUPLICATE, CH_REASON_UNSAMPLED,
                                 CH_REASON_NORM, 999};
    for (int i = 0; i < 5; i++) {
        device d = device_open();
        comes_to_train(&d);
        check_status(trains(&d, 0), CHOIR_OK);
        sends(&d, 0);
        hears(&d, 0, refusal(reasons[i]), CHOIR_OK);
        assert_null(choir_participant_holds(d.p));
        assert_int_equal(sends(&d, 0).kind, CH_REQUEST_CHECK_IN);
        device_close(&d);
    }
}

/* An earlier copy is in the sum, as after an ACK. Should the coordinator lose its round, for it was
 * restored, and ask for it again, the client is there again. */
static void a_duplicate_is_as_good_as_an_ack(void **state) {
    (void)state;
    const ch_reply replies[2] = {{.kind = CH_REPLY_ACK}, refusal(CH_REASON_DUPLICATE)};
    for (int i = 0; i < 2; i++) {
        device d = device_open();
        comes_to_train(&d);
        check_status(trains(&d, 0), CHOIR_OK);
        sends(&d, 0);
        hears(&d, 0, replies[i], CHOIR_OK);
        assert_null(choir_participant_holds(d.p));
        assert_int_equal(sends(&d, 0).kind, CH_REQUEST_CHECK_IN);
        hears(&d, 0, task_reply(), CHOIR_OK);
        wants(&d, 0, CHOIR_INTENT_FETCH);
        device_close(&d);
    }
}

/* A coordinator that refuses and offers the same again does not keep a device training. */
static void a_refused_round_is_not_trained_for_again(void **state) {
    (void)state;
    ch_reply tasks[3] = {task_reply(), task_reply(), task_reply()};
    tasks[1].task.epochs = 0; // cannot be done
    tasks[2].task.round = 0;  // likewise
    for (int i = 0; i < 3; i++) {
        device d = device_open();
        hears(&d, 0, tasks[i], i == 0 ? CHOIR_OK : CHOIR_ERANGE);
        if (i == 0) {
            check_status(fetches(&d, 0), CHOIR_OK);
            check_status(trains(&d, 0), CHOIR_OK);
        }
        assert_int_equal(sends(&d, 0).kind, CH_REQUEST_REPORT);
        hears(&d, 0, refusal(i == 0 ? CH_REASON_NORM : CH_REASON_UNSUPPORTED), CHOIR_OK);
        uint64_t now_ms = 0;
        for (int again = 0; again < 3; again++) {
            assert_int_equal(sends(&d, now_ms).kind, CH_REQUEST_CHECK_IN);
            hears(&d, now_ms, tasks[i], CHOIR_OK);
            waits(&d, now_ms, now_ms + 8 * RETRY_MS);
            now_ms += 8 * RETRY_MS;
        }
        ch_reply next = task_reply();
        next.task.round = 4;
        hears(&d, now_ms, next, CHOIR_OK);
        wants(&d, now_ms, CHOIR_INTENT_FETCH);
        assert_true(d.trainer.calls <= 1);
        device_close(&d);
    }
}

/* Of another version of a job it is another round. */
static void a_refused_round_is_trained_for_in_the_next_version(void **state) {
    (void)state;
    ch_reply task = task_reply();
    device d = device_open();
    (void)snprintf(task.task.job, sizeof(task.task.job), "keyboard@1");
    hears(&d, 0, task, CHOIR_OK);
    check_status(fetches(&d, 0), CHOIR_OK);
    check_status(trains(&d, 0), CHOIR_OK);
    assert_int_equal(sends(&d, 0).kind, CH_REQUEST_REPORT);
    hears(&d, 0, refusal(CH_REASON_STALE), CHOIR_OK);
    assert_int_equal(sends(&d, 0).kind, CH_REQUEST_CHECK_IN);
    (void)snprintf(task.task.job, sizeof(task.task.job), "keyboard@2");
    hears(&d, 0, task, CHOIR_OK);
    wants(&d, 0, CHOIR_INTENT_FETCH);
    device_close(&d);
}

/* Damage on the way heals by sending again; a report nobody can read must not be retrained. */
static void a_report_that_nobody_can_read_is_given_up(void **state) {
    (void)state;
    device d = device_open();
    comes_to_train(&d);
    check_status(trains(&d, 0), CHOIR_OK);
    uint64_t now_ms = 0;
    uint32_t sent = 0;
    while (sends(&d, now_ms).kind == CH_REQUEST_REPORT) {
        sent += 1;
        assert_true(sent < 20);
        hears(&d, now_ms, refusal(CH_REASON_MALFORMED), CHOIR_OK);
        now_ms += RETRY_MS;
    }
    assert_int_equal(sent, 9);
    hears(&d, now_ms, task_reply(), CHOIR_OK); // the same round again
    waits(&d, now_ms, now_ms + 8 * RETRY_MS);
    now_ms += 8 * RETRY_MS;
    ch_reply next = task_reply();
    next.task.round = 4;
    hears(&d, now_ms, next, CHOIR_OK);
    wants(&d, now_ms, CHOIR_INTENT_FETCH);
    assert_int_equal(d.trainer.calls, 1);
    device_close(&d);
}

static void strangers_and_other_versions_go_home(void **state) {
    (void)state;
    const ch_reason reasons[] = {CH_REASON_UNSAMPLED, CH_REASON_PROTOCOL};
    const choir_why whys[] = {CHOIR_WHY_NOT_ELIGIBLE, CHOIR_WHY_ERROR};
    for (int i = 0; i < 2; i++) {
        device d = device_open();
        sends(&d, 0);
        hears(&d, 0, refusal(reasons[i]), CHOIR_OK);
        assert_int_equal(wants(&d, 0, CHOIR_INTENT_DONE).why, whys[i]);
        device_close(&d);
    }
}

static void replies_that_make_no_sense_are_ignored(void **state) {
    (void)state;
    device d = device_open();
    sends(&d, 0);
    hears(&d, 0, (ch_reply){.kind = CH_REPLY_ACK}, CHOIR_EPROTO); // nothing was reported
    waits(&d, 0, RETRY_MS);
    const uint8_t noise[] = {1, 2, 3};
    check_status(choir_participant_receive(d.p, RETRY_MS, (choir_bytes){noise, sizeof(noise)}),
                 CHOIR_EPROTO);
    waits(&d, RETRY_MS, 2 * RETRY_MS);
    check_status(choir_participant_receive(d.p, 2 * RETRY_MS, (choir_bytes){0}), CHOIR_EPROTO);
    sends(&d, 3 * RETRY_MS);
    hears(&d, 3 * RETRY_MS, task_reply(), CHOIR_OK);
    hears(&d, 3 * RETRY_MS, task_reply(), CHOIR_EPROTO); // nothing was sent
    wants(&d, 3 * RETRY_MS, CHOIR_INTENT_FETCH);
    device_close(&d);
}

static void a_reset_participant_is_as_new(void **state) {
    (void)state;
    device d = device_open();
    comes_to_train(&d);
    check_status(trains(&d, 0), CHOIR_OK);
    choir_participant_reset(d.p, 77);
    assert_null(choir_participant_holds(d.p));
    assert_int_equal(sends(&d, 0).kind, CH_REQUEST_CHECK_IN);
    device_close(&d);
}

static void options_out_of_bounds_are_named(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_participant_options o = choir_participant_defaults();
    choir_participant *p = NULL;
    choir_error err;
    check_status(choir_participant_create(&p, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "participant: dim_max is 0, must be in [1, 268435456]");
    assert_null(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_is_fetched_trained_for_and_reported),
        cmocka_unit_test(what_it_is_told_it_tells_its_host),
        cmocka_unit_test(why_a_report_was_refused_is_known_until_the_next),
        cmocka_unit_test(it_waits_as_long_as_it_is_told),
        cmocka_unit_test(it_never_comes_sooner_than_it_was_told),
        cmocka_unit_test(a_lost_report_is_sent_again_and_not_trained_again),
        cmocka_unit_test(a_lost_model_makes_it_check_in_again),
        cmocka_unit_test(another_model_is_not_trained_from),
        cmocka_unit_test(a_task_it_cannot_do_is_reported_once),
        cmocka_unit_test(failures_of_training_are_reported),
        cmocka_unit_test(uniform_does_not_tell_how_many_examples_there_are),
        cmocka_unit_test(a_device_that_cannot_read_its_data_tries_again_later),
        cmocka_unit_test(refused_reports_are_not_repeated),
        cmocka_unit_test(a_duplicate_is_as_good_as_an_ack),
        cmocka_unit_test(a_refused_round_is_not_trained_for_again),
        cmocka_unit_test(a_refused_round_is_trained_for_in_the_next_version),
        cmocka_unit_test(a_report_that_nobody_can_read_is_given_up),
        cmocka_unit_test(strangers_and_other_versions_go_home),
        cmocka_unit_test(replies_that_make_no_sense_are_ignored),
        cmocka_unit_test(a_reset_participant_is_as_new),
        cmocka_unit_test(options_out_of_bounds_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
