/* LeafNames: see leaf_names.h. */
#include "data/leaf_names.h"

#include "data/dataset.h"

#include <string.h>

enum { FIRST_ROOM = 64 };

typedef struct ch_leaf_block {
    struct ch_leaf_block *next; // of the file before; NULL: there is none
    char texts[];
} block;

void ch_leaf_names_init(ch_leaf_names *out, const choir_env *env) {
    *out = (ch_leaf_names){.known = {.env = *env}};
}

void ch_leaf_names_release(ch_leaf_names *n) {
    const choir_env env = n->known.env;
    while (n->block != NULL) {
        block *next = n->block->next;
        env.free(env.self, n->block);
        n->block = next;
    }
    ch_tally_release(&n->known);
    ch_leaf_names_init(n, &env);
}

/* Room for so many names more. */
static choir_status known_make(ch_leaf_names *n, size_t more) {
    const size_t needed = n->known.count + more;
    ch_tally larger;
    if (n->known.slots != NULL && needed <= n->known.room) {
        return CHOIR_OK;
    }
    if (needed > CH_EXAMPLES_MAX / 2) {
        return CHOIR_ENOMEM;
    }
    const uint32_t room = needed < FIRST_ROOM ? FIRST_ROOM : (uint32_t)needed;
    if (ch_tally_init(&larger, 2 * room, &n->known.env) != CHOIR_OK) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < n->known.count; i++) {
        ch_tally_add(&larger, &n->known.entries[i].text);
    }
    ch_tally_release(&n->known);
    n->known = larger;
    return CHOIR_OK;
}

choir_status ch_leaf_names_begin(ch_leaf_names *n, const json_t *users) {
    const choir_env *env = &n->known.env;
    const size_t count = json_array_size(users);
    size_t bytes = sizeof(block);
    if (known_make(n, count) != CHOIR_OK) {
        return CHOIR_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        bytes += json_string_length(json_array_get(users, i)); // 0 where it is no text
    }
    block *b = ch_claim(env, bytes, 1);
    if (b == NULL) {
        return CHOIR_ENOMEM;
    }
    b->next = n->block;
    n->block = b;
    n->used = 0;
    n->before = n->known.count;
    return CHOIR_OK;
}

ch_leaf_named ch_leaf_names_add(ch_leaf_names *n, const char *name) {
    const size_t size = strlen(name);
    const ch_cell text = {.data = name, .size = (uint32_t)size};
    const uint32_t found = ch_tally_find(&n->known, &text);
    if (found != CH_TALLY_NONE) {
        return found < n->before ? CH_LEAF_NAMED_BEFORE : CH_LEAF_NAMED_HERE;
    }
    char *copy = n->block->texts + n->used;
    memcpy(copy, name, size);
    n->used += size;
    const ch_cell kept = {.data = copy, .size = (uint32_t)size};
    ch_tally_add(&n->known, &kept);
    return CH_LEAF_NAMED_NOWHERE;
}
