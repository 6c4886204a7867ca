/*
 * Plays: who says which lines, read from the printed text of plays.
 *
 * A file is plays one after another, with front matter, poems and notes between them; or one play
 * and nothing else. Where plays begin is found by either of the two ways in which Project
 * Gutenberg's editions of the complete works of Shakespeare (ebook 100) say it:
 *
 *     THE TRAGEDY OF MACBETH                  a title in capitals, then "by" and an author, at the
 *     by William Shakespeare                  beginning of a line (editions up to 2017)
 *
 *         Contents                            a list of contents, indented, at the head of the
 *         THE TRAGEDY OF MACBETH              file, and its entries again, at the beginning of a
 *                                             line, where a work begins (later ones)
 *
 * How a play prints its speeches is the way in which most of its names are found:
 *
 *     inline    "NAME. speech", the name at column 0 or 2, the speech going on further in
 *     alone     "NAME." or "NAME:" on a line of its own after a blank one, at column 0
 *
 * Where most names before a speech are in capitals, all have to be: "Go. I follow" is no name then.
 *
 * What is spoken is what follows a name up to the next name or heading, line by line, without
 * blanks around it, without [directions in brackets], without what stands three blanks further to
 * the right (an "Exit."), and without paragraphs that begin as a stage direction does, see
 * speaker.h. A direction that begins otherwise ("They fight") counts as spoken. Blocks between
 * "<<" and ">>" (notices of the edition) and lists of persons are no speech. A work in which fewer
 * than two speak is no play.
 *
 * Names are one role of a play whatever case they are printed in. Two spellings are two roles, and
 * so are "FIRST LORD" and "LORD"; what several say together is a role of its own.
 */
#ifndef CH_DATA_PLAYS_H
#define CH_DATA_PLAYS_H

#include "choir/env.h"
#include "choir/status.h"
#include "data/csv.h"

enum {
    CH_PLAYS_MAX = 1024,
    CH_PLAY_ROLES_MAX = 1024, // of one play
    CH_PLAYS_LINES_MAX = 1 << 22,
};

/* What is claimed while plays are read is by their lines, so those are bounded by themselves. */
#define CH_PLAYS_BYTES_MAX (UINT64_C(256) << 20)

/* What counts as spoken: see above, or every line that is further in than names, from the column
 * where speech goes on, with directions, brackets and all blanks but those at its end. */
typedef enum ch_plays_speech {
    CH_PLAYS_SPOKEN,
    CH_PLAYS_INDENTED,
} ch_plays_speech;

/* A line that is spoken, as it is printed. */
typedef struct ch_play_line {
    ch_cell text;  // not empty
    uint32_t role; // below ch_plays.role_count
} ch_play_line;

typedef struct ch_play_role {
    ch_cell name;   // as it is first printed
    uint32_t play;  // below ch_plays.play_count
    uint32_t lines; // spoken
} ch_play_role;

typedef struct ch_plays {
    ch_play_line *lines; // (line_count) owned; in the order of the text
    ch_play_role *roles; // (role_count) owned; in the order in which they first speak
    uint32_t line_count, lines_room;
    uint32_t role_count, roles_room;
    uint32_t play_count;
    choir_env env;
} ch_plays;

/*
 * Reads plays.
 *
 * data    (size) borrowed while *out is used; changed in place
 * speech  what counts as spoken
 * name    stands for the file in messages
 *
 * Returns OK and an object to release; EPROTO when nobody speaks, for more than CH_PLAYS_BYTES_MAX
 * or CH_PLAYS_LINES_MAX, before anything is claimed, or with the line when another limit is passed;
 * ENOMEM. On failure *out is empty.
 */
CHOIR_NODISCARD choir_status ch_plays_parse(ch_plays *out, char *data, size_t size,
                                            ch_plays_speech speech, const char *name,
                                            const choir_env *env, choir_error *err);

/* Safe on an empty one, and twice. */
void ch_plays_release(ch_plays *plays);

/* Whether the beginning of a file looks like plays: "by" and an author at the beginning of a line,
 * below one that begins with a capital; or three names that stand alone. data is not changed. */
bool ch_plays_are_likely(const char *data, size_t size);

#endif
