/* Requests coming in, on libmicrohttpd's thread. See http_parts.h. */
#include "base/text.h"
#include "net/http_parts.h"
#include "net/http_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    GROWTH = 4,           // times what a body has, its next block
    POLITE_MAX = 1 << 20, // bytes of a refused body that are read so that its client, still
                          // sending, does not lose the answer to a reset connection
    TOO_LARGE = 413,      // libmicrohttpd's name for it changes between versions
};

/* ----------------------------------------------------------------------------------------- head */

/* What a head says of its body's length. */
typedef struct framing {
    uint64_t length;  // as far as there is one
    uint32_t lengths; // Content-Length headers
    uint32_t codings; // Transfer-Encoding headers, "chunked"
    bool is_muddled;  // two readers might take it for two different messages
    bool waits;       // sends the body when it is told to go on
} framing;

/*
 * Whether a header came as one line, NAME: VALUE, without a blank in its name. Of a line that goes
 * on in the next libmicrohttpd puts what follows behind the name, for which it copies that behind
 * the value; where all is on one line, the name is before its value.
 */
static bool is_one_line(const char *name, const char *value) {
    const uintptr_t name_end = (uintptr_t)name + strlen(name);
    return ch_http_is_token(name) && (value == NULL || (uintptr_t)value > name_end);
}

static enum MHD_Result framing_add(void *self, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    (void)kind;
    framing *f = self;
    f->is_muddled |= !is_one_line(name, value);
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        f->lengths += 1;
        f->is_muddled |= value == NULL || !ch_text_read_u64(&f->length, value);
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        f->codings += 1;
        f->is_muddled |= value == NULL || strcasecmp(value, "chunked") != 0;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_EXPECT) == 0) {
        f->waits |= value != NULL && strcasecmp(value, "100-continue") == 0;
    }
    return MHD_YES;
}

/* Source: RFC 9112, "HTTP/1.1", sections 5.1, 5.2, 6.3, and 11.2 on request smuggling. */
static framing framing_read(const ch_http_exchange *x) {
    framing f = {.length = 0};
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, framing_add, &f);
    f.is_muddled |= f.lengths + f.codings > 1;
    return f;
}

/* Whether nobody is to be heard behind the request: where it may have a body that we did not see,
 * that would be taken for another request. */
static bool is_last_here(const ch_http_exchange *x, const framing *f) {
    const bool may_have_body =
        strcmp(x->method, MHD_HTTP_METHOD_GET) != 0 && strcmp(x->method, MHD_HTTP_METHOD_HEAD) != 0;
    return f->is_muddled || (may_have_body && f->lengths + f->codings == 0);
}

/* Asks the handler, which may answer; true when it has. */
static bool handler_limits(ch_http_exchange *x) {
    ch_http_server *s = x->server;
    x->body_max = 0;
    if (s->handler.body_max != NULL) {
        x->state = CH_HTTP_HANDLED;
        const size_t bytes_max = s->handler.body_max(s->handler.self, x);
        x->body_max = bytes_max < s->bodies_max ? bytes_max : s->bodies_max;
    }
    if (x->state == CH_HTTP_ANSWERED) {
        return true;
    }
    x->state = CH_HTTP_READING;
    return false;
}

