/*
 * What the parts of the HTTP server share: the server, a connection with its exchange, and who may
 * touch what.
 *
 *   http_server.c   start and stop
 *   http_watch.c    connections in queues by what they owe, and the thread that cuts late ones off
 *   http_request.c  head and body come in; libmicrohttpd's thread
 *   http_body.c     bodies' memory; any thread
 *   http_answer.c   the handler asks and answers; any thread
 *   http_tls.c      certificates
 *
 * A connection's struct is its exchange, one after the other. Its request's fields belong to
 * libmicrohttpd's thread, but from body_max() or handle() until the answer to the handler; the rest
 * is under the server's lock. libmicrohttpd's own lock is taken inside it, never around it.
 */
#ifndef CH_NET_HTTP_PARTS_H
#define CH_NET_HTTP_PARTS_H

#include "net/http_server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>

enum {
    CH_HTTP_PEER_BYTES = 64, // of an address as text, with a scope and its zero
    CH_HTTP_SPARES = 4,      // blocks of bodies that are kept for others
    CH_HTTP_PREFIX = 9,      // bytes of what begins the ids of one start of a server
};

/* What a connection owes, or is owed. Each queue has one limit, so its first is the latest. */
typedef enum ch_http_phase {
    CH_HTTP_FRESH,     // a first request
    CH_HTTP_KEPT,      // nothing or another request
    CH_HTTP_ASKED,     // the handler's answer: no limit here
    CH_HTTP_ANSWERING, // the client is to take its answer
    CH_HTTP_CUT,       // cut off, about to be closed
    CH_HTTP_PHASES,
} ch_http_phase;

typedef enum ch_http_state {
    CH_HTTP_IDLE,     // no request
    CH_HTTP_READING,  // its body comes in
    CH_HTTP_HANDLED,  // the handler has it, and libmicrohttpd's thread too
    CH_HTTP_SLEEPING, // the handler has it
    CH_HTTP_ANSWERED, // an answer is there, to be sent
} ch_http_state;

typedef struct ch_http_header_node ch_http_header_node;

struct ch_http_exchange {
    ch_http_server *server;
    struct MHD_Connection *connection;
    ch_http_exchange *before; // in its phase's queue
    ch_http_exchange *after;
    uint64_t due_ms; // when it is cut off
    ch_http_phase phase;
    ch_http_state state;
    int descriptor;

    const char *method; // libmicrohttpd's, like path
    const char *path;
    uint64_t number;
    uint8_t *body;        // (body_capacity) owned; NULL: none
    size_t body_size;     // of which have come
    size_t body_capacity; // 0: it is lent, or there is none
    bool is_counted;      // its capacity is, in server->bodies
    size_t body_max;      // what the head says, when it does
    ch_http_sink sink;    // instead of body; add NULL: there is none
    size_t sunk;          // bytes that were for it
    bool is_shut;         // the sink takes no more
    size_t dropped;       // bytes of a refused body that were read to the end
    unsigned refusal;     // the status it is refused with; 0: it is not
    bool is_garbled;      // an escape that cannot be decoded
    bool is_last;         // the connection is closed behind its answer

    ch_http_header_node *headers; // of the answer; owned
    uint32_t header_count;
    bool cannot_answer;          // a header could not be kept
    struct MHD_Response *answer; // owned, until it is sent
    unsigned code;
    size_t answer_bytes; // of its body
    uint64_t begun_ms;
    char id[CH_HTTP_ID_MAX];
    char note[CH_HTTP_NOTE_MAX];
    char peer[CH_HTTP_PEER_BYTES];
};

typedef struct ch_http_queue {
    ch_http_exchange *first;
    ch_http_exchange *last;
    uint64_t limit_ms; // UINT64_MAX: none
} ch_http_queue;

/* The block of a body that is over, kept for the next one. */
typedef struct ch_http_spare {
    uint8_t *block; // (capacity) owned; NULL: none
    size_t capacity;
} ch_http_spare;

struct ch_http_server {
    choir_env env;
    ch_http_handler handler;
    struct MHD_Daemon *daemon;
    struct MHD_Response *unavailable; // the 503 that needs no memory
    bool asks_clients;                // for their certificates
    bool trusts_ids;                  // that requests come with
    char id_prefix[CH_HTTP_PREFIX];   // of ids that are made
    bool is_watched;                  // watcher runs
    int listener;
    uint16_t port;
    size_t bodies_max;
    pthread_t watcher;

    pthread_mutex_t lock;  // what is below
    pthread_cond_t change; // busy is less
    pthread_cond_t over;   // is_over is set
    ch_http_queue queues[CH_HTTP_PHASES];
    uint32_t connections;
    uint32_t busy; // exchanges begun and not sent
    size_t bodies; // bytes of bodies in memory that are not small, spares too
    ch_http_spare spares[CH_HTTP_SPARES];
    uint64_t numbers; // exchanges ever begun
    bool is_draining; // new requests are refused
    bool is_closing;  // nobody will answer any more
    bool is_over;     // the watcher ends
};

/* --------------------------------------------------------------------------------- http_watch.c */

/* Milliseconds of the monotonic clock. */
uint64_t ch_http_now_ms(void);

/* Puts a connection at the end of a phase's queue. Under the lock; the connection is in a queue. */
void ch_http_watch_move(ch_http_exchange *x, ch_http_phase phase);

/* Puts a new connection in the first queue; takes a closed one out of its. */
void ch_http_watch_enter(ch_http_exchange *x);
void ch_http_watch_leave(ch_http_exchange *x);

/* The thread that cuts off what is late; self is the server. Returns NULL when is_over. */
void *ch_http_watch_run(void *self);

/* ------------------------------------------------------------------------------- http_request.c */

/* libmicrohttpd's callbacks; self is the server. */
enum MHD_Result ch_http_on_request(void *self, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **context);
void ch_http_on_completed(void *self, struct MHD_Connection *connection, void **context,
                          enum MHD_RequestTerminationCode why);
size_t ch_http_on_escape(void *self, struct MHD_Connection *connection, char *text);

/* -------------------------------------------------------------------------------- http_answer.c */

/* A response that says why a request is refused. NULL without memory. */
struct MHD_Response *ch_http_refusal(unsigned code);

/* The 503: its client is to come again, on another connection. NULL without memory. */
struct MHD_Response *ch_http_unavailable(void);

/* Gives the exchange its answer, response being moved. Under the lock. */
void ch_http_give(ch_http_exchange *x, unsigned code, struct MHD_Response *response);

/* Releases what an exchange holds: body, headers, an answer that was not sent. */
void ch_http_exchange_clear(ch_http_exchange *x);

/* ---------------------------------------------------------------------------------- http_body.c */

/* Makes room for a body of so many bytes, keeping what has come. False: too many, or no memory.
 * libmicrohttpd's thread. */
bool ch_http_body_claim(ch_http_exchange *x, size_t bytes);

/* Whether there would be room for so many bytes. Likewise. */
bool ch_http_body_fits(const ch_http_exchange *x, size_t bytes);

/* Releases it. Any thread that has the exchange. */
void ch_http_body_release(ch_http_exchange *x);

/* Releases the spares. */
void ch_http_bodies_drop(ch_http_server *s);

/* ----------------------------------------------------------------------------------- http_tls.c */

/* EINVAL when certificate and key cannot be used together, or clients_ca holds no certificate. */
CHOIR_NODISCARD choir_status ch_http_tls_check(const ch_http_server_options *o, choir_error *err);

/* Makes a connection's handshake fail when its client has no certificate that verifies. */
void ch_http_tls_require(struct MHD_Connection *connection);

#endif
