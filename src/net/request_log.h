/*
 * Request log: on whose behalf a log line was written.
 *
 *     const choir_env env = ch_request_log_env(&log, host); // for all that a server is made of
 *     ch_request_log_enter("4be1-2a");
 *     ... ch_log(&env, CHOIR_LEVEL_WARN, "limited", "wait_s=3");   request="4be1-2a" wait_s=3
 *     ch_request_log_leave();
 *
 * Which request a thread works on is the thread's own: nothing in between has to hand it on.
 */
#ifndef CH_NET_REQUEST_LOG_H
#define CH_NET_REQUEST_LOG_H

#include "choir/env.h"

typedef struct ch_request_log {
    choir_env host;
} ch_request_log;

/* The host's environment, whose log lines name the request. self outlives it; host is copied. */
choir_env ch_request_log_env(ch_request_log *self, const choir_env *host);

/* From here until leave, or another's, this thread works on the request of that id: letters,
 * digits,
 * ". _ -", at most 79; copied. */
void ch_request_log_enter(const char *id);
void ch_request_log_leave(void);

#endif
