/*
 * Draft: text that grows while it is written, with one sticky error.
 *
 * A page, a script for gnuplot, a JSON file: each is written as a straight line of puts with a
 * single check at its end. What a stranger may have chosen (a job's name, a path, a message) goes
 * through ch_draft_html and can then be nothing but text.
 */
#ifndef CH_REPORT_DRAFT_H
#define CH_REPORT_DRAFT_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CH_DRAFT_BYTES_MAX = 1 << 26 };

typedef struct ch_draft {
    char *text;      // (size) with a zero after it once anything was put; owned
    size_t size;     //
    size_t capacity; //
    bool failed;     // out of memory, or longer than CH_DRAFT_BYTES_MAX
    choir_env env;
} ch_draft;

/* Empty; allocates nothing yet. */
void ch_draft_init(ch_draft *d, const choir_env *env);

/* Safe to call twice, and on one that is all zero. */
void ch_draft_release(ch_draft *d);

/* Empty, but keeps its memory. */
void ch_draft_reset(ch_draft *d);

/* As it is. */
void ch_draft_put(ch_draft *d, const char *text);
void ch_draft_put_bytes(ch_draft *d, const char *bytes, size_t size);

/* At most 1 kB; texts in it as they are. */
void ch_draft_format(ch_draft *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * As text of an HTML page, also inside a quoted attribute. Bytes that are not UTF-8, and control
 * characters other than newline and tab, become U+FFFD.
 */
void ch_draft_html(ch_draft *d, const char *text);

/* The bytes in base64 (RFC 4648, sec. 4). */
void ch_draft_base64(ch_draft *d, choir_bytes bytes);

/* OK, or ENOMEM when any put has failed. */
CHOIR_NODISCARD choir_status ch_draft_status(const ch_draft *d);

/* What was written; borrowed. */
choir_bytes ch_draft_bytes(const ch_draft *d);

#endif
