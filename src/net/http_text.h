/* HTTP text: what strangers write into request lines and headers, decoded and judged. Pure. */
#ifndef CH_NET_HTTP_TEXT_H
#define CH_NET_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CH_HTTP_TRACE_MAX = 33 }; // bytes of a trace's id, its zero included

/*
 * Decodes "%2f" in place, once. length becomes the new one; the text ends in a zero. False, with
 * the text as it was, for '%' without two hexadecimal digits behind it, and for "%00".
 */
bool ch_http_unescape(char *text, size_t *length);

/*
 * Whether a decoded path is one that an honest client sends: begins with '/', is printable UTF-8 of
 * at most bytes_max bytes, and has no segment "." or "..".
 */
bool ch_http_path_is_plain(const char *path, size_t bytes_max);

/* The token in the value of an Authorization header; NULL when that is no "Bearer TOKEN". */
const char *ch_http_token(const char *authorization);

/* Whether text may be a request's id: 1 to bytes_max letters, digits, ". _ -". */
bool ch_http_is_id(const char *text, size_t bytes_max);

/*
 * The trace id in a traceparent header, 32 hexadecimal digits, into out. False, with out as it was,
 * when that is malformed.
 */
bool ch_http_trace_id(char out[CH_HTTP_TRACE_MAX], const char *traceparent);

/* Reads a hash of 64 hexadecimal digits, small ones. False when it is something else, out then
 * being anything. */
bool ch_http_hash_read(uint8_t out[32], const char *text);

/* Whether text is a token, as a header's name is (RFC 9110, 5.6.2): no blank in it, no ':'. */
bool ch_http_is_token(const char *text);

/* Whether text fits on a header's line: no control character, so no end of the line. */
bool ch_http_is_line(const char *text);

#endif
