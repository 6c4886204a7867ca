/*
 * Recall: how often a keyboard's suggestions hold the word that was typed next.
 *
 * A keyboard suggests words: tokens of the vocabulary with a letter or a digit in them. A mark such
 * as "," is none, though a model reads and predicts marks, and neither is <unknown>, <begin> or
 * <end>. Wherever a word was typed, after whatever was typed before it in the message, the words
 * are ranked by the score that they are given there; equal ones by their token, the more frequent
 * first:
 *
 *     top-1 recall = places where the word that was typed has rank 0 / places
 *     top-3 recall =                                  a rank below 3 / places
 *
 * A word that the vocabulary lacks counts as a place, and is never found. Places where a mark or
 * the end follows are not counted. So the same places count whoever suggests.
 *
 * Source: Hard et al., "Federated Learning for Mobile Keyboard Prediction", 2018, sec. 4: top-1 and
 * top-3 recall, as three suggestions are shown. It does not say how marks count.
 */
#ifndef CH_RUN_RECALL_H
#define CH_RUN_RECALL_H

#include "data/federation.h"

#include <stdbool.h>
#include <stdint.h>

enum { CH_RECALL_SHOWN = 3 }; // suggestions on a strip

/* What tokens are, to a keyboard. */
typedef enum ch_recall_kind {
    CH_RECALL_WORD,    // may be suggested, and is counted
    CH_RECALL_UNKNOWN, // is counted alone
    CH_RECALL_OTHER,   // neither: a mark, the beginning, the end
} ch_recall_kind;

/* Sums over places. */
typedef struct ch_recall {
    uint64_t words; // places
    uint64_t first; // where the word typed was the first suggestion
    uint64_t among; // where it was among the CH_RECALL_SHOWN first
} ch_recall;

/* What a token of a vocabulary of words is, by its number and name. */
ch_recall_kind ch_recall_kind_of(uint32_t token, const char *name);

/* Whether the tokens are the words of messages, and not bytes. */
bool ch_recall_is_of_words(const ch_federation *f);

/* Fills kinds (classes of f) of such a federation. */
void ch_recall_kinds(uint8_t *kinds, const ch_federation *f);

/*
 * Counts one place: token is what followed there, and scores (count) what was said of each.
 *
 * kinds  (count) of the tokens, as ch_recall_kind
 */
void ch_recall_add(ch_recall *r, const float *scores, const uint8_t *kinds, uint32_t count,
                   uint32_t token);

/* a += b */
void ch_recall_merge(ch_recall *a, const ch_recall *b);

/* Shares of the words; NaN when there are none. */
double ch_recall_first(const ch_recall *r);
double ch_recall_among(const ch_recall *r);

#endif
