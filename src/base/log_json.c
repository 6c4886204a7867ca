/* A log line as JSON: see log_json.h. */
#include "base/log_json.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char CUT[] = ",\"cut\":true";
static const char END[] = "}\n";

enum {
    // what fields may fill, so that there always is room for an end
    ROOM = CH_LOG_JSON_MAX - (int)sizeof(CUT) - (int)sizeof(END),
    ESCAPED_MAX = 8, // bytes of one letter, escaped, with a zero
};

typedef struct line {
    char *out; // (CH_LOG_JSON_MAX)
    size_t size;
    bool is_full; // something did not fit
} line;

static void put_bytes(line *l, const char *bytes, size_t size) {
    if (l->is_full || size > ROOM - l->size) {
        l->is_full = true;
        return;
    }
    memcpy(l->out + l->size, bytes, size);
    l->size += size;
}

static void put(line *l, const char *text) {
    put_bytes(l, text, strlen(text));
}

/* One letter of a text; returns how many bytes it has there. */
static size_t put_letter(line *l, const char *at) {
    const size_t size = ch_text_letter(at);
    const unsigned char first = (unsigned char)*at;
    char escaped[ESCAPED_MAX];
    if (size == 0) {
        put(l, "\\ufffd");
        return 1;
    }
    if (first < ' ' || first == 0x7f) {
        (void)snprintf(escaped, sizeof(escaped), "\\u%04x", first);
        put(l, escaped);
    } else if (first == '"' || first == '\\') {
        const char pair[] = {'\\', *at};
        put_bytes(l, pair, sizeof(pair));
    } else {
        put_bytes(l, at, size);
    }
    return size;
}

static void put_text(line *l, const char *from, const char *end) {
    put(l, "\"");
    while (from < end) {
        from += put_letter(l, from);
    }
    put(l, "\"");
}

/* A text between quotes that begins at from; returns where it is over. */
static const char *put_quoted(line *l, const char *from) {
    const char *at = from + 1;
    put(l, "\"");
    while (*at != '\0' && *at != '"') {
        at += *at == '\\' && at[1] != '\0' ? 1 : 0;
        at += put_letter(l, at);
    }
    put(l, "\"");
    return *at == '"' ? at + 1 : at;
}

static const char *digits_skip(const char *at) {
    return at + strspn(at, "0123456789");
}

/* Whether a value is a number in JSON: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool is_number(const char *from, const char *end) {
    const char *at = from + (*from == '-');
    const char *digits = at;
    at = digits_skip(at);
    if (at == digits || (*digits == '0' && at > digits + 1)) {
        return false;
    }
    if (*at == '.') {
        digits = at + 1;
        at = digits_skip(digits);
        if (at == digits) {
            return false;
        }
    }
    if (*at == 'e' || *at == 'E') {
        digits = at + 1;
        digits += *digits == '+' || *digits == '-';
        at = digits_skip(digits);
        if (at == digits) {
            return false;
        }
    }
    return at == end;
}

static bool is_word(const char *from, const char *end, const char *word) {
    return (size_t)(end - from) == strlen(word) && strncmp(from, word, strlen(word)) == 0;
}

/* A value that begins at from; returns where it is over. */
static const char *put_value(line *l, const char *from) {
    if (*from == '"') {
        return put_quoted(l, from);
    }
    const char *end = from + strcspn(from, " ");
    if (is_number(from, end) || is_word(from, end, "true") || is_word(from, end, "false")) {
        put_bytes(l, from, (size_t)(end - from));
    } else {
        put_text(l, from, end);
    }
    return end;
}

/* One field that begins at from, whole or not at all; returns where it is over. */
static const char *put_field(line *l, const char *from) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    const size_t before = l->size;
    const size_t key = strspn(from, letters);
    const char *end = from + strlen(from);
    put(l, ",\"");
    if (key > 0 && from[key] == '=') {
        put_bytes(l, from, key);
        put(l, "\":");
        end = put_value(l, from + key + 1);
    } else {
        put(l, "text\":");
        put_text(l, from, end);
    }
    if (l->is_full) {
        l->size = before;
    }
    return end;
}

static void put_head(line *l, uint64_t unix_ms, const char *level, const char *event) {
    const time_t seconds = (time_t)(unix_ms / 1000);
    struct tm when = {0};
    char date[64] = "";
    (void)gmtime_r(&seconds, &when);
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &when);
    l->size = (size_t)snprintf(l->out, ROOM,
                               "{\"ts\":\"%s.%03uZ\",\"level\":\"%.30s\",\"event\":\"%.60s\"", date,
                               (unsigned)(unix_ms % 1000), level, event);
}

size_t ch_log_json(char out[CH_LOG_JSON_MAX], uint64_t unix_ms, const char *level,
                   const char *event, const char *fields) {
    line l = {.out = out};
    put_head(&l, unix_ms, level, event);
    const char *at = fields + strspn(fields, " ");
    while (*at != '\0' && !l.is_full) {
        at = put_field(&l, at);
        at += strspn(at, " ");
    }
    l.size +=
        (size_t)snprintf(out + l.size, CH_LOG_JSON_MAX - l.size, "%s%s", l.is_full ? CUT : "", END);
    return l.size;
}
