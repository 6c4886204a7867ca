/*
 * What carries a call of an HTTP client: one at a time, http_client.c, or many at once,
 * http_crowd.c.
 *
 *     ch_http_client_begin ----> libcurl ----> ch_http_client_end
 */
#ifndef CH_NET_HTTP_CLIENT_PARTS_H
#define CH_NET_HTTP_CLIENT_PARTS_H

#include "net/http_client.h"

#include <curl/curl.h>

/*
 * Tells libcurl a call, so that it can be carried; call and *out are borrowed until its end.
 *
 * Returns OK; EINVAL or ENOMEM as ch_http_client_send, and there is nothing to end.
 */
CHOIR_NODISCARD choir_status ch_http_client_begin(ch_http_client *c, const ch_http_call *call,
                                                  ch_http_reply *out, choir_error *err);

/* What became of it, as libcurl says; *out of begin is filled. As ch_http_client_send. */
CHOIR_NODISCARD choir_status ch_http_client_end(ch_http_client *c, CURLcode code, choir_error *err);

/* Gives back the memory of the last answer's body. */
void ch_http_client_forget(ch_http_client *c);

/* The handle that libcurl knows it by. Borrowed. */
CURL *ch_http_client_curl(const ch_http_client *c);

#endif
