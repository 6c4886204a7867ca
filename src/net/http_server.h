/*
 * HTTP server: libmicrohttpd behind one handler, with a limit on everything.
 *
 * A thread of the server's own reads requests and calls the handler when one is whole. The
 * handler answers at once, or keeps the exchange and answers it later from any thread: until then
 * its connection sleeps and costs next to nothing. The server knows no route.
 *
 *     accept -> head -> body_max() -> body -> handle() ... ch_http_answer() -> answer sent
 *                 '-- 400 413 503 --'                                            '-> next head
 *
 * What is refused without the handler: 400 for a path or a framing that nobody honest sends, 413
 * for a body over its limit, 503 with Retry-After when the bodies in memory are too many or the
 * server is stopping; and whatever libmicrohttpd itself cannot parse.
 *
 * A body gets memory as it comes, whatever its head says of its length: who only says that much is
 * to come takes nobody's room. A small one is its connection's, and not counted. One for which
 * there is no room any more when some of it has come is refused then; where much is still to come,
 * its connection ends.
 *
 * While a connection sleeps nobody listens to it: that its client has gone is only noticed when it
 * is answered. How long an exchange may sleep is the handler's to limit. A client that goes away in
 * the middle of a request is noticed at the latest after idle_s.
 *
 * A body may come in several requests, any of which may be cut off: body_max() has it put into a
 * sink as it comes, where nothing of it is lost; see ch_http_body_to. What it gathers in is a block
 * of the bodies' memory, counted with them, which makes room for them when the handler says so.
 */
#ifndef CH_NET_HTTP_SERVER_H
#define CH_NET_HTTP_SERVER_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"
#include "net/http_content.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ch_http_server ch_http_server;
typedef struct ch_http_exchange ch_http_exchange; // one request and its one answer

enum {
    CH_HTTP_PATH_MAX = 1024,       // bytes of a path, decoded; longer ones are refused
    CH_HTTP_HEADERS_MAX = 16,      // headers of one answer that its handler sets
    CH_HTTP_CONNECTION_MIN = 1024, // connection_bytes, at the least
    CH_HTTP_ID_MAX = 65,           // bytes of a request's id, its zero included
    CH_HTTP_NOTE_MAX = 224,        // bytes of a note, its zero included
    CH_HTTP_SMALL = 16 << 10,      // bytes of a body that always finds room
};

typedef struct ch_http_server_options {
    const char *address;      // a number: "127.0.0.1", "::1", "0.0.0.0", or "::" for IPv4 as well;
                              // default "127.0.0.1"; borrowed by start
    uint16_t port;            // 0: any that is free; default 0
    const char *certificate;  // PEM text, chain first; NULL, the default: plain HTTP; borrowed
    const char *key;          // PEM text; NULL exactly when certificate is; borrowed by start
    const char *clients_ca;   // PEM text: clients must have a certificate that one of these signed
                              // or that is one of these; NULL, the default: none is asked for
    uint32_t connections_max; // open at one time, further ones wait in the system's queue;
                              // default 16384; lowered to what RLIMIT_NOFILE leaves
    uint32_t connections_per_address_max; // 0, the default: no limit
    uint32_t connection_bytes; // of memory for one connection's head and buffers, half of which is
                               // the most that is read at a time; a longer head is refused; default
                               // 9728: ten thousand that wait are to cost 12 KB each
    uint32_t idle_s;           // nothing moves for so long: closed; default 60
    uint32_t request_s;        // a request that is not whole after so long is cut off; default 120
    uint32_t answer_s;         // an answer that is not taken after so long is cut off; default 3600
    bool trusts_ids;           // requests may come with an id of their own: behind a proxy that
                               // gives them; default false
    size_t bodies_max;         // bytes of all requests' bodies in memory that are not small, some
                               // blocks of past ones included, which make room; default 512 MiB
} ch_http_server_options;

/* Plain HTTP on any free port of 127.0.0.1. */
ch_http_server_options ch_http_server_defaults(void);

/* How an exchange ended. */
typedef struct ch_http_outcome {
    unsigned code;    // of the answer; 0: there was none
    size_t bytes;     // of the answer's body
    uint64_t took_ms; // since the request's head was in
    bool is_whole;    // the answer was sent to its end
} ch_http_outcome;

/* Who answers. All are called by the server's thread, one at a time; nobody else is served then. */
typedef struct ch_http_handler {
    /*
     * The most bytes of body that a request may carry, asked when its head is in, whether it has a
     * body or not. May look at everything but the body. May answer, which refuses the request:
     * handle() is then not called, and a large body not read. NULL: no request may have a body.
     */
    size_t (*body_max)(void *self, ch_http_exchange *x);

    /* The request is whole. Exactly one answer must follow, now or later, from any thread. */
    void (*handle)(void *self, ch_http_exchange *x);

    /* The exchange is over; of it id, note and peer may still be asked. NULL: nobody cares. */
    void (*over)(void *self, const ch_http_exchange *x, const ch_http_outcome *outcome);

    /* There is no room for a body: gives a block back that can be done without, and returns whether
     * it has. Asked again until there is room. NULL: there are no such blocks. */
    bool (*make_room)(void *self);

    void *self; // borrowed
} ch_http_handler;

/*
 * Starts serving. The handler may be called before this returns, and finds *out then.
 *
 * env  memory, asked for from the server's thread and from whichever thread answers; log lines
 *      "http_connections_lowered" (warning) and "http_cut_off" (debug)
 *
 * Returns OK and a server to stop; EINVAL for an address that is no number, a certificate and key
 * that cannot be used, or limits of 0; EIO when the system gives no socket or thread; ENOMEM.
 * *out == NULL on failure.
 */
