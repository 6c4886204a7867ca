/* Fuzz: LEAF's files from any bytes: from memory, and from a file through a small window, which is
 * the same. */
#include "base/assert.h"
#include "data/leaf.h"
#include "fuzz/filed_text.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const ch_examples *e) {
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->tokens == NULL) {
            const uint32_t features = ch_shape_features(e->shape);
            CH_ASSERT(e->labels[i] < e->classes);
            for (uint32_t f = 0; f < features; f++) {
                CH_ASSERT(isfinite(e->reals[(size_t)i * features + f]));
            }
            continue;
        }
        CH_ASSERT(e->spans[i].length >= 2 && e->spans[i].length <= e->shape.channels + 1);
        for (uint32_t t = 0; t < e->spans[i].length; t++) {
            CH_ASSERT(e->tokens[e->spans[i].first + t] < e->classes);
        }
    }
}

/* Makes a table of what was read, when it was. */
static void table_make(ch_leaf *l, ch_dataset *d, choir_status status, const choir_env *env) {
    ch_dataset_init(d, env);
    if (status == CHOIR_OK) {
        status = ch_leaf_move(l, d, &d->train, NULL);
        CH_ASSERT(status == CHOIR_OK);
        check(&d->train);
    }
    ch_leaf_release(l);
}

static void check_same(const ch_examples *a, const ch_examples *b) {
    CH_ASSERT(a->count == b->count && (a->reals == NULL) == (b->reals == NULL));
    if (a->reals != NULL) {
        const size_t values = (size_t)a->count * ch_shape_features(a->shape);
        CH_ASSERT(memcmp(a->reals, b->reals, values * sizeof(float)) == 0);
        CH_ASSERT(memcmp(a->labels, b->labels, a->count * sizeof(uint32_t)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_env env = choir_env_default();
    const ch_leaf_form unseen = {.kind = CH_LEAF_UNSEEN};
    const ch_filed_file file = filed_text(data, size);
    choir_error err[2] = {{.message = ""}, {.message = ""}};
    ch_leaf l[2];
    ch_dataset d[2];
    choir_status status[2];
    for (int i = 0; i < 2; i++) {
        ch_leaf_init(&l[i], &unseen, 5, NULL, &env);
        status[i] = i == 0 ? ch_leaf_add(&l[i], (const char *)data, size, "fuzz", &err[i])
                           : ch_leaf_add_file(&l[i], &file, 1 + size % 251, "fuzz", &err[i]);
        CH_ASSERT((status[i] == CHOIR_OK) == (err[i].message[0] == '\0'));
        table_make(&l[i], &d[i], status[i], &env);
    }
    CH_ASSERT(status[0] == status[1] && strcmp(err[0].message, err[1].message) == 0);
    check_same(&d[0].train, &d[1].train);
    ch_dataset_release(&d[0]);
    ch_dataset_release(&d[1]);
    return 0;
}
