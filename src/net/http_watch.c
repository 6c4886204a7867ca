/* Watching connections: the queues, and the thread that cuts off what is late. See http_parts.h. */
#include "base/env.h"
#include "net/http_parts.h"

#include <sys/socket.h>
#include <time.h>

enum { LOOK_MS = 250 }; // how often the watcher looks at the heads of its queues

uint64_t ch_http_now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void unlink_from(ch_http_queue *q, ch_http_exchange *x) {
    *(x->before != NULL ? &x->before->after : &q->first) = x->after;
    *(x->after != NULL ? &x->after->before : &q->last) = x->before;
}

static void append_to(ch_http_queue *q, ch_http_exchange *x) {
    x->before = q->last;
    x->after = NULL;
    *(q->last != NULL ? &q->last->after : &q->first) = x;
    q->last = x;
    x->due_ms = q->limit_ms == UINT64_MAX ? UINT64_MAX : ch_http_now_ms() + q->limit_ms;
}

void ch_http_watch_move(ch_http_exchange *x, ch_http_phase phase) {
    unlink_from(&x->server->queues[x->phase], x);
    x->phase = phase;
    append_to(&x->server->queues[phase], x);
}

void ch_http_watch_enter(ch_http_exchange *x) {
    ch_http_server *s = x->server;
    (void)pthread_mutex_lock(&s->lock);
    s->connections += 1;
    x->phase = CH_HTTP_FRESH;
    append_to(&s->queues[CH_HTTP_FRESH], x);
    (void)pthread_mutex_unlock(&s->lock);
}

void ch_http_watch_leave(ch_http_exchange *x) {
    ch_http_server *s = x->server;
    (void)pthread_mutex_lock(&s->lock);
    s->connections -= 1;
    unlink_from(&s->queues[x->phase], x);
    (void)pthread_mutex_unlock(&s->lock);
}

/*
 * Ends what is due. The descriptor is the connection's own: it is closed only after
 * ch_http_watch_leave. libmicrohttpd sees the end of the connection and closes it.
 */
static void cut_off(ch_http_server *s, uint64_t now_ms) {
    for (ch_http_phase phase = CH_HTTP_FRESH; phase < CH_HTTP_CUT; phase++) {
        for (ch_http_exchange *x = s->queues[phase].first; x != NULL && x->due_ms <= now_ms;
             x = s->queues[phase].first) {
            ch_log(&s->env, CHOIR_LEVEL_DEBUG, "http_cut_off", "peer=%s while=%s request=\"%s\"",
                   x->peer, phase == CH_HTTP_ANSWERING ? "answering" : "reading", x->id);
            (void)shutdown(x->descriptor, SHUT_RDWR);
            ch_http_watch_move(x, CH_HTTP_CUT);
        }
    }
}

void *ch_http_watch_run(void *self) {
    ch_http_server *s = self;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->is_over) {
        const uint64_t look_ms = ch_http_now_ms() + LOOK_MS;
        const struct timespec look = {.tv_sec = (time_t)(look_ms / 1000),
                                      .tv_nsec = (long)(look_ms % 1000) * 1000000};
        (void)pthread_cond_timedwait(&s->over, &s->lock, &look);
        cut_off(s, ch_http_now_ms());
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}
