/*
 * A log line as JSON: for programs that collect logs. Pure.
 *
 *     {"ts":"2026-11-28T13:30:51.042Z","level":"info","event":"round_applied","round":7}
 *
 * Source: RFC 8259 "The JavaScript Object Notation (JSON) Data Interchange Format"; RFC 3339 for
 * the time.
 */
#ifndef CH_BASE_LOG_JSON_H
#define CH_BASE_LOG_JSON_H

#include <stddef.h>
#include <stdint.h>

enum { CH_LOG_JSON_MAX = 8192 }; // bytes of a line, its line feed and zero included

/*
 * Writes one line, which ends in a line feed, and returns its length.
 *
 * unix_ms  milliseconds of the Unix epoch; written in UTC
 * level    a word, like event: both as they are
 * fields   "key=value key=value" as ch_log has it. What reads as a number in JSON is one, true and
 *          false are, everything else is a text; of one between double quotes the backslashes go.
 *          From where it is no field on, all of it stands under "text".
 *
 * Whatever bytes the fields have, the line is one JSON object in UTF-8 on one line: control
 * characters are escaped, and what is no UTF-8 becomes U+FFFD. Fields that do not fit are left out,
 * and then "cut" is true.
 */
size_t ch_log_json(char out[CH_LOG_JSON_MAX], uint64_t unix_ms, const char *level,
                   const char *event, const char *fields);

#endif
