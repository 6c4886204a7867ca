/*
 * HTTP server: bodies at and over their limits, hostile heads, slow clients, many clients, no
 * memory. Raw sockets on loopback.
 */
#include "unit/net/http_site.h"

#include <dirent.h>

/* --------------------------------------------------------------------------------------- bodies */

/* A request with a body of so many bytes, whole or in chunks of 100. */
static size_t request_write(char *out, size_t size, const char *path, size_t body,
                            bool is_chunked) {
    size_t at = 0;
    if (!is_chunked) {
        at += (size_t)snprintf(
            out, size, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", path, body);
        memset(out + at, 'b', body);
        return at + body;
    }
    at += (size_t)snprintf(
        out, size, "POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", path);
    for (size_t done = 0; done < body; done += 100) {
        const size_t piece = body - done < 100 ? body - done : 100;
        at += (size_t)snprintf(out + at, size - at, "%zx\r\n", piece);
        memset(out + at, 'b', piece);
        at += piece;
        at += (size_t)snprintf(out + at, size - at, "\r\n");
    }
    return at + (size_t)snprintf(out + at, size - at, "0\r\n\r\n");
}

static void a_body_may_be_as_large_as_its_limit_and_not_larger(void **state) {
    (void)state;
    static const struct {
        const char *path;
        size_t body;
        unsigned code;
    } rows[] = {
        {"/echo", 0, 200},        {"/echo", 1, 200},
        {"/echo", BODY_MAX, 200}, {"/echo", BODY_MAX + 1, 413},
        {"/echo", 50000, 413},    {"/none", 1, 413},
        {"/none", 0, 200},
    };
    static site s;
    static peer_reply r;
    static char text[80000];
    site_open(&s, NULL);
    const int peer = peer_connect(s.port); // which is kept through all of them
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        const bool is_chunked = i % 2 == 1;
        const size_t size =
            request_write(text, sizeof(text), rows[i / 2].path, rows[i / 2].body, is_chunked);
        peer_send(peer, text, size);
        peer_receive(peer, &r);
        assert_int_equal(r.code, rows[i / 2].code);
        if (r.code == 200 && strcmp(rows[i / 2].path, "/echo") == 0) {
            assert_int_equal(r.size, rows[i / 2].body);
        }
    }
    (void)close(peer);
    site_close(&s);
}

static void a_large_body_is_refused_before_it_is_read(void **state) {
    (void)state;
    static const struct {
        const char *head;
        unsigned code;
    } rows[] = {
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", 413},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551614\r\n\r\n", 413},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n", 413},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
         413},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
         100},
        {"POST /private HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n", 401},
        {"POST /private HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 401},
        {"GET /private HTTP/1.1\r\nHost: h\r\n\r\n", 401},
    };
    static site s;
    static peer_reply r;
    site_open(&s, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        peer_ask(s.port, rows[i].head, &r);
        assert_int_equal(r.code, rows[i].code);
    }
    assert_string_equal(peer_header(&r, "WWW-Authenticate"), "Bearer");
    const int peer = peer_connect(s.port); // sends a body without end
    peer_say(peer, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "ffffffff\r\n");
    static const char piece[1 << 16];
    for (int i = 0; i < 64; i++) {
        peer_send(peer, piece, sizeof(piece));
    }
    assert_true(peer_is_closed(peer));
    (void)close(peer);
    site_close(&s);
}

