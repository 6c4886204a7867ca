/* What the handler asks of an exchange, and its answers; from any thread. See http_parts.h. */
#include "base/assert.h"
#include "net/http_parts.h"
#include "net/http_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { UNIT = 64 }; // bytes in which env->alloc counts

/* ------------------------------------------------------------------------------ what was asked */

const char *ch_http_method(const ch_http_exchange *x) {
    return x->method;
}

const char *ch_http_path(const ch_http_exchange *x) {
    return x->path;
}

static const char *value_of(const ch_http_exchange *x, enum MHD_ValueKind kind, const char *name) {
    const char *value = NULL;
    const enum MHD_Result found =
        MHD_lookup_connection_value_n(x->connection, kind, name, strlen(name), &value, NULL);
    return found == MHD_YES && value == NULL ? "" : value;
}

const char *ch_http_query(const ch_http_exchange *x, const char *name) {
    return value_of(x, MHD_GET_ARGUMENT_KIND, name);
}

const char *ch_http_header(const ch_http_exchange *x, const char *name) {
    return value_of(x, MHD_HEADER_KIND, name);
}

const char *ch_http_bearer(const ch_http_exchange *x) {
    return ch_http_token(ch_http_header(x, MHD_HTTP_HEADER_AUTHORIZATION));
}

const char *ch_http_peer(const ch_http_exchange *x) {
    return x->peer;
}

choir_bytes ch_http_body(const ch_http_exchange *x) {
    return (choir_bytes){.data = x->body_size > 0 ? x->body : NULL, .size = x->body_size};
}

void ch_http_body_to(ch_http_exchange *x, ch_http_sink sink) {
    CH_ASSERT(sink.add != NULL && sink.ticket != 0 && x->body == NULL);
    x->sink = sink;
}

uint64_t ch_http_body_ticket(const ch_http_exchange *x) {
    return x->sink.ticket;
}

uint64_t ch_http_number(const ch_http_exchange *x) {
    return x->number;
}

const char *ch_http_id(const ch_http_exchange *x) {
    return x->id;
}

void ch_http_note(ch_http_exchange *x, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(x->note, sizeof(x->note), format, arguments);
    va_end(arguments);
}

const char *ch_http_noted(const ch_http_exchange *x) {
    return x->note;
}

/* --------------------------------------------------------------------------------------- memory */

struct ch_http_header_node {
    ch_http_header_node *next;
    char *value;
    char name[]; // and the value behind it
};

static void headers_release(ch_http_exchange *x) {
    while (x->headers != NULL) {
        ch_http_header_node *next = x->headers->next;
        x->server->env.free(x->server->env.self, x->headers);
        x->headers = next;
    }
    x->header_count = 0;
}

void ch_http_exchange_clear(ch_http_exchange *x) {
    ch_http_body_release(x);
    headers_release(x);
    if (x->answer != NULL && x->answer != x->server->unavailable) {
        MHD_destroy_response(x->answer);
    }
    x->answer = NULL;
}

/* -------------------------------------------------------------------------------------- answers */

struct MHD_Response *ch_http_refusal(unsigned code) {
    static const struct {
        unsigned code;
        const char *text;
    } texts[] = {
        {400, "the request's path or its framing is malformed\n"},
        {413, "the request's body is larger than is taken here\n"},
        {503, "the server is busy; try again later\n"},
        {500, ""},
    };
    size_t i = 0;
    while (texts[i].code != code && texts[i].code != 500) {
        i++;
    }
    const char *text = texts[i].text;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (response != NULL && *text != '\0') {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
    }
    return response;
}

