/*
 * HTTP crowd: see http_crowd.h.
 *
 *     crowd ── groups of GROUP lanes: a CURLM each ── lanes: a ch_http_client each
 *       '── one epoll: (group, socket)
 *
 * libcurl says which sockets of a group it waits for and when it wants to be called without any.
 */
#include "net/http_crowd.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/error.h"
#include "net/http_client_parts.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { GROUP = 64, EVENTS_MAX = 256 };

typedef struct lane {
    ch_http_client *client; // NULL: has not been used
    ch_http_reply reply;
    bool is_busy;
} lane;

typedef struct group {
    ch_http_crowd *crowd;
    CURLM *multi;
    uint32_t number;
    uint64_t due_ms;   // when libcurl wants to be called; UINT64_MAX: not
    bool is_disturbed; // something may be done
} group;

struct ch_http_crowd {
    choir_env env;
    ch_http_client_options options;
    lane *lanes; // (lanes_count)
    uint32_t lanes_count;
    group *groups; // (groups_count)
    uint32_t groups_count;
    int poll;
    uint32_t busy;
};

static uint64_t now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* -------------------------------------------------------------------------------- what it waits
 * for
 */

/* libcurl's: known says whether the socket is in epoll already. */
static int on_socket(CURL *curl, curl_socket_t socket, int what, void *self, void *known) {
    (void)curl;
    group *g = self;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(g->crowd->poll, EPOLL_CTL_DEL, socket, NULL);
        return 0;
    }
    struct epoll_event event = {.data.u64 = (uint64_t)g->number << 32 | (uint32_t)socket};
    event.events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    if (epoll_ctl(g->crowd->poll, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event) !=
        0) {
        return -1;
    }
    return curl_multi_assign(g->multi, socket, g) == CURLM_OK ? 0 : -1;
}

static int on_timer(CURLM *multi, long wait_ms, void *self) {
    (void)multi;
    group *g = self;
    g->due_ms = wait_ms < 0 ? UINT64_MAX : now_ms() + (uint64_t)wait_ms;
    return 0;
}

static choir_status group_create(ch_http_crowd *c, uint32_t number) {
    group *g = &c->groups[number];
    *g = (group){.crowd = c, .multi = curl_multi_init(), .number = number, .due_ms = UINT64_MAX};
    CURLM *m = g->multi;
    return m != NULL && curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
                   curl_multi_setopt(m, CURLMOPT_SOCKETDATA, g) == CURLM_OK &&
                   curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
                   curl_multi_setopt(m, CURLMOPT_TIMERDATA, g) == CURLM_OK &&
                   curl_multi_setopt(m, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK &&
                   curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)GROUP) == CURLM_OK
               ? CHOIR_OK
               : CHOIR_ENOMEM;
}

/* ------------------------------------------------------------------------------------- life cycle
 */

static void *claim(const choir_env *env, size_t count, size_t bytes) {
    void *block = env->alloc(env->self, ch_arena_cost(count, bytes));
    if (block != NULL) {
        memset(block, 0, ch_arena_cost(count, bytes));
    }
    return block;
}

static choir_status lane_open(ch_http_crowd *c, lane *l, choir_error *err) {
    if (l->client != NULL) {
        return CHOIR_OK;
    }
    const choir_status status = ch_http_client_create(&l->client, &c->options, &c->env, err);
    if (status == CHOIR_OK) { // a second's timer for each of ten thousand that wait is too much
        CURL *curl = ch_http_client_curl(l->client);
        (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_PRIVATE, l);
    }
    return status;
}