static void too_many_bodies_at_one_time_are_refused(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    static char text[30000];
    enum { BODY = 20000 };
    ch_http_server_options o = ch_http_server_defaults();
    o.bodies_max = 30016;
    site_open(&s, &o);
    for (int i = 0; i < 4; i++) {
        const int first = peer_connect(s.port);
        peer_send(first, text, request_write(text, sizeof(text), "/hold", BODY, i % 2 == 1));
        ch_http_exchange *x = site_take(&s, 1);
        const int second = peer_connect(s.port);
        peer_send(second, text, request_write(text, sizeof(text), "/size", BODY, i >= 2));
        peer_receive(second, &r);
        assert_int_equal(r.code, 503);
        assert_string_equal(peer_header(&r, "Retry-After"), "1");
        (void)close(second);
        const int third = peer_connect(s.port); // a small one needs no room
        peer_send(third, text, request_write(text, sizeof(text), "/size", CH_HTTP_SMALL, i >= 2));
        peer_receive(third, &r);
        assert_string_equal((char *)r.body, "16384");
        (void)close(third);
        const choir_bytes body = ch_http_body(x);
        assert_int_equal(body.size, BODY);
        ch_http_answer(x, 200, NULL, body); // which is copied before it is released
        peer_receive(first, &r);
        assert_int_equal(r.size, BODY);
        peer_send(first, text, request_write(text, sizeof(text), "/size", BODY, i >= 2));
        peer_receive(first, &r);
        assert_int_equal(r.code, 200);
        (void)close(first);
    }
    site_close(&s);
}

/* Of each there is the head and a quarter of the body. */
static void bodies_that_do_not_come_take_nobodys_room(void **state) {
    (void)state;
    enum { PEERS = 40, BODY = 60000, COMES = 15000 };
    static site s;
    static peer_reply r;
    static char text[BODY + 200];
    int peers[PEERS];
    ch_http_server_options o = ch_http_server_defaults();
    o.bodies_max = 2 * BODY;
    site_open(&s, &o);
    const size_t size = request_write(text, sizeof(text), "/size", BODY, false);
    for (int i = 0; i < PEERS; i++) {
        peers[i] = peer_connect(s.port);
        peer_send(peers[i], text, size - BODY + COMES);
    }
    check_connections(&s, PEERS);
    for (int i = 0; i < PEERS; i++) { // whole, one after the other
        peer_send(peers[i], text + size - BODY + COMES, BODY - COMES);
        peer_receive(peers[i], &r);
        assert_string_equal((char *)r.body, "60000");
        (void)close(peers[i]);
    }
    site_close(&s);
}

static void large_bodies_use_the_memory_of_those_before(void **state) {
    (void)state;
    enum { MEGABYTE = 1 << 20 };
    static const struct {
        size_t body;
        int allocations; // so far
    } rows[] = {
        {4 * MEGABYTE, 2},                    // a block of one, then of four
        {4 * MEGABYTE, 2}, {2 * MEGABYTE, 2}, // half of the larger is enough
        {MEGABYTE, 2},     {7 * MEGABYTE, 3}, // for which the larger makes room
        {8 * MEGABYTE, 6},                    // for which all do
    };
    static site s;
    static peer_reply r;
    static char text[8 * MEGABYTE + 200];
    char size[32];
    ch_http_server_options o = ch_http_server_defaults();
    o.bodies_max = 8 * MEGABYTE;
    site_open(&s, &o);
    const int peer = peer_connect(s.port);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        peer_send(peer, text, request_write(text, sizeof(text), "/size", rows[i].body, false));
        peer_receive(peer, &r);
        (void)snprintf(size, sizeof(size), "%zu", rows[i].body);
        assert_string_equal((char *)r.body, size);
        assert_int_equal(atomic_load(&s.large_allocations), rows[i].allocations);
    }
    peer_send(peer, text, request_write(text, sizeof(text), "/size", 3 * MEGABYTE, true));
    peer_receive(peer, &r);
    assert_string_equal((char *)r.body, "3145728"); // which grew from block to block
    (void)close(peer);
    site_close(&s);
}