struct MHD_Response *ch_http_unavailable(void) {
    struct MHD_Response *response = ch_http_refusal(MHD_HTTP_SERVICE_UNAVAILABLE);
    if (response != NULL &&
        (MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1") != MHD_YES ||
         MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") != MHD_YES)) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

void ch_http_give(ch_http_exchange *x, unsigned code, struct MHD_Response *response) {
    CH_ASSERT(x->state == CH_HTTP_HANDLED || x->state == CH_HTTP_SLEEPING);
    const bool sleeps = x->state == CH_HTTP_SLEEPING;
    x->answer = response != NULL ? response : x->server->unavailable;
    x->code = response != NULL ? code : MHD_HTTP_SERVICE_UNAVAILABLE;
    x->state = CH_HTTP_ANSWERED;
    if (sleeps) {
        MHD_resume_connection(x->connection);
    }
}

void ch_http_answer_header(ch_http_exchange *x, const char *name, const char *value) {
    CH_ASSERT(x->header_count < CH_HTTP_HEADERS_MAX);
    const choir_env *env = &x->server->env;
    const size_t name_bytes = strlen(name) + 1;
    const size_t value_bytes = strlen(value) + 1;
    const size_t bytes = sizeof(ch_http_header_node) + name_bytes + value_bytes;
    ch_http_header_node *node = env->alloc(env->self, (bytes + UNIT - 1) / UNIT * UNIT);
    if (node == NULL || !ch_http_is_line(name) || !ch_http_is_line(value)) {
        x->cannot_answer = true;
    }
    if (node == NULL) {
        return;
    }
    memcpy(node->name, name, name_bytes);
    node->value = node->name + name_bytes;
    memcpy(node->value, value, value_bytes);
    node->next = x->headers;
    x->headers = node;
    x->header_count += 1;
}

static bool header_add(struct MHD_Response *response, const char *name, const char *value) {
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* Adds the handler's headers and gives the answer, response being moved; NULL: 503. */
static void finish(ch_http_exchange *x, unsigned code, struct MHD_Response *response,
                   bool is_whole) {
    ch_http_server *s = x->server;
    bool can_answer = is_whole && !x->cannot_answer;
    for (const ch_http_header_node *h = x->headers; h != NULL && response != NULL; h = h->next) {
        can_answer = can_answer && header_add(response, h->name, h->value);
    }
    if (response != NULL && !can_answer) {
        MHD_destroy_response(response);
        code = MHD_HTTP_INTERNAL_SERVER_ERROR;
        response = ch_http_refusal(code);
        x->answer_bytes = 0;
    }
    headers_release(x);
    ch_http_body_release(x);
    (void)pthread_mutex_lock(&s->lock);
    ch_http_give(x, code, response);
    (void)pthread_mutex_unlock(&s->lock);
}

/* A copied body: a block whose first unit says whose memory it is. */
static void copy_free(void *block) {
    ch_http_server *const *server = block;
    (*server)->env.free((*server)->env.self, block);
}

static struct MHD_Response *response_copy(ch_http_server *s, choir_bytes body) {
    if (body.size == 0) {
        return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    }
    uint8_t *block = s->env.alloc(s->env.self, UNIT + (body.size + UNIT - 1) / UNIT * UNIT);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &s, sizeof(ch_http_server *));
    memcpy(block + UNIT, body.data, body.size);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        body.size, block + UNIT, copy_free, block);
    if (response == NULL) {
        copy_free(block);
    }
    return response;
}

void ch_http_answer(ch_http_exchange *x, unsigned code, const char *type, choir_bytes body) {
    CH_ASSERT(code >= 200 && code <= 599);
    struct MHD_Response *response = response_copy(x->server, body);
    const bool is_whole = response == NULL || type == NULL ||
                          header_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    x->answer_bytes = body.size;
    finish(x, code, response, is_whole);
}

static bool content_headers_add(struct MHD_Response *r, const ch_http_content *content,
                                const ch_http_choice *choice, size_t total) {
    char range[80];
    bool is_whole = header_add(r, MHD_HTTP_HEADER_ETAG, choice->etag) &&
                    header_add(r, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
    if (content->packed.size > 0) {
        is_whole = is_whole && header_add(r, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    }
    if (choice->code == 206) {
        (void)snprintf(range, sizeof(range), "bytes %zu-%zu/%zu", choice->from,
                       choice->from + choice->size - 1, total);
    } else {
        (void)snprintf(range, sizeof(range), "bytes */%zu", total);
    }
    if (content->cache != NULL && choice->code != 416) { // a cache would keep the refusal
        is_whole = is_whole && header_add(r, MHD_HTTP_HEADER_CACHE_CONTROL, content->cache);
    }
    if (choice->code == 206 || choice->code == 416) {
        is_whole = is_whole && header_add(r, MHD_HTTP_HEADER_CONTENT_RANGE, range);
    }
    if (choice->code == 200 || choice->code == 206) {
        is_whole = is_whole && header_add(r, MHD_HTTP_HEADER_CONTENT_TYPE, content->type);
        if (choice->is_packed) {
            is_whole = is_whole && header_add(r, MHD_HTTP_HEADER_CONTENT_ENCODING, "zstd");
        }
    }
    return is_whole;
}

static void nobody_cares(void *owner) {
    (void)owner;
}

void ch_http_answer_content(ch_http_exchange *x, const ch_http_content *content) {
    const ch_http_wishes wishes = {
        .method = x->method,
        .accept_encoding = ch_http_header(x, MHD_HTTP_HEADER_ACCEPT_ENCODING),
        .if_none_match = ch_http_header(x, MHD_HTTP_HEADER_IF_NONE_MATCH),
        .if_range = ch_http_header(x, MHD_HTTP_HEADER_IF_RANGE),
        .range = ch_http_header(x, MHD_HTTP_HEADER_RANGE),
    };
    const ch_http_choice choice = ch_http_choose(content, &wishes);
    const choir_bytes source = choice.is_packed ? content->packed : content->bytes;
    void (*release)(void *owner) = content->release != NULL ? content->release : nobody_cares;
    struct MHD_Response *response = NULL;
    if (choice.size > 0) {
        response = MHD_create_response_from_buffer_with_free_callback_cls(
            choice.size, (void *)(uintptr_t)(source.data + choice.from), release, content->owner);
    } else {
        response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    }
    const bool is_whole =
        response == NULL || content_headers_add(response, content, &choice, source.size);
    x->answer_bytes = choice.size;
    const bool is_lent = response != NULL && choice.size > 0;
    finish(x, choice.code, response, is_whole);
    if (!is_lent) {
        release(content->owner);
    }
}
