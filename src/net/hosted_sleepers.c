/* Hosted: the check-ins that sleep. See hosted.h. */
#include "net/hosted.h"

#include "base/arena.h"
#include "choir/why.h"

enum { SLEEPERS_MAX = 65536 };

/* "Ask again at once." */
static choir_bytes come_back(ch_hosted *h) {
    return (choir_bytes){.data = h->own_reply,
                         .size = choir_answer_wait(h->own_reply, 1, CHOIR_WHY_NONE)};
}

bool ch_hosted_sleep(ch_hosted *h, ch_http_exchange *x, uint64_t now_ms, uint64_t patience_ms) {
    ch_sleeper *s = NULL;
    if (h->sleepers_count < SLEEPERS_MAX) {
        s = h->env.alloc(h->env.self, ch_arena_cost(1, sizeof(*s)));
    }
    if (s == NULL) {
        return false;
    }
    *s = (ch_sleeper){.next = h->sleepers,
                      .exchange = x,
                      .until_ms = now_ms + patience_ms,
                      .is_patient = patience_ms > 0};
    h->sleepers = s;
    h->sleepers_count += 1;
    return true;
}

/* Whether it is that subject that sleeps: what it asked says which client it is. */
static bool sleeps(const ch_hosted *h, const ch_sleeper *s, int64_t subject) {
    choir_route route;
    choir_refusal refusal;
    return choir_route_read(&route, &refusal, ch_http_body(s->exchange)) == CHOIR_OK &&
           route.client < h->row.clients && h->roster[route.client] == subject;
}

void ch_hosted_revoke(ch_hosted *h, int64_t subject) {
    static const char text[] = "{\"error\": \"subject: has been revoked\"}\n";
    for (ch_sleeper **at = &h->sleepers; *at != NULL;) {
        ch_sleeper *s = *at;
        if (!sleeps(h, s, subject)) {
            at = &s->next;
            continue;
        }
        ch_http_answer(s->exchange, 401, "application/json",
                       (choir_bytes){.data = (const uint8_t *)text, .size = sizeof(text) - 1});
        *at = s->next;
        h->sleepers_count -= 1;
        h->env.free(h->env.self, s);
    }
}

void ch_hosted_disturb(ch_hosted *h, const char *why) {
    while (h->sleepers != NULL) {
        ch_sleeper *s = h->sleepers;
        h->sleepers = s->next;
        if (why != NULL) {
            ch_answer_busy(s->exchange, why);
        }
        h->env.free(h->env.self, s);
    }
    h->sleepers_count = 0;
}

/*
 * The answer to a sleeper now; empty when it may sleep on. One whose version is over comes back,
 * and finds what its job has become.
 */
static choir_bytes sleeper_reply(ch_hosted *h, const ch_sleeper *s, bool is_news, uint64_t now_ms) {
    const bool is_up = now_ms >= s->until_ms;
    if (!ch_hosted_is_running(h)) {
        return come_back(h);
    }
    if (is_news || (is_up && !s->is_patient)) {
        const choir_bytes reply =
            choir_coordinator_reply(h->coordinator, now_ms, ch_http_body(s->exchange));
        if (!s->is_patient || choir_answer_of(reply) != CHOIR_ANSWER_WAIT) {
            return reply;
        }
    }
    return is_up ? come_back(h) : (choir_bytes){0};
}

uint64_t ch_hosted_rouse(ch_hosted *h, uint64_t now_ms) {
    if (!ch_hosted_is_open(h)) {
        return UINT64_MAX; // nobody sleeps there
    }
    ch_hosted_tick(h, now_ms); // a round whose time is up is noted, and not closed by a reply
    const uint64_t closings = choir_coordinator_closings(h->coordinator);
    const bool is_free = choir_coordinator_has_room(h->coordinator) && !h->had_room;
    const bool is_news = closings != h->roused || is_free;
    uint64_t next_ms = UINT64_MAX;
    if (h->closed != NULL && !ch_hosted_has_failed(h)) {
        return next_ms; // after the next commit
    }
    for (ch_sleeper **at = &h->sleepers; *at != NULL;) {
        ch_sleeper *s = *at;
        const choir_bytes reply = sleeper_reply(h, s, is_news, now_ms);
        if (reply.size == 0) {
            next_ms = s->until_ms < next_ms ? s->until_ms : next_ms;
            at = &s->next;
            continue;
        }
        h->bytes_down += reply.size;
        ch_answer_reply(s->exchange, reply);
        *at = s->next;
        h->sleepers_count -= 1;
        h->env.free(h->env.self, s);
    }
    h->roused = closings;
    h->had_room = choir_coordinator_has_room(h->coordinator);
    return next_ms;
}
