/*
 * HTTP content: bytes that never change under their name, how much of them a request is given, and
 * which part of some it brings.
 *
 * Conditional requests, ranges and content coding as caches expect them. Pure: texts in, a decision
 * out; the server sends it.
 *
 * Source: RFC 9110, "HTTP Semantics", sections 12.5.3 (Accept-Encoding), 13.1.2 (If-None-Match),
 * 13.1.5 (If-Range), 14.2 (Range), 14.4 (Content-Range), 15.5.17 (416).
 */
#ifndef CH_NET_HTTP_CONTENT_H
#define CH_NET_HTTP_CONTENT_H

#include "choir/bytes.h"

#include <stdbool.h>
#include <stddef.h>

enum { CH_HTTP_ETAG_MAX = 96 }; // bytes of an entity tag with quotes, suffix and zero

typedef struct ch_http_content {
    choir_bytes bytes;            // borrowed, until release
    choir_bytes packed;           // zstd of the same, for who accepts it; borrowed; empty: none
    const char *type;             // "application/octet-stream"; copied
    const char *etag;             // its name, printable and without quotes, <= 80 bytes; copied
    const char *cache;            // Cache-Control of 200, 206 and 304; copied; NULL: none
    void (*release)(void *owner); // once, when nobody needs the bytes any more; NULL: nobody cares
    void *owner;
} ch_http_content;

/* What a request says of the content it wants; each NULL when it does not. */
typedef struct ch_http_wishes {
    const char *method; // "GET" or "HEAD"
    const char *accept_encoding;
    const char *if_none_match;
    const char *if_range;
    const char *range;
} ch_http_wishes;

/* What it gets. */
typedef struct ch_http_choice {
    unsigned code;               // 200, 206, 304 or 416
    bool is_packed;              // of content->packed instead of content->bytes
    size_t from;                 // the first byte
    size_t size;                 // bytes; 0 with 304 and 416
    char etag[CH_HTTP_ETAG_MAX]; // with its quotes; "...-zstd" when packed, as another
                                 // representation must have another tag
} ch_http_choice;

/*
 * Decides. Packed only when zstd is accepted by name. Of Range one range is served, on the
 * representation that was chosen; several, or what does not parse, is answered with all of it, as
 * the RFC allows. If-Range takes a strong entity tag; a date never matches.
 */
ch_http_choice ch_http_choose(const ch_http_content *content, const ch_http_wishes *wishes);

/* A part of a whole; never empty. */
typedef struct ch_http_part {
    size_t from;  // its first byte
    size_t size;  // bytes; from + size <= total
    size_t total; // bytes of the whole
} ch_http_part;

/*
 * Reads a part from Content-Range, "bytes 0-1023/6650000". False, and *out as it was, for NULL and
 * for all else, a whole of unknown size ("bytes 0-1023/" and an asterisk) included.
 */
bool ch_http_part_read(ch_http_part *out, const char *text);

#endif
