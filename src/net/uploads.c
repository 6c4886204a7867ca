/* Uploads: see uploads.h. */
#include "net/uploads.h"

#include "base/arena.h"
#include "base/assert.h"

#include <string.h>

choir_status ch_uploads_init(ch_uploads *u, ch_upload_memory memory, const choir_env *env) {
    const size_t bytes = ch_arena_cost(CH_UPLOADS_MAX, sizeof(u->items[0]));
    *u = (ch_uploads){.env = *env, .memory = memory, .items = env->alloc(env->self, bytes)};
    (void)pthread_mutex_init(&u->lock, NULL);
    if (u->items == NULL) {
        return CHOIR_ENOMEM;
    }
    memset(u->items, 0, bytes);
    return CHOIR_OK;
}

static void block_give(ch_uploads *u, ch_http_block *block) {
    u->bytes -= block->capacity;
    u->memory.give(block);
}

static void drop(ch_uploads *u, ch_upload *item) {
    block_give(u, &item->block);
    *item = (ch_upload){.ticket = 0};
}

void ch_uploads_close(ch_uploads *u) {
    (void)pthread_mutex_lock(&u->lock);
    for (uint32_t i = 0; i < CH_UPLOADS_MAX && u->items != NULL; i++) {
        drop(u, &u->items[i]);
    }
    if (u->items != NULL) {
        u->env.free(u->env.self, u->items);
    }
    u->items = NULL;
    (void)pthread_mutex_unlock(&u->lock);
}

void ch_uploads_release(ch_uploads *u) {
    (void)pthread_mutex_destroy(&u->lock);
}

// ----- which one --------------------------------------------------------------------------------

/* Of that subject and job; NULL when it has none. */
static ch_upload *find(const ch_uploads *u, const ch_upload_name *name) {
    for (uint32_t i = 0; i < CH_UPLOADS_MAX && u->items != NULL; i++) {
        ch_upload *item = &u->items[i];
        if (item->ticket != 0 && item->name.subject == name->subject &&
            item->name.job == name->job) {
            return item;
        }
    }
    return NULL;
}

static bool is_same(const ch_upload *item, const ch_upload_name *name) {
    return item != NULL &&
           memcmp(item->name.hash.bytes, name->hash.bytes, sizeof(name->hash.bytes)) == 0;
}

/* The one that a request fills; NULL when it does so no longer. */
static ch_upload *find_ticket(const ch_uploads *u, uint64_t ticket) {
    ch_upload *item = u->items == NULL ? NULL : &u->items[ticket % CH_UPLOADS_MAX];
    return item != NULL && ticket != 0 && item->ticket == ticket ? item : NULL;
}

static void ticket_give(ch_uploads *u, ch_upload *item) {
    u->turns += 1;
    item->ticket = u->turns * CH_UPLOADS_MAX + (uint64_t)(item - u->items);
}

/* Whether nothing that comes for it would be looked at. */
static bool is_whole(const ch_upload *item) {
    return item->had == item->total;
}

static bool has_memory(const ch_upload *item) {
    return item->block.data != NULL;
}

// ----- room -------------------------------------------------------------------------------------

/* Up to when it is left alone: each byte that comes buys the time of one at the least pace, ahead
 * of now by CH_UPLOADS_CALM_MS at most. */
static uint64_t safe_until(const ch_upload *item, size_t bytes, uint64_t now_ms) {
    const uint64_t from_ms = item->safe_ms > now_ms ? item->safe_ms : now_ms;
    const uint64_t safe_ms = from_ms + (uint64_t)bytes * 1000 / CH_UPLOADS_PACE;
    const uint64_t most_ms = now_ms + CH_UPLOADS_CALM_MS;
    return safe_ms < most_ms ? safe_ms : most_ms;
}

/* When it was last worth its place. */
static uint64_t worth_ms(const ch_upload *item) {
    return has_memory(item) ? item->safe_ms : item->used_ms;
}

/* The one that was worth its place longest ago, of those that can be done without. */
static ch_upload *find_calm(const ch_uploads *u, uint64_t now_ms, bool with_memory) {
    ch_upload *found = NULL;
    for (uint32_t i = 0; i < CH_UPLOADS_MAX && u->items != NULL; i++) {
        ch_upload *item = &u->items[i];
        if (item->ticket == 0 || has_memory(item) != with_memory ||
            (with_memory && now_ms < item->safe_ms)) {
            continue;
        }
        if (found == NULL || worth_ms(item) < worth_ms(found)) {
            found = item;
        }
    }
    return found;
}

