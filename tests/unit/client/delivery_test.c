/* Delivery: what a client sends of a report, by what a server answers to it. */
#include "support/check.h"

#include "base/sha256.h"
#include "choir/blob.h"
#include "client/delivery.h"
#include "net/http_server.h"

#include <stdio.h>
#include <string.h>

enum { BODY = 20000, PART = 8192, STEPS_MAX = 8 };

/* What it is answered, and what it asked. */
typedef struct script {
    struct {
        unsigned code;
        const char *text;
    } answers[STEPS_MAX];
    size_t count;
    char asked[STEPS_MAX][128];
    char path[200];
} script;

static void script_answer(void *self, ch_http_exchange *x) {
    script *s = self;
    assert_true(s->count < STEPS_MAX);
    const char *range = ch_http_header(x, "Content-Range");
    (void)snprintf(s->asked[s->count], sizeof(s->asked[0]), "%s %s %zu", ch_http_method(x),
                   range == NULL ? "-" : range, ch_http_body(x).size);
    (void)snprintf(s->path, sizeof(s->path), "%s?job=%s&round=%s", ch_http_path(x),
                   ch_http_query(x, "job"), ch_http_query(x, "round"));
    assert_string_equal(ch_http_bearer(x), "token");
    const char *text = s->answers[s->count].text;
    s->count += 1;
    ch_http_answer(x, s->answers[s->count - 1].code, "application/json",
                   (choir_bytes){(const uint8_t *)text, strlen(text)});
}

static size_t script_body_max(void *self, ch_http_exchange *x) {
    (void)self;
    (void)x;
    return BODY;
}

static ch_http_server *server_open(script *s) {
    const choir_env env = choir_env_default();
    const ch_http_handler handler = {
        .body_max = script_body_max, .handle = script_answer, .self = s};
    const ch_http_server_options o = ch_http_server_defaults();
    ch_http_server *server = NULL;
    check_status(ch_http_server_start(&server, &o, handler, &env, NULL), CHOIR_OK);
    return server;
}

static ch_http_client *client_open(const ch_http_server *server) {
    const choir_env env = choir_env_default();
    ch_http_client_options o = ch_http_client_defaults();
    ch_http_client *c = NULL;
    char url[64];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", ch_http_server_port(server));
    o.url = url;
    o.proxy = "";
    check_status(ch_http_client_create(&c, &o, &env, NULL), CHOIR_OK);
    return c;
}

typedef struct told {
    choir_status status;
    bool is_more, gains;
    unsigned code; // when it is OK and there is no more
} told;

/* Sends as long as the script says. */
static void check_script(ch_delivery *u, script *s, const told *tolds, size_t tolds_count,
                         const char *const *asked, size_t asked_count) {
    static uint8_t body[BODY];
    const ch_delivery_report report = {
        .body = {body, BODY}, .job = "keyboard@3", .round = 7, .token = "token"};
    ch_http_server *server = server_open(s);
    ch_http_client *c = client_open(server);
    for (size_t i = 0; i < tolds_count; i++) {
        ch_http_reply reply = {0};
        bool is_more = false;
        bool gains = false;
        choir_error err = {.message = ""};
        check_status(ch_delivery_send(u, c, &report, &reply, &is_more, &gains, &err),
                     tolds[i].status);
        assert_int_equal(is_more, tolds[i].is_more);
        assert_int_equal(gains, tolds[i].gains);
        assert_int_equal(err.message[0] == '\0', tolds[i].status == CHOIR_OK);
        if (tolds[i].code != 0) {
            assert_int_equal(reply.code, tolds[i].code);
        }
    }
    assert_int_equal(s->count, asked_count);
    for (size_t i = 0; i < asked_count; i++) {
        assert_string_equal(s->asked[i], asked[i]);
    }
    choir_hash name;
    char path[200] = "/v1/uploads/";
    ch_sha256_of(body, BODY, name.bytes);
    choir_hash_text(&name, path + strlen(path));
    (void)snprintf(path + strlen(path), 64, "?job=keyboard@3&round=7");
    assert_string_equal(s->path, path);
    ch_http_client_destroy(c);
    ch_http_server_stop(server, 0);
}

#define CHECK_SCRIPT(u, s, tolds, asked)                                                           \
    check_script(u, s, tolds, sizeof(tolds) / sizeof((tolds)[0]), asked,                           \
                 sizeof(asked) / sizeof((asked)[0]))

static void a_large_body_goes_in_parts(void **state) {
    (void)state;
    static script s = {.answers = {{404, "{}"}, {202, "{}"}, {202, "{}"}, {200, "ack"}}};
    static const told tolds[] = {
        {.is_more = true, .gains = true}, {.is_more = true, .gains = true}, {.code = 200}};
    static const char *const asked[] = {"GET - 0", "PUT bytes 0-8191/20000 8192",
                                        "PUT bytes 8192-16383/20000 8192",
                                        "PUT bytes 16384-19999/20000 3616"};
    ch_delivery u = {.part_max = PART};
    CHECK_SCRIPT(&u, &s, tolds, asked);
}

static void a_server_that_always_wants_more_is_a_loss(void **state) {
    (void)state;
    static script s = {
        .answers = {{200, "{\"offset\": 12000}"}, {202, "{}"}, {404, "{}"}, {503, "{}"}}};
    static const told tolds[] = {{.status = CHOIR_EIO, .gains = true}, {.code = 503}};
    static const char *const asked[] = {"GET - 0", "PUT bytes 12000-19999/20000 8000", "GET - 0",
                                        "PUT bytes 0-8191/20000 8192"};
    ch_delivery u = {.part_max = PART};
    CHECK_SCRIPT(&u, &s, tolds, asked);
}

