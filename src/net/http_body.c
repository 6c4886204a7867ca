/*
 * The memory of requests' bodies: counted, limited, and the last large blocks kept, because the
 * system takes longer to give fresh pages for a body than the network to fill them. See
 * http_parts.h.
 */
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

/*
 * A block of capacity bytes or, from the spares, of up to twice as many: capacity then says how
 * many. NULL when the limit or memory does not allow it.
 */
static uint8_t *block_claim(ch_http_server *s, size_t *capacity) {
    uint8_t *block = NULL;
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < CH_HTTP_SPARES && block == NULL; i++) {
        if (s->spares[i].capacity >= *capacity && s->spares[i].capacity / 2 <= *capacity) {
            *capacity = s->spares[i].capacity;
            block = spare_take(s, i);
        }
    }
    if (block == NULL && *capacity > s->bodies_max - s->bodies) {
        spares_drop(s);
    }
    const bool fits = block == NULL && *capacity <= s->bodies_max - s->bodies;
    s->bodies += fits ? *capacity : 0;
    (void)pthread_mutex_unlock(&s->lock);
    if (!fits) {
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

/* Back to the spares, or to whom it came from. */
static void block_give(ch_http_server *s, uint8_t *block, size_t capacity) {
    bool is_kept = false;
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < CH_HTTP_SPARES && capacity >= SPARE_MIN && !is_kept; i++) {
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

bool ch_http_body_claim(ch_http_exchange *x, size_t bytes) {
    size_t capacity = (bytes + UNIT - 1) / UNIT * UNIT;
    uint8_t *body = block_claim(x->server, &capacity);
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
    return true;
}

void ch_http_body_release(ch_http_exchange *x) {
    if (x->body != NULL) {
        block_give(x->server, x->body, x->body_capacity);
    }
    x->body = NULL;
    x->body_size = 0;
    x->body_capacity = 0;
}

void ch_http_bodies_drop(ch_http_server *s) {
    (void)pthread_mutex_lock(&s->lock);
    spares_drop(s);
    (void)pthread_mutex_unlock(&s->lock);
}
