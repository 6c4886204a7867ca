/*
 * A server with routes for tests, and the helpers to wait for what it does.
 *
 *   /echo     the body            /content  ten bytes, packed to six
 *   /hold     a late answer       /large    more than sockets' buffers take
 *   /size     how large a body is  /open   how many connections there are
 *   /private  refused by its head /split    a header that ends its line
 *   others    what was asked, as text
 */
#ifndef CHOIR_TESTS_HTTP_SITE_H
#define CHOIR_TESTS_HTTP_SITE_H

#include "support/check.h"

#include "net/http_server.h"
#include "support/http_peer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { BODY_MAX = 1000, HELD_MAX = 64, LARGE = 16 << 20, SETTLE_MS = 20000 };

/* An exchange that is over. */
typedef struct site_over_row {
    ch_http_outcome outcome;
    char id[CH_HTTP_ID_MAX];
    char note[CH_HTTP_NOTE_MAX];
} site_over_row;

typedef struct site {
    ch_http_server *server;
    uint16_t port;
    choir_env env;
    pthread_mutex_t lock;
    pthread_cond_t change;
    ch_http_exchange *held[HELD_MAX]; // asked for /hold, not yet answered
    size_t held_count;
    site_over_row last; // of those that are over
    uint32_t over_count;
    uint8_t *large;
    atomic_int released;
    atomic_int allocations_left;  // -1: no end
    atomic_int large_allocations; // of a megabyte or more
} site;

static inline choir_bytes text_bytes(const char *text) {
    return (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

static inline void release_count(void *owner) {
    atomic_fetch_add((atomic_int *)owner, 1);
}

static inline void answer_content(site *s, ch_http_exchange *x) {
    const ch_http_content content = {.bytes = text_bytes("0123456789"),
                                     .packed = text_bytes("packed"),
                                     .type = "text/plain",
                                     .etag = "abc",
                                     .cache = "immutable",
                                     .release = release_count,
                                     .owner = &s->released};
    ch_http_answer_header(x, "Link", "<a>");
    ch_http_answer_content(x, &content);
}

/* What it was asked, one per line. */
static inline void answer_facts(ch_http_exchange *x) {
    char text[2048];
    const char *a = ch_http_query(x, "a");
    const char *b = ch_http_query(x, "b");
    const char *header = ch_http_header(x, "x-thing");
    const char *bearer = ch_http_bearer(x);
    const choir_bytes body = ch_http_body(x);
    (void)snprintf(text, sizeof(text),
                   "%s %s a=%s b=%s thing=%s bearer=%s peer=%s number=%llu %.*s", ch_http_method(x),
                   ch_http_path(x), a != NULL ? a : "-", b != NULL ? b : "-",
                   header != NULL ? header : "-", bearer != NULL ? bearer : "-", ch_http_peer(x),
                   (unsigned long long)ch_http_number(x), (int)body.size,
                   body.size > 0 ? (const char *)body.data : "");
    assert_int_equal((uintptr_t)body.data % 64, 0);
    ch_http_answer(x, 200, "text/plain", text_bytes(text));
}

static inline void hold(site *s, ch_http_exchange *x) {
    (void)pthread_mutex_lock(&s->lock);
    assert_true(s->held_count < HELD_MAX);
    s->held[s->held_count] = x;
    s->held_count += 1;
    (void)pthread_cond_broadcast(&s->change);
    (void)pthread_mutex_unlock(&s->lock);
}

static inline void site_handle(void *self, ch_http_exchange *x) {
    site *s = self;
    const char *path = ch_http_path(x);
    if (strcmp(path, "/hold") == 0) {
        hold(s, x);
    } else if (strcmp(path, "/content") == 0) {
        answer_content(s, x);
    } else if (strcmp(path, "/large") == 0) {
        const ch_http_content large = {
            .bytes = {s->large, LARGE}, .type = "text/plain", .etag = "large"};
        ch_http_answer_content(x, &large);
    } else if (strcmp(path, "/echo") == 0) {
        ch_http_answer(x, 200, "text/plain", ch_http_body(x));
    } else if (strcmp(path, "/size") == 0) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%zu", ch_http_body(x).size);
        ch_http_answer(x, 200, "text/plain", text_bytes(text));
    } else if (strcmp(path, "/open") == 0) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%u", ch_http_server_connections(s->server));
        ch_http_answer(x, 200, "text/plain", text_bytes(text));
    } else if (strcmp(path, "/split") == 0) {
        ch_http_answer_header(x, "Location", "a\r\nSet-Cookie: b");
        ch_http_answer(x, 201, NULL, text_bytes(""));
    } else {
        ch_http_note(x, "facts=%s", ch_http_method(x));
        answer_facts(x);
    }
}

