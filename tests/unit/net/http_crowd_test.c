/* HTTP crowd: many calls at once arrive as they were made, on no more connections than lanes. */
#include "unit/net/http_talk.h"

#include "net/http_crowd.h"

enum { LANES = 150, CALLS = 900 }; // of more than one group

/* What has become of the calls, each of which sent its number. */
typedef struct crowd {
    ch_http_crowd *crowd;
    uint32_t sent;
    uint32_t answered;
    uint32_t failed;
    uint32_t numbers[LANES]; // of the calls on the lanes
    char texts[LANES][32];
    char message[400];
    bool seen[CALLS];
} crowd;

static void crowd_send(crowd *c, uint32_t lane) {
    if (c->sent == CALLS) {
        return;
    }
    c->numbers[lane] = c->sent;
    (void)snprintf(c->texts[lane], sizeof(c->texts[lane]), "call %u", c->sent);
    const ch_http_call call = {
        .method = "POST", .path = "/echo", .body = text_bytes(c->texts[lane])};
    choir_error err = {.message = ""};
    check_status(ch_http_crowd_send(c->crowd, lane, &call, &err), CHOIR_OK);
    c->sent += 1;
}

static void on_done(void *self, uint32_t lane, choir_status status, const ch_http_reply *reply,
                    const choir_error *err) {
    crowd *c = self;
    const uint32_t number = c->numbers[lane];
    assert_false(c->seen[number]);
    c->seen[number] = true;
    if (status == CHOIR_OK) {
        assert_int_equal(reply->code, 200);
        assert_int_equal(reply->body.size, strlen(c->texts[lane]));
        assert_memory_equal(reply->body.data, c->texts[lane], reply->body.size);
        c->answered += 1;
    } else {
        check_status(status, CHOIR_EIO);
        (void)snprintf(c->message, sizeof(c->message), "%s", err->message);
        c->failed += 1;
    }
    crowd_send(c, lane);
}

static void crowd_open(crowd *c, const ch_http_client_options *o, uint32_t lanes) {
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    *c = (crowd){.sent = 0};
    check_status(ch_http_crowd_create(&c->crowd, lanes, o, &env, &err), CHOIR_OK);
    for (uint32_t i = 0; i < lanes; i++) {
        crowd_send(c, i);
    }
    assert_int_equal(ch_http_crowd_busy(c->crowd), lanes);
}

static void every_call_is_answered_once(void **state) {
    (void)state;
    ch_http_server *s = server_open(NULL, NULL, NULL);
    const ch_http_client_options o = options_for("http", ch_http_server_port(s));
    static crowd c;
    crowd_open(&c, &o, LANES);
    while (ch_http_crowd_busy(c.crowd) > 0) {
        ch_http_crowd_turn(c.crowd, 1000, on_done, &c);
        assert_true(ch_http_server_connections(s) <= LANES);
    }
    assert_int_equal(c.answered, CALLS);
    ch_http_crowd_destroy(c.crowd);
    ch_http_server_stop(s, 0);
}

static void nobody_at_the_other_end_is_told_for_each_call(void **state) {
    (void)state;
    ch_http_server *s = server_open(NULL, NULL, NULL);
    const ch_http_client_options o = options_for("http", ch_http_server_port(s));
    ch_http_server_stop(s, 0);
    static crowd c;
    crowd_open(&c, &o, 3);
    while (ch_http_crowd_busy(c.crowd) > 0) {
        ch_http_crowd_turn(c.crowd, 1000, on_done, &c);
    }
    assert_int_equal(c.failed, CALLS);
    assert_non_null(strstr(c.message, "check that the server runs there"));
    ch_http_crowd_destroy(c.crowd);
}

/* Counts what is alive while a large answer is there; self is the counted_memory. */
static uint32_t alive_then;

