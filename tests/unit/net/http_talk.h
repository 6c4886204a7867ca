/*
 * A server for tests of the client to talk to, and clients for it.
 *
 *   /echo   the body               /busy   503 with Retry-After
 *   /facts  what was asked         /away   a redirect
 *   /bomb   8 MiB of zeros packed  /small  413 over ten bytes
 *   /garbage  said to be packed    others  a megabyte, packed when that is accepted
 */
#ifndef CHOIR_TESTS_HTTP_TALK_H
#define CHOIR_TESTS_HTTP_TALK_H

#include "support/check.h"

#include "net/http_client.h"
#include "net/http_server.h"
#include "support/http_peer.h"

#include <zstd.h>

enum { MODEL = 1 << 20, BOMB = 8 << 20, ANSWER_MAX = 4 << 20 };

static uint8_t model[MODEL];
static uint8_t model_packed[MODEL + 1000];
static size_t model_packed_size;
static uint8_t bomb_packed[BOMB / 64];
static size_t bomb_packed_size;

static inline choir_bytes text_bytes(const char *text) {
    return (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

static inline void answer_facts(ch_http_exchange *x) {
    static const char *const names[] = {"X-Thing", "Content-Type", "Accept-Encoding", "User-Agent",
                                        "Content-Length"};
    char text[1024];
    const char *bearer = ch_http_bearer(x);
    size_t at = (size_t)snprintf(text, sizeof(text), "%s %s bearer=%s", ch_http_method(x),
                                 ch_http_path(x), bearer != NULL ? bearer : "-");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = ch_http_header(x, names[i]);
        at += (size_t)snprintf(text + at, sizeof(text) - at, " %s=%s", names[i],
                               value != NULL ? value : "-");
    }
    ch_http_answer(x, 200, "text/plain", text_bytes(text));
}

static inline void answer_packed(ch_http_exchange *x) {
    const char *path = ch_http_path(x);
    ch_http_content content = {.bytes = {model, MODEL},
                               .packed = {model_packed, model_packed_size},
                               .type = "application/octet-stream",
                               .etag = "model"};
    if (strcmp(path, "/bomb") == 0) {
        content.packed = (choir_bytes){bomb_packed, bomb_packed_size};
    } else if (strcmp(path, "/garbage") == 0) {
        content.packed = text_bytes("this is not zstd");
    }
    ch_http_answer_content(x, &content);
}

static inline void serve(void *self, ch_http_exchange *x) {
    (void)self;
    const char *path = ch_http_path(x);
    if (strcmp(path, "/echo") == 0) {
        ch_http_answer(x, 200, "application/x-thing", ch_http_body(x));
    } else if (strcmp(path, "/busy") == 0) {
        ch_http_answer_header(x, "Retry-After", "7");
        ch_http_answer(x, 503, "text/plain", text_bytes("later"));
    } else if (strcmp(path, "/away") == 0) {
        ch_http_answer_header(x, "Location", "/echo");
        ch_http_answer(x, 302, NULL, text_bytes(""));
    } else if (strcmp(path, "/facts") == 0) {
        answer_facts(x);
    } else {
        answer_packed(x);
    }
}

static inline size_t limit(void *self, ch_http_exchange *x) {
    (void)self;
    return strcmp(ch_http_path(x), "/small") == 0 ? 10 : MODEL * 16;
}

static inline ch_http_server *server_open(const char *chain, const char *key,
                                          const char *clients_ca) {
    const ch_http_handler handler = {.body_max = limit, .handle = serve};
    const choir_env env = choir_env_default();
    ch_http_server_options o = ch_http_server_defaults();
    ch_http_server *s = NULL;
    choir_error err = {.message = ""};
    o.certificate = chain;
    o.key = key;
    o.clients_ca = clients_ca;
    check_status(ch_http_server_start(&s, &o, handler, &env, &err), CHOIR_OK);
    return s;
}

/* Options for a server on loopback; the URL is borrowed until the next call. */
static inline ch_http_client_options options_for(const char *scheme, uint16_t port) {
    static char url[64];
    ch_http_client_options o = ch_http_client_defaults();
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", scheme, port);
    o.url = url;
    o.proxy = ""; // whatever this machine's environment says
    o.body_max = ANSWER_MAX;
    o.request_ms = PEER_WAIT_S * 1000;
    return o;
}

static inline ch_http_client *client_open(const ch_http_client_options *o) {
    const choir_env env = choir_env_default();
    ch_http_client *c = NULL;
    choir_error err = {.message = ""};
    check_status(ch_http_client_create(&c, o, &env, &err), CHOIR_OK);
    return c;
}

/* Fills the server's contents; for cmocka's group. */
static inline int talk_prepare(void **state) {
    (void)state;
    for (uint32_t i = 0; i < MODEL; i++) {
        model[i] = (uint8_t)(i * 2654435761U >> 28);
    }
    uint8_t *zeros = calloc(1, BOMB);
    assert_non_null(zeros);
    model_packed_size = ZSTD_compress(model_packed, sizeof(model_packed), model, MODEL, 1);
    bomb_packed_size = ZSTD_compress(bomb_packed, sizeof(bomb_packed), zeros, BOMB, 1);
    free(zeros);
    assert_false(ZSTD_isError(model_packed_size) || ZSTD_isError(bomb_packed_size));
    return 0;
}

#endif
