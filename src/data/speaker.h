/*
 * Speaker: who speaks a line of a printed play, as far as one line can tell.
 *
 * Printed plays set the name before the speech, and differ in how:
 *
 *     HAMLET. To be, or not to be      a name, a point, the speech
 *     HAMLET.                          a name and a point alone; the speech is below
 *     Hamlet:                          the same with a colon
 *
 * A name is up to six words of letters, apostrophes and hyphens, joined by blanks, commas or '&';
 * each begins with a capital, but for "of", "and", "de" and "the", and a number may come first
 * ("1. Watch."). Headings ("ACT I.") and the words that stage directions begin with ("Enter",
 * "Exeunt") name nobody.
 */
#ifndef CH_DATA_SPEAKER_H
#define CH_DATA_SPEAKER_H

#include "data/csv.h"

enum { CH_SPEAKER_BYTES_MAX = 48 }; // of a name

typedef struct ch_speaker {
    ch_cell name;   // borrowed from the line
    ch_cell speech; // what follows on the same line; size 0: nothing
    char mark;      // '.' or ':'
    bool is_upper;  // its first word has no small letter
} ch_speaker;

/* Whether the line, without blanks around it, begins with a name; *out is who. */
bool ch_speaker_parse(ch_speaker *out, const ch_cell *line);

/* Whether a line is what stands between speeches: "Enter ...", "[Exit", "Flourish". */
bool ch_speaker_is_direction(const ch_cell *line);

/* Whether it is a heading: "ACT I", "Scene 2. Rome", or without a small letter and a mark. */
bool ch_speaker_is_heading(const ch_cell *line);

#endif
