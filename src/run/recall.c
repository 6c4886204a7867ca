/* Recall: see recall.h. */
#include "run/recall.h"

#include "data/messages.h"

#include <math.h>
#include <string.h>

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

ch_recall_kind ch_recall_kind_of(uint32_t token, const char *name) {
    if (token < CH_WORD_FIRST) {
        return token == CH_WORD_UNKNOWN ? CH_RECALL_UNKNOWN : CH_RECALL_OTHER;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (is_letter_or_digit(*c)) {
            return CH_RECALL_WORD;
        }
    }
    return CH_RECALL_OTHER;
}

bool ch_recall_is_of_words(const ch_federation *f) {
    const char *name = ch_federation_name(f, CH_WORD_UNKNOWN);
    return ch_federation_is_text(f) && name != NULL && strcmp(name, CH_WORD_UNKNOWN_NAME) == 0;
}

void ch_recall_kinds(uint8_t *kinds, const ch_federation *f) {
    const uint32_t classes = ch_federation_classes(f);
    for (uint32_t token = 0; token < classes; token++) {
        kinds[token] = (uint8_t)ch_recall_kind_of(token, ch_federation_name(f, token));
    }
}

/* How many words are ranked before this one; all are before one whose score is no number. */
static uint32_t rank_of(const float *scores, const uint8_t *kinds, uint32_t count, uint32_t token) {
    const float own = scores[token];
    uint32_t rank = isnan(own) ? count : 0;
    for (uint32_t i = 0; i < count; i++) {
        const bool is_before = scores[i] > own || (scores[i] == own && i < token);
        rank += is_before && kinds[i] == CH_RECALL_WORD ? 1 : 0;
    }
    return rank;
}

void ch_recall_add(ch_recall *r, const float *scores, const uint8_t *kinds, uint32_t count,
                   uint32_t token) {
    if (kinds[token] == CH_RECALL_OTHER) {
        return;
    }
    r->words += 1;
    if (kinds[token] == CH_RECALL_WORD) {
        const uint32_t rank = rank_of(scores, kinds, count, token);
        r->first += rank == 0 ? 1 : 0;
        r->among += rank < CH_RECALL_SHOWN ? 1 : 0;
    }
}

void ch_recall_merge(ch_recall *a, const ch_recall *b) {
    a->words += b->words;
    a->first += b->first;
    a->among += b->among;
}

double ch_recall_first(const ch_recall *r) {
    return r->words == 0 ? (double)NAN : (double)r->first / (double)r->words;
}

double ch_recall_among(const ch_recall *r) {
    return r->words == 0 ? (double)NAN : (double)r->among / (double)r->words;
}
