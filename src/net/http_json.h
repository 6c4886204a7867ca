/* HTTP with JSON on both sides, as a client: what a server's answer means, in one place. */
#ifndef CH_NET_HTTP_JSON_H
#define CH_NET_HTTP_JSON_H

#include "net/http_client.h"

#include <jansson.h>

enum { CH_HTTP_VALUES_MAX = 256 }; // that an answer to a device has, several times over

/*
 * What a server that need not be trusted says: owned by the caller; NULL when it is no JSON, has a
 * key twice, or has more values than CH_HTTP_VALUES_MAX: in memory each takes many times its bytes.
 */
json_t *ch_http_json(choir_bytes body);

/*
 * Says what went wrong, after `what`: the sentence of {"error": sentence}, as ch_text_show has it
 * where it is not printable; else the code.
 *
 * Returns the reaction that the code asks for: EAGAIN for 404 and 409, which may pass; EINVAL for
 * 400, 401, 403, 405 and 413; EIO for 429 and 5xx; EPROTO for anything else.
 */
CHOIR_NODISCARD choir_status ch_http_said(const ch_http_reply *reply, const char *what,
                                          choir_error *err);

/*
 * The JSON object that a server answered with, owned by the caller; *out is NULL on failure.
 *
 * Returns OK for 200 and 201; as ch_http_said for other codes; EPROTO when it is no object, or one
 * of more values than ch_http_json takes.
 */
CHOIR_NODISCARD choir_status ch_http_took(const ch_http_reply *reply, const char *what,
                                          json_t **out, choir_error *err);

/*
 * Sends JSON, takes JSON.
 *
 * call    all but type and body. Where it has an answer_max, the server need not be trusted, and
 *         its answer is read by ch_http_json
 * body    its reference is taken; NULL with GET: none, with another method: there was no memory
 * what    stands in front of what the server says
 * out     an object, owned by the caller; NULL on failure
 * refusal  NULL: not wanted; else what the server answered with another code, owned by the caller,
 *          or NULL
 *
 * Returns OK for 200 and 201; as ch_http_said for other codes; EPROTO for an answer that is no
 * object; EIO without an answer; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_http_ask(ch_http_client *c, const ch_http_call *call, json_t *body,
                                         const char *what, json_t **out, json_t **refusal,
                                         choir_error *err);

#endif
