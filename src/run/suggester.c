/* Suggester: see suggester.h. */
#include "run/suggester.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/messages.h"
#include "nn/net.h"
#include "run/labels.h"
#include "run/saved.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_MAX = 16384, // bytes of a message's end that are read
    STEPS_MAX = 256,  // tokens of it
};

struct ch_suggester {
    choir_env env;
    ch_net *net;
    json_t *list;       // owns the names
    const char **names; // (count) by token; owned, like all below
    uint8_t *kinds;     // (count)
    uint32_t *sorted;   // (count) tokens by ascending bytes of their names
    uint32_t count;
    uint32_t steps;  // tokens that are read at a time
    float *x;        // (steps)
    float *scores;   // (steps, count)
    uint16_t *typed; // (steps) the last tokens, a ring
    char text[TEXT_MAX];
};

// ----- opening ----------------------------------------------------------------------------------

static bool is_digest(const char *labels) {
    return strstr(labels, " words, checksum ") != NULL;
}

/* The words in the file; EAGAIN when it is no model of words. */
static choir_status names_read(ch_suggester *s, const ch_saved *saved, choir_error *err) {
    const bool is_apart = saved->vocabulary[0] != '\0';
    if (saved->steps == 0) {
        return CHOIR_EAGAIN;
    }
    if (!is_apart && is_digest(saved->labels)) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: does not hold its vocabulary (choir.vocabulary), and so has no "
                            "words to suggest",
                            saved->path);
    }
    s->list = json_loads(is_apart ? saved->vocabulary : saved->labels, 0, NULL);
    s->count = (uint32_t)json_array_size(s->list);
    s->names = ch_claim(&s->env, s->count + (size_t)1, sizeof(s->names[0]));
    if (s->names == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        s->names[i] = json_string_value(json_array_get(s->list, i));
        if (s->names[i] == NULL) {
            return ch_error_set(err, CHOIR_EPROTO, "%s: its vocabulary is no list of words",
                                saved->path);
        }
    }
    if (s->count <= CH_WORD_FIRST || s->count > CH_CLASSES_MAX ||
        strcmp(s->names[CH_WORD_UNKNOWN], CH_WORD_UNKNOWN_NAME) != 0) {
        return is_apart ? ch_error_set(err, CHOIR_EPROTO,
                                       "%s: its vocabulary (choir.vocabulary) does not begin with "
                                       "\"" CH_WORD_UNKNOWN_NAME "\" and two more, and words",
                                       saved->path)
                        : CHOIR_EAGAIN;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        if (!ch_text_is_printable(s->names[i])) { // it would be written to a terminal
            return ch_error_set(err, CHOIR_EPROTO,
                                "%s: word %" PRIu32 " of its vocabulary cannot be printed; needs "
                                "words of letters and marks",
                                saved->path, i);
        }
    }
    char digest[CH_LABELS_DIGEST_MAX];
    ch_labels_digest(digest, s->names, s->count);
    return !is_apart || strcmp(digest, saved->labels) == 0
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EPROTO,
                              "%s: holds another vocabulary than it was trained on: %s, and %s in "
                              "choir.labels",
                              saved->path, digest, saved->labels);
}

/* qsort hands its comparison nothing, and so what is sorted are pointers into the names. */
static int by_name(const void *a, const void *b) {
    const char *const *x = *(const char *const *const *)a;
    const char *const *y = *(const char *const *const *)b;
    const int order = strcmp(*x, *y);
    return order != 0 ? order : (x > y) - (x < y);
}

static choir_status names_sort(ch_suggester *s) {
    const char ***places = ch_claim(&s->env, s->count, sizeof(places[0]));
    s->sorted = ch_claim(&s->env, s->count, sizeof(s->sorted[0]));
    if (places == NULL || s->sorted == NULL) {
        if (places != NULL) {
            s->env.free(s->env.self, (void *)places);
        }
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        places[i] = &s->names[i];
    }
    qsort((void *)places, s->count, sizeof(places[0]), by_name);
    for (uint32_t i = 0; i < s->count; i++) {
        s->sorted[i] = (uint32_t)(places[i] - s->names);
    }
    s->env.free(s->env.self, (void *)places);
    return CHOIR_OK;
}

static choir_status net_make(ch_suggester *s, const ch_saved *saved, choir_error *err) {
    ch_net_options o = ch_net_defaults();
    o.layers = saved->layers;
    o.height = o.width = o.channels = 1;
    o.steps = s->steps;
    o.loss = saved->loss;
    o.batch_max = 1;
    o.forward_only = true;
    choir_status status = ch_net_create(&s->net, &o, &s->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (ch_net_outputs(s->net) != s->count || ch_net_vocabulary(s->net) != s->count) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: its vocabulary has %" PRIu32 " words, its layers read %" PRIu32
                            " and tell %" PRIu32 " apart",
                            saved->path, s->count, ch_net_vocabulary(s->net),
                            ch_net_outputs(s->net));
    }
    const choir_layout *layout = ch_net_layout(s->net);
    float *params = ch_claim(&s->env, layout->dim, sizeof(params[0]));
    if (params == NULL) {
        return CHOIR_ENOMEM;
    }
    status = ch_saved_params(saved, layout, params, err);
    if (status == CHOIR_OK) {
        ch_net_load(s->net, params);
    }
    s->env.free(s->env.self, params);
    return status == CHOIR_EINVAL ? CHOIR_EPROTO : status;
}

