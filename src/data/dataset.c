/* Ownership of a data set's arrays; see dataset.h. */
#include "data/dataset.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/csv.h"
#include "data/filed.h"

#include <string.h>

void ch_dataset_init(ch_dataset *d, const choir_env *env) {
    *d = (ch_dataset){.env = *env};
}

void ch_dataset_release(ch_dataset *d) {
    for (uint32_t i = 0; i < d->filed_count; i++) {
        ch_filed_release(d->filed[i]);
    }
    for (uint32_t i = 0; i < d->block_count; i++) {
        d->env.free(d->env.self, d->blocks[i]);
    }
    const choir_env env = d->env;
    ch_dataset_init(d, &env);
}

void ch_dataset_adopt(ch_dataset *d, void *block) {
    CH_ASSERT(d->block_count < CH_DATASET_BLOCKS_MAX);
    d->blocks[d->block_count] = block;
    d->block_count += 1;
}

void *ch_dataset_claim(ch_dataset *d, size_t count, size_t item_bytes) {
    void *block = ch_claim(&d->env, count, item_bytes);
    if (block != NULL) {
        ch_dataset_adopt(d, block);
    }
    return block;
}

ch_filed *ch_dataset_file(ch_dataset *d) {
    CH_ASSERT(d->filed_count < sizeof(d->filed) / sizeof(d->filed[0]));
    ch_filed *s = ch_dataset_claim(d, 1, sizeof(*s));
    if (s != NULL) {
        *s = (ch_filed){.file_count = 0};
        d->filed[d->filed_count] = s;
        d->filed_count += 1;
    }
    return s;
}

void *ch_claim(const choir_env *env, size_t count, size_t item_bytes) {
    CH_ASSERT(item_bytes > 0);
    if (count > (SIZE_MAX - 63) / item_bytes) {
        return NULL;
    }
    const size_t bytes = (count * item_bytes + 63) / 64 * 64;
    return env->alloc(env->self, bytes > 0 ? bytes : 64);
}

/* Copies a text to where there is room for it and its zero. */
static void text_copy(char *to, const ch_cell *text) {
    memcpy(to, text->data, text->size);
    to[text->size] = '\0';
    const bool is_whole = strlen(to) == text->size;
    if (!is_whole || !ch_text_is_printable(to)) {
        for (uint32_t i = 0; i < text->size; i++) {
            to[i] = to[i] < ' ' || to[i] > '~' ? '?' : to[i];
        }
    }
}

choir_status ch_dataset_name(ch_dataset *d, const ch_cell *texts, uint32_t count) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += (size_t)texts[i].size + 1;
    }
    const char **names = ch_dataset_claim(d, count, sizeof(names[0]));
    char *room = ch_dataset_claim(d, bytes, 1);
    if (names == NULL || room == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        text_copy(room, &texts[i]);
        names[i] = room;
        room += texts[i].size + 1;
    }
    d->names = names;
    d->named = count;
    return CHOIR_OK;
}

/* Swaps items a and b of an array that may be missing. The dataset owns what its views point to. */
static void items_swap(const void *array, size_t item_bytes, uint32_t a, uint32_t b) {
    if (array == NULL || a == b) {
        return;
    }
    uint8_t *x = (uint8_t *)(uintptr_t)array + a * item_bytes;
    uint8_t *y = (uint8_t *)(uintptr_t)array + b * item_bytes;
    uint8_t held[256];
    for (size_t at = 0; at < item_bytes; at += sizeof(held)) {
        const size_t size = item_bytes - at < sizeof(held) ? item_bytes - at : sizeof(held);
        memcpy(held, x + at, size);
        memcpy(x + at, y + at, size);
        memcpy(y + at, held, size);
    }
}

static void rows_swap(const ch_examples *e, uint32_t a, uint32_t b) {
    const size_t features = ch_shape_features(e->shape);
    items_swap(e->bytes, features, a, b);
    items_swap(e->reals, features * sizeof(e->reals[0]), a, b);
    items_swap(e->spans, sizeof(e->spans[0]), a, b); // tokens stay where they are
    items_swap(e->labels, sizeof(e->labels[0]), a, b);
    items_swap(e->targets, sizeof(e->targets[0]), a, b);
    items_swap(e->groups, sizeof(e->groups[0]), a, b);
    items_swap(e->places, sizeof(e->places[0]), a, b);
}

