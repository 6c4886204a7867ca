/* Routes: what is read of a request, and what can be answered without a coordinator. */
#include "support/exchange.h"

#include "choir/route.h"
#include "choir/why.h"
#include "wire/message.h"

enum { DIM = 4 };

/* A participant of a job whose next SEND is its check-in. */
static choir_participant *participant_make(const char *job) {
    choir_participant_options o = choir_participant_defaults();
    o.job = job;
    o.client = 7;
    o.dim_max = DIM;
    const choir_env env = choir_env_default();
    choir_participant *p = NULL;
    check_status(choir_participant_create(&p, &o, &env, NULL), CHOIR_OK);
    return p;
}

static choir_bytes next_request(choir_participant *p) {
    choir_intent intent;
    choir_participant_next(p, 0, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_SEND);
    return intent.request;
}

static void a_check_in_names_its_job_and_client(void **state) {
    (void)state;
    choir_participant *p = participant_make("keyboard");
    choir_route route;
    choir_refusal refusal;
    check_status(choir_route_read(&route, &refusal, next_request(p)), CHOIR_OK);
    assert_string_equal(route.job, "keyboard");
    assert_int_equal(route.client, 7);
    assert_false(route.is_report);
    assert_int_equal(route.round, 0);
    choir_participant_reset(p, 8); // becomes another client of the same job
    check_status(choir_route_read(&route, &refusal, next_request(p)), CHOIR_OK);
    assert_string_equal(route.job, "keyboard");
    assert_int_equal(route.client, 8);
    choir_participant_destroy(p);
}

/* A client counts with it what a server said. */
static void answers_are_told_apart_and_noise_is_none(void **state) {
    (void)state;
    uint8_t bytes[CHOIR_ANSWER_MAX];
    choir_answer answer = CHOIR_ANSWER_TASK;
    size_t size = choir_answer_done(bytes, CHOIR_WHY_STOPPED);
    check_status(choir_answer_read(&answer, (choir_bytes){bytes, size}), CHOIR_OK);
    assert_int_equal(answer, CHOIR_ANSWER_DONE);
    size = choir_answer_wait(bytes, 7, CHOIR_WHY_FULL);
    check_status(choir_answer_read(&answer, (choir_bytes){bytes, size}), CHOIR_OK);
    assert_int_equal(answer, CHOIR_ANSWER_WAIT);
    size = choir_answer_refused(bytes, CHOIR_REFUSAL_STALE);
    check_status(choir_answer_read(&answer, (choir_bytes){bytes, size}), CHOIR_OK);
    assert_int_equal(answer, CHOIR_ANSWER_REFUSED);
    for (size_t i = 0; i < size; i++) {
        check_status(choir_answer_read(&answer, (choir_bytes){bytes, i}), CHOIR_EPROTO);
    }
    assert_int_equal(answer, CHOIR_ANSWER_REFUSED);
}

/* Reports name the version that their task had: here, one of a model that is too large. */
static void a_report_names_the_version_of_its_task(void **state) {
    (void)state;
    choir_coordinator_options o = choir_coordinator_defaults();
    o.job = "keyboard@3";
    o.dim = DIM + 1;
    o.clients = 8;
    const float params[DIM + 1] = {0};
    const choir_env env = choir_env_default();
    choir_coordinator *c = NULL;
    check_status(choir_coordinator_create(&c, params, &o, &env, NULL), CHOIR_OK);
    choir_participant *p = participant_make("keyboard");
    const choir_bytes task = choir_coordinator_reply(c, 0, next_request(p));
    assert_int_equal(choir_answer_of(task), CHOIR_ANSWER_TASK);
    check_status(choir_participant_receive(p, 0, task), CHOIR_ERANGE);
    choir_route route;
    choir_refusal refusal;
    check_status(choir_route_read(&route, &refusal, next_request(p)), CHOIR_OK);
    assert_string_equal(route.job, "keyboard@3");
    assert_true(route.is_report);
    assert_int_equal(route.round, 1);
    choir_participant_destroy(p);
    choir_coordinator_destroy(c);
}

/* The same round and the same model, but another version: its tasks ask for something else. */
static void a_report_for_another_version_is_stale(void **state) {
    (void)state;
    choir_coordinator_options o = choir_coordinator_defaults();
    o.dim = DIM;
    o.clients = 8;
    const float params[DIM] = {0};
    const choir_env env = choir_env_default();
    choir_coordinator *versions[2];
    for (int i = 0; i < 2; i++) {
        o.job = i == 0 ? "keyboard@3" : "keyboard@4";
        check_status(choir_coordinator_create(&versions[i], params, &o, &env, NULL), CHOIR_OK);
    }
    const choir_hash hash = choir_coordinator_hash(versions[0]);
    const float delta[DIM] = {0};
    ch_request m = {.protocol = CH_PROTOCOL,
                    .client = 7,
                    .kind = CH_REQUEST_REPORT,
                    .job = "keyboard@3",
                    .report = {.round = 1, .model = hash, .examples = 1, .dim = DIM}};
    m.report.delta = (choir_bytes){(const uint8_t *)delta, sizeof(delta)};
    uint8_t bytes[CH_REQUEST_HEAD_MAX + sizeof(delta)];
    const size_t head = ch_request_head(&m, bytes);
    memcpy(bytes + head, delta, sizeof(delta));
    for (int i = 1; i >= 0; i--) {
        ch_reply reply;
        const choir_bytes answer =
            choir_coordinator_reply(versions[i], 0, (choir_bytes){bytes, head + sizeof(delta)});
        assert_int_equal(choir_answer_of(answer), i == 0 ? CHOIR_ANSWER_ACK : CHOIR_ANSWER_REFUSED);
        check_status(ch_reply_decode(&reply, answer), CHOIR_OK);
        assert_int_equal(reply.kind, i == 0 ? CH_REPLY_ACK : CH_REPLY_REFUSED);
        assert_int_equal(reply.reason, i == 0 ? CH_REASON_NONE : CH_REASON_STALE);
        choir_coordinator_destroy(versions[i]);
    }
}

