/* Messages in C, each the same as the one of its name in tests/golden/wire. */
#ifndef CHOIR_TESTS_WIRE_SAMPLES_H
#define CHOIR_TESTS_WIRE_SAMPLES_H

#include "support/check.h"

#include "choir/why.h"
#include "wire/message.h"

#include <stdio.h>
#include <string.h>

enum { SAMPLE_BYTES_MAX = 512, SAMPLE_DIM = 3 };

static const float SAMPLE_DELTA[SAMPLE_DIM] = {1.5F, -0.25F, 1e-20F};

typedef struct sample {
    const char *name;
    bool is_request;
    ch_request request;
    ch_reply reply;
} sample;

static inline choir_hash sample_hash(void) {
    choir_hash hash;
    for (uint8_t i = 0; i < CHOIR_HASH_BYTES; i++) {
        hash.bytes[i] = i;
    }
    return hash;
}

static inline ch_request sample_check_in(void) {
    return (ch_request){.protocol = 1, .kind = CH_REQUEST_CHECK_IN};
}

static inline ch_request sample_check_in_far(void) {
    return (ch_request){
        .protocol = 1, .client = INT32_MAX, .kind = CH_REQUEST_CHECK_IN, .job = "keyboard"};
}

static inline ch_request sample_report(void) {
    return (ch_request){
        .protocol = 1,
        .client = 300,
        .kind = CH_REQUEST_REPORT,
        .job = "keyboard@3",
        .report = {.round = 7,
                   .model = sample_hash(),
                   .examples = 600,
                   .metrics = {.examples = 3000, .correct = 2891, .loss_q20 = -123456789},
                   .dim = SAMPLE_DIM,
                   .delta = {.data = (const uint8_t *)SAMPLE_DELTA, .size = sizeof(SAMPLE_DELTA)}}};
}

static inline ch_request sample_report_diverged(void) {
    ch_request m = sample_report();
    m.report.dim = 0;
    m.report.delta = (choir_bytes){0};
    m.report.failure = CH_FAILURE_DIVERGED;
    m.job[0] = '\0';
    return m;
}

static inline ch_reply sample_task(void) {
    return (ch_reply){.kind = CH_REPLY_TASK,
                      .task = {.round = 7,
                               .dim = 1663370,
                               .model = sample_hash(),
                               .epochs = 5,
                               .batch_size = 10,
                               .learning_rate = 0.215F,
                               .momentum = 0.9F,
                               .weight_decay = 1e-4F,
                               .proximal_mu = 0.01F,
                               .seed = UINT64_C(1234605616436508552),
                               .chain = "clip=1.5|weight=1000",
                               .job = "keyboard@3"}};
}

static inline ch_request sample_report_evaluated(void) {
    ch_request m = sample_report_diverged();
    m.report.failure = CH_FAILURE_NONE;
    m.report.purpose = CHOIR_PURPOSE_EVALUATE;
    return m;
}

static inline ch_reply sample_task_evaluate(void) {
    ch_reply m = sample_task();
    m.task.purpose = CHOIR_PURPOSE_EVALUATE;
    return m;
}

static inline ch_request sample_announce(void) {
    ch_request m = sample_report();
    m.kind = CH_REQUEST_ANNOUNCE;
    m.report.metrics = (choir_metrics){0};
    m.report.dim = 0;
    m.report.delta = (choir_bytes){0};
    return m;
}

static inline ch_reply sample_task_announce(void) {
    ch_reply m = sample_task();
    m.task.exchanges[0] = CHOIR_EXCHANGE_ANNOUNCE;
    m.task.exchanges[1] = CHOIR_EXCHANGE_REPORT;
    return m;
}

static inline ch_reply sample_task_method(void) {
    ch_reply m = sample_task();
    m.task.method = CHOIR_METHOD_QFEDAVG;
    m.task.fairness_q = 2.5F;
    return m;
}

static inline ch_request sample_report_method(void) {
    ch_request m = sample_report();
    m.report.method = CHOIR_METHOD_FEDDYN;
    m.job[0] = '\0';
    return m;
}

static inline ch_reply sample_task_partial(void) {
    ch_reply m = sample_task();
    m.task.partial = 1;
    return m;
}

enum { SAMPLES_COUNT = 20 };

static inline sample sample_at(int i) {
    const sample samples[SAMPLES_COUNT] = {
        {.name = "check_in", .is_request = true, .request = sample_check_in()},
        {.name = "check_in_far", .is_request = true, .request = sample_check_in_far()},
        {.name = "report", .is_request = true, .request = sample_report()},
        {.name = "report_diverged", .is_request = true, .request = sample_report_diverged()},
        {.name = "task", .reply = sample_task()},
        {.name = "wait", .reply = {.kind = CH_REPLY_WAIT, .wait_ms = 150000}},
        {.name = "ack", .reply = {.kind = CH_REPLY_ACK}},
        {.name = "done", .reply = {.kind = CH_REPLY_DONE}},
        {.name = "refused", .reply = {.kind = CH_REPLY_REFUSED, .reason = CH_REASON_NOT_FINITE}},
        {.name = "wait_paused",
         .reply = {.kind = CH_REPLY_WAIT, .wait_ms = 60000, .why = CHOIR_WHY_PAUSED}},
        {.name = "done_stopped", .reply = {.kind = CH_REPLY_DONE, .why = CHOIR_WHY_STOPPED}},
        {.name = "refused_protocol",
         .reply = {.kind = CH_REPLY_REFUSED,
                   .reason = CH_REASON_PROTOCOL,
                   .protocol_lowest = 1,
                   .protocol_highest = 1}},
        {.name = "report_evaluated", .is_request = true, .request = sample_report_evaluated()},
        {.name = "task_evaluate", .reply = sample_task_evaluate()},
        {.name = "announce", .is_request = true, .request = sample_announce()},
        {.name = "task_announce", .reply = sample_task_announce()},
        {.name = "proceed", .reply = {.kind = CH_REPLY_PROCEED}},
        {.name = "task_method", .reply = sample_task_method()},
        {.name = "report_method", .is_request = true, .request = sample_report_method()},
        {.name = "task_partial", .reply = sample_task_partial()},
    };
    return samples[i];
}

/* Encodes the whole message; returns its bytes. */
static inline size_t sample_encode(const sample *s, uint8_t out[SAMPLE_BYTES_MAX]) {
    if (!s->is_request) {
        return ch_reply_encode(&s->reply, out);
    }
    const size_t head = ch_request_head(&s->request, out);
    const choir_bytes delta = s->request.report.delta;
    if (delta.size > 0) {
        memcpy(out + head, delta.data, delta.size);
    }
    return head + delta.size;
}

static inline size_t sample_file(const char *name, const char *ending,
                                 uint8_t out[SAMPLE_BYTES_MAX]) {
    char path[1024];
    (void)snprintf(path, sizeof(path), "%s/tests/golden/wire/%s.%s", CHOIR_SOURCE_DIR, name,
                   ending);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t size = fread(out, 1, SAMPLE_BYTES_MAX, file);
    assert_int_equal(fclose(file), 0);
    assert_true(size < SAMPLE_BYTES_MAX);
    return size;
}

#endif
