/* Model: see model.h. */
#include "net/model.h"

#include "base/arena.h"

#include <string.h>
#include <zstd.h>

// Parameters are close to noise: what a higher level gains is not worth its time.
enum { PACK_LEVEL = 1 };

ch_model *ch_model_create(const choir_hash *hash, choir_bytes bytes, const choir_env *env) {
    const size_t head = ch_arena_cost(1, sizeof(ch_model));
    uint8_t *block = env->alloc(env->self, head + ch_arena_cost(bytes.size, 1));
    if (block == NULL) {
        return NULL;
    }
    memcpy(block + head, bytes.data, bytes.size);
    ch_model *m = (ch_model *)(void *)block;
    *m =
        (ch_model){.hash = *hash, .bytes = {.data = block + head, .size = bytes.size}, .env = *env};
    atomic_init(&m->owners, 1);
    return m;
}

ch_model *ch_model_share(ch_model *m) {
    atomic_fetch_add(&m->owners, 1);
    return m;
}

void ch_model_release(void *model) {
    ch_model *m = model;
    if (m != NULL && atomic_fetch_sub(&m->owners, 1) == 1) {
        const choir_env env = m->env;
        if (m->packed.data != NULL) {
            env.free(env.self, (void *)(uintptr_t)m->packed.data);
        }
        env.free(env.self, m);
    }
}

void ch_model_pack(ch_model *m) {
    if (m->packed.data != NULL) {
        return;
    }
    const size_t most = ZSTD_compressBound(m->bytes.size);
    uint8_t *out = m->env.alloc(m->env.self, ch_arena_cost(most, 1));
    if (out == NULL) {
        return;
    }
    const size_t size = ZSTD_compress(out, most, m->bytes.data, m->bytes.size, PACK_LEVEL);
    if (ZSTD_isError(size)) {
        m->env.free(m->env.self, out);
        return;
    }
    m->packed = (choir_bytes){.data = out, .size = size};
}