static void what_no_coordinator_would_read_is_refused_with_its_reason(void **state) {
    (void)state;
    choir_participant *p = participant_make("keyboard");
    const choir_bytes request = next_request(p);
    choir_route route = {.client = 99};
    choir_refusal refusal = CHOIR_REFUSAL_COUNT;
    for (size_t cut = 0; cut < request.size; cut++) {
        const choir_bytes part = {request.data, cut};
        check_status(choir_route_read(&route, &refusal, part), CHOIR_EPROTO);
        assert_int_equal(refusal, CHOIR_REFUSAL_MALFORMED);
    }
    uint8_t later[CH_REQUEST_HEAD_MAX];
    const ch_request m = {.protocol = CH_PROTOCOL + 1, .kind = CH_REQUEST_CHECK_IN};
    const size_t size = ch_request_head(&m, later);
    check_status(choir_route_read(&route, &refusal, (choir_bytes){later, size}), CHOIR_EPROTO);
    assert_int_equal(refusal, CHOIR_REFUSAL_PROTOCOL);
    assert_int_equal(route.client, 99); // unchanged
    choir_participant_destroy(p);
}

static void participants_understand_the_answers(void **state) {
    (void)state;
    uint8_t bytes[CHOIR_ANSWER_MAX];
    choir_intent intent;
    choir_participant *p = participant_make("keyboard");
    (void)next_request(p);
    size_t size = choir_answer_wait(bytes, 12345, CHOIR_WHY_PAUSED);
    assert_int_equal(choir_answer_of((choir_bytes){bytes, size}), CHOIR_ANSWER_WAIT);
    check_status(choir_participant_receive(p, 0, (choir_bytes){bytes, size}), CHOIR_OK);
    choir_participant_next(p, 0, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_WAIT);
    assert_int_equal(intent.wake_ms, 12345);
    assert_int_equal(intent.why, CHOIR_WHY_PAUSED);
    choir_participant_next(p, 12345, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_SEND);
    size = choir_answer_done(bytes, CHOIR_WHY_STOPPED);
    assert_int_equal(choir_answer_of((choir_bytes){bytes, size}), CHOIR_ANSWER_DONE);
    check_status(choir_participant_receive(p, 12345, (choir_bytes){bytes, size}), CHOIR_OK);
    choir_participant_next(p, 12345, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_DONE);
    assert_int_equal(intent.why, CHOIR_WHY_STOPPED);
    choir_participant_reset(p, 7);
    (void)next_request(p);
    size = choir_answer_refused(bytes, CHOIR_REFUSAL_UNSAMPLED); // no client of this job
    check_status(choir_participant_receive(p, 0, (choir_bytes){bytes, size}), CHOIR_OK);
    choir_participant_next(p, 0, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_DONE);
    for (int refusal = 0; refusal < CHOIR_REFUSAL_MISSING; refusal++) {
        ch_reply m;
        size = choir_answer_refused(bytes, (choir_refusal)refusal);
        check_status(ch_reply_decode(&m, (choir_bytes){bytes, size}), CHOIR_OK);
        const bool is_foreign = refusal == CHOIR_REFUSAL_PROTOCOL;
        assert_int_equal(m.protocol_lowest, is_foreign ? CH_PROTOCOL : 0);
        assert_int_equal(m.protocol_highest, is_foreign ? CH_PROTOCOL : 0);
    }
    choir_participant_destroy(p);
}

static void every_why_has_a_text(void **state) {
    (void)state;
    assert_string_equal(choir_why_text(CHOIR_WHY_NONE), "none");
    assert_string_equal(choir_why_text(CHOIR_WHY_NOT_ELIGIBLE), "not_eligible");
    assert_string_equal(choir_why_text(CHOIR_WHY_STOPPED), "stopped");
    assert_string_equal(choir_why_text(CHOIR_WHY_COUNT), "unknown");
}

static void names_that_are_too_long_are_refused(void **state) {
    (void)state;
    char job[CHOIR_JOB_TEXT_MAX + 1];
    memset(job, 'x', sizeof(job) - 1);
    job[CHOIR_JOB_TEXT_MAX] = '\0';
    const choir_env env = choir_env_default();
    choir_error err;
    choir_participant_options p = choir_participant_defaults();
    p.dim_max = DIM;
    p.job = job;
    choir_participant *participant = NULL;
    check_status(choir_participant_create(&participant, &p, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "participant: job must be a text of less than 80 bytes");
    choir_coordinator_options c = choir_coordinator_defaults();
    c.dim = DIM;
    c.clients = 8;
    c.job = job;
    choir_coordinator *coordinator = NULL;
    const float params[DIM] = {0};
    check_status(choir_coordinator_create(&coordinator, params, &c, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "coordinator: job must be a text of less than 80 bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_in_names_its_job_and_client),
        cmocka_unit_test(answers_are_told_apart_and_noise_is_none),
        cmocka_unit_test(a_report_names_the_version_of_its_task),
        cmocka_unit_test(a_report_for_another_version_is_stale),
        cmocka_unit_test(what_no_coordinator_would_read_is_refused_with_its_reason),
        cmocka_unit_test(participants_understand_the_answers),
        cmocka_unit_test(every_why_has_a_text),
        cmocka_unit_test(names_that_are_too_long_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