static bool room_make(ch_uploads *u, uint64_t now_ms) {
    ch_upload *item = find_calm(u, now_ms, true);
    if (item != NULL) {
        drop(u, item);
    }
    return item != NULL;
}

/* A place; notes go before uploads. NULL when all have moved just now. */
static ch_upload *place_find(ch_uploads *u, uint64_t now_ms) {
    for (uint32_t i = 0; i < CH_UPLOADS_MAX && u->items != NULL; i++) {
        if (u->items[i].ticket == 0) {
            return &u->items[i];
        }
    }
    ch_upload *item = find_calm(u, now_ms, false);
    item = item != NULL ? item : find_calm(u, now_ms, true);
    if (item != NULL) {
        drop(u, item);
    }
    return item;
}

/* A block within the share; false when there is none. */
static bool block_claim(ch_uploads *u, ch_http_exchange *x, size_t total, ch_http_block *out) {
    if (u->bytes > u->memory.bytes_max || total > u->memory.bytes_max - u->bytes ||
        !u->memory.claim(x, total, out)) {
        return false;
    }
    u->bytes += out->capacity;
    return true;
}

/* A new upload; NULL when there is no room for it. */
static ch_upload *create(ch_uploads *u, const ch_upload_name *name, size_t total, uint64_t now_ms,
                         ch_http_exchange *x) {
    ch_upload *item = place_find(u, now_ms);
    ch_http_block block = {.data = NULL};
    while (item != NULL && !block_claim(u, x, total, &block)) {
        if (!room_make(u, now_ms)) {
            return NULL;
        }
    }
    if (item != NULL) {
        *item = (ch_upload){
            .name = *name, .total = total, .safe_ms = now_ms + CH_UPLOADS_CALM_MS, .block = block};
        ch_sha256_init(&item->sum);
    }
    return item;
}

bool ch_uploads_make_room(ch_uploads *u, uint64_t now_ms) {
    (void)pthread_mutex_lock(&u->lock);
    const bool has_made = room_make(u, now_ms);
    (void)pthread_mutex_unlock(&u->lock);
    return has_made;
}

// ----- parts ------------------------------------------------------------------------------------

static ch_upload_begun begin(ch_uploads *u, const ch_upload_name *name, const ch_http_part *part,
                             uint64_t now_ms, ch_http_exchange *x, uint64_t *ticket, size_t *had) {
    ch_upload *item = find(u, name);
    const bool is_known = is_same(item, name) && item->total == part->total;
    if (item != NULL && item->is_lent) {
        return CH_UPLOAD_BUSY;
    }
    *had = is_known ? item->had : 0;
    if (!(is_known && is_whole(item)) && part->from != *had) {
        return CH_UPLOAD_ELSEWHERE;
    }
    if (part->total > u->memory.bytes_max) {
        return CH_UPLOAD_TOO_LARGE;
    }
    if (!is_known) {
        if (item != NULL) {
            drop(u, item);
        }
        item = create(u, name, part->total, now_ms, x);
        if (item == NULL) {
            return CH_UPLOAD_NO_ROOM;
        }
    }
    item->until = part->from + part->size;
    item->used_ms = now_ms;
    ticket_give(u, item);
    *ticket = item->ticket;
    return CH_UPLOAD_GOES_ON;
}

ch_upload_begun ch_uploads_begin(ch_uploads *u, const ch_upload_name *name,
                                 const ch_http_part *part, uint64_t now_ms, ch_http_exchange *x,
                                 uint64_t *ticket, size_t *had) {
    CH_ASSERT(part->size > 0 && part->from + part->size <= part->total);
    (void)pthread_mutex_lock(&u->lock);
    const ch_upload_begun begun = begin(u, name, part, now_ms, x, ticket, had);
    (void)pthread_mutex_unlock(&u->lock);
    return begun;
}

static bool add(ch_upload *item, choir_bytes bytes, uint64_t now_ms) {
    if (is_whole(item)) {
        return false; // what it brings is not looked at
    }
    if (bytes.size > item->until - item->had) {
        return false;
    }
    memcpy(item->block.data + item->had, bytes.data, bytes.size);
    ch_sha256_add(&item->sum, bytes.data, bytes.size);
    item->had += bytes.size;
    item->safe_ms = safe_until(item, bytes.size, now_ms);
    return true;
}

bool ch_uploads_add(ch_uploads *u, uint64_t ticket, choir_bytes bytes, uint64_t now_ms) {
    (void)pthread_mutex_lock(&u->lock);
    ch_upload *item = find_ticket(u, ticket);
    const bool is_taken = item != NULL && add(item, bytes, now_ms);
    if (item != NULL) {
        item->used_ms = now_ms;
    }
    (void)pthread_mutex_unlock(&u->lock);
    return is_taken;
}

