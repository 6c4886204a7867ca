/* Names before speeches; see speaker.h. */
#include "data/speaker.h"

#include "base/assert.h"

#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 6 };

static bool is_capital(char c) {
    return c >= 'A' && c <= 'Z';
}

static bool is_small(char c) {
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Letters, "'", "-" and what UTF-8 writes with more than a byte: accents, a printed apostrophe. */
static bool is_of_word(char c) {
    return is_capital(c) || is_small(c) || c == '\'' || c == '-' || (unsigned char)c >= 0x80;
}

static bool is_joint(char c) {
    return c == ' ' || c == ',' || c == '&';
}

static bool is_among(const char *const *words, size_t count, const char *text, size_t size) {
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) == size && strncasecmp(words[i], text, size) == 0) {
            return true;
        }
    }
    return false;
}

static size_t word_size(const char *text, size_t size) {
    size_t n = 0;
    while (n < size && is_of_word(text[n])) {
        n += 1;
    }
    return n;
}

static bool is_stage_word(const char *text, size_t size) {
    static const char *const words[] = {
        "enter",   "re-enter", "reenter", "exit",    "exeunt",   "flourish", "alarum", "alarums",
        "sennet",  "march",    "drum",    "drums",   "trumpet",  "trumpets", "music",  "hautboys",
        "thunder", "retreat",  "horns",   "cornets", "ordnance", "knocking", "song",   "excursions",
        "tucket",  "noise",    "sound",   "shout",   "parley"};
    return is_among(words, sizeof(words) / sizeof(words[0]), text, size);
}

static bool is_heading_word(const char *text, size_t size) {
    static const char *const words[] = {"act", "scene", "contents", "finis", "dramatis"};
    return is_among(words, sizeof(words) / sizeof(words[0]), text, size);
}

static bool is_name_word(const char *text, size_t size) {
    static const char *const small[] = {"of", "and", "de", "the"};
    return is_capital(text[0]) ||
           (is_small(text[0]) && is_among(small, sizeof(small) / sizeof(small[0]), text, size));
}

static bool has_small(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (is_small(text[i])) {
            return true;
        }
    }
    return false;
}

/* Bytes of a number and its point before a name, "1. ". */
static size_t number_size(const ch_cell *line) {
    size_t at = 0;
    while (at < line->size && at < 2 && is_digit(line->data[at])) {
        at += 1;
    }
    if (at == 0 || at + 2 > line->size || line->data[at] != '.' || line->data[at + 1] != ' ') {
        return 0;
    }
    return at + 2;
}

/* The name's end in the line, a mark; 0 when there is none. *first is its first word's size. */
static size_t name_end(const ch_cell *line, size_t from, size_t *first) {
    size_t at = from;
    for (uint32_t words = 0; words < WORDS_MAX && at < line->size; words++) {
        const size_t size = word_size(line->data + at, line->size - at);
        if (size == 0 || !is_name_word(line->data + at, size)) {
            return 0;
        }
        *first = words == 0 ? size : *first;
        at += size;
        if (at < line->size && (line->data[at] == '.' || line->data[at] == ':')) {
            return at <= CH_SPEAKER_BYTES_MAX ? at : 0;
        }
        const size_t joint = at;
        while (at < line->size && is_joint(line->data[at])) {
            at += 1;
        }
        if (at == joint) {
            return 0;
        }
    }
    return 0;
}

bool ch_speaker_parse(ch_speaker *out, const ch_cell *line) {
    const size_t from = number_size(line);
    size_t first = 0;
    const size_t end = name_end(line, from, &first);
    if (end == 0 || is_stage_word(line->data + from, first) ||
        is_heading_word(line->data + from, first)) {
        return false;
    }
    size_t at = end + 1;
    while (at < line->size && (line->data[at] == ' ' || line->data[at] == '.')) {
        at += 1; // "PORTIA.. Go in"
    }
    *out = (ch_speaker){.name = {.data = line->data, .size = (uint32_t)end},
                        .speech = {.data = line->data + at, .size = line->size - (uint32_t)at},
                        .mark = line->data[end],
                        .is_upper = !has_small(line->data + from, first)};
    return true;
}

bool ch_speaker_is_direction(const ch_cell *line) {
    CH_ASSERT(line->size > 0);
    const bool opens = line->data[0] == '[' || line->data[0] == '<' || line->data[0] == '_';
    return opens || is_stage_word(line->data, word_size(line->data, line->size));
}

bool ch_speaker_is_heading(const ch_cell *line) {
    const size_t size = word_size(line->data, line->size);
    if (is_heading_word(line->data, size)) {
        return true;
    }
    return size > 1 && !has_small(line->data, line->size) && !memchr(line->data, '!', line->size);
}
