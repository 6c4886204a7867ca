/* Fuzz: LEAF's files from any bytes. */
#include "base/assert.h"
#include "data/leaf.h"

#include <math.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_env env = choir_env_default();
    const ch_leaf_form unseen = {.kind = CH_LEAF_UNSEEN};
    choir_error err = {.message = ""};
    ch_leaf l;
    ch_leaf_init(&l, &unseen, 5, &env);
    if (ch_leaf_add(&l, (const char *)data, size, "fuzz", &err) == CHOIR_OK) {
        ch_dataset d;
        ch_dataset_init(&d, &env);
        ch_leaf_move(&l, &d, &d.train);
        check(&d.train);
        ch_dataset_release(&d);
    } else {
        CH_ASSERT(err.message[0] != '\0');
    }
    ch_leaf_release(&l);
    return 0;
}
