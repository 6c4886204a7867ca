/* Values: see values.h. */
#include "data/values.h"

#include "base/assert.h"
#include "data/dataset.h"

#include <string.h>

enum { FIRST_ROOM = 16, FIRST_TEXTS = 1 << 10, TEXTS_MAX = 1 << 20 };

/* Texts one after the other. */
typedef struct ch_values_block {
    struct ch_values_block *before;
    size_t used, room;
    char text[];
} ch_values_block;

void ch_values_init(ch_values *v, uint32_t most, const choir_env *env) {
    *v = (ch_values){.most = most, .env = *env};
}

void ch_values_release(ch_values *v) {
    if (v->cells != NULL) {
        v->env.free(v->env.self, v->cells);
    }
    if (v->slots != NULL) {
        v->env.free(v->env.self, v->slots);
    }
    while (v->texts != NULL) {
        ch_values_block *before = v->texts->before;
        v->env.free(v->env.self, v->texts);
        v->texts = before;
    }
    *v = (ch_values){.most = v->most, .env = v->env};
}

/* Source: FNV-1a; Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm", IETF draft, with
 * its upper bits folded in. */
static uint32_t hash_of(const ch_cell *text) {
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    for (uint32_t i = 0; i < text->size; i++) {
        h = (h ^ (uint8_t)text->data[i]) * UINT64_C(0x100000001B3);
    }
    return (uint32_t)(h ^ h >> 32);
}

/* The slot of a text, or the free one where it belongs. */
static uint32_t *slot_of(const ch_values *v, const ch_cell *text) {
    uint32_t i = hash_of(text) & (v->slot_count - 1);
    while (v->slots[i] != 0 && ch_cell_compare(&v->cells[v->slots[i] - 1], text) != 0) {
        i = (i + 1) & (v->slot_count - 1);
    }
    return &v->slots[i];
}

/* Room for one more cell; no more than half of the slots are in use. */
static choir_status room_make(ch_values *v) {
    if (v->count < v->room) {
        return CHOIR_OK;
    }
    const uint32_t room = v->room == 0 ? FIRST_ROOM : 2 * v->room;
    ch_cell *cells = ch_claim(&v->env, room, sizeof(cells[0]));
    uint32_t *slots = ch_claim(&v->env, 2 * (size_t)room, sizeof(slots[0]));
    if (cells == NULL || slots == NULL) {
        if (cells != NULL) {
            v->env.free(v->env.self, cells);
        }
        if (slots != NULL) {
            v->env.free(v->env.self, slots);
        }
        return CHOIR_ENOMEM;
    }
    if (v->count > 0) {
        memcpy(cells, v->cells, v->count * sizeof(cells[0]));
        v->env.free(v->env.self, v->cells);
        v->env.free(v->env.self, v->slots);
    }
    memset(slots, 0, 2 * (size_t)room * sizeof(slots[0]));
    v->cells = cells;
    v->slots = slots;
    v->room = room;
    v->slot_count = 2 * room;
    for (uint32_t i = 0; i < v->count; i++) {
        *slot_of(v, &v->cells[i]) = i + 1;
    }
    return CHOIR_OK;
}

/* A copy of a text; NULL when there is no memory. */
static const char *text_keep(ch_values *v, const ch_cell *text) {
    ch_values_block *block = v->texts;
    if (block == NULL || block->room - block->used < text->size) {
        size_t room = block == NULL ? FIRST_TEXTS : 2 * block->room;
        room = room > TEXTS_MAX ? TEXTS_MAX : room;
        room = room < text->size ? text->size : room;
        block = ch_claim(&v->env, 1, sizeof(*block) + room);
        if (block == NULL) {
            return NULL;
        }
        block->before = v->texts;
        block->used = 0;
        block->room = room;
        v->texts = block;
    }
    char *to = block->text + block->used;
    memcpy(to, text->size > 0 ? text->data : "", text->size);
    block->used += text->size;
    return to;
}

choir_status ch_values_add(ch_values *v, const ch_cell *text) {
    if (v->is_over) {
        return CHOIR_OK;
    }
    if (v->count > 0 && *slot_of(v, text) != 0) {
        return CHOIR_OK;
    }
    if (v->count == v->most) {
        v->is_over = true;
        return CHOIR_OK;
    }
    if (room_make(v) != CHOIR_OK) {
        return CHOIR_ENOMEM;
    }
    const char *copy = text_keep(v, text);
    if (copy == NULL) {
        return CHOIR_ENOMEM;
    }
    uint32_t *slot = slot_of(v, text);
    CH_ASSERT(*slot == 0);
    v->cells[v->count] = (ch_cell){.data = copy, .size = text->size};
    v->count += 1;
    *slot = v->count;
    return CHOIR_OK;
}

void ch_values_sort(ch_values *v, const ch_cell_order *by) {
    if (v->count > 0) {
        v->count = ch_cells_distinct(v->cells, v->count, by);
    }
}
