/* Typing: a keyboard's suggestions, for a terminal or for lines of a pipe. */
#ifndef CHOIR_APPS_TYPING_H
#define CHOIR_APPS_TYPING_H

#include "run/suggester.h"

#include <stdio.h>

/*
 * Suggests words for what comes from in, until its end.
 *
 * Where in and out are a terminal, keys are read one by one: what was typed is shown with up to
 * three suggestions below; SIGINT, SIGTERM and SIGHUP are an end, too, and are caught from then on.
 * The terminal is left set as it was. Otherwise every line gets a line: the words that may follow
 * it, separated by tabulators. Of a line that is longer than 64 KiB the end counts.
 *
 * Returns OK; EIO when in cannot be read, the terminal not be set or signals not be waited for.
 */
CHOIR_NODISCARD choir_status typing_follow(FILE *in, FILE *out, ch_suggester *suggester,
                                           choir_error *err);

#endif