static void connections_of_one_address_may_be_limited(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    ch_http_server_options o = ch_http_server_defaults();
    o.connections_per_address_max = 1;
    site_open(&s, &o);
    const int first = peer_connect(s.port);
    peer_say(first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_receive(first, &r);
    const int second = peer_connect(s.port);
    assert_true(peer_is_closed(second));
    (void)close(first);
    (void)close(second);
    site_close(&s);
}

/* ----------------------------------------------------------------------------- hostile and slow */

static void a_hostile_head_is_refused(void **state) {
    (void)state;
    static const char *const heads[] = {
        "GET /../etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a/%2e%2e/b HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a%2f..%2fb HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a%0d%0aX:1 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%ff HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /?a=%00 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1x\r\n\r\na",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    static site s;
    static peer_reply r;
    site_open(&s, NULL);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        peer_ask(s.port, heads[i], &r);
        if (r.code != 400) {
            fail_msg("%s: %u instead of 400", heads[i], r.code);
        }
    }
    check_connections(&s, 0);
    site_close(&s);
}

/* Whether the other end closes without a byte more. */
static bool is_closed_now(int peer) {
    char byte;
    const ssize_t got = recv(peer, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

/* What stands behind a head that a proxy may read otherwise is not heard as a request. */
static void a_body_is_never_another_request(void **state) {
    (void)state;
    static const struct {
        const char *head; // without the blank line
        unsigned code;
    } rows[] = {
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length : 30\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length\t: 30\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n 30\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\t0\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-: 3\r\n Length\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nX: 3\r\n Content-Length: 30\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-: chunked\r\n\tEncoding\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
         "Transfer-Encoding : chunked\r\n",
         400},
        {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 30\r\n", 400},
        {"DELETE / HTTP/1.1\r\nHost: h\r\nX: 1\r\n 2\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n", 413},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent_Length: 30\r\n", 200},
        {"PUT /none HTTP/1.1\r\nHost: h\r\n", 200},
        {"DELETE / HTTP/1.1\r\nHost: h\r\n", 200},
    };
    static site s;
    static peer_reply r;
    site_open(&s, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int peer = peer_connect(s.port);
        char text[400];
        (void)snprintf(text, sizeof(text), "%s\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].head);
        peer_say(peer, text);
        peer_receive(peer, &r);
        if (r.code != rows[i].code || !is_closed_now(peer)) {
            fail_msg("%s: %u instead of %u, or then another answer", rows[i].head, r.code,
                     rows[i].code);
        }
        (void)close(peer);
    }
    const int peer = peer_connect(s.port); // which honest requests keep, odd as their heads are
    peer_say(peer,
             "POST /echo HTTP/1.1\r\nHost: h\r\nX:\r\nY-!: \t y : z\r\ncontent-length:\t3\r\n\r\n"
             "abcGET / HTTP/1.1\r\nHost:h\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        peer_receive(peer, &r);
        assert_int_equal(r.code, 200);
    }
    (void)close(peer);
    site_close(&s);
}

static void a_path_or_head_that_is_too_long_is_refused(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    static char text[20000];
    site_open(&s, NULL);
    (void)snprintf(text, sizeof(text), "GET /%01023d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    peer_ask(s.port, text, &r);
    assert_int_equal(r.code, 200);
    (void)snprintf(text, sizeof(text), "GET /%01024d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    peer_ask(s.port, text, &r);
    assert_int_equal(r.code, 400);
    (void)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\nX: %010000d\r\n\r\n", 0);
    peer_ask(s.port, text, &r);
    assert_int_equal(r.code, 431);
    site_close(&s);
}

/* One client of each slow kind, all at once. */
static void slow_clients_are_cut_off(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    ch_http_server_options o = ch_http_server_defaults();
    o.idle_s = 1;
    o.request_s = 1;
    o.answer_s = 1;
    site_open(&s, &o);
    s.large = calloc(1, LARGE);
    assert_non_null(s.large);
    enum { SILENT, KEPT, BODY, DRIP, DRIP_KEPT, DEAF, SLOW_KINDS };
    int peers[SLOW_KINDS];
    for (size_t i = 0; i < SLOW_KINDS; i++) {
        peers[i] = peer_connect(s.port);
    }
    peer_say(peers[BODY], "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
    peer_say(peers[DEAF], "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    for (size_t i = KEPT; i <= DRIP_KEPT; i += DRIP_KEPT - KEPT) {
        peer_say(peers[i], "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        peer_receive(peers[i], &r);
        assert_int_equal(r.code, 200);
    }
    const int gone = peer_connect(s.port); // whose end comes together with half a head
    peer_say(gone, "GET /");
    (void)close(gone);
    peer_say(peers[DRIP], "GET /");
    peer_say(peers[DRIP_KEPT], "GET /");
    int drips = 0;
    for (; ch_http_server_connections(s.server) > 0 && drips < SETTLE_MS / 20; drips++) {
        peer_say(peers[DRIP], "a"); // never idle
        peer_say(peers[DRIP_KEPT], "a");
        wait_ms(20);
    }
    check_connections(&s, 0);
    for (size_t i = 0; i < SLOW_KINDS; i++) {
        assert_true(peer_is_closed(peers[i]));
        (void)close(peers[i]);
    }
    site_close(&s);
    free(s.large);
}

static size_t descriptors_open(void) {
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static void a_thousand_connections_leave_nothing_open(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    const size_t before = descriptors_open();
    site_open(&s, NULL);
    const size_t with_server = descriptors_open();
    for (int i = 0; i < 1000; i++) {
        const int peer = peer_connect(s.port);
        if (i % 4 == 1) {
            peer_say(peer, "GET / HT");
            reset_on_close(peer);
        } else if (i % 4 == 2) {
            reset_on_close(peer);
            peer_say(peer, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
        } else if (i % 4 == 3) {
            peer_say(peer, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n");
            peer_receive(peer, &r);
            assert_int_equal(r.code, 200);
        }
        (void)close(peer);
    }
    check_connections(&s, 0);
    assert_int_equal(descriptors_open(), with_server);
    site_close(&s);
    assert_int_equal(descriptors_open(), before);
}

/* ------------------------------------------------------------------------------------ no memory */
/* A request needs memory for its connection, its body, its header and its answer. */
static void without_memory_a_request_is_refused_and_others_served(void **state) {
    (void)state;
    static site s;
    static peer_reply r;
    static const char request[] = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    site_open(&s, NULL);
    for (int allowed = 0; allowed <= 3; allowed++) {
        atomic_store(&s.allocations_left, allowed);
        peer_ask(s.port, request, &r);
        assert_int_equal(r.code, allowed == 0 ? 0 : allowed < 3 ? 503 : 200);
    }
    atomic_store(&s.allocations_left, 1); // a header without which the answer would be another
    peer_ask(s.port, "GET /content HTTP/1.1\r\nHost: h\r\n\r\n", &r);
    assert_int_equal(r.code, 500);
    site_close(&s);
    site_prepare(&s);
    atomic_store(&s.allocations_left, 0);
    const ch_http_server_options o = ch_http_server_defaults();
    const ch_http_handler handler = {site_body_max, site_handle, site_over, NULL, &s};
    check_status(ch_http_server_start(&s.server, &o, handler, &s.env, NULL), CHOIR_ENOMEM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_may_be_as_large_as_its_limit_and_not_larger),
        cmocka_unit_test(a_large_body_is_refused_before_it_is_read),
        cmocka_unit_test(too_many_bodies_at_one_time_are_refused),
        cmocka_unit_test(bodies_that_do_not_come_take_nobodys_room),
        cmocka_unit_test(large_bodies_use_the_memory_of_those_before),
        cmocka_unit_test(connections_of_one_address_may_be_limited),
        cmocka_unit_test(a_hostile_head_is_refused),
        cmocka_unit_test(a_body_is_never_another_request),
        cmocka_unit_test(a_path_or_head_that_is_too_long_is_refused),
        cmocka_unit_test(slow_clients_are_cut_off),
        cmocka_unit_test(a_thousand_connections_leave_nothing_open),
        cmocka_unit_test(without_memory_a_request_is_refused_and_others_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
