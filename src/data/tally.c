/* Counting texts, in a table of open addressing; see tally.h. */
#include "data/tally.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

choir_status ch_tally_init(ch_tally *out, uint32_t room, const choir_env *env) {
    CH_ASSERT(room <= CH_EXAMPLES_MAX);
    *out = (ch_tally){.room = room, .mask = 15, .env = *env};
    while (out->mask / 2 < room) {
        out->mask = 2 * out->mask + 1;
    }
    out->entries = ch_claim(env, room, sizeof(out->entries[0]));
    out->slots = ch_claim(env, (size_t)out->mask + 1, sizeof(out->slots[0]));
    if (out->entries == NULL || out->slots == NULL) {
        ch_tally_release(out);
        return CHOIR_ENOMEM;
    }
    memset(out->slots, 0, ((size_t)out->mask + 1) * sizeof(out->slots[0]));
    return CHOIR_OK;
}

void ch_tally_release(ch_tally *t) {
    if (t->entries != NULL) {
        t->env.free(t->env.self, t->entries);
    }
    if (t->slots != NULL) {
        t->env.free(t->env.self, t->slots);
    }
    *t = (ch_tally){.env = t->env};
}

/* The slot of a text, or the empty one where it would be. */
static uint32_t *slot_find(const ch_tally *t, const ch_cell *text) {
    ch_checksum c;
    ch_checksum_init(&c, 0);
    ch_checksum_add(&c, text->data, text->size);
    for (uint64_t at = ch_checksum_finish(&c);; at++) {
        uint32_t *slot = &t->slots[at & t->mask];
        if (*slot == 0 || ch_cell_compare(&t->entries[*slot - 1].text, text) == 0) {
            return slot;
        }
    }
}

void ch_tally_add(ch_tally *t, const ch_cell *text) {
    uint32_t *slot = slot_find(t, text);
    if (*slot == 0) {
        CH_ASSERT(t->count < t->room);
        t->entries[t->count] = (ch_tally_entry){.text = *text};
        t->count += 1;
        *slot = t->count;
    }
    t->entries[*slot - 1].count += 1;
}

static int by_count(const void *a, const void *b) {
    const ch_tally_entry *x = a;
    const ch_tally_entry *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1)
                                : ch_cell_compare(&x->text, &y->text);
}

void ch_tally_rank(ch_tally *t, uint32_t most) {
    qsort(t->entries, t->count, sizeof(t->entries[0]), by_count);
    t->count = t->count < most ? t->count : most;
    memset(t->slots, 0, ((size_t)t->mask + 1) * sizeof(t->slots[0]));
    for (uint32_t i = 0; i < t->count; i++) {
        *slot_find(t, &t->entries[i].text) = i + 1;
    }
}

uint32_t ch_tally_find(const ch_tally *t, const ch_cell *text) {
    const uint32_t slot = *slot_find(t, text);
    return slot == 0 ? CH_TALLY_NONE : slot - 1;
}
