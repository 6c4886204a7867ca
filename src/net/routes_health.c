/*
 * Routes for whoever runs a server: is it alive, is it ready, and its figures.
 *
 *     GET /healthz   200: the process answers
 *     GET /readyz    200: it can keep what it is told; 503: its disk refuses
 *     GET /metrics   in the text form of Prometheus
 *
 * and GET /v1/openapi.json: all routes, for programs.
 */
#include "net/openapi.h"
#include "net/routes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PAGE_MAX = 256 << 10 };

static void answer_text(ch_http_exchange *x, unsigned code, const char *text) {
    ch_http_answer(x, code, "text/plain; version=0.0.4; charset=utf-8",
                   (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)});
}

void ch_route_health(ch_ask *ask) {
    answer_text(ask->exchange, 200, "ok\n");
}

void ch_route_ready(ch_ask *ask) {
    (void)pthread_mutex_lock(&ask->server->lock);
    const bool fails = ask->server->disk_fails;
    (void)pthread_mutex_unlock(&ask->server->lock);
    answer_text(ask->exchange, fails ? 503 : 200,
                fails ? "the disk refuses what is to be kept\n" : "ready\n");
}

void ch_route_openapi(ch_ask *ask) {
    ch_http_answer(ask->exchange, 200, "application/json",
                   (choir_bytes){.data = CH_OPENAPI, .size = CH_OPENAPI_SIZE});
}

typedef struct page {
    char *text; // (PAGE_MAX)
    size_t size;
} page;

static void put(page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What no longer fits is left out. */
static void put(page *p, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(p->text + p->size, PAGE_MAX - p->size, format, arguments);
    va_end(arguments);
    if (size > 0 && p->size + (size_t)size < PAGE_MAX) {
        p->size += (size_t)size;
    } else {
        p->text[p->size] = '\0';
    }
}

static void put_head(page *p, const char *name, const char *type, const char *help) {
    put(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

typedef struct figure {
    const char *name;
    const char *type;
    const char *help;
    uint64_t (*value)(const ch_hosted *h);
} figure;

static uint64_t rounds_of(const ch_hosted *h) {
    return h->kept.closed;
}

static uint64_t requests_of(const ch_hosted *h) {
    return h->requests;
}

static uint64_t up_of(const ch_hosted *h) {
    return h->bytes_up;
}

static uint64_t down_of(const ch_hosted *h) {
    return h->bytes_down;
}

static uint64_t running_of(const ch_hosted *h) {
    return ch_hosted_is_running(h);
}

static const figure FIGURES[] = {
    {"choir_rounds_closed", "gauge", "Rounds that have closed.", rounds_of},
    {"choir_job_running", "gauge", "1 while rounds go on.", running_of},
    {"choir_requests_total", "counter", "Requests of clients answered.", requests_of},
    {"choir_bytes_up_total", "counter", "Bytes of clients' requests.", up_of},
    {"choir_bytes_down_total", "counter", "Bytes of replies, models apart.", down_of},
};

/* With the lock. */
static void page_fill(page *p, ch_server *s) {
    put_head(p, "choir_uptime_seconds", "gauge", "Since the server started.");
    put(p, "choir_uptime_seconds %" PRIu64 "\n", (ch_server_now_ms() - s->started_ms) / 1000);
    put_head(p, "choir_connections", "gauge", "Open connections.");
    put(p, "choir_connections %" PRIu32 "\n", ch_http_server_connections(s->http));
    put_head(p, "choir_commits_total", "counter", "Group commits that the disk has.");
    put(p, "choir_commits_total %" PRIu64 "\n", s->commits);
    put_head(p, "choir_disk_fails", "gauge", "1 while the disk refuses what is to be kept.");
    put(p, "choir_disk_fails %d\n", s->disk_fails);
    uint32_t uploads = 0;
    uint64_t bytes = 0;
    ch_uploads_count(&s->uploads, &uploads, &bytes);
    put_head(p, "choir_uploads_open", "gauge", "Reports of which parts have come, and not all.");
    put(p, "choir_uploads_open %" PRIu32 "\n", uploads);
    put_head(p, "choir_uploads_bytes", "gauge", "Bytes of those parts.");
    put(p, "choir_uploads_bytes %" PRIu64 "\n", bytes);
    put_head(p, "choir_requests_limited_total", "counter", "Requests that came too often.");
    put(p, "choir_requests_limited_total %" PRIu64 "\n", s->limited);
    for (size_t i = 0; i < sizeof(FIGURES) / sizeof(FIGURES[0]); i++) {
        put_head(p, FIGURES[i].name, FIGURES[i].type, FIGURES[i].help);
        for (uint32_t j = 0; j < s->jobs_count; j++) {
            put(p, "%s{job=\"%s\"} %" PRIu64 "\n", FIGURES[i].name, s->jobs[j]->reference,
                FIGURES[i].value(s->jobs[j]));
        }
    }
}

void ch_route_metrics(ch_ask *ask) {
    ch_server *s = ask->server;
    page p = {.text = s->env.alloc(s->env.self, PAGE_MAX)};
    if (p.text == NULL) {
        ch_answer_busy(ask->exchange, "no memory");
        return;
    }
    p.text[0] = '\0';
    (void)pthread_mutex_lock(&s->lock);
    page_fill(&p, s);
    (void)pthread_mutex_unlock(&s->lock);
    answer_text(ask->exchange, 200, p.text);
    s->env.free(s->env.self, p.text);
}
