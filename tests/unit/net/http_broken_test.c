/*
 * HTTP client: servers that break off, fall silent, send too much or nonsense; a call that is given
 * up, and a proxy. The server is a script of bytes.
 */
#include "unit/net/http_talk.h"

#include <pthread.h>
#include <stdatomic.h>

/* --------------------------------------------------------------------------- a server by script */

typedef enum script_end {
    SCRIPT_CLOSE,
    SCRIPT_RESET,
    SCRIPT_HANG, // until the script is stopped
} script_end;

typedef struct script_step {
    const char *head;
    size_t body; // zeros after it
    script_end end;
} script_step;

/* Answers each connection's first request by the next step. */
typedef struct script {
    const script_step *steps;
    size_t count;
    int listener;
    uint16_t port;
    pthread_t thread;
    char asked[4096]; // the last head
    int hanging[4];
    size_t hanging_count;
} script;

static void script_answer(script *s, int peer, const script_step *step) {
    static const uint8_t zeros[1 << 16];
    size_t size = 0;
    s->asked[0] = '\0';
    while (size + 1 < sizeof(s->asked) && strstr(s->asked, "\r\n\r\n") == NULL &&
           recv(peer, s->asked + size, 1, 0) == 1) {
        size += 1;
        s->asked[size] = '\0';
    }
    peer_say(peer, step->head);
    for (size_t sent = 0; sent < step->body; sent += sizeof(zeros)) {
        const size_t left = step->body - sent;
        peer_send(peer, zeros, left < sizeof(zeros) ? left : sizeof(zeros));
    }
    if (step->end == SCRIPT_HANG) {
        s->hanging[s->hanging_count] = peer;
        s->hanging_count += 1;
        return;
    }
    const struct linger reset = {.l_onoff = step->end == SCRIPT_RESET};
    (void)setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    (void)close(peer);
}

static void *script_run(void *self) {
    script *s = self;
    for (size_t i = 0; i < s->count; i++) {
        const int peer = accept(s->listener, NULL, NULL);
        if (peer < 0) {
            return NULL;
        }
        script_answer(s, peer, &s->steps[i]);
    }
    return NULL;
}

/* A socket on loopback that does not listen yet, so that connections to it are refused. */
static int bind_anywhere(uint16_t *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return listener;
}

static void script_start(script *s, const script_step *steps, size_t count) {
    *s = (script){.steps = steps, .count = count};
    s->listener = bind_anywhere(&s->port);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, script_run, s), 0);
}