CHOIR_NODISCARD choir_status ch_http_server_start(ch_http_server **out,
                                                  const ch_http_server_options *options,
                                                  ch_http_handler handler, const choir_env *env,
                                                  choir_error *err);

/* The port it listens on. */
uint16_t ch_http_server_port(const ch_http_server *s);

/* Connections that are open now. Any thread. */
uint32_t ch_http_server_connections(ch_http_server *s);

/*
 * Accepts no more connections and refuses requests whose head comes from now on; waits until all
 * others are answered and the answers sent, but at most drain_ms. For whoever answers from threads
 * of its own: drain, end those threads, stop. May be called again.
 */
void ch_http_server_drain(ch_http_server *s, uint32_t drain_ms);

/*
 * Drains; answers 503 to exchanges that then still have no answer; closes everything and releases
 * the server. Once drain_ms are over no other thread may use an exchange any more. Not from the
 * handler. NULL does nothing.
 */
void ch_http_server_stop(ch_http_server *s, uint32_t drain_ms);

/* ------------------------------------------------------------------------------ what was asked */

/* "GET". All texts of an exchange are borrowed, until it is answered. */
const char *ch_http_method(const ch_http_exchange *x);

/*
 * "/v1/models/ab": percent-decoded once, without the query; printable UTF-8 of at most
 * CH_HTTP_PATH_MAX bytes that begins with '/' and has no segment "." or "..".
 */
const char *ch_http_path(const ch_http_exchange *x);

/* The first argument of this name in the query, decoded; "" without a value; NULL: not there. */
const char *ch_http_query(const ch_http_exchange *x, const char *name);

/* The first header of this name, upper or lower case alike; NULL: not there. */
const char *ch_http_header(const ch_http_exchange *x, const char *name);

/* The token of "Authorization: Bearer TOKEN"; NULL: not there. Never to be logged. */
const char *ch_http_bearer(const ch_http_exchange *x);

/* The other end's address: "127.0.0.1", "::1"; IPv4 in IPv4's form also on a socket of IPv6. */
const char *ch_http_peer(const ch_http_exchange *x);

/* The request's body, 64-byte aligned; borrowed, until it is answered. */
choir_bytes ch_http_body(const ch_http_exchange *x);

/* --------------------------------------------------------------------------- bodies in parts */

/* Where a body goes as it comes. */
typedef struct ch_http_sink {
    /* Takes bytes, by the server's thread. False: neither these nor what follows; the rest is read
     * and dropped, and handle() called as ever. */
    bool (*add)(void *self, uint64_t ticket, choir_bytes bytes);
    void *self;      // borrowed
    uint64_t ticket; // the handler's word for this body; not 0
} ch_http_sink;

/* Has the body put there; ch_http_body is then empty. From body_max() alone. */
void ch_http_body_to(ch_http_exchange *x, ch_http_sink sink);

/* The ticket of its sink; 0: there is none. */
uint64_t ch_http_body_ticket(const ch_http_exchange *x);

/* Memory of the bodies' that outlives an exchange. */
typedef struct ch_http_block {
    ch_http_server *server; // borrowed
    uint8_t *data;          // (capacity) 64-byte aligned; owned; NULL: there is none
    size_t capacity;
} ch_http_block;

/* Claims a block of at least so many bytes, in the server's thread, without making room for it.
 * False when there is none. */
bool ch_http_block_claim(ch_http_exchange *x, size_t bytes, ch_http_block *out);

/* Gives it back, from any thread, before the server is stopped; *block is then empty. */
void ch_http_block_give(ch_http_block *block);

/* Makes bytes the body of an exchange that has none, without giving them away: until it is
 * answered, or they are taken back, with none. */
void ch_http_body_lend(ch_http_exchange *x, uint8_t *bytes, size_t size);

/* Makes its first bytes the body of an exchange that has none; *block, moved, is then empty. */
void ch_http_body_move(ch_http_exchange *x, ch_http_block *block, size_t bytes);

/* Counts the exchanges of this server from 1. */
uint64_t ch_http_number(const ch_http_exchange *x);

/*
 * By what log lines and people know this request: from X-Request-Id, else from traceparent, when it
 * came with one that is well-formed and ids are trusted; else made, and nobody else's. Letters,
 * digits, ". _ -". It stands in the answer's X-Request-Id.
 *
 * Source: W3C Recommendation "Trace Context", 2021, section 3.2.
 */
const char *ch_http_id(const ch_http_exchange *x);

/* What is to be said of the exchange when it is over: a text of the handler's, in place of the one
 * before; cut to CH_HTTP_NOTE_MAX. ch_http_noted gives it back; "" at first. */
void ch_http_note(ch_http_exchange *x, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *ch_http_noted(const ch_http_exchange *x);

/* ------------------------------------------------------------------------------------- answers */

/*
 * A header for the answer to come, before it; copied. At most CH_HTTP_HEADERS_MAX. A name or value
 * that HTTP cannot carry, or no memory for it, turns the answer into a 500 without a body.
 */
void ch_http_answer_header(ch_http_exchange *x, const char *name, const char *value);

/*
 * Answers.
 *
 * code  200 to 599
 * type  of the body; NULL when there is none
 * body  copied; may lie in the request's
 *
 * Without memory for it the answer is a 503.
 */
void ch_http_answer(ch_http_exchange *x, unsigned code, const char *type, choir_bytes body);

/*
 * Answers GET or HEAD with content named by a hash, as far as the client needs it: see
 * http_content.h. Nothing is copied but the texts; release may be called from any thread, also
 * before this returns.
 */
void ch_http_answer_content(ch_http_exchange *x, const ch_http_content *content);

#endif
