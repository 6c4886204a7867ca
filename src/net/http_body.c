/*
 * The memory of requests' bodies: counted, limited, and the last large blocks kept, because the
 * system takes longer to give fresh pages for a body than the network to fill them. Only
 * libmicrohttpd's thread claims; any gives back. See http_parts.h.
 */
#include "base/assert.h"
#include "net/http_parts.h"

#include <string.h>

enum {
    UNIT = 64,           // bytes in which bodies are claimed
    SPARE_MIN = 1 << 20, // bytes of a block that is worth keeping
};

static void *spare_take(ch_http_server *s, size_t i) {
    void *block = s->spares[i].block;
    s->spares[i] = (ch_http_spare){.block = NULL};
    return block;
}

/* Gives all spares back, when bodies need their room. Under the lock. */
static void spares_drop(ch_http_server *s) {
    for (size_t i = 0; i < CH_HTTP_SPARES; i++) {
        if (s->spares[i].block != NULL) {
            s->bodies -= s->spares[i].capacity;
            s->env.free(s->env.self, spare_take(s, i));
        }
    }
}

/* One that is as large, or up to twice: capacity then says how large. NULL: there is none. */
static uint8_t *spare_find(ch_http_server *s, size_t *capacity) {
    for (size_t i = 0; i < CH_HTTP_SPARES; i++) {
        if (s->spares[i].capacity >= *capacity && s->spares[i].capacity / 2 <= *capacity) {
            *capacity = s->spares[i].capacity;
            return spare_take(s, i);
        }
    }
    return NULL;
}

/* Counts a new block, for which spares go where they must. False: it does not fit. */
static bool block_count(ch_http_server *s, size_t capacity) {
    if (capacity > s->bodies_max - s->bodies) {
        spares_drop(s);
    }
    const bool fits = capacity <= s->bodies_max - s->bodies;
    s->bodies += fits ? capacity : 0;
    return fits;
}

/*
 * A block of capacity bytes or, from the spares, of up to twice as many: capacity then says how
 * many. NULL when the limit, fits being false then, or memory does not allow it.
 */
static uint8_t *block_claim(ch_http_server *s, size_t *capacity, bool *fits) {
    (void)pthread_mutex_lock(&s->lock);
    uint8_t *block = spare_find(s, capacity);
    *fits = block != NULL || block_count(s, *capacity);
    (void)pthread_mutex_unlock(&s->lock);
    if (block != NULL || !*fits) {
        return block;
    }
    block = s->env.alloc(s->env.self, *capacity);
    if (block == NULL) {
        (void)pthread_mutex_lock(&s->lock);
        s->bodies -= *capacity;
        (void)pthread_mutex_unlock(&s->lock);
    }
    return block;
}

/* The same, for which the handler makes room where it must. */
static uint8_t *block_press(ch_http_server *s, size_t *capacity) {
    bool fits = true;
    uint8_t *block = block_claim(s, capacity, &fits);
    while (!fits && s->handler.make_room != NULL && s->handler.make_room(s->handler.self)) {
        block = block_claim(s, capacity, &fits);
    }
    return block;
}

/* Back to the spares, or to whom it came from. */
static void block_give(ch_http_server *s, uint8_t *block, size_t capacity) {
    bool is_kept = false;
    (void)pthread_mutex_lock(&s->lock);
    const bool is_worth = capacity >= SPARE_MIN && s->bodies <= s->bodies_max;
    for (size_t i = 0; i < CH_HTTP_SPARES && is_worth && !is_kept; i++) {
        if (s->spares[i].block == NULL) {
            s->spares[i] = (ch_http_spare){.block = block, .capacity = capacity};
            is_kept = true;
        }
    }
    s->bodies -= is_kept ? 0 : capacity;
    (void)pthread_mutex_unlock(&s->lock);
    if (!is_kept) {
        s->env.free(s->env.self, block);
    }
}

static size_t units(size_t bytes) {
    return (bytes + UNIT - 1) / UNIT * UNIT;
}

/* Whether there are so many bytes that nobody has but the spares. */
static bool is_free(ch_http_server *s, size_t capacity) {
    (void)pthread_mutex_lock(&s->lock);
    size_t used = s->bodies;
    for (size_t i = 0; i < CH_HTTP_SPARES; i++) {
        used -= s->spares[i].capacity;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return capacity <= s->bodies_max - used;
}

bool ch_http_body_fits(const ch_http_exchange *x, size_t bytes) {
    ch_http_server *s = x->server;
    bool fits = is_free(s, units(bytes));
    while (!fits && s->handler.make_room != NULL && s->handler.make_room(s->handler.self)) {
        fits = is_free(s, units(bytes));
    }
    return fits;
}

/* What a body has makes room for its larger block: both are there only while one is copied. */
static uint8_t *block_grow(ch_http_exchange *x, size_t *capacity) {
    ch_http_server *s = x->server;
    const size_t had = x->is_counted ? x->body_capacity : 0;
    (void)pthread_mutex_lock(&s->lock);
    s->bodies -= had;
    (void)pthread_mutex_unlock(&s->lock);
    uint8_t *block = block_press(s, capacity);
    (void)pthread_mutex_lock(&s->lock);
    s->bodies += had;
    (void)pthread_mutex_unlock(&s->lock);
    return block;
}

bool ch_http_body_claim(ch_http_exchange *x, size_t bytes) {
    const choir_env *env = &x->server->env;
    size_t capacity = units(bytes);
    const bool is_counted = capacity > CH_HTTP_SMALL;
    uint8_t *body = is_counted ? block_grow(x, &capacity) : env->alloc(env->self, capacity);
    if (body == NULL) {
        return false;
    }
    const size_t size = x->body_size;
    if (size > 0) {
        memcpy(body, x->body, size);
    }
    ch_http_body_release(x);
    x->body = body;
    x->body_size = size;
    x->body_capacity = capacity;
    x->is_counted = is_counted;
    return true;
}

void ch_http_body_release(ch_http_exchange *x) {
    if (x->body_capacity > 0 && x->is_counted) {
        block_give(x->server, x->body, x->body_capacity);
    } else if (x->body_capacity > 0) {
        x->server->env.free(x->server->env.self, x->body);
    }
    x->body = NULL;
    x->body_size = 0;
    x->body_capacity = 0;
    x->is_counted = false;
}

bool ch_http_block_claim(ch_http_exchange *x, size_t bytes, ch_http_block *out) {
    bool fits = true;
    ch_http_block block = {.server = x->server, .capacity = units(bytes)};
    block.data = block_claim(x->server, &block.capacity, &fits);
    if (block.data != NULL) {
        *out = block;
    }
    return block.data != NULL;
}

void ch_http_block_give(ch_http_block *block) {
    if (block->data != NULL) {
        block_give(block->server, block->data, block->capacity);
    }
    *block = (ch_http_block){.data = NULL};
}

void ch_http_body_lend(ch_http_exchange *x, uint8_t *bytes, size_t size) {
    CH_ASSERT(x->body_capacity == 0);
    x->body = bytes;
    x->body_size = bytes == NULL ? 0 : size;
}

void ch_http_body_move(ch_http_exchange *x, ch_http_block *block, size_t bytes) {
    CH_ASSERT(x->body == NULL && bytes <= block->capacity);
    x->body = block->data;
    x->body_size = bytes;
    x->body_capacity = block->capacity;
    x->is_counted = true;
    *block = (ch_http_block){.data = NULL};
}

void ch_http_bodies_drop(ch_http_server *s) {
    (void)pthread_mutex_lock(&s->lock);
    spares_drop(s);
    (void)pthread_mutex_unlock(&s->lock);
}