static inline size_t site_body_max(void *self, ch_http_exchange *x) {
    (void)self;
    if (strcmp(ch_http_path(x), "/private") == 0) {
        ch_http_answer_header(x, "WWW-Authenticate", "Bearer");
        ch_http_answer(x, 401, "text/plain", text_bytes("who are you?"));
        return 0;
    }
    if (strcmp(ch_http_path(x), "/size") == 0 || strcmp(ch_http_path(x), "/hold") == 0) {
        return LARGE;
    }
    return strcmp(ch_http_path(x), "/none") == 0 ? 0 : BODY_MAX;
}

static inline void site_over(void *self, const ch_http_exchange *x, const ch_http_outcome *o) {
    site *s = self;
    (void)pthread_mutex_lock(&s->lock);
    s->last.outcome = *o;
    (void)snprintf(s->last.id, sizeof(s->last.id), "%s", ch_http_id(x));
    (void)snprintf(s->last.note, sizeof(s->last.note), "%s", ch_http_noted(x));
    s->over_count += 1;
    (void)pthread_cond_broadcast(&s->change);
    (void)pthread_mutex_unlock(&s->lock);
}

/* Memory that ends, for several threads. */
static inline void *site_alloc(void *self, size_t bytes) {
    site *s = self;
    atomic_fetch_add(&s->large_allocations, bytes >= 1 << 20 ? 1 : 0);
    if (atomic_load(&s->allocations_left) == 0) {
        return NULL;
    }
    if (atomic_load(&s->allocations_left) > 0) {
        atomic_fetch_sub(&s->allocations_left, 1);
    }
    const choir_env env = choir_env_default();
    return env.alloc(env.self, bytes);
}

static inline void site_prepare(site *s) {
    memset(s, 0, sizeof(*s));
    atomic_store(&s->allocations_left, -1);
    s->env = choir_env_default();
    s->env.alloc = site_alloc;
    s->env.self = s;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->change, NULL);
}

static inline void site_open(site *s, const ch_http_server_options *o) {
    const ch_http_server_options defaults = ch_http_server_defaults();
    const ch_http_handler handler = {site_body_max, site_handle, site_over, NULL, s};
    choir_error err = {.message = ""};
    site_prepare(s);
    check_status(
        ch_http_server_start(&s->server, o != NULL ? o : &defaults, handler, &s->env, &err),
        CHOIR_OK);
    s->port = ch_http_server_port(s->server);
}

static inline void site_close(site *s) {
    ch_http_server_stop(s->server, 0);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_cond_destroy(&s->change);
}

/* Waits until so many exchanges are held, and takes the first. */
static inline ch_http_exchange *site_take(site *s, size_t count) {
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PEER_WAIT_S;
    (void)pthread_mutex_lock(&s->lock);
    int late = 0;
    while (s->held_count < count && late == 0) {
        late = pthread_cond_timedwait(&s->change, &s->lock, &end);
    }
    assert_int_equal(late, 0);
    ch_http_exchange *x = s->held[0];
    s->held_count -= 1;
    memmove(s->held, s->held + 1, s->held_count * sizeof(s->held[0]));
    (void)pthread_mutex_unlock(&s->lock);
    return x;
}

/* Waits until so many exchanges are over; of the last. */
static inline site_over_row site_last(site *s, uint32_t count) {
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PEER_WAIT_S;
    (void)pthread_mutex_lock(&s->lock);
    int late = 0;
    while (s->over_count < count && late == 0) {
        late = pthread_cond_timedwait(&s->change, &s->lock, &end);
    }
    assert_int_equal(s->over_count, count);
    const site_over_row last = s->last;
    (void)pthread_mutex_unlock(&s->lock);
    return last;
}

static inline void wait_ms(long ms) {
    const struct timespec pause = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* Waits until the server has so many connections. */
static inline void check_connections(const site *s, uint32_t count) {
    for (int i = 0; ch_http_server_connections(s->server) != count && i < SETTLE_MS / 5; i++) {
        wait_ms(5);
    }
    assert_int_equal(ch_http_server_connections(s->server), count);
}

static inline void reset_on_close(int peer) {
    const struct linger reset = {.l_onoff = 1};
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
}

#endif
