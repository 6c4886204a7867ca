/*
 * HTTP crowd: many calls to one server at once, from one thread.
 *
 *     ch_http_crowd_create(&crowd, 1000, &options, &env, &err);
 *     ch_http_crowd_send(crowd, lane, &call, &err);          on any lane that is idle
 *     ch_http_crowd_turn(crowd, wait_ms, on_reply, self);    on_reply may send again
 *
 * A lane carries one call at a time, over a connection that is kept for the next one on it or on a
 * lane beside it: there are never more connections than lanes. libcurl's multi interface with epoll
 * under it. Its search for an idle connection looks at all there are, so lanes are in groups with
 * connections of their own.
 */
#ifndef CH_NET_HTTP_CROWD_H
#define CH_NET_HTTP_CROWD_H

#include "net/http_client.h"

typedef struct ch_http_crowd ch_http_crowd;

/*
 * What became of a call: as ch_http_client_send returns it. reply and err are borrowed for the
 * call. Its lane is idle again.
 */
typedef void ch_http_crowd_done(void *self, uint32_t lane, choir_status status,
                                const ch_http_reply *reply, const choir_error *err);

/*
 * Makes a crowd; it connects when it sends, and a lane has no memory before.
 *
 * lanes    calls at a time, at least 1
 * options  of every lane; is_stopped and silence_s are not heeded: request_ms is a call's limit;
 *          its texts are borrowed until destroy
 *
 * Returns OK and a crowd to destroy; EINVAL as ch_http_client_create; EIO when the system gives no
 * descriptors; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_http_crowd_create(ch_http_crowd **out, uint32_t lanes,
                                                  const ch_http_client_options *options,
                                                  const choir_env *env, choir_error *err);

/* Gives up what is under way. NULL does nothing. */
void ch_http_crowd_destroy(ch_http_crowd *c);

/*
 * Begins a call on an idle lane; it is carried by the turns that follow.
 *
 * call  its texts are copied; its body is borrowed until the call is done
 *
 * Returns OK; EINVAL as ch_http_client_send; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_http_crowd_send(ch_http_crowd *c, uint32_t lane,
                                                const ch_http_call *call, choir_error *err);

/* Carries calls, waiting at most wait_ms for something to happen, and tells which are done. A
 * signal ends the wait. */
void ch_http_crowd_turn(ch_http_crowd *c, uint32_t wait_ms, ch_http_crowd_done *done, void *self);

/* Calls that are under way. */
uint32_t ch_http_crowd_busy(const ch_http_crowd *c);

#endif
