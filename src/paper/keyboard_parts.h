/* The keyboard comparison's insides, shared by its files. */
#ifndef CH_PAPER_KEYBOARD_PARTS_H
#define CH_PAPER_KEYBOARD_PARTS_H

#include "paper/keyboard.h"

enum {
    ROUNDS_MAX = 1000000, // of a job
    DEADLINE_S = 4000000, // the longest that a job's round may have
};

/*
 * Judges all rows on the messages that senders hold out; those that are trained have their dir.
 *
 * Returns OK; as ch_session_open, ch_saved_open, ch_ngram_create; EINVAL when nobody holds out a
 * word.
 */
CHOIR_NODISCARD choir_status ch_keyboard_judge(ch_keyboard *k, uint32_t workers,
                                               const choir_env *env, choir_error *err);

#endif