static choir_status room_claim(ch_suggester *s) {
    s->kinds = ch_claim(&s->env, s->count, 1);
    s->x = ch_claim(&s->env, s->steps, sizeof(s->x[0]));
    s->typed = ch_claim(&s->env, s->steps, sizeof(s->typed[0]));
    s->scores = ch_claim(&s->env, (size_t)s->steps * s->count, sizeof(s->scores[0]));
    if (s->kinds == NULL || s->x == NULL || s->typed == NULL || s->scores == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        s->kinds[i] = (uint8_t)ch_recall_kind_of(i, s->names[i]);
    }
    return names_sort(s);
}

choir_status ch_suggester_open(ch_suggester **out, const char *model, const choir_env *env,
                               choir_error *err) {
    *out = NULL;
    ch_saved saved;
    choir_status status = ch_saved_open(&saved, model, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_suggester *s = ch_claim(env, 1, sizeof(*s));
    if (s != NULL) {
        memset(s, 0, sizeof(*s));
        s->env = *env;
        s->steps = saved.steps < STEPS_MAX ? saved.steps : STEPS_MAX;
    }
    status = s == NULL ? CHOIR_ENOMEM : names_read(s, &saved, err);
    if (status == CHOIR_OK) {
        status = net_make(s, &saved, err);
    }
    if (status == CHOIR_OK) {
        status = room_claim(s);
    }
    if (status == CHOIR_ENOMEM) {
        status = ch_error_set(err, status, "%s: no memory to suggest words with it", saved.path);
    }
    ch_saved_release(&saved);
    if (status != CHOIR_OK) {
        ch_suggester_close(s);
        return status;
    }
    *out = s;
    return CHOIR_OK;
}

void ch_suggester_close(ch_suggester *s) {
    if (s != NULL) {
        const choir_env env = s->env;
        void *blocks[] = {(void *)s->names, s->kinds, s->sorted, s->x, s->scores, s->typed};
        ch_net_destroy(s->net);
        json_decref(s->list);
        for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
            if (blocks[i] != NULL) {
                env.free(env.self, blocks[i]);
            }
        }
        env.free(env.self, s);
    }
}

// ----- reading what was typed -------------------------------------------------------------------

/* A word's token, of equal names (words of odd bytes have them) the lowest; CH_WORD_UNKNOWN when it
 * is not in the vocabulary. */
static uint16_t token_of(const ch_suggester *s, const ch_cell *word) {
    uint32_t low = 0;
    uint32_t high = s->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (strncmp(s->names[s->sorted[middle]], word->data, word->size) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const uint32_t token = low < s->count ? s->sorted[low] : CH_WORD_UNKNOWN;
    const char *name = s->names[token];
    const bool is_it = strncmp(name, word->data, word->size) == 0 && name[word->size] == '\0';
    return is_it && token >= CH_WORD_FIRST ? (uint16_t)token : CH_WORD_UNKNOWN;
}

/* Makes x the last tokens of the message in text (size); returns how many. */
static uint32_t tokens_read(ch_suggester *s, size_t size) {
    ch_cell rest = {.data = s->text, .size = (uint32_t)size};
    ch_cell word;
    uint64_t count = 1;
    s->typed[0] = CH_WORD_BEGIN;
    while (ch_message_word(&word, &rest)) {
        s->typed[count % s->steps] = token_of(s, &word);
        count += 1;
    }
    const uint32_t kept = count < s->steps ? (uint32_t)count : s->steps;
    for (uint32_t i = 0; i < kept; i++) {
        s->x[i] = s->typed[(count - kept + i) % s->steps];
    }
    return kept;
}

static bool is_of_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '\'' || (unsigned char)c >= 0x80;
}

size_t ch_suggester_begun(const char *text, size_t size) {
    size_t begun = 0;
    while (begun < size && is_of_word(text[size - 1 - begun])) {
        begun += 1;
    }
    return begun;
}

// ----- suggesting -------------------------------------------------------------------------------

static bool begins(const char *name, const char *with, size_t size) {
    return strncmp(name, with, size) == 0;
}

/* The most probable words that begin with (size) bytes of begun. */
static uint32_t words_pick(const ch_suggester *s, const float *scores, const char *begun,
                           size_t size, const char *words[CH_RECALL_SHOWN]) {
    uint32_t best[CH_RECALL_SHOWN];
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->kinds[i] != CH_RECALL_WORD || !begins(s->names[i], begun, size)) {
            continue;
        }
        uint32_t at = count;
        while (at > 0 && scores[i] > scores[best[at - 1]]) {
            at -= 1;
        }
        for (uint32_t k = count < CH_RECALL_SHOWN ? count : CH_RECALL_SHOWN - 1; k > at; k--) {
            best[k] = best[k - 1];
        }
        if (at < CH_RECALL_SHOWN) {
            best[at] = i;
        }
        count += count < CH_RECALL_SHOWN ? 1 : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        words[i] = s->names[best[i]];
    }
    return count;
}

uint32_t ch_suggester_suggest(ch_suggester *s, const char *text, size_t size, bool is_in_word,
                              const char *words[CH_RECALL_SHOWN]) {
    const size_t kept = size > TEXT_MAX ? TEXT_MAX : size;
    for (size_t i = 0; i < kept; i++) {
        const char c = text[size - kept + i];
        s->text[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    const size_t begun = is_in_word ? ch_suggester_begun(s->text, kept) : 0;
    const uint32_t length = tokens_read(s, kept - begun);
    const ch_batch batch = {.count = 1, .x = s->x, .lengths = &length};
    ch_net_evaluate(s->net, &batch, s->scores, NULL);
    return words_pick(s, s->scores + (size_t)(length - 1) * s->count, s->text + kept - begun, begun,
                      words);
}
