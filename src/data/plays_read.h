/*
 * Plays as a data set: one client a role, its lines as sequences of bytes.
 *
 * Of a role's n lines, in the order in which it speaks them, the last max(floor(n / 5), 1) are test
 * examples and those before are to train on; who has fewer than two lines is nobody. The test set
 * is all roles' test lines. A role is a group, numbered in the order in which roles first speak.
 *
 * Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
 * Data", AISTATS 2017, sec. 3: "a client dataset for each speaking role in each play with at least
 * two lines ... the first 80 % of lines for each client [to train], and the last 20 % (rounded up
 * to at least one line)" to test. A fifth is rounded down here, since only so do the counts come
 * near theirs; docs/dataset.md has both.
 */
#ifndef CH_DATA_PLAYS_READ_H
#define CH_DATA_PLAYS_READ_H

#include "choir/job.h"
#include "data/dataset.h"
#include "data/plays.h"

#include <stdbool.h>

/* Whether path is a file that looks like plays, packed or not, or is called pg100.txt; or a folder
 * with pg100.txt in it, or with input.txt that looks like plays. */
bool ch_plays_is(const char *path);

/*
 * Reads the plays at path into training and test tables.
 *
 * options  steps, speech
 *
 * Returns OK; EIO and EPROTO as ch_file_read and ch_plays_parse; EPROTO when no role has two lines;
 * ENOMEM. What was claimed until then is out's to release.
 */
CHOIR_NODISCARD choir_status ch_plays_read(ch_dataset *out, const char *path,
                                           const choir_job_data *options, choir_error *err);

/* The same of plays that were parsed. name stands for the file in messages. */
CHOIR_NODISCARD choir_status ch_plays_tables(ch_dataset *out, const ch_plays *plays, uint32_t steps,
                                             const char *name, choir_error *err);

#endif
