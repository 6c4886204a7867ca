/*
 * Suggester: what a keyboard shows above itself, the words that a model thinks are typed next.
 *
 * It knows a model's file and nothing else: the vocabulary is in it. A message is read from its
 * beginning, in the words that messages are trained on (data/messages.h); of a longer one the last
 * words, as many as the model was trained to read at a time and at most 256. Suggested are words
 * (run/recall.h), the most probable first: after a blank those that may follow, and within a word
 * those that begin as it does, by how likely they are there.
 */
#ifndef CH_RUN_SUGGESTER_H
#define CH_RUN_SUGGESTER_H

#include "choir/env.h"
#include "choir/status.h"
#include "run/recall.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct ch_suggester ch_suggester;

/*
 * model  a safetensors file that choir wrote, or a run directory
 *
 * Returns OK and an object to close; EAGAIN when it is a model, but none of words; EPROTO when it
 * holds no vocabulary, or another than it was trained on, or other parameters than its layers have;
 * as ch_saved_open, ch_net_create. *out == NULL on failure.
 */
CHOIR_NODISCARD choir_status ch_suggester_open(ch_suggester **out, const char *model,
                                               const choir_env *env, choir_error *err);

/* Accepts NULL. */
void ch_suggester_close(ch_suggester *s);

/*
 * text   (size) bytes, any, of which those that are no words are read as blanks or marks
 * is_in_word  whether the last word, unless a blank follows it, is still being typed
 * words  out: borrowed; those beyond the count that is returned are left as they were
 *
 * Returns how many there are, at most CH_RECALL_SHOWN; fewer when fewer begin as the last word.
 */
uint32_t ch_suggester_suggest(ch_suggester *s, const char *text, size_t size, bool is_in_word,
                              const char *words[CH_RECALL_SHOWN]);

/* How many bytes at the end of text (size) are letters of the word being typed; 0: a blank or a
 * mark is there, or nothing. */
size_t ch_suggester_begun(const char *text, size_t size);

#endif