static void on_large(void *self, uint32_t lane, choir_status status, const ch_http_reply *reply,
                     const choir_error *err) {
    (void)lane;
    (void)err;
    const counted_memory *memory = self;
    check_status(status, CHOIR_OK);
    assert_int_equal(reply->body.size, MODEL);
    alive_then = memory->alive;
}

static void a_large_answer_does_not_stay_in_memory(void **state) {
    (void)state;
    ch_http_server *s = server_open(NULL, NULL, NULL);
    const ch_http_client_options o = options_for("http", ch_http_server_port(s));
    counted_memory memory;
    const choir_env env = counted_env(&memory, UINT32_MAX);
    ch_http_crowd *c = NULL;
    check_status(ch_http_crowd_create(&c, 1, &o, &env, NULL), CHOIR_OK);
    const uint32_t before = memory.alive;
    const ch_http_call call = {.method = "POST", .path = "/echo", .body = {model, MODEL}};
    check_status(ch_http_crowd_send(c, 0, &call, NULL), CHOIR_OK);
    while (ch_http_crowd_busy(c) > 0) {
        ch_http_crowd_turn(c, 1000, on_large, &memory);
    }
    assert_int_equal(alive_then, before + 1);
    assert_int_equal(memory.alive, before);
    ch_http_crowd_destroy(c);
    assert_int_equal(memory.alive, 0);
    ch_http_server_stop(s, 0);
}

static void calls_under_way_can_be_given_up(void **state) {
    (void)state;
    ch_http_server *s = server_open(NULL, NULL, NULL);
    const ch_http_client_options o = options_for("http", ch_http_server_port(s));
    static crowd c;
    crowd_open(&c, &o, LANES);
    for (int i = 0; i < 3; i++) {
        ch_http_crowd_turn(c.crowd, 0, on_done, &c);
    }
    assert_true(ch_http_crowd_busy(c.crowd) > 0);
    ch_http_crowd_destroy(c.crowd);
    ch_http_server_stop(s, 0);
}

static void what_cannot_be_asked_is_refused_and_the_lane_stays_idle(void **state) {
    (void)state;
    ch_http_server *s = server_open(NULL, NULL, NULL);
    ch_http_client_options o = options_for("http", ch_http_server_port(s));
    const choir_env env = choir_env_default();
    ch_http_crowd *c = NULL;
    check_status(ch_http_crowd_create(&c, 2, &o, &env, NULL), CHOIR_OK);
    const ch_http_call none = {.method = "GET", .path = "no slash"};
    check_status(ch_http_crowd_send(c, 1, &none, NULL), CHOIR_EINVAL);
    const ch_http_call call = {.method = "GET", .path = "/facts"};
    check_status(ch_http_crowd_send(c, 1, &call, NULL), CHOIR_OK);
    ch_http_crowd_destroy(c);
    o.url = "ftp://127.0.0.1";
    check_status(ch_http_crowd_create(&c, 2, &o, &env, NULL), CHOIR_EINVAL);
    assert_null(c);
    ch_http_crowd_destroy(c);
    ch_http_server_stop(s, 0);
}

static void every_failed_allocation_is_told_and_leaks_nothing(void **state) {
    (void)state;
    const ch_http_client_options o = options_for("http", 1);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_http_crowd *c = NULL;
        m.status = ch_http_crowd_create(&c, 65, &o, &m.env, NULL);
        assert_true((m.status == CHOIR_OK) == (c != NULL));
        ch_http_crowd_destroy(c);
    }
    assert_int_equal(m.tries, 5); // crowd, lanes, groups, a client, the success
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_is_answered_once),
        cmocka_unit_test(nobody_at_the_other_end_is_told_for_each_call),
        cmocka_unit_test(a_large_answer_does_not_stay_in_memory),
        cmocka_unit_test(calls_under_way_can_be_given_up),
        cmocka_unit_test(what_cannot_be_asked_is_refused_and_the_lane_stays_idle),
        cmocka_unit_test(every_failed_allocation_is_told_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, talk_prepare, NULL);
}
