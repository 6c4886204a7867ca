/*
 * HTTP server: what the handler is told and what clients are, late answers, clients that leave,
 * stopping, starting. Raw sockets on loopback.
 */
#include "unit/net/http_site.h"

#include <sys/resource.h>

/* --------------------------------------------------------------------------- asking and telling */

static void the_handler_is_told_what_was_asked(void **state) {
    (void)state;
    static const struct {
        const char *request, *facts;
    } rows[] = {
        {"GET /a%20b/%2fc HTTP/1.1\r\nHost: h\r\n\r\n",
         "GET /a b//c a=- b=- thing=- bearer=- peer=127.0.0.1 number=1 "},
        {"POST /x?a=1%262&b HTTP/1.1\r\nHost: h\r\nX-Thing: some thing\r\n"
         "Authorization: Bearer t0.k-n\r\nContent-Length: 5\r\n\r\nhello",
         "POST /x a=1&2 b= thing=some thing bearer=t0.k-n peer=127.0.0.1 number=2 hello"},
        {"PUT /y?a=first&a=second&b=+ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
         "PUT /y a=first b=  thing=- bearer=- peer=127.0.0.1 number=3 hello"},
        {"DELETE / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
         "DELETE / a=- b=- thing=- bearer=- peer=127.0.0.1 number=4 "},
    };
    static site s;
    static peer_reply r;
    site_open(&s, NULL);
    const int peer = peer_connect(s.port); // all on one connection
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        peer_say(peer, rows[i].request);
        peer_receive(peer, &r);
        assert_int_equal(r.code, 200);
        assert_string_equal((char *)r.body, rows[i].facts);
        assert_string_equal(peer_header(&r, "Content-Type"), "text/plain");
    }
    (void)close(peer);
    site_close(&s);
}

