/*
 * N-gram: what follows two words, by counting; a keyboard's baseline.
 *
 * A trigram model with interpolated Kneser-Ney smoothing: what was counted less a discount, and the
 * mass that this leaves is shared out by a model of one word less. Below the trigrams a word counts
 * by how many different words it followed:
 *
 *     P(c | a b) = max(n(a b c) - D, 0) / n(a b) + D t(a b) / n(a b)  P(c | b)
 *     P(c | b)   = max(m(b c) - D, 0)   / m(b)   + D t(b)   / m(b)    P(c)
 *     P(c)       = max(m(c) - D, 0)     / m      + D t      / m       1 / (V - 1)
 *
 *     n  how often      m(b c) how many different a there are in a b c;  m(c) different b in b c
 *     t  how many different c follow     D = n1 / (n1 + 2 n2) of each order, with n1 and n2 how
 *        many there are that count once and twice; 1/2 where either is none
 *
 * and where the words before were never seen, the model of one word less alone. A line is read as
 * if two tokens of its beginning stood before its first word; one that was cut into examples as the
 * whole that it is. V - 1: nothing is followed by "<begin>".
 *
 * Source: Chen, Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling",
 * Computer Speech and Language 13, 1999, sec. 3.4, eq. 21 to 25 with one discount an order; Kneser,
 * Ney, "Improved Backing-off for M-gram Language Modeling", ICASSP 1995.
 */
#ifndef CH_RUN_NGRAM_H
#define CH_RUN_NGRAM_H

#include "choir/env.h"
#include "choir/status.h"
#include "data/examples.h"

typedef struct ch_ngram ch_ngram;

/*
 * Counts the lines of some holdings, all of sequences of one vocabulary.
 *
 * holdings  (count) borrowed for the call; each may be empty; of tables as for ch_ngram_before
 * classes   tokens are below, in [2, CH_CLASSES_MAX]
 * begin     the token of a line's beginning
 *
 * Returns OK and an object to destroy; ENOMEM and *out == NULL.
 */
CHOIR_NODISCARD choir_status ch_ngram_create(ch_ngram **out, const ch_holding *holdings,
                                             uint32_t count, uint32_t classes, uint32_t begin,
                                             const choir_env *env);

/*
 * What stands before the first token of an example: begin where that is a line's beginning; else
 * the example goes on with a cut line, whose token before it is the one in front of it in the
 * table.
 *
 * e    of lines as they were read (data/sequences.h): pieces of one lie behind each other in tokens
 * row  of the example
 */
uint16_t ch_ngram_before(const ch_examples *e, uint32_t row, uint16_t begin);

/* Accepts NULL. */
void ch_ngram_destroy(ch_ngram *n);

/*
 * The probabilities (classes) of what follows.
 *
 * before, last  the last two tokens, last the one that was typed last; both the beginning's at a
 *               line's beginning
 */
void ch_ngram_predict(const ch_ngram *n, uint16_t before, uint16_t last, float *probabilities);

#endif
