/*
 * Sequences: lines of tokens on their way to a table.
 *
 * A reader pushes a line's tokens and closes it. A line of more predictions than an example may
 * have is cut into consecutive examples, each beginning with the token that the one before it ended
 * with: so every token but a line's first is predicted exactly once, and none is lost. A model
 * begins every example anew.
 *
 * Bytes as tokens are 0 .. 255, with two more for the beginning and the end of a line: a vocabulary
 * of 258, the only one with which the character model of the paper has its 866,578 parameters.
 *
 * Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
 * Data", AISTATS 2017, sec. 3: a character LSTM that reads a line, unrolled 80 characters. That an
 * example is a line is deduced from its table 2: u = E E[n_k] / B is 37.1 with E = 5 and B = 10.
 */
#ifndef CH_DATA_SEQUENCES_H
#define CH_DATA_SEQUENCES_H

#include "choir/job.h"
#include "data/dataset.h"

enum {
    CH_TOKEN_BEGIN = 256, // of a line of bytes
    CH_TOKEN_END = 257,
    CH_BYTE_TOKENS = 258,     // the vocabulary of bytes
    CH_STEPS_MAX = 4096,      // predictions of an example
    CH_STEPS_CHARACTERS = 80, // unless data.steps says otherwise
    CH_STEPS_WORDS = 20,
};

/* What the end of a line is called; no other token is. */
#define CH_TOKEN_END_NAME "<end>"

/* Tokens of a table. */
#define CH_TOKENS_MAX (UINT32_C(1) << 30)

typedef struct ch_sequences {
    uint32_t steps;
    uint16_t *tokens; // (tokens_room) owned, like the arrays below
    ch_span *spans;   // (spans_room)
    uint32_t *groups; // (spans_room)
    uint32_t token_count, tokens_room;
    uint32_t count, spans_room;
    uint32_t open; // where the open line's tokens begin
    uint32_t cut;  // lines that were cut
    choir_env env;
} ch_sequences;

/* The most predictions of an example: what data.steps says, or usual when it is 0. EINVAL when that
 * is more than CH_STEPS_MAX. */
CHOIR_NODISCARD choir_status ch_sequences_steps(uint32_t *out, const choir_job_data *options,
                                                uint32_t usual, choir_error *err);

/* Empty. steps: the most predictions of an example, in [1, CH_STEPS_MAX]. */
void ch_sequences_init(ch_sequences *s, uint32_t steps, const choir_env *env);

/* Safe on an empty one, and twice. */
void ch_sequences_release(ch_sequences *s);

/* Adds a token to the open line. ENOMEM, also beyond CH_TOKENS_MAX. */
CHOIR_NODISCARD choir_status ch_sequences_push(ch_sequences *s, uint16_t token);

/* Ends the open line, which is group's. One of fewer than two tokens predicts nothing and is no
 * example. ENOMEM, also beyond CH_EXAMPLES_MAX. */
CHOIR_NODISCARD choir_status ch_sequences_close(ch_sequences *s, uint32_t group);

/*
 * Adds an example of length tokens (2 .. steps + 1) that is the last one moved on by a token: all
 * but the first of that one's, and token. There is no open line. ENOMEM as above.
 */
CHOIR_NODISCARD choir_status ch_sequences_slide(ch_sequences *s, uint16_t token, uint32_t group);

/* A whole line of bytes, with its beginning and end. */
CHOIR_NODISCARD choir_status ch_sequences_add_bytes(ch_sequences *s, const char *text, size_t size,
                                                    uint32_t group);

/* Names the tokens of bytes: what is printable by itself, "space", "\\x0a", "<begin>", "<end>".
 * ENOMEM. */
CHOIR_NODISCARD choir_status ch_sequences_name_bytes(ch_dataset *d);

/*
 * Makes table, of the data set d, what was collected; s is empty then. d counts the cut lines.
 *
 * classes  the vocabulary: tokens are below, at most CH_CLASSES_MAX
 */
void ch_sequences_move(ch_sequences *s, uint32_t classes, ch_dataset *d, ch_examples *table);

#endif
