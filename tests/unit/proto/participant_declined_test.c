/* Declined tasks: what a device's owner will not have is said to the server once, untrained. */
#include "support/check.h"

#include "choir/participant.h"
#include "wire/message.h"

#include <stdbool.h>
#include <string.h>

enum { DIM = 2, RETRY_MS = 1000 };

static const float PARAMS[DIM] = {1, 2};

static void hears(choir_participant *p, const ch_reply *reply) {
    uint8_t bytes[CH_REPLY_MAX];
    const size_t size = ch_reply_encode(reply, bytes);
    check_status(choir_participant_receive(p, 0, (choir_bytes){bytes, size}), CHOIR_OK);
}

static choir_intent wants(choir_participant *p, choir_intent_kind kind) {
    choir_intent intent;
    choir_participant_next(p, 0, &intent);
    assert_int_equal(intent.kind, kind);
    return intent;
}

static void declines(bool has_model) {
    const choir_env env = choir_env_default();
    const ch_reply refused = {.kind = CH_REPLY_REFUSED, .reason = CH_REASON_UNSUPPORTED};
    const choir_hash hash = choir_hash_params(PARAMS, DIM);
    const choir_blob blob = {.hash = hash, .params = PARAMS, .dim = DIM};
    const ch_reply task = {.kind = CH_REPLY_TASK,
                           .task = {.round = 3,
                                    .dim = DIM,
                                    .model = hash,
                                    .epochs = 1,
                                    .learning_rate = 0.1F,
                                    .chain = "weight"}};
    choir_participant_options o = choir_participant_defaults();
    choir_participant *p;
    ch_request m;
    o.dim_max = DIM;
    o.retry_ms = RETRY_MS;
    check_status(choir_participant_create(&p, &o, &env, NULL), CHOIR_OK);
    wants(p, CHOIR_INTENT_SEND);
    hears(p, &task);
    if (has_model) {
        wants(p, CHOIR_INTENT_FETCH);
        check_status(choir_participant_fetched(p, 0, &blob), CHOIR_OK);
    }
    wants(p, has_model ? CHOIR_INTENT_TRAIN : CHOIR_INTENT_FETCH);
    choir_participant_decline(p, 0);
    check_status(ch_request_decode(&m, wants(p, CHOIR_INTENT_SEND).request), CHOIR_OK);
    assert_int_equal(m.kind, CH_REQUEST_REPORT);
    assert_int_equal(m.report.round, 3);
    assert_int_equal(m.report.failure, CH_FAILURE_UNSUPPORTED);
    assert_int_equal(m.report.examples, 0);
    hears(p, &refused);
    assert_null(wants(p, CHOIR_INTENT_SEND).task); // a check-in
    hears(p, &task);                               // the same round: not again
    assert_true(wants(p, CHOIR_INTENT_WAIT).wake_ms > RETRY_MS);
    choir_participant_destroy(p);
}

static void before_the_model_is_fetched(void **state) {
    (void)state;
    declines(false);
}

static void before_it_trains(void **state) {
    (void)state;
    declines(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_model_is_fetched),
        cmocka_unit_test(before_it_trains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