static void an_address_may_be_of_ipv6_and_serve_ipv4_too(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    ch_http_server_options o = ch_http_server_defaults();
    ch_http_server *none = NULL;
    const choir_env env = choir_env_default();
    o.address = "::";
    if (ch_http_server_start(&none, &o, (ch_http_handler){0}, &env, NULL) == CHOIR_EIO) {
        skip(); // this machine has no IPv6
    }
    ch_http_server_stop(none, 0);
    site_open(&s, &o);
    peer_ask(s.port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", &r);
    assert_non_null(strstr((char *)r.body, "peer=127.0.0.1 "));
    site_close(&s);
}

static void content_is_given_as_far_as_it_is_needed(void **state) {
    (void)state;
    static const struct {
        const char *request;
        unsigned code;
        const char *body, *length, *range, *coding, *etag;
    } rows[] = {
        {"GET /content HTTP/1.1\r\nHost: h\r\n\r\n", 200, "0123456789", "10", NULL, NULL,
         "\"abc\""},
        {"GET /content HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n", 206, "234", "3",
         "bytes 2-4/10", NULL, "\"abc\""},
        {"GET /content HTTP/1.1\r\nHost: h\r\nRange: bytes=10-\r\n\r\n", 416, "", "0", "bytes */10",
         NULL, "\"abc\""},
        {"GET /content HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"abc\"\r\n\r\n", 304, "", NULL, NULL,
         NULL, "\"abc\""},
        {"HEAD /content HTTP/1.1\r\nHost: h\r\n\r\n", 200, "", "10", NULL, NULL, "\"abc\""},
        {"GET /content HTTP/1.1\r\nHost: h\r\nAccept-Encoding: zstd\r\n\r\n", 200, "packed", "6",
         NULL, "zstd", "\"abc-zstd\""},
        {"GET /content HTTP/1.1\r\nHost: h\r\nAccept-Encoding: zstd\r\nRange: bytes=-2\r\n\r\n",
         206, "ed", "2", "bytes 4-5/6", "zstd", "\"abc-zstd\""},
    };
    static site s;
    static peer_reply r;
    site_open(&s, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        peer_ask(s.port, rows[i].request, &r);
        assert_int_equal(r.code, rows[i].code);
        assert_string_equal((char *)r.body, rows[i].body);
        const struct {
            const char *name, *value;
        } headers[] = {
            {"Content-Length", rows[i].length},
            {"Content-Range", rows[i].range},
            {"Content-Encoding", rows[i].coding},
            {"ETag", rows[i].etag},
            {"Vary", "Accept-Encoding"},
            {"Link", "<a>"},
            {"Cache-Control", rows[i].code == 416 ? NULL : "immutable"},
        };
        for (size_t h = rows[i].length == NULL ? 1 : 0; h < sizeof(headers) / sizeof(headers[0]);
             h++) {
            const char *value = peer_header(&r, headers[h].name);
            assert_string_equal(value != NULL ? value : "none",
                                headers[h].value != NULL ? headers[h].value : "none");
        }
    }
    site_close(&s);
    assert_int_equal(atomic_load(&s.released), sizeof(rows) / sizeof(rows[0]));
}

static void an_answer_that_http_cannot_carry_is_a_500(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    site_open(&s, NULL);
    peer_ask(s.port, "GET /split HTTP/1.1\r\nHost: h\r\n\r\n", &r);
    assert_int_equal(r.code, 500);
    assert_null(peer_header(&r, "Set-Cookie"));
    site_close(&s);
}

static void a_request_has_an_id_of_its_own_or_of_the_proxys(void **state) {
    (void)state;
    static const struct {
        const char *headers;
        const char *id; // NULL: one that is made
    } rows[] = {
        {"", NULL},
        {"X-Request-Id: a.b_c-9\r\n", "a.b_c-9"},
        {"X-Request-Id: a b\r\n", NULL},
        {"X-Request-Id: \"}{\r\n", NULL},
        {"X-Request-Id: "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
         NULL}, // 65
        {"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
         "4bf92f3577b34da6a3ce929d0e0e4736"},
        {"traceparent: 00-4bf9-00f067aa0ba902b7-01\r\n", NULL},
        {"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
         "X-Request-Id: mine\r\n",
         "mine"},
    };
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    static site s;
    static peer_reply r;
    ch_http_server_options o = ch_http_server_defaults();
    for (int trusts = 0; trusts < 2; trusts++) {
        o.trusts_ids = trusts == 1;
        site_open(&s, &o);
        char before[CH_HTTP_ID_MAX] = "";
        for (uint32_t i = 0; i < ROWS; i++) {
            char request[256];
            (void)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n",
                           rows[i].headers);
            peer_ask(s.port, request, &r);
            const char *id = peer_header(&r, "X-Request-Id");
            const site_over_row over = site_last(&s, i + 1);
            assert_string_equal(over.id, id);
            if (o.trusts_ids && rows[i].id != NULL) {
                assert_string_equal(id, rows[i].id);
                continue;
            }
            char expected[16];
            (void)snprintf(expected, sizeof(expected), "-%x", i + 1);
            assert_string_equal(id + 8, expected);
            assert_true(before[0] == '\0' || strncmp(id, before, 8) == 0);
            (void)snprintf(before, sizeof(before), "%s", id);
        }
        site_close(&s);
    }
}

static void of_what_is_over_is_told_how_it_ended(void **state) {
    (void)state;
    static const struct {
        const char *request;
        unsigned code;
        size_t bytes;
        const char *note;
    } rows[] = {
        {"GET /content HTTP/1.1\r\nHost: h\r\n\r\n", 200, 10, ""},
        {"GET /content HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n", 206, 3, ""},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", 200, 5, ""},
        {"GET /private HTTP/1.1\r\nHost: h\r\n\r\n", 401, 12, ""},
        {"GET /split HTTP/1.1\r\nHost: h\r\n\r\n", 500, 0, ""},
        {"GET /../x HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0, ""},
        {"DELETE /none HTTP/1.1\r\nHost: h\r\n\r\n", 200, 0, "facts=DELETE"},
    };
    static site s;
    static peer_reply r;
    site_open(&s, NULL);
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        peer_ask(s.port, rows[i].request, &r);
        const site_over_row over = site_last(&s, i + 1);
        assert_int_equal(r.code, rows[i].code);
        assert_int_equal(over.outcome.code, rows[i].code);
        if (rows[i].bytes > 0) {
            assert_int_equal(over.outcome.bytes, rows[i].bytes);
        }
        assert_string_equal(over.note, rows[i].note);
        assert_true(over.outcome.is_whole);
        assert_non_null(peer_header(&r, "X-Request-Id"));
    }
    site_close(&s);
}

/* ------------------------------------------------------------------------------------- sleeping */

static void *answer_reversed(void *self) {
    site *s = self;
    char text[32];
    while (s->held_count > 0) {
        ch_http_exchange *x = s->held[s->held_count - 1];
        s->held_count -= 1;
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)ch_http_number(x));
        ch_http_answer(x, 200, "text/plain", text_bytes(text));
    }
    return NULL;
}