/* As a proxy does that lets through only what it knows. */
static void where_nobody_may_ask_how_far_a_report_is_it_goes_whole(void **state) {
    (void)state;
    static const unsigned codes[] = {405, 501};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        script s = {.answers = {{codes[i], "no"}}};
        static const told tolds[] = {{.is_more = true}};
        static const char *const asked[] = {"GET - 0"};
        ch_delivery u = {.part_max = PART};
        CHECK_SCRIPT(&u, &s, tolds, asked);
        assert_false(ch_delivery_takes(&u, (choir_bytes){.size = BODY}));
    }
}

static void it_goes_on_where_the_server_is(void **state) {
    (void)state;
    static script s = {.answers = {{200, "{\"offset\": 5000}"},
                                   {409, "{\"offset\": 6000}"},
                                   {202, "{}"},
                                   {503, "{}"},
                                   {200, "{\"offset\": 20000}"},
                                   {200, "ack"}}};
    static const told tolds[] = {{.is_more = true, .gains = true},
                                 {.is_more = true, .gains = true},
                                 {.code = 503},
                                 {.gains = true, .code = 200}};
    static const char *const asked[] = {
        "GET - 0",
        "PUT bytes 5000-13191/20000 8192",
        "PUT bytes 6000-14191/20000 8192",
        "PUT bytes 14192-19999/20000 5808",
        "GET - 0",
        "PUT bytes 19999-19999/20000 1", // all of it is there, and the answer was not heard
    };
    ch_delivery u = {.part_max = PART};
    CHECK_SCRIPT(&u, &s, tolds, asked);
}

static void a_server_that_has_less_than_it_had_is_a_loss(void **state) {
    (void)state;
    static script s = {
        .answers = {{404, "{}"}, {202, "{}"}, {409, "{\"offset\": 0}"}, {401, "{}"}, {429, "{}"}}};
    static const told tolds[] = {
        {.is_more = true, .gains = true}, {.status = CHOIR_EIO}, {.code = 401}, {.code = 429}};
    // a part that came to nothing is followed by a smaller one, as that of a half and of nonsense
    static const char *const asked[] = {"GET - 0", "PUT bytes 0-8191/20000 8192",
                                        "PUT bytes 8192-16383/20000 8192",
                                        "PUT bytes 0-8191/20000 8192", "GET - 0"};
    ch_delivery u = {.part_max = PART};
    CHECK_SCRIPT(&u, &s, tolds, asked);
}

static void parts_become_smaller_that_do_not_arrive_and_larger_that_do(void **state) {
    (void)state;
    static script s = {
        .answers = {{200, "{\"offset\": 1}"}, {500, "{}"}, {200, "{\"offset\": 1}"}, {202, "{}"}}};
    static const told tolds[] = {{.gains = true, .code = 500}, {.is_more = true, .gains = true}};
    static const char *const asked[] = {"GET - 0", "PUT bytes 1-19999/20000 19999", "GET - 0",
                                        "PUT bytes 1-16384/20000 16384"};
    ch_delivery u = {.part_max = BODY + 10};
    CHECK_SCRIPT(&u, &s, tolds, asked);
    assert_int_equal(u.part, u.part_max);
}

static void of_another_body_it_asks_anew(void **state) {
    (void)state;
    static script s = {.answers = {{404, "{}"}, {202, "{}"}}};
    static script next = {.answers = {{404, "{}"}, {202, "{}"}}};
    static const told tolds[] = {{.is_more = true, .gains = true}};
    static const char *const asked[] = {"GET - 0", "PUT bytes 0-8191/20000 8192"};
    ch_delivery u = {.part_max = PART};
    CHECK_SCRIPT(&u, &s, tolds, asked);
    u.name.bytes[0] ^= 1; // as if that had been another one, which was given up between two parts
    CHECK_SCRIPT(&u, &next, tolds, asked);
}

static void where_parts_are_not_taken_it_goes_whole(void **state) {
    (void)state;
    static const unsigned codes[] = {404, 405, 501};
    static const told tolds[] = {{.is_more = true}};
    static const char *const asked[] = {"GET - 0", "PUT bytes 0-8191/20000 8192"};
    static const uint8_t bytes[BODY];
    const choir_bytes body = {bytes, BODY};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        script s = {.answers = {{404, "{}"}, {codes[i], "{}"}}};
        ch_delivery u = {.part_max = PART};
        assert_true(ch_delivery_takes(&u, body));
        CHECK_SCRIPT(&u, &s, tolds, asked);
        assert_false(ch_delivery_takes(&u, body));
    }
    const ch_delivery never = {.part_max = 0};
    assert_false(ch_delivery_takes(&never, body));
    const ch_delivery small = {.part_max = BODY};
    assert_false(ch_delivery_takes(&small, body));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_body_goes_in_parts),
        cmocka_unit_test(a_server_that_always_wants_more_is_a_loss),
        cmocka_unit_test(where_nobody_may_ask_how_far_a_report_is_it_goes_whole),
        cmocka_unit_test(it_goes_on_where_the_server_is),
        cmocka_unit_test(a_server_that_has_less_than_it_had_is_a_loss),
        cmocka_unit_test(parts_become_smaller_that_do_not_arrive_and_larger_that_do),
        cmocka_unit_test(of_another_body_it_asks_anew),
        cmocka_unit_test(where_parts_are_not_taken_it_goes_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
