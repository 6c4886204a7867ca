/*
 * HTTP client: libcurl behind one call, with a limit on everything.
 *
 * One server, one connection, kept open and used again; one thread at a time. Redirects are not
 * followed, so that a token goes to no other server than the one that it is for.
 */
#ifndef CH_NET_HTTP_CLIENT_H
#define CH_NET_HTTP_CLIENT_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ch_http_client ch_http_client;

enum {
    CH_HTTP_URL_MAX = 1024, // bytes of the server's URL, its zero included; likewise of a path
    CH_HTTP_CALL_HEADERS_MAX = 8, // further headers of one call
};

typedef struct ch_http_client_options {
    const char *url; // "https://host:8443", maybe with a path in front of all paths; without a
                     // user, a query or a fragment; copied, like all texts here
    const char *pin; // "sha256//BASE64" of the server's public key (SubjectPublicKeyInfo), or
                     // several with ';' between: that key is trusted whoever signed it, under
                     // any name, and no other; NULL, the default: signature and name are checked
    const char *ca_file; // PEM, who may sign; NULL, the default: the system's; without use to a pin
    const char *certificate_file; // PEM, of this client, for servers that ask; NULL, the default
    const char *key_file;         // PEM, its key; NULL exactly when certificate_file is
    const char *proxy;            // "http://host:3128", "" for none; NULL, the default: as the
                                  // environment says (https_proxy, no_proxy)
    const char *agent;            // User-Agent; default "choir/VERSION"
    uint32_t connect_ms;          // longest wait for a connection; default 10 000
    uint32_t request_ms;          // longest time for a request and its answer; default 300 000
    uint32_t silence_s; // longest time without a byte in either direction, so also the longest that
                        // the server may think; default 30
    size_t body_max;    // bytes of an answer's body, unpacked; default 2 GiB + 64 KiB

    /* Asked about once a second while waiting: true gives the call up. NULL, the default: never. */
    bool (*is_stopped)(void *self);
    void *self; // borrowed
} ch_http_client_options;

/* Whether it is "sha256//" and the 44 letters of 32 bytes in base64, once or more with ';' between.
 */
bool ch_http_pin_is_right(const char *pin);

/* All but url. */
ch_http_client_options ch_http_client_defaults(void);

/* One request. All is borrowed until send returns. */
typedef struct ch_http_call {
    const char *method;                            // "GET", "HEAD", "POST", "PUT", "DELETE"
    const char *path;                              // "/v1/exchange?x=1": printable ASCII, escaped
    const char *bearer;                            // token for Authorization; NULL: none
    const char *type;                              // of the body; NULL: none is said
    const char *headers[CH_HTTP_CALL_HEADERS_MAX]; // "Name: value"; the first NULL ends them
    choir_bytes body;                              // of POST, PUT and DELETE; never copied whole
    size_t answer_bytes; // of the answer's body, if it is known: as much memory is claimed at once
    size_t answer_max;   // bytes of it, unpacked, that are taken where body_max would be more; of a
                         // refusal, of 300 and above, the rest is dropped; 0: body_max
} ch_http_call;

typedef struct ch_http_reply {
    unsigned code;           // HTTP status
    choir_bytes body;        // unpacked; 64-byte aligned; borrowed until the next send or destroy
    uint64_t retry_after_ms; // when to come again; 0: not said
    char etag[96];           // as sent, with its quotes, to be put in If-None-Match; "": none
    char type[64];           // Content-Type; "": none
} ch_http_reply;

/*
 * Makes a client; it connects when it sends.
 *
 * Returns OK and a client to destroy; EINVAL for a URL, a pin or limits that are none, a pin
 * without https, a certificate without its key; EIO for a file that cannot be opened now, and
 * when libcurl was built without what an option needs; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_http_client_create(ch_http_client **out,
                                                   const ch_http_client_options *options,
                                                   const choir_env *env, choir_error *err);

/* Bytes that a client claims of env, at most, for answers of up to so many bytes that are expected
 * in their size, or of up to CH_HTTP_UNEXPECTED_MAX. */
enum { CH_HTTP_UNEXPECTED_MAX = 1 << 16 };
size_t ch_http_client_bytes(size_t answer_bytes);

/* NULL does nothing. */
void ch_http_client_destroy(ch_http_client *c);

/*
 * Sends a request and waits for its whole answer. What the connection lost before any of the answer
 * came may be sent again once by libcurl, when the connection was one kept from before.
 *
 * A packed answer (zstd, gzip) is unpacked, but a call with a Range header asks for no packed one.
 *
 * err  the server's URL, what happened, what to check; never the token
 *
 * out  also on EIO: the status and what of the body had come, unpacked; code 0: nothing
 *
 * Returns OK with any HTTP status; EIO when there was no whole answer: no connection, another key
 * than the pinned one, too slow, broken off, given up; EPROTO when what came is no HTTP, cannot be
 * unpacked or is larger than body_max; EINVAL for a method, path, token or header that HTTP cannot
 * carry; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_http_client_send(ch_http_client *c, const ch_http_call *call,
                                                 ch_http_reply *out, choir_error *err);

/* When the last answer said to come again; 0: it did not, or there was none. */
uint64_t ch_http_client_retry_after_ms(const ch_http_client *c);

#endif
