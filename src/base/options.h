/*
 * Option tables: one row per option is its key, bounds, unit, default and help.
 *
 * The same table parses command lines and job files, prints help, man pages and the effective
 * configuration, and refuses what it does not know with the nearest key it does. Defaults are read
 * from a struct that holds them, so help cannot go stale.
 */
#ifndef CH_BASE_OPTIONS_H
#define CH_BASE_OPTIONS_H

#include "choir/status.h"

#include <stddef.h>
#include <stdint.h>

typedef enum ch_option_type {
    CH_OPTION_U32,
    CH_OPTION_U64,
    CH_OPTION_F64,
    CH_OPTION_TEXT,  // char[max] inside the struct
    CH_OPTION_FLAG,  // bool; a command line's "--quiet" takes no value
    CH_OPTION_TEXTS, // ch_option_texts: may be given again and again; texts are borrowed
} ch_option_type;

enum {
    CH_OPTION_TEXTS_MAX = 64,   // texts in one ch_option_texts
    CH_OPTION_VALUE_MAX = 1024, // bytes that any value's text fits in, its zero included
    CH_OPTION_DOMAIN_MAX = 256, // likewise for any domain's
};

typedef struct ch_option_texts {
    const char *items[CH_OPTION_TEXTS_MAX]; // borrowed
    uint32_t count;
} ch_option_texts;

typedef struct ch_option {
    const char *key; // "client.epochs"; on a command line "--workers"
    ch_option_type type;
    size_t offset;       // of the field in the struct
    double min;          // numbers: both inclusive; F64 with a finite min
    double max;          // TEXT: the field's size in bytes
    const char *unit;    // "" when it has none
    const char *choices; // TEXT: "fedavg|fedavgm"; NULL: any text
    const char *help;    // one line
} ch_option;

typedef struct ch_options {
    const ch_option *rows;
    size_t count;
} ch_options;

/* The row with this key, or NULL. */
const ch_option *ch_options_find(const ch_options *table, const char *key);

/*
 * The key nearest to a misspelt one: by edit distance of the whole key, or of its last word when
 * that stands in the wrong section ("server.epochs"). NULL when none is near.
 */
const char *ch_options_nearest(const ch_options *table, const char *key);

/*
 * Stores value, given as text, in the field of target that key names.
 *
 * where  what messages start with, e.g. "job.yaml:7" or "--set"; "" for nothing
 *
 * Returns OK; EINVAL with one sentence: where, key, value, what would be right. target is then
 * unchanged.
 */
CHOIR_NODISCARD choir_status ch_options_set(const ch_options *table, void *target, const char *key,
                                            const char *value, const char *where, choir_error *err);

/* The field's value as text that ch_options_set reads back to the same; TEXTS: their count. */
void ch_options_get(const ch_option *row, const void *target, char *out, size_t size);

/* "a whole number in [1, 1000000]", "one of fedavg, fedavgm": what would be right. */
void ch_options_domain(const ch_option *row, char *out, size_t size);

#endif