static void late_answers_come_from_another_thread(void **state) {
    (void)state;
    enum { PEERS = 32 };
    static site s;
    static peer_reply r;
    int peers[PEERS];
    char text[32];
    site_open(&s, NULL);
    for (int round = 0; round < 3; round++) { // on the same connections
        for (size_t i = 0; i < PEERS; i++) {
            if (round == 0) {
                peers[i] = peer_connect(s.port);
            }
            peer_say(peers[i], "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
            hold(&s, site_take(&s, i + 1)); // one after the other, so that numbers are known
        }
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, answer_reversed, &s), 0);
        for (size_t i = 0; i < PEERS; i++) {
            peer_receive(peers[i], &r);
            (void)snprintf(text, sizeof(text), "%zu", (size_t)round * PEERS + i + 1);
            assert_string_equal((char *)r.body, text);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    for (size_t i = 0; i < PEERS; i++) {
        (void)close(peers[i]);
    }
    check_connections(&s, 0);
    site_close(&s);
}

static void a_client_may_leave_while_its_exchange_sleeps(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    site_open(&s, NULL);
    for (int i = 0; i < 4; i++) {
        const int peer = peer_connect(s.port);
        peer_say(peer, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        ch_http_exchange *x = site_take(&s, 1);
        if (i % 2 == 1) {
            reset_on_close(peer);
        }
        (void)close(peer);
        assert_string_equal(ch_http_path(x), "/hold");
        if (i < 2) {
            answer_content(&s, x);
        } else {
            ch_http_answer(x, 200, NULL, text_bytes("too late"));
        }
    }
    check_connections(&s, 0);
    assert_int_equal(atomic_load(&s.released), 2);
    peer_ask(s.port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", &r);
    assert_int_equal(r.code, 200);
    site_close(&s);
}

static void a_stop_answers_what_sleeps(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    site_open(&s, NULL);
    const int held = peer_connect(s.port);
    const int kept = peer_connect(s.port);
    peer_say(held, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)site_take(&s, 1);
    peer_say(kept, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_receive(kept, &r);
    ch_http_server_drain(s.server, 1);
    peer_say(kept, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_receive(kept, &r);
    assert_int_equal(r.code, 503); // begun after the drain
    assert_true(peer_is_closed(kept));
    site_close(&s);
    peer_receive(held, &r);
    assert_int_equal(r.code, 503);
    assert_string_equal(peer_header(&r, "Retry-After"), "1");
    assert_true(peer_is_closed(held));
    (void)close(held);
    (void)close(kept);
}

static void *answer_after_a_while(void *self) {
    wait_ms(50);
    ch_http_answer(self, 200, NULL, text_bytes("still"));
    return NULL;
}

static void a_drain_waits_for_answers(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    pthread_t thread;
    site_open(&s, NULL);
    const int peer = peer_connect(s.port);
    peer_say(peer, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(pthread_create(&thread, NULL, answer_after_a_while, site_take(&s, 1)), 0);
    ch_http_server_stop(s.server, PEER_WAIT_S * 1000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    peer_receive(peer, &r);
    assert_int_equal(r.code, 200);
    assert_string_equal((char *)r.body, "still");
    assert_string_equal(peer_header(&r, "Connection"), "close");
    (void)close(peer);
}

/* ------------------------------------------------------------------------------------- starting */

/* A socket that is no address of the server's, so that it cannot be connected to itself. */
static int other_socket(void) {
    const struct sockaddr_in own = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    const int peer = socket(AF_INET, SOCK_STREAM, 0);
    (void)bind(peer, (const struct sockaddr *)&own, sizeof(own));
    return peer;
}

/* Asks as soon as anybody listens; self is the port. */
static void *hurry(void *self) {
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons(*(const uint16_t *)self),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int peer = other_socket();
    while (connect(peer, (const struct sockaddr *)&at, sizeof(at)) != 0) {
        (void)close(peer);
        peer = other_socket();
    }
    peer_say(peer, "GET /open HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    (void)peer_is_closed(peer);
    (void)close(peer);
    return NULL;
}

static void a_handler_may_ask_its_server_before_start_has_returned(void **state) {
    (void)state;
    static site s;
    pthread_t peer;
    ch_http_server_options o = ch_http_server_defaults();
    for (int i = 0; i < 20; i++) {
        site_open(&s, &o);
        o.port = s.port; // which is free then
        site_close(&s);
        assert_int_equal(pthread_create(&peer, NULL, hurry, &o.port), 0);
        site_open(&s, &o);
        assert_int_equal(pthread_join(peer, NULL), 0);
        assert_int_equal(site_last(&s, 1).outcome.code, 200);
        site_close(&s);
        o.port = 0;
    }
}

static void what_cannot_be_served_is_said(void **state) {
    (void)state;
    static site s;
    site_open(&s, NULL);
    static const struct {
        const char *address, *certificate, *key, *clients_ca;
        uint32_t idle_s;
        choir_status status;
        const char *message;
    } rows[] = {
        {"localhost", NULL, NULL, NULL, 1, CHOIR_EINVAL,
         "http: 'localhost' is no IP address; give one such as 127.0.0.1 or ::"},
        {NULL, NULL, NULL, NULL, 1, CHOIR_EINVAL,
         "http: '' is no IP address; give one such as 127.0.0.1 or ::"},
        {"127.0.0.1", NULL, NULL, NULL, 0, CHOIR_EINVAL,
         "http: idle_s is 0; it is to be at least 1"},
        {"127.0.0.1", "x", NULL, NULL, 1, CHOIR_EINVAL,
         "http: a certificate needs its key; give both"},
        {"127.0.0.1", NULL, NULL, "x", 1, CHOIR_EINVAL,
         "http: clients' certificates need TLS; give one of the server's"},
        {"127.0.0.1", "x", "y", NULL, 1, CHOIR_EINVAL,
         "http: the certificate and its key cannot be used ("},
        {"127.0.0.1", NULL, NULL, NULL, 1, CHOIR_EIO, "Address already in use"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_http_server_options o = ch_http_server_defaults();
        ch_http_server *none = NULL;
        choir_error err = {.message = ""};
        o.address = rows[i].address;
        o.port = s.port;
        o.certificate = rows[i].certificate;
        o.key = rows[i].key;
        o.clients_ca = rows[i].clients_ca;
        o.idle_s = rows[i].idle_s;
        const ch_http_handler handler = {site_body_max, site_handle, site_over, NULL, &s};
        check_status(ch_http_server_start(&none, &o, handler, &s.env, &err), rows[i].status);
        if (strstr(err.message, rows[i].message) == NULL) {
            fail_msg("'%s' has no '%s'", err.message, rows[i].message);
        }
        assert_null(none);
    }
    site_close(&s);
}

static void lines_count(void *self, choir_level level, const char *event, const char *fields) {
    (void)fields;
    if (level == CHOIR_LEVEL_WARN && strcmp(event, "http_connections_lowered") == 0) {
        atomic_fetch_add(&((site *)self)->released, 1);
    }
}

static void connections_are_no_more_than_descriptors(void **state) {
    (void)state;
    static site s;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {.rlim_cur = 256, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    site_prepare(&s);
    s.env.log = lines_count;
    const ch_http_server_options o = ch_http_server_defaults();
    const ch_http_handler handler = {site_body_max, site_handle, site_over, NULL, &s};
    check_status(ch_http_server_start(&s.server, &o, handler, &s.env, NULL), CHOIR_OK);
    ch_http_server_stop(s.server, 0);
    assert_int_equal(atomic_load(&s.released), 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_handler_is_told_what_was_asked),
        cmocka_unit_test(an_address_may_be_of_ipv6_and_serve_ipv4_too),
        cmocka_unit_test(content_is_given_as_far_as_it_is_needed),
        cmocka_unit_test(an_answer_that_http_cannot_carry_is_a_500),
        cmocka_unit_test(a_request_has_an_id_of_its_own_or_of_the_proxys),
        cmocka_unit_test(of_what_is_over_is_told_how_it_ended),
        cmocka_unit_test(late_answers_come_from_another_thread),
        cmocka_unit_test(a_client_may_leave_while_its_exchange_sleeps),
        cmocka_unit_test(a_stop_answers_what_sleeps),
        cmocka_unit_test(a_drain_waits_for_answers),
        cmocka_unit_test(a_handler_may_ask_its_server_before_start_has_returned),
        cmocka_unit_test(what_cannot_be_served_is_said),
        cmocka_unit_test(connections_are_no_more_than_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
