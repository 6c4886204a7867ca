/*
 * Reading messages; see messages.h.
 *
 * Once over the lines for who wrote how much and for the proxy's words, and once more for tokens.
 */
#include "data/messages.h"

#include "base/error.h"
#include "base/text.h"
#include "data/cells.h"
#include "data/file.h"
#include "data/sequences.h"
#include "data/tally.h"

#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 2 * CHOIR_PATH_MAX, HEAD_BYTES = 4096, NAME_BYTES_MAX = 256 };

static const char FILE_NAME[] = "nus-sms-en.tsv";

typedef struct message {
    ch_cell sender;
    ch_cell text;
} message;

typedef struct reading {
    char *data;
    size_t size;
    size_t at;
    uint32_t line; // the one that was read last
    const char *name;
    choir_error *err;
    ch_cell proxy;
    bool is_of_proxy; // its messages are the examples, and nobody else's
    ch_tally words;   // of the proxy
    ch_tally senders; // whose messages are examples
    ch_sequences sequences;
} reading;

/* --------------------------------------------------------------------------------------- words */

static bool is_of_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' ||
           (unsigned char)c >= 0x80;
}

static bool is_blank(char c) {
    return (unsigned char)c <= ' ' || c == 0x7F;
}

bool ch_message_word(ch_cell *out, ch_cell *rest) {
    uint32_t at = 0;
    while (at < rest->size && is_blank(rest->data[at])) {
        at += 1;
    }
    uint32_t end = at;
    while (end < rest->size && is_of_word(rest->data[end])) {
        end += 1;
    }
    end += end == at && end < rest->size ? 1 : 0;
    *out = (ch_cell){.data = rest->data + at, .size = end - at};
    *rest = (ch_cell){.data = rest->data + end, .size = rest->size - end};
    return out->size > 0;
}

static void letters_lower(char *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        data[i] = data[i] >= 'A' && data[i] <= 'Z' ? (char)(data[i] | 0x20) : data[i];
    }
}

/* --------------------------------------------------------------------------------------- lines */

static choir_status line_refuse(const reading *r, const char *why) {
    return ch_error_set(r->err, CHOIR_EPROTO, "%s: line %u: %s", r->name, r->line, why);
}

/* The next line that is not empty. EAGAIN at the end. */
static choir_status line_next(reading *r, ch_cell *out) {
    while (r->at < r->size) {
        char *line = r->data + r->at;
        const char *stop = memchr(line, '\n', r->size - r->at);
        size_t size = stop == NULL ? r->size - r->at : (size_t)(stop - line);
        r->at += size + 1;
        r->line += 1;
        size -= size > 0 && line[size - 1] == '\r' ? 1 : 0;
        if (memchr(line, '\0', size) != NULL) {
            return line_refuse(r, "a zero byte; this is not text");
        }
        if (size > 0) {
            *out = (ch_cell){.data = line, .size = (uint32_t)size};
            return CHOIR_OK;
        }
    }
    return CHOIR_EAGAIN;
}

/* Takes what stands before the next tabulator off a line; false when there is none. */
static bool field_take(ch_cell *out, ch_cell *line) {
    const char *tab = memchr(line->data, '\t', line->size);
    if (tab == NULL) {
        return false;
    }
    *out = (ch_cell){.data = line->data, .size = (uint32_t)(tab - line->data)};
    *line = (ch_cell){.data = tab + 1, .size = line->size - out->size - 1};
    return true;
}

/* The next message. EAGAIN at the end; EPROTO. */
static choir_status message_next(reading *r, message *out) {
    ch_cell rest;
    ch_cell number;
    const choir_status status = line_next(r, &rest);
    if (status != CHOIR_OK) {
        return status;
    }
    if (!field_take(&out->sender, &rest) || !field_take(&number, &rest)) {
        return line_refuse(r, "needs three fields, a sender, a number and a text, separated by "
                              "tabulators");
    }
    if (out->sender.size == 0 || out->sender.size > NAME_BYTES_MAX) {
        return line_refuse(r, "a sender has a name of 1 to 256 bytes");
    }
    out->text = rest;
    return CHOIR_OK;
}