void ch_dataset_arrange(ch_examples *table, uint32_t *order) {
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t at = i;
        while (order[at] != i) { // once around a cycle, carrying along what row i was
            const uint32_t from = order[at];
            rows_swap(table, at, from);
            order[at] = at;
            at = from;
        }
        order[at] = at;
    }
}

/* The rows of e from first on. */
static ch_examples rows_from(const ch_examples *e, uint32_t first) {
    const size_t at = (size_t)first * ch_shape_features(e->shape);
    return (ch_examples){.count = e->count - first,
                         .shape = e->shape,
                         .classes = e->classes,
                         .bytes = e->bytes == NULL ? NULL : e->bytes + at,
                         .reals = e->reals == NULL ? NULL : e->reals + at,
                         .tokens = e->tokens,
                         .spans = e->spans == NULL ? NULL : e->spans + first,
                         .labels = e->labels == NULL ? NULL : e->labels + first,
                         .targets = e->targets == NULL ? NULL : e->targets + first,
                         .groups = e->groups == NULL ? NULL : e->groups + first,
                         .filed = e->filed,
                         .places = e->places == NULL ? NULL : e->places + first};
}

choir_status ch_test_refuse(uint32_t count, double share, choir_error *err) {
    return ch_error_set(err, CHOIR_EINVAL,
                        "data.test_share: %g of %u examples leaves none to train on", share, count);
}

choir_status ch_test_count(uint32_t *out, uint32_t count, double share, choir_error *err) {
    if (!(share >= 0 && share <= 1)) {
        return ch_error_set(err, CHOIR_EINVAL, "data.test_share: %g is not in [0, 1]", share);
    }
    const uint32_t test = (uint32_t)(share * count + 0.5);
    if (test >= count && share < 1) {
        return ch_test_refuse(count, share, err);
    }
    *out = test;
    return CHOIR_OK;
}

choir_status ch_dataset_split(ch_dataset *d, double share, uint64_t seed, choir_error *err) {
    uint32_t test = 0;
    const choir_status status = ch_test_count(&test, d->train.count, share, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_HELDOUT, 1, 0);
    for (uint32_t i = 0; i < test && test < d->train.count;
         i++) { // the first steps of Fisher and Yates, from the end
        const uint32_t left = d->train.count - i;
        rows_swap(&d->train, left - 1, ch_rng_below(&rng, left));
    }
    d->test = rows_from(&d->train, d->train.count - test);
    d->train.count -= test;
    return CHOIR_OK;
}

/* Gives rows their groups' numbers. The dataset owns what its views point to. */
static void groups_replace(const ch_examples *e, const uint32_t *numbers) {
    uint32_t *groups = (uint32_t *)(uintptr_t)e->groups;
    for (uint32_t i = 0; i < e->count; i++) {
        groups[i] = numbers[groups[i]];
    }
}

choir_status ch_dataset_number(ch_dataset *d, uint32_t groups) {
    uint32_t *numbers = ch_claim(&d->env, groups, sizeof(numbers[0]));
    uint32_t next = 0;
    if (numbers == NULL) {
        return CHOIR_ENOMEM;
    }
    memset(numbers, 0, groups * sizeof(numbers[0]));
    for (uint32_t i = 0; i < d->train.count; i++) {
        numbers[d->train.groups[i]] = 1;
    }
    for (uint32_t g = 0; g < groups; g++) {
        const bool has_row = numbers[g] > 0;
        numbers[g] = has_row ? next : CH_GROUP_NONE;
        next += has_row ? 1 : 0;
    }
    groups_replace(&d->train, numbers);
    groups_replace(&d->test, numbers);
    d->idle += groups - next;
    d->env.free(d->env.self, numbers);
    return CHOIR_OK;
}
