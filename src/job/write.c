/* Writing a job as YAML that reads back to an equal one: choir_job_write of job.h. */
#include "choir/job.h"

#include "base/text.h"
#include "job/keys.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct sink {
    char *out; // (size), written as far as it goes
    size_t size;
    size_t used; // what the whole text has so far, fitting or not
} sink;

static void put(sink *s, const char *text, size_t count) {
    for (size_t i = 0; i < count; i++, s->used++) {
        if (s->used + 1 < s->size) {
            s->out[s->used] = text[i];
        }
    }
}

static void put_text(sink *s, const char *text) {
    put(s, text, strlen(text));
}

/* Words that other readers of YAML take for something else than text. */
static bool is_reserved(const char *text) {
    static const char *const words[] = {"true", "false", "null", "yes",  "no",    "on",
                                        "off",  "y",     "n",    "True", "False", "Null",
                                        "Yes",  "No",    "On",   "Off",  "Y",     "N"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_plain(const char *text) {
    const bool is_letter = (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z');
    const size_t safe =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/");
    return is_letter && text[safe] == '\0' && !is_reserved(text);
}

static void put_value(sink *s, const ch_option *row, const char *value) {
    if (row->type != CH_OPTION_TEXT || is_plain(value)) {
        put_text(s, value);
        return;
    }
    char quoted[2 * CH_OPTION_VALUE_MAX + 2];
    (void)ch_text_quote(quoted, sizeof(quoted), value);
    put_text(s, quoted);
}

size_t choir_job_write(const choir_job *job, char *out, size_t size) {
    sink s = {.out = out, .size = size};
    const char *section = "";
    size_t section_size = 0;
    for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
        const ch_option *row = &CH_JOB_KEYS.rows[i];
        if (!ch_job_key_is_of(row, job->population)) {
            continue; // it would be refused
        }
        const char *dot = strchr(row->key, '.');
        const size_t prefix = dot == NULL ? 0 : (size_t)(dot - row->key);
        if (prefix > 0 && (prefix != section_size || memcmp(section, row->key, prefix) != 0)) {
            put(&s, row->key, prefix);
            put_text(&s, ":\n");
        }
        section = row->key;
        section_size = prefix;
        char value[CH_OPTION_VALUE_MAX];
        ch_options_get(row, job, value, sizeof(value));
        put_text(&s, dot == NULL ? row->key : "  ");
        put_text(&s, dot == NULL ? "" : dot + 1);
        put_text(&s, ": ");
        put_value(&s, row, value);
        put_text(&s, "\n");
    }
    if (size > 0) {
        out[s.used < size ? s.used : size - 1] = '\0';
    }
    return s.used;
}
