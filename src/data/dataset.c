/* Ownership of a data set's arrays; see dataset.h. */
#include "data/dataset.h"

#include "base/assert.h"

void ch_dataset_init(ch_dataset *d, const choir_env *env) {
    *d = (ch_dataset){.env = *env};
}

void ch_dataset_release(ch_dataset *d) {
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

void *ch_claim(const choir_env *env, size_t count, size_t item_bytes) {
    CH_ASSERT(item_bytes > 0);
    if (count > (SIZE_MAX - 63) / item_bytes) {
        return NULL;
    }
    const size_t bytes = (count * item_bytes + 63) / 64 * 64;
    return env->alloc(env->self, bytes > 0 ? bytes : 64);
}
