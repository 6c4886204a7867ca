/*
 * Log: a program's log lines for people, on a stream such as stderr.
 *
 *     ch_log_lines lines = {.out = stderr, .name = "choir sim", .level = CHOIR_LEVEL_WARN};
 *     const choir_env env = ch_log_env(&lines);
 *
 *     choir sim: warning: round_discarded round=7 cohort=10 reports=0
 *
 * Of an event that comes again and again only the first few lines are written, but by a server. For
 * programs that collect logs the same lines are JSON: log_json.h.
 * Apart from env.h, because a library does not print.
 */
#ifndef CH_BASE_LOG_H
#define CH_BASE_LOG_H

#include "choir/env.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CH_LOG_REPEATS_MAX = 5, // lines of one event
    CH_LOG_EVENTS_MAX = 16, // events that are told apart; further ones count as one
    CH_LOG_EVENT_MAX = 32,  // bytes of an event's name that are compared, its zero included
};

/* Set the first three; the rest begins as zero. */
typedef struct ch_log_lines {
    FILE *out;         // borrowed
    const char *name;  // goes in front of each line; borrowed
    choir_level level; // lines of less importance are left out
    bool is_endless;   // a server's: an event is written however often it comes
    bool is_json;      // one object a line, without the name

    struct {
        char event[CH_LOG_EVENT_MAX];
        uint32_t count;
    } seen[CH_LOG_EVENTS_MAX];
} ch_log_lines;

/*
 * The default environment, with log lines to lines->out; lines outlives it. A byte that a terminal
 * might take for a command becomes '?', in JSON an escape. Threads may log at once.
 */
choir_env ch_log_env(ch_log_lines *lines);

#endif
