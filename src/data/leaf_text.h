/*
 * LeafText: one file of LEAF's (leaf.h), in memory or in a file of any size, read value by value.
 *
 * The whole is looked through once: lists of users and of their numbers are kept, and where each
 * user's lists x and y lie. Items of those are parsed when they are asked for; a window of the file
 * and one value of it are in memory.
 */
#ifndef CH_DATA_LEAF_TEXT_H
#define CH_DATA_LEAF_TEXT_H

#include "choir/env.h"
#include "choir/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CH_LEAF_WINDOW = 1 << 16,    // bytes of a file that are read at once
    CH_LEAF_VALUE_MAX = 1 << 26, // bytes of a value that is parsed
};

struct ch_filed_file; // of data/filed.h

/* A list in the text. */
typedef struct ch_leaf_list {
    bool is_there;
    uint64_t at; // where it begins
    uint32_t line;
    uint32_t count; // items
} ch_leaf_list;

typedef struct ch_leaf_user {
    char *name; // owned
    ch_leaf_list x, y;
} ch_leaf_user;

typedef struct ch_leaf_text {
    const char *name; // for messages; borrowed
    json_t *users;    // owned; NULL: it has none
    json_t *samples;  // num_samples; likewise
    bool has_data;
    ch_leaf_user *data; // (data_count) owned; user_data, by name
    uint32_t data_count, data_room;

    const char *text;                 // (size) borrowed; NULL: it is in the file
    const struct ch_filed_file *file; // open; borrowed
    uint64_t size;
    uint64_t at; // where reading is
    uint32_t line;
    char *window; // (window_room) the file's bytes from window_at on, (window_had) of them
    size_t window_room, window_had;
    uint64_t window_at;
    char *value; // (value_room) the value that is read
    size_t value_room, value_size;
    choir_status status; // of reading
    choir_env env;
    choir_error *err;
} ch_leaf_text;

/*
 * Looks through a text in memory, or, where text is NULL, an open file's.
 *
 * text    (size) borrowed while *out is used
 * file    likewise
 * window  bytes of it that are read at once, CH_LEAF_WINDOW usually
 * name    stands for it in messages; borrowed likewise
 * err     of this and of what is asked later; borrowed likewise
 *
 * Returns OK; EPROTO with the line where it is no JSON, a key is there twice, or a value is too
 * large; EIO where the file cannot be read; ENOMEM. *out is to release in any case.
 */
CHOIR_NODISCARD choir_status ch_leaf_text_open(ch_leaf_text *out, const char *text, size_t size,
                                               const struct ch_filed_file *file, size_t window,
                                               const char *name, const choir_env *env,
                                               choir_error *err);

/* Safe on one that is all zero, and twice. */
void ch_leaf_text_release(ch_leaf_text *t);

/* What user_data has of a user; NULL when there is nothing. Borrowed. */
const ch_leaf_user *ch_leaf_text_find(const ch_leaf_text *t, const char *name);

/* Goes to a list's first item. Returns OK; EIO. */
CHOIR_NODISCARD choir_status ch_leaf_text_begin(ch_leaf_text *t, const ch_leaf_list *list);

/* Takes the list's next item, of which there must be one. Returns OK and a value that the caller
 * owns; EPROTO, EIO, ENOMEM as above. */
CHOIR_NODISCARD choir_status ch_leaf_text_item(ch_leaf_text *t, json_t **out);

/* Parses a whole list, as ch_leaf_text_item. */
CHOIR_NODISCARD choir_status ch_leaf_text_whole(ch_leaf_text *t, const ch_leaf_list *list,
                                                json_t **out);

#endif