/* The status that a request is refused with, now that its head is in; 0: it is not. */
static unsigned head_judge(ch_http_exchange *x, const framing *f, bool is_draining) {
    if (f->is_muddled || x->is_garbled || !ch_http_path_is_plain(x->path, CH_HTTP_PATH_MAX)) {
        return MHD_HTTP_BAD_REQUEST;
    }
    if (is_draining) {
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    if (handler_limits(x) || f->length == 0) { // what comes in chunks is counted as it comes
        return 0;
    }
    if (f->length > x->body_max) {
        return TOO_LARGE;
    }
    x->body_max = (size_t)f->length;
    const bool needs_room = x->sink.add == NULL && x->body_max > CH_HTTP_SMALL;
    return !needs_room || ch_http_body_fits(x, x->body_max) ? 0 : MHD_HTTP_SERVICE_UNAVAILABLE;
}

/* The answer that is there, the 503 of all as one of its own, if there is memory for that. */
static struct MHD_Response *answer_take(ch_http_exchange *x) {
    struct MHD_Response *answer = x->answer;
    x->answer = NULL;
    if (answer == x->server->unavailable) {
        struct MHD_Response *own = ch_http_unavailable();
        answer = own != NULL ? own : answer;
    }
    return answer;
}

/* Has MHD send it. */
static enum MHD_Result answer_send(ch_http_exchange *x) {
    ch_http_server *s = x->server;
    (void)pthread_mutex_lock(&s->lock);
    const bool is_last = (s->is_draining || x->is_last) && x->answer != s->unavailable;
    struct MHD_Response *answer = answer_take(x);
    ch_http_watch_move(x, CH_HTTP_ANSWERING);
    (void)pthread_mutex_unlock(&s->lock);
    if (is_last) {
        (void)MHD_add_response_header(answer, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    if (strcmp(x->method, MHD_HTTP_METHOD_HEAD) == 0) {
        x->answer_bytes = 0;
    }
    if (answer != s->unavailable) { // where there is no memory, an answer is worth more than an id
        (void)MHD_add_response_header(answer, "X-Request-Id", x->id);
    }
    const enum MHD_Result result = MHD_queue_response(x->connection, x->code, answer);
    if (answer != s->unavailable) {
        MHD_destroy_response(answer);
    }
    return result;
}

/* Refuses on behalf of the handler. */
static enum MHD_Result refuse(ch_http_exchange *x) {
    ch_http_server *s = x->server;
    struct MHD_Response *response =
        x->refusal == MHD_HTTP_SERVICE_UNAVAILABLE ? NULL : ch_http_refusal(x->refusal);
    ch_http_exchange_clear(x);
    (void)pthread_mutex_lock(&s->lock);
    x->state = CH_HTTP_HANDLED;
    ch_http_give(x, x->refusal, response);
    (void)pthread_mutex_unlock(&s->lock);
    return answer_send(x);
}

/* By what the request is known: see ch_http_id. */
static void id_have(ch_http_exchange *x) {
    const char *given = x->server->trusts_ids ? ch_http_header(x, "X-Request-Id") : NULL;
    const char *trace = x->server->trusts_ids ? ch_http_header(x, "traceparent") : NULL;
    if (given != NULL && ch_http_is_id(given, sizeof(x->id) - 1)) {
        (void)snprintf(x->id, sizeof(x->id), "%s", given);
    } else if (trace == NULL || !ch_http_trace_id(x->id, trace)) {
        (void)snprintf(x->id, sizeof(x->id), "%s-%" PRIx64, x->server->id_prefix, x->number);
    }
}

/* A refused request whose body need not be read first is answered at once, and closed. */
static enum MHD_Result head_in(ch_http_exchange *x, const char *path, const char *method) {
    ch_http_server *s = x->server;
    x->path = path;
    x->method = method;
    x->body_size = 0;
    x->sink = (ch_http_sink){.add = NULL};
    x->sunk = 0;
    x->is_shut = false;
    x->dropped = 0;
    x->cannot_answer = false;
    x->note[0] = '\0';
    x->code = 0;
    x->answer_bytes = 0;
    x->begun_ms = ch_http_now_ms();
    (void)pthread_mutex_lock(&s->lock);
    s->busy += 1;
    s->numbers += 1;
    x->number = s->numbers;
    x->state = CH_HTTP_READING;
    const bool is_draining = s->is_draining;
    (void)pthread_mutex_unlock(&s->lock);
    id_have(x);
    const framing f = framing_read(x);
    x->is_last = is_last_here(x, &f);
    x->refusal = head_judge(x, &f, is_draining);
    const bool is_refused = x->refusal != 0 || x->state == CH_HTTP_ANSWERED;
    if (!is_refused || !(f.is_muddled || f.waits || f.length > POLITE_MAX)) {
        return MHD_YES;
    }
    return x->refusal != 0 ? refuse(x) : answer_send(x);
}

/* ----------------------------------------------------------------------------------------- body */

/* Room for size more bytes. 0; the status to refuse with. */
static unsigned body_grow(ch_http_exchange *x, size_t size) {
    if (size > x->body_max - x->body_size) {
        return TOO_LARGE;
    }
    const size_t needed = x->body_size + size;
    if (needed <= x->body_capacity) {
        return 0;
    }
    size_t capacity = x->body_capacity > 0 ? GROWTH * x->body_capacity : CH_HTTP_SMALL;
    capacity = capacity < x->body_max ? capacity : x->body_max;
    capacity = capacity > needed ? capacity : needed;
    return ch_http_body_claim(x, capacity) ? 0 : MHD_HTTP_SERVICE_UNAVAILABLE;
}

/* Gives the sink what comes. 0; the status to refuse with. */
static unsigned sink_in(ch_http_exchange *x, const char *data, size_t size) {
    if (size > x->body_max - x->sunk) {
        return TOO_LARGE;
    }
    x->sunk += size;
    const choir_bytes bytes = {.data = (const uint8_t *)data, .size = size};
    x->is_shut = x->is_shut || !x->sink.add(x->sink.self, x->sink.ticket, bytes);
    return 0;
}

static enum MHD_Result body_in(ch_http_exchange *x, const char *data, size_t size) {
    if (x->refusal == 0 && x->state == CH_HTTP_READING) {
        x->refusal = x->sink.add != NULL ? sink_in(x, data, size) : body_grow(x, size);
    }
    if (x->refusal != 0 || x->state == CH_HTTP_ANSWERED) {
        ch_http_body_release(x);
        x->dropped += size;
        return x->dropped > POLITE_MAX ? MHD_NO : MHD_YES;
    }
    if (x->sink.add == NULL) {
        memcpy(x->body + x->body_size, data, size);
        x->body_size += size;
    }
    return MHD_YES;
}

/* -------------------------------------------------------------------------------------- answers */

/* Calls the handler; then the answer is sent, or the connection sleeps until there is one. */
static enum MHD_Result handle(ch_http_exchange *x) {
    ch_http_server *s = x->server;
    (void)pthread_mutex_lock(&s->lock);
    x->state = CH_HTTP_HANDLED;
    ch_http_watch_move(x, CH_HTTP_ASKED);
    (void)pthread_mutex_unlock(&s->lock);
    s->handler.handle(s->handler.self, x);
    (void)pthread_mutex_lock(&s->lock);
    if (x->state == CH_HTTP_HANDLED && s->is_closing) {
        ch_http_give(x, MHD_HTTP_SERVICE_UNAVAILABLE, NULL);
    }
    const bool sleeps = x->state == CH_HTTP_HANDLED;
    if (sleeps) {
        x->state = CH_HTTP_SLEEPING;
        MHD_suspend_connection(x->connection);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return sleeps ? MHD_YES : answer_send(x);
}

static ch_http_state state_of(ch_http_exchange *x) {
    (void)pthread_mutex_lock(&x->server->lock);
    const ch_http_state state = x->state;
    (void)pthread_mutex_unlock(&x->server->lock);
    return state;
}

static ch_http_exchange *exchange_of(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

enum MHD_Result ch_http_on_request(void *self, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **context) {
    (void)self;
    (void)version;
    ch_http_exchange *x = exchange_of(connection);
    if (x == NULL) {
        return MHD_NO; // there was no memory for it
    }
    if (*context == NULL) {
        *context = x;
        return head_in(x, url, method);
    }
    if (*size > 0) {
        const size_t come = *size;
        *size = 0;
        return body_in(x, data, come);
    }
    switch (state_of(x)) {
    case CH_HTTP_READING:
        return x->refusal != 0 ? refuse(x) : handle(x);
    case CH_HTTP_ANSWERED:
        return answer_send(x);
    default:
        return MHD_NO; // asked again without having been woken
    }
}

static void over_tell(const ch_http_exchange *x, bool is_whole) {
    const ch_http_handler *handler = &x->server->handler;
    if (handler->over != NULL) {
        const ch_http_outcome outcome = {.code = x->code,
                                         .bytes = x->answer_bytes,
                                         .took_ms = ch_http_now_ms() - x->begun_ms,
                                         .is_whole = is_whole};
        handler->over(handler->self, x, &outcome);
    }
}

void ch_http_on_completed(void *self, struct MHD_Connection *connection, void **context,
                          enum MHD_RequestTerminationCode why) {
    (void)connection;
    ch_http_server *s = self;
    ch_http_exchange *x = *context;
    if (x == NULL) {
        return;
    }
    over_tell(x, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    ch_http_exchange_clear(x);
    (void)pthread_mutex_lock(&s->lock);
    x->state = CH_HTTP_IDLE;
    x->is_garbled = false;
    if (x->phase != CH_HTTP_CUT) {
        ch_http_watch_move(x, CH_HTTP_KEPT);
    }
    s->busy -= 1;
    (void)pthread_cond_broadcast(&s->change);
    (void)pthread_mutex_unlock(&s->lock);
    *context = NULL;
}

size_t ch_http_on_escape(void *self, struct MHD_Connection *connection, char *text) {
    (void)self;
    size_t length = strlen(text);
    ch_http_exchange *x = exchange_of(connection);
    if (!ch_http_unescape(text, &length) && x != NULL) {
        x->is_garbled = true;
    }
    return length;
}