static void script_stop(script *s) {
    (void)shutdown(s->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    (void)close(s->listener);
    for (size_t i = 0; i < s->hanging_count; i++) {
        (void)close(s->hanging[i]);
    }
}

static void what_went_wrong_is_said(void **state) {
    (void)state;
    static const struct {
        script_step step;
        choir_status status;
        const char *message;
    } rows[] = {
        {{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 500, SCRIPT_CLOSE},
         CHOIR_EIO,
         "the connection broke off; try again"},
        {{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 500, SCRIPT_RESET},
         CHOIR_EIO,
         "the connection broke off; try again"},
        {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n", 100, SCRIPT_CLOSE},
         CHOIR_EIO,
         "the connection broke off; try again"},
        {{"", 0, SCRIPT_CLOSE}, CHOIR_EIO, "the connection broke off; try again"},
        {{"", 0, SCRIPT_RESET}, CHOIR_EIO, "the connection broke off; try again"},
        {{"", 0, SCRIPT_HANG}, CHOIR_EIO, "the server or the network is too slow, or has gone"},
        {{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 500, SCRIPT_HANG},
         CHOIR_EIO,
         "the server or the network is too slow, or has gone"},
        {{"HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n", ANSWER_MAX + 1, SCRIPT_CLOSE},
         CHOIR_EPROTO,
         "the answer is larger than the 4194304 bytes of body"},
        {{"HTTP/1.1 200 OK\r\n\r\n", ANSWER_MAX + 1, SCRIPT_CLOSE},
         CHOIR_EPROTO,
         "the answer is larger than the 4194304 bytes of body"},
        {{"SSH-2.0-OpenSSH_9.2p1\r\n", 0, SCRIPT_CLOSE},
         CHOIR_EPROTO,
         "check that this is the port of an HTTP server"},
        {{"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 100\r\n\r\n", 100,
          SCRIPT_CLOSE},
         CHOIR_EPROTO,
         "the answer cannot be unpacked"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static script s;
        ch_http_reply r;
        choir_error err = {.message = ""};
        script_start(&s, &rows[i].step, 1);
        ch_http_client_options o = options_for("http", s.port);
        o.request_ms = rows[i].step.end == SCRIPT_HANG ? 100 : o.request_ms;
        ch_http_client *c = client_open(&o);
        const ch_http_call call = {.method = "GET", .path = "/", .bearer = "secret"};
        check_status(ch_http_client_send(c, &call, &r, &err), rows[i].status);
        if (strstr(err.message, rows[i].message) == NULL ||
            strncmp(err.message, "http://127.0.0.1:", 17) != 0) {
            fail_msg("row %zu: '%s' has no '%s'", i, err.message, rows[i].message);
        }
        assert_null(strstr(err.message, "secret"));
        ch_http_client_destroy(c);
        script_stop(&s);
    }
}

static void an_answer_that_unpacks_to_too_much_is_given_up(void **state) {
    (void)state;
    ch_http_server *s = server_open(NULL, NULL, NULL);
    const ch_http_client_options o = options_for("http", ch_http_server_port(s));
    ch_http_client *c = client_open(&o);
    ch_http_reply r;
    choir_error err = {.message = ""};
    const ch_http_call bomb = {.method = "GET", .path = "/bomb"};
    const ch_http_call garbage = {.method = "GET", .path = "/garbage"};
    const ch_http_call good = {.method = "GET", .path = "/model"};
    assert_true(bomb_packed_size < 10000);
    check_status(ch_http_client_send(c, &bomb, &r, &err), CHOIR_EPROTO);
    check_status(ch_http_client_send(c, &garbage, &r, &err), CHOIR_EPROTO);
    check_status(ch_http_client_send(c, &good, &r, &err), CHOIR_OK);
    assert_int_equal(r.body.size, MODEL);
    ch_http_client_destroy(c);
    ch_http_server_stop(s, 0);
}

static void too_many_headers_are_given_up(void **state) {
    (void)state;
    static char head[90000];
    static script s;
    size_t at = (size_t)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n");
    while (at < 80000) {
        at += (size_t)snprintf(head + at, sizeof(head) - at, "X-Filler: %0100d\r\n", 0);
    }
    (void)snprintf(head + at, sizeof(head) - at, "Content-Length: 0\r\n\r\n");
    const script_step step = {.head = head};
    script_start(&s, &step, 1);
    const ch_http_client_options o = options_for("http", s.port);
    ch_http_client *c = client_open(&o);
    ch_http_reply r;
    choir_error err = {.message = ""};
    const ch_http_call call = {.method = "GET", .path = "/"};
    check_status(ch_http_client_send(c, &call, &r, &err), CHOIR_EPROTO);
    ch_http_client_destroy(c);
    script_stop(&s);
}

static void nobody_there_is_said(void **state) {
    (void)state;
    uint16_t port = 0;
    const int silent = bind_anywhere(&port);
    const ch_http_client_options o = options_for("http", port);
    ch_http_client *c = client_open(&o);
    ch_http_reply r;
    choir_error err = {.message = ""};
    const ch_http_call call = {.method = "GET", .path = "/"};
    check_status(ch_http_client_send(c, &call, &r, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "check that the server runs there"));
    ch_http_client_destroy(c);
    (void)close(silent);
}

static void a_kept_connection_that_is_gone_is_made_anew(void **state) {
    (void)state;
    static const script_step steps[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none", 0, SCRIPT_CLOSE},
        {"HTTP/1.1 100 Continue\r\nETag: \"no\"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
         "3\r\n\r\ntwo",
         0, SCRIPT_CLOSE},
    };
    static script s;
    script_start(&s, steps, 2);
    const ch_http_client_options o = options_for("http", s.port);
    ch_http_client *c = client_open(&o);
    ch_http_reply r;
    const ch_http_call call = {.method = "POST", .path = "/", .body = {model, 100}};
    check_status(ch_http_client_send(c, &call, &r, NULL), CHOIR_OK);
    assert_memory_equal(r.body.data, "one", 3);
    check_status(ch_http_client_send(c, &call, &r, NULL), CHOIR_OK);
    assert_memory_equal(r.body.data, "two", 3);
    assert_string_equal(r.etag, "");
    ch_http_client_destroy(c);
    script_stop(&s);
}

static bool stop_at_once(void *self) {
    atomic_fetch_add((atomic_int *)self, 1);
    return true;
}

static void a_call_can_be_given_up(void **state) {
    (void)state;
    static const script_step step = {"", 0, SCRIPT_HANG};
    static script s;
    atomic_int asked = 0;
    script_start(&s, &step, 1);
    ch_http_client_options o = options_for("http", s.port);
    o.is_stopped = stop_at_once;
    o.self = &asked;
    ch_http_client *c = client_open(&o);
    ch_http_reply r;
    choir_error err = {.message = ""};
    const ch_http_call call = {.method = "GET", .path = "/"};
    check_status(ch_http_client_send(c, &call, &r, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, ": stopped while waiting for the answer"));
    assert_true(atomic_load(&asked) > 0);
    ch_http_client_destroy(c);
    script_stop(&s);
}

static void a_proxy_is_asked_when_there_is_one(void **state) {
    (void)state;
    static const script_step step = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0,
                                     SCRIPT_CLOSE};
    static script s;
    char proxy[64];
    script_start(&s, &step, 1);
    ch_http_client_options o = options_for("http", 1);
    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", s.port);
    o.url = "http://choir.invalid/base//";
    o.proxy = proxy;
    ch_http_client *c = client_open(&o);
    ch_http_reply r;
    const ch_http_call call = {.method = "GET", .path = "/x"};
    check_status(ch_http_client_send(c, &call, &r, NULL), CHOIR_OK);
    ch_http_client_destroy(c);
    script_stop(&s);
    assert_non_null(strstr(s.asked, "GET http://choir.invalid/base/x HTTP/1.1\r\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_went_wrong_is_said),
        cmocka_unit_test(an_answer_that_unpacks_to_too_much_is_given_up),
        cmocka_unit_test(too_many_headers_are_given_up),
        cmocka_unit_test(nobody_there_is_said),
        cmocka_unit_test(a_kept_connection_that_is_gone_is_made_anew),
        cmocka_unit_test(a_call_can_be_given_up),
        cmocka_unit_test(a_proxy_is_asked_when_there_is_one),
    };
    return cmocka_run_group_tests(tests, talk_prepare, NULL);
}