static choir_status crowd_build(ch_http_crowd *c, choir_error *err) {
    c->lanes = claim(&c->env, c->lanes_count, sizeof(*c->lanes));
    c->groups = claim(&c->env, c->groups_count, sizeof(*c->groups));
    if (c->lanes == NULL || c->groups == NULL) {
        return CHOIR_ENOMEM;
    }
    choir_status status = lane_open(c, &c->lanes[0], err); // what is wrong with options is told now
    for (uint32_t i = 0; i < c->groups_count && status == CHOIR_OK; i++) {
        status = group_create(c, i);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    c->poll = epoll_create1(EPOLL_CLOEXEC);
    return c->poll >= 0 ? CHOIR_OK
                        : ch_error_set(err, CHOIR_EIO, "http: the system gives no epoll: %s",
                                       strerror(errno));
}

choir_status ch_http_crowd_create(ch_http_crowd **out, uint32_t lanes,
                                  const ch_http_client_options *options, const choir_env *env,
                                  choir_error *err) {
    CH_ASSERT(lanes >= 1);
    *out = NULL;
    ch_http_crowd *c = claim(env, 1, sizeof(*c));
    if (c == NULL) {
        return CHOIR_ENOMEM;
    }
    *c = (ch_http_crowd){.env = *env,
                         .options = *options,
                         .lanes_count = lanes,
                         .groups_count = (lanes + GROUP - 1) / GROUP,
                         .poll = -1};
    c->options.is_stopped = NULL;
    const choir_status status = crowd_build(c, err);
    if (status != CHOIR_OK) {
        ch_http_crowd_destroy(c);
        return status;
    }
    *out = c;
    return CHOIR_OK;
}

static void lane_close(ch_http_crowd *c, uint32_t number) {
    lane *l = &c->lanes[number];
    if (l->is_busy) {
        CURLM *multi = c->groups[number / GROUP].multi;
        (void)curl_multi_remove_handle(multi, ch_http_client_curl(l->client));
    }
    ch_http_client_destroy(l->client);
}

void ch_http_crowd_destroy(ch_http_crowd *c) {
    if (c == NULL) {
        return;
    }
    const choir_env env = c->env;
    for (uint32_t i = 0; i < c->lanes_count && c->lanes != NULL; i++) {
        lane_close(c, i);
    }
    for (uint32_t i = 0; i < c->groups_count && c->groups != NULL; i++) {
        (void)curl_multi_cleanup(c->groups[i].multi);
    }
    if (c->poll >= 0) {
        (void)close(c->poll);
    }
    if (c->lanes != NULL) {
        env.free(env.self, c->lanes);
    }
    if (c->groups != NULL) {
        env.free(env.self, c->groups);
    }
    env.free(env.self, c);
}

/* ------------------------------------------------------------------------------------------ calls
 */

choir_status ch_http_crowd_send(ch_http_crowd *c, uint32_t number, const ch_http_call *call,
                                choir_error *err) {
    CH_ASSERT(number < c->lanes_count);
    lane *l = &c->lanes[number];
    CH_ASSERT(!l->is_busy);
    choir_status status = lane_open(c, l, err);
    if (status == CHOIR_OK) {
        status = ch_http_client_begin(l->client, call, &l->reply, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    CURLM *multi = c->groups[number / GROUP].multi;
    if (curl_multi_add_handle(multi, ch_http_client_curl(l->client)) != CURLM_OK) {
        return ch_http_client_end(l->client, CURLE_OUT_OF_MEMORY, err);
    }
    l->is_busy = true;
    c->busy += 1;
    return CHOIR_OK;
}

/* Tells what of a group is done. */
static void group_settle(ch_http_crowd *c, group *g, ch_http_crowd_done *done, void *self) {
    int left = 0;
    g->is_disturbed = false;
    for (const CURLMsg *m = curl_multi_info_read(g->multi, &left); m != NULL;
         m = curl_multi_info_read(g->multi, &left)) {
        void *private = NULL;
        const CURLcode code = m->data.result;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
        lane *l = private;
        (void)curl_multi_remove_handle(g->multi, m->easy_handle); // m is gone
        choir_error err = {.message = ""};
        const choir_status status = ch_http_client_end(l->client, code, &err);
        l->is_busy = false;
        c->busy -= 1;
        done(self, (uint32_t)(l - c->lanes), status, &l->reply, &err);
        if (!l->is_busy) { // thousands of models would be too much
            ch_http_client_forget(l->client);
        }
    }
}

static void events_act(ch_http_crowd *c, const struct epoll_event *events, int count) {
    int running = 0;
    for (int i = 0; i < count; i++) {
        group *g = &c->groups[events[i].data.u64 >> 32];
        const unsigned what = events[i].events;
        const int flags = ((what & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                          ((what & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                          ((what & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
        (void)curl_multi_socket_action(g->multi, (curl_socket_t)(uint32_t)events[i].data.u64, flags,
                                       &running);
        g->is_disturbed = true;
    }
}

void ch_http_crowd_turn(ch_http_crowd *c, uint32_t wait_ms, ch_http_crowd_done *done, void *self) {
    uint64_t now = now_ms();
    uint64_t until_ms = now + wait_ms;
    for (uint32_t i = 0; i < c->groups_count; i++) {
        until_ms = c->groups[i].due_ms < until_ms ? c->groups[i].due_ms : until_ms;
    }
    struct epoll_event events[EVENTS_MAX];
    const int count =
        epoll_wait(c->poll, events, EVENTS_MAX, until_ms > now ? (int)(until_ms - now) : 0);
    events_act(c, events, count);
    now = now_ms();
    for (uint32_t i = 0; i < c->groups_count; i++) {
        group *g = &c->groups[i];
        if (g->due_ms <= now) {
            int running = 0;
            g->due_ms = UINT64_MAX;
            (void)curl_multi_socket_action(g->multi, CURL_SOCKET_TIMEOUT, 0, &running);
            g->is_disturbed = true;
        }
        if (g->is_disturbed) {
            group_settle(c, g, done, self);
        }
    }
}

uint32_t ch_http_crowd_busy(const ch_http_crowd *c) {
    return c->busy;
}