/* A byte order mark is of no line; it would make the first sender another one. */
static void rewind_lines(reading *r) {
    r->at = r->size >= 3 && memcmp(r->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    r->line = 0;
}

static bool is_proxy(const reading *r, const message *m) {
    return ch_cell_compare(&m->sender, &r->proxy) == 0;
}

/* Whether it is an example. */
static bool is_kept(const reading *r, const message *m) {
    return is_proxy(r, m) == r->is_of_proxy;
}

/* ------------------------------------------------------------------------------------- counting */

/* What there will be at most: the proxy's words, and messages to keep. Checks every line. */
static choir_status amounts_count(reading *r, uint32_t *words, uint32_t *messages) {
    message m;
    choir_status status = CHOIR_OK;
    for (rewind_lines(r); (status = message_next(r, &m)) == CHOIR_OK;) {
        ch_cell word;
        letters_lower(r->data + (m.text.data - r->data), m.text.size);
        while (is_proxy(r, &m) && ch_message_word(&word, &m.text)) {
            *words += 1;
        }
        *messages += is_kept(r, &m) ? 1 : 0;
    }
    return status == CHOIR_EAGAIN ? CHOIR_OK : status;
}

static choir_status amounts_check(const reading *r, uint32_t words, uint32_t messages) {
    char shown[CH_TEXT_SHOWN_MAX];
    ch_cell_show(shown, &r->proxy);
    if (words == 0) {
        return ch_error_set(r->err, CHOIR_EINVAL,
                            "data.proxy: %s has no words of a sender '%s', and so no vocabulary; "
                            "needs one whose messages are public",
                            r->name, shown);
    }
    if (messages == 0) {
        return ch_error_set(r->err, CHOIR_EPROTO,
                            "%s: all messages are from '%s', who is data.proxy and no client",
                            r->name, shown);
    }
    return CHOIR_OK;
}

static void tallies_fill(reading *r) {
    message m;
    for (rewind_lines(r); message_next(r, &m) == CHOIR_OK;) {
        ch_cell word;
        if (is_kept(r, &m)) {
            ch_tally_add(&r->senders, &m.sender);
        }
        while (is_proxy(r, &m) && ch_message_word(&word, &m.text)) {
            ch_tally_add(&r->words, &word);
        }
    }
}

/* ------------------------------------------------------------------------------------- tokens */

static choir_status message_add(reading *r, const message *m) {
    ch_cell rest = m->text;
    ch_cell word;
    const uint32_t group = ch_tally_find(&r->senders, &m->sender);
    choir_status status = CHOIR_OK;
    bool is_empty = true;
    while (status == CHOIR_OK && ch_message_word(&word, &rest)) {
        const uint32_t found = ch_tally_find(&r->words, &word);
        const uint32_t token = found == CH_TALLY_NONE ? CH_WORD_UNKNOWN : CH_WORD_FIRST + found;
        if (is_empty) {
            status = ch_sequences_push(&r->sequences, CH_WORD_BEGIN);
            is_empty = false;
        }
        if (status == CHOIR_OK) {
            status = ch_sequences_push(&r->sequences, (uint16_t)token);
        }
    }
    if (status == CHOIR_OK && !is_empty) {
        status = ch_sequences_push(&r->sequences, CH_WORD_END);
    }
    return status == CHOIR_OK ? ch_sequences_close(&r->sequences, group) : status;
}

static choir_status names_set(ch_dataset *out, const ch_tally *words) {
    static const char *const special[CH_WORD_FIRST] = {CH_WORD_UNKNOWN_NAME, CH_WORD_BEGIN_NAME,
                                                       CH_TOKEN_END_NAME};
    const uint32_t count = CH_WORD_FIRST + words->count;
    ch_cell *texts = ch_claim(&out->env, count, sizeof(texts[0]));
    if (texts == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        texts[i] = i < CH_WORD_FIRST
                       ? (ch_cell){.data = special[i], .size = (uint32_t)strlen(special[i])}
                       : words->entries[i - CH_WORD_FIRST].text;
    }
    const choir_status status = ch_dataset_name(out, texts, count);
    out->env.free(out->env.self, texts);
    return status;
}

static choir_status messages_add(reading *r) {
    message m;
    choir_status status = CHOIR_OK;
    for (rewind_lines(r); status == CHOIR_OK && message_next(r, &m) == CHOIR_OK;) {
        status = is_kept(r, &m) ? message_add(r, &m) : CHOIR_OK;
    }
    if (status == CHOIR_OK && r->sequences.count == 0) {
        return ch_error_set(r->err, CHOIR_EPROTO, "%s: no message of a client has a word", r->name);
    }
    return status;
}

static choir_status parse(reading *r, ch_dataset *out, const choir_job_data *options) {
    uint32_t words = 0;
    uint32_t messages = 0;
    choir_status status = amounts_count(r, &words, &messages);
    if (status == CHOIR_OK) {
        status = amounts_check(r, words, messages);
    }
    if (status == CHOIR_OK) {
        status = ch_tally_init(&r->words, words, &out->env);
    }
    if (status == CHOIR_OK) {
        status = ch_tally_init(&r->senders, messages, &out->env);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    tallies_fill(r);
    ch_tally_rank(&r->words, options->vocabulary);
    ch_tally_rank(&r->senders, CH_EXAMPLES_MAX);
    status = messages_add(r);
    return status == CHOIR_OK ? names_set(out, &r->words) : status;
}

static choir_status options_check(const choir_job_data *options, choir_error *err) {
    if (options->vocabulary < 1 || options->vocabulary > CH_CLASSES_MAX - CH_WORD_FIRST) {
        return ch_error_set(err, CHOIR_EINVAL, "data.vocabulary: %u is not in [1, %u]",
                            options->vocabulary, CH_CLASSES_MAX - CH_WORD_FIRST);
    }
    if (options->proxy[0] == '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.proxy: is empty; the vocabulary of messages is learnt from the "
                            "sender that it names, and from no client");
    }
    return CHOIR_OK;
}

choir_status ch_messages_parse(ch_dataset *out, char *data, size_t size, const char *name,
                               const choir_job_data *options, uint64_t seed, choir_error *err) {
    reading r = {.data = data, .size = size, .name = name, .err = err};
    uint32_t steps = 0;
    choir_status status = options_check(options, err);
    if (status == CHOIR_OK) {
        status = ch_sequences_steps(&steps, options, CH_STEPS_WORDS, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    r.proxy = (ch_cell){.data = options->proxy, .size = (uint32_t)strlen(options->proxy)};
    r.is_of_proxy = strcmp(options->holder, "proxy") == 0;
    r.words = (ch_tally){.env = out->env};
    r.senders = (ch_tally){.env = out->env};
    ch_sequences_init(&r.sequences, steps, &out->env);
    status = parse(&r, out, options);
    if (status == CHOIR_OK) {
        ch_sequences_move(&r.sequences, CH_WORD_FIRST + r.words.count, out, &out->train);
        status = ch_dataset_split(out, options->test_share, seed, err);
    }
    if (status == CHOIR_OK) {
        status = ch_dataset_number(out, r.senders.count);
    }
    ch_sequences_release(&r.sequences);
    ch_tally_release(&r.words);
    ch_tally_release(&r.senders);
    return status;
}

/* --------------------------------------------------------------------------------------- files */

static bool file_find(char out[PATH_BYTES], const char *path) {
    if (ch_is_file(path)) {
        return snprintf(out, PATH_BYTES, "%s", path) < PATH_BYTES;
    }
    return snprintf(out, PATH_BYTES, "%s/%s", path, FILE_NAME) < PATH_BYTES && ch_is_file(out);
}

static bool ends_with(const char *path, const char *end) {
    const size_t size = strlen(path);
    return size > strlen(end) && strcmp(path + size - strlen(end), end) == 0;
}

bool ch_messages_is(const char *path) {
    char found[PATH_BYTES];
    char head[HEAD_BYTES];
    if (!file_find(found, path)) {
        return false;
    }
    if (strcmp(found, path) != 0) {
        return true;
    }
    if (!ends_with(path, ".tsv") && !ends_with(path, ".tsv.gz")) {
        return false;
    }
    const size_t size = ch_file_head(path, head, sizeof(head));
    const char *stop = memchr(head, '\n', size);
    ch_cell line = {.data = head, .size = (uint32_t)(stop == NULL ? size : (size_t)(stop - head))};
    ch_cell field;
    return field_take(&field, &line) && field_take(&field, &line);
}

choir_status ch_messages_read(ch_dataset *out, const char *path, const choir_job_data *options,
                              uint64_t seed, choir_error *err) {
    char found[PATH_BYTES];
    ch_file file = {.env = out->env};
    if (!file_find(found, path)) {
        return ch_error_set(err, CHOIR_EIO, "%s: has no %s", path, FILE_NAME);
    }
    choir_status status = ch_file_read(&file, found, CH_MESSAGES_BYTES_MAX, &out->env, err);
    if (status == CHOIR_OK) {
        status = ch_messages_parse(out, (char *)file.data, file.size, found, options, seed, err);
    }
    ch_file_release(&file);
    return status;
}