/* Whether it is the body of its name. */
static bool is_right(ch_upload *item) {
    if (!item->is_checked) {
        choir_hash found;
        ch_sha256_finish(&item->sum, found.bytes);
        item->is_checked = memcmp(found.bytes, item->name.hash.bytes, sizeof(found.bytes)) == 0;
    }
    return item->is_checked;
}

static ch_upload_state whole_end(ch_uploads *u, ch_upload *item, ch_upload_end *out) {
    CH_ASSERT(has_memory(item)); // no request gets a ticket while it is lent
    if (!is_right(item)) {
        drop(u, item);
        return CH_UPLOAD_WRONG;
    }
    item->is_lent = true;
    out->block = item->block;
    u->bytes -= item->block.capacity;
    item->block = (ch_http_block){.data = NULL};
    return CH_UPLOAD_WHOLE;
}

static ch_upload_state end(ch_uploads *u, ch_upload *item, ch_upload_end *out) {
    if (item == NULL) {
        return CH_UPLOAD_GONE;
    }
    *out = (ch_upload_end){
        .name = item->name, .had = item->had, .until = item->until, .total = item->total};
    if (item->is_counted) {
        return CH_UPLOAD_COUNTED;
    }
    return is_whole(item) ? whole_end(u, item, out) : CH_UPLOAD_PART;
}

ch_upload_state ch_uploads_end(ch_uploads *u, uint64_t ticket, ch_upload_end *out) {
    *out = (ch_upload_end){.had = 0};
    (void)pthread_mutex_lock(&u->lock);
    out->state = end(u, find_ticket(u, ticket), out);
    (void)pthread_mutex_unlock(&u->lock);
    return out->state;
}

static void settle(ch_uploads *u, ch_upload *item, ch_upload_fate fate, ch_http_block *block) {
    item->is_lent = false;
    switch (fate) {
    case CH_UPLOAD_COUNTS:
        item->is_counted = true;
        break;
    case CH_UPLOAD_STAYS:
        u->bytes += block->capacity;
        item->block = *block;
        *block = (ch_http_block){.data = NULL};
        break;
    case CH_UPLOAD_ENDS:
        drop(u, item);
        break;
    }
}

void ch_uploads_settle(ch_uploads *u, uint64_t ticket, ch_upload_fate fate, ch_http_block *block) {
    CH_ASSERT(fate != CH_UPLOAD_STAYS || block->data != NULL);
    (void)pthread_mutex_lock(&u->lock);
    ch_upload *item = find_ticket(u, ticket);
    if (item != NULL) {
        settle(u, item, fate, block);
    }
    (void)pthread_mutex_unlock(&u->lock);
    u->memory.give(block);
}

// ----- what there is ----------------------------------------------------------------------------

bool ch_uploads_find(ch_uploads *u, const ch_upload_name *name, size_t *had, size_t *total) {
    (void)pthread_mutex_lock(&u->lock);
    const ch_upload *item = find(u, name);
    const bool is_found = is_same(item, name);
    if (is_found) {
        *had = item->had;
        *total = item->total;
    }
    (void)pthread_mutex_unlock(&u->lock);
    return is_found;
}

uint64_t ch_uploads_sweep(ch_uploads *u, uint64_t now_ms, ch_upload_over *is_over, void *self) {
    uint64_t next_ms = UINT64_MAX;
    (void)pthread_mutex_lock(&u->lock);
    for (uint32_t i = 0; i < CH_UPLOADS_MAX && u->items != NULL; i++) {
        ch_upload *item = &u->items[i];
        if (item->ticket == 0) {
            continue;
        }
        const uint64_t due_ms = item->used_ms + CH_UPLOADS_IDLE_MS;
        if (due_ms <= now_ms || is_over(self, &item->name, item->is_counted)) {
            drop(u, item);
            continue;
        }
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    (void)pthread_mutex_unlock(&u->lock);
    return next_ms;
}

void ch_uploads_count(ch_uploads *u, uint32_t *open, uint64_t *bytes) {
    *open = 0;
    *bytes = 0;
    (void)pthread_mutex_lock(&u->lock);
    for (uint32_t i = 0; i < CH_UPLOADS_MAX && u->items != NULL; i++) {
        const ch_upload *item = &u->items[i];
        if (item->ticket != 0 && has_memory(item)) {
            *open += 1;
            *bytes += item->had;
        }
    }
    (void)pthread_mutex_unlock(&u->lock);
}
