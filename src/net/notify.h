/*
 * Notify: tells whoever started the process that it is ready, or stops; systemd's Type=notify.
 *
 * Source: sd_notify(3): a datagram of lines NAME=VALUE to the socket that $NOTIFY_SOCKET names.
 */
#ifndef CH_NET_NOTIFY_H
#define CH_NET_NOTIFY_H

#include "choir/status.h"

/*
 * Sends state, "READY=1" or "STOPPING=1".
 *
 * socket_path  of a Unix socket; of Linux's abstract ones when it begins with '@'
 *
 * Returns OK; EINVAL when that is no such name; EIO when nobody takes it.
 */
CHOIR_NODISCARD choir_status ch_notify(const char *socket_path, const char *state,
                                       choir_error *err);

#endif
