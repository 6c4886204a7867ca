/*
 * LeafNames: the users that the files of one half of a LEAF folder have named so far (leaf.h).
 *
 *     begin       for each file, with its list "users"
 *     add         for each of them, in their order: whether it was named before
 */
#ifndef CH_DATA_LEAF_NAMES_H
#define CH_DATA_LEAF_NAMES_H

#include "choir/env.h"
#include "choir/status.h"
#include "data/tally.h"

#include <jansson.h>

/* Where a user was named before. */
typedef enum ch_leaf_named {
    CH_LEAF_NAMED_NOWHERE,
    CH_LEAF_NAMED_HERE,   // in the same file
    CH_LEAF_NAMED_BEFORE, // in one before it
} ch_leaf_named;

typedef struct ch_leaf_names {
    ch_tally known;              // its texts lie in the blocks
    struct ch_leaf_block *block; // owned; the last file's names, and behind it those before
    size_t used;                 // bytes of it
    uint32_t before;             // names that were known when its file began
} ch_leaf_names;

/* Empty. */
void ch_leaf_names_init(ch_leaf_names *out, const choir_env *env);

/* Safe on an empty one, and twice. */
void ch_leaf_names_release(ch_leaf_names *n);

/* Makes room for the texts in a file's list of users. ENOMEM. */
CHOIR_NODISCARD choir_status ch_leaf_names_begin(ch_leaf_names *n, const json_t *users);

/* Adds a text of that list, which is copied; each at most once. */
ch_leaf_named ch_leaf_names_add(ch_leaf_names *n, const char *name);

#endif
