/* Model: see model.h. */
#include "net/model.h"

#include "base/arena.h"
#include "base/assert.h"

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

/* What a model costs, or will when somebody wants it packed. */
static size_t cost_of(const ch_model *m) {
    return 2 * m->bytes.size;
}

static void list_leave(ch_model *m) {
    ch_model **at = &m->list->first;
    while (*at != m) {
        at = &(*at)->next;
    }
    *at = m->next;
    m->list->bytes -= cost_of(m);
}

/* One owner less; whether it was the last. Of a listed one nobody can become an owner meanwhile. */
static bool is_left(ch_model *m) {
    ch_models *l = m->list;
    if (l == NULL) {
        return atomic_fetch_sub(&m->owners, 1) == 1;
    }
    (void)pthread_mutex_lock(&l->lock);
    const bool was_last = atomic_fetch_sub(&m->owners, 1) == 1;
    if (was_last) {
        list_leave(m);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return was_last;
}

void ch_model_release(void *model) {
    ch_model *m = model;
    if (m != NULL && is_left(m)) {
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

void ch_models_init(ch_models *out, size_t bytes_max) {
    *out = (ch_models){.bytes_max = bytes_max};
    (void)pthread_mutex_init(&out->lock, NULL);
}

void ch_models_release(ch_models *l) {
    CH_ASSERT(l->first == NULL);
    (void)pthread_mutex_destroy(&l->lock);
}

ch_model *ch_models_find(ch_models *l, const choir_hash *hash) {
    (void)pthread_mutex_lock(&l->lock);
    ch_model *m = l->first;
    while (m != NULL && memcmp(&m->hash, hash, sizeof(*hash)) != 0) {
        m = m->next;
    }
    if (m != NULL) {
        (void)ch_model_share(m);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return m;
}

bool ch_models_have_room(ch_models *l) {
    (void)pthread_mutex_lock(&l->lock);
    const bool have_room = l->bytes < l->bytes_max;
    (void)pthread_mutex_unlock(&l->lock);
    return have_room;
}

void ch_models_add(ch_models *l, ch_model *m) {
    (void)pthread_mutex_lock(&l->lock);
    m->list = l;
    m->next = l->first;
    l->first = m;
    l->bytes += cost_of(m);
    (void)pthread_mutex_unlock(&l->lock);
}
