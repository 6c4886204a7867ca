/*
 * HTTP server: bodies that go into a sink as they come, and blocks of theirs that stay until others
 * need the room. Raw sockets on loopback.
 *
 *   /sink   a body of at most SINK_MAX into the sink     /keep  claims a block, and keeps it
 *   others  how large the body is                        /move  has that block for its body
 */
#include "support/check.h"

#include "net/http_server.h"
#include "support/http_peer.h"

#include <pthread.h>
#include <time.h>

enum { SINK_MAX = 200000, BLOCK = 64000, TICKET = 7, WAIT_MS = 20000 };

typedef struct place {
    ch_http_server *server;
    uint16_t port;
    pthread_mutex_t lock; // around what follows
    uint8_t sunk[SINK_MAX];
    size_t size;
    size_t least; // bytes that the sink takes; then no more
    uint64_t ticket;
    ch_http_block kept;
    uint32_t rooms_made;
} place;

static bool sink_add(void *self, uint64_t ticket, choir_bytes bytes) {
    place *p = self;
    (void)pthread_mutex_lock(&p->lock);
    const bool is_taken = ticket == TICKET && p->size + bytes.size <= p->least;
    if (is_taken) {
        memcpy(p->sunk + p->size, bytes.data, bytes.size);
        p->size += bytes.size;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return is_taken;
}

static size_t place_body_max(void *self, ch_http_exchange *x) {
    if (strcmp(ch_http_path(x), "/sink") == 0) {
        ch_http_body_to(x, (ch_http_sink){.add = sink_add, .self = self, .ticket = TICKET});
    }
    return SINK_MAX;
}

static void place_handle(void *self, ch_http_exchange *x) {
    place *p = self;
    if (strcmp(ch_http_path(x), "/keep") == 0) {
        assert_true(ch_http_block_claim(x, BLOCK, &p->kept));
        memset(p->kept.data, 'k', BLOCK);
    } else if (strcmp(ch_http_path(x), "/move") == 0) {
        ch_http_body_move(x, &p->kept, BLOCK - 1);
        assert_null(p->kept.data);
        assert_int_equal(ch_http_body(x).data[BLOCK - 2], 'k');
    }
    char text[64];
    (void)pthread_mutex_lock(&p->lock);
    p->ticket = ch_http_body_ticket(x);
    (void)pthread_mutex_unlock(&p->lock);
    (void)snprintf(text, sizeof(text), "%zu", ch_http_body(x).size);
    ch_http_answer(x, 200, "text/plain", (choir_bytes){(const uint8_t *)text, strlen(text)});
}

static bool place_make_room(void *self) {
    place *p = self;
    const bool has_one = p->kept.data != NULL;
    p->rooms_made += has_one;
    ch_http_block_give(&p->kept);
    return has_one;
}

static void place_open(place *p, size_t bodies_max) {
    const choir_env env = choir_env_default();
    const ch_http_handler handler = {.body_max = place_body_max,
                                     .handle = place_handle,
                                     .make_room = place_make_room,
                                     .self = p};
    ch_http_server_options o = ch_http_server_defaults();
    o.bodies_max = bodies_max;
    memset(p, 0, sizeof(*p));
    p->least = SINK_MAX;
    (void)pthread_mutex_init(&p->lock, NULL);
    check_status(ch_http_server_start(&p->server, &o, handler, &env, NULL), CHOIR_OK);
    p->port = ch_http_server_port(p->server);
}

static void place_close(place *p) {
    ch_http_block_give(&p->kept);
    ch_http_server_stop(p->server, 0);
    (void)pthread_mutex_destroy(&p->lock);
}

static size_t sunk(place *p) {
    (void)pthread_mutex_lock(&p->lock);
    const size_t size = p->size;
    (void)pthread_mutex_unlock(&p->lock);
    return size;
}

/* Asks, with a body of which so many bytes are sent. */
static void ask(int peer, const char *path, const uint8_t *body, size_t size, size_t sent) {
    char head[200];
    (void)snprintf(head, sizeof(head), "PUT %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
                   path, size);
    peer_say(peer, head);
    peer_send(peer, body, sent);
}

static void check_answer(int peer, unsigned code, const char *text) {
    static peer_reply r;
    peer_receive(peer, &r);
    assert_int_equal(r.code, code);
    if (text != NULL) {
        assert_string_equal((char *)r.body, text);
    }
}

static const uint8_t *letters(void) {
    static uint8_t body[SINK_MAX + 1];
    for (size_t i = 0; i < sizeof(body); i++) {
        body[i] = (uint8_t)(i * 31 >> 3);
    }
    return body;
}

static void a_body_goes_to_its_sink_and_takes_no_room(void **state) {
    (void)state;
    static place p;
    place_open(&p, SINK_MAX); // for a block and a body of that size there is no room
    const int peer = peer_connect(p.port);
    ask(peer, "/keep", letters(), 0, 0);
    check_answer(peer, 200, "0");
    assert_int_equal(p.ticket, 0);
    ask(peer, "/sink", letters(), SINK_MAX, SINK_MAX);
    check_answer(peer, 200, "0");
    assert_int_equal(sunk(&p), SINK_MAX);
    assert_memory_equal(p.sunk, letters(), SINK_MAX);
    assert_int_equal(p.ticket, TICKET);
    assert_int_equal(p.rooms_made, 0);
    ask(peer, "/", letters(), 10, 10); // the next one has none
    check_answer(peer, 200, "10");
    assert_int_equal(p.ticket, 0);
    ask(peer, "/sink", letters(), SINK_MAX + 1, SINK_MAX + 1);
    check_answer(peer, 413, NULL);
    (void)close(peer);
    place_close(&p);
}

static void what_came_before_a_connection_broke_is_in_the_sink(void **state) {
    (void)state;
    static place p;
    place_open(&p, SINK_MAX);
    const int peer = peer_connect(p.port);
    ask(peer, "/sink", letters(), SINK_MAX, 12345);
    (void)close(peer);
    const struct timespec pause = {.tv_nsec = 5 * 1000000};
    for (int i = 0; sunk(&p) < 12345 && i < WAIT_MS / 5; i++) {
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(sunk(&p), 12345);
    assert_memory_equal(p.sunk, letters(), 12345);
    place_close(&p);
}

static void a_sink_that_takes_no_more_is_asked_no_more(void **state) {
    (void)state;
    static place p;
    static const char chunked[] = "PUT /sink HTTP/1.1\r\nHost: h\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n"
                                  "5\r\nabcde\r\n3\r\nfgh\r\n1\r\ni\r\n0\r\n\r\n";
    place_open(&p, SINK_MAX);
    const int peer = peer_connect(p.port);
    p.least = 7;
    peer_send(peer, chunked, sizeof(chunked) - 1);
    check_answer(peer, 200, "0");
    assert_true(sunk(&p) == 0 || sunk(&p) == 5); // and not the "i", for which there was room
    (void)close(peer);
    place_close(&p);
}

static void a_block_is_kept_until_bodies_need_its_room(void **state) {
    (void)state;
    static place p;
    place_open(&p, BLOCK + 30000);
    const int peer = peer_connect(p.port);
    ask(peer, "/keep", letters(), 0, 0);
    check_answer(peer, 200, "0");
    ask(peer, "/", letters(), 29000, 29000);
    check_answer(peer, 200, "29000");
    assert_int_equal(p.rooms_made, 0);
    ask(peer, "/", letters(), 31000, 31000);
    check_answer(peer, 200, "31000");
    assert_int_equal(p.rooms_made, 1);
    ask(peer, "/keep", letters(), 0, 0);
    check_answer(peer, 200, "0");
    ask(peer, "/move", letters(), 0, 0);
    check_answer(peer, 200, "63999");
    ask(peer, "/", letters(), BLOCK, BLOCK); // whose room is free again
    check_answer(peer, 200, "64000");
    assert_int_equal(p.rooms_made, 1);
    ask(peer, "/", letters(), BLOCK + 31000, BLOCK + 31000); // more than all
    check_answer(peer, 413, NULL);
    (void)close(peer);
    place_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_goes_to_its_sink_and_takes_no_room),
        cmocka_unit_test(what_came_before_a_connection_broke_is_in_the_sink),
        cmocka_unit_test(a_sink_that_takes_no_more_is_asked_no_more),
        cmocka_unit_test(a_block_is_kept_until_bodies_need_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
