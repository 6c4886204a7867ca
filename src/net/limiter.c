/* Limiter: see limiter.h. */
#include "net/limiter.h"

#include "base/arena.h"
#include "base/assert.h"
#include "crypto/entropy.h"

#include <arpa/inet.h>
#include <string.h>

enum { MINUTE_US = 60000000, NETWORK_BYTES = 8 };

choir_status ch_limiter_init(ch_limiter *out, uint32_t keys, uint32_t per_minute, uint32_t burst,
                             const choir_env *env) {
    *out = (ch_limiter){.buckets = NULL};
    if (per_minute == 0) {
        return CHOIR_OK;
    }
    CH_ASSERT(per_minute <= CH_LIMITER_RATE_MAX && burst > 0);
    uint32_t sets = 1;
    while ((uint64_t)sets * CH_LIMITER_WAYS < keys) {
        sets *= 2;
    }
    const size_t count = (size_t)sets * CH_LIMITER_WAYS;
    ch_bucket *buckets = env->alloc(env->self, ch_arena_cost(count, sizeof(*buckets)));
    if (buckets == NULL) {
        return CHOIR_ENOMEM;
    }
    memset(buckets, 0, count * sizeof(*buckets));
    const uint64_t interval_us = MINUTE_US / per_minute;
    *out = (ch_limiter){.buckets = buckets,
                        .sets = sets,
                        .interval_us = interval_us,
                        .slack_us = (burst - 1) * interval_us};
    ch_entropy_fill(out->hash_key, sizeof(out->hash_key));
    return CHOIR_OK;
}

void ch_limiter_release(ch_limiter *l, const choir_env *env) {
    if (l->buckets != NULL) {
        env->free(env->self, l->buckets);
    }
    *l = (ch_limiter){.buckets = NULL};
}

static ch_bucket *set_of(const ch_limiter *l, uint64_t tag) {
    return l->buckets + (size_t)(tag & (l->sets - 1)) * CH_LIMITER_WAYS;
}

static uint64_t tag_of(const ch_limiter *l, choir_bytes key) {
    const uint64_t tag = ch_keyed_hash(key, l->hash_key);
    return tag == 0 ? 1 : tag;
}

/* The tag's bucket; NULL when it has none. */
static ch_bucket *find(const ch_limiter *l, uint64_t tag) {
    ch_bucket *set = set_of(l, tag);
    for (int i = 0; i < CH_LIMITER_WAYS; i++) {
        if (set[i].tag == tag) {
            return &set[i];
        }
    }
    return NULL;
}

/* The bucket of its set that is full the soonest, for the tag, and full. */
static ch_bucket *claim(const ch_limiter *l, uint64_t tag, uint64_t now_us) {
    ch_bucket *set = set_of(l, tag);
    ch_bucket *soonest = &set[0];
    for (int i = 1; i < CH_LIMITER_WAYS; i++) {
        soonest = set[i].full_us < soonest->full_us ? &set[i] : soonest;
    }
    *soonest = (ch_bucket){.tag = tag, .full_us = now_us};
    return soonest;
}

/* How long a bucket that is full then has no token, in milliseconds, rounded up. */
static uint64_t wait_ms(const ch_limiter *l, uint64_t full_us, uint64_t now_us) {
    const uint64_t missing_us = full_us > now_us ? full_us - now_us : 0;
    return missing_us > l->slack_us ? (missing_us - l->slack_us + 999) / 1000 : 0;
}

uint64_t ch_limiter_take(ch_limiter *l, choir_bytes key, uint64_t now_ms) {
    if (l->buckets == NULL) {
        return 0;
    }
    const uint64_t now_us = now_ms * 1000;
    const uint64_t tag = tag_of(l, key);
    ch_bucket *b = find(l, tag);
    b = b != NULL ? b : claim(l, tag, now_us);
    const uint64_t wait = wait_ms(l, b->full_us, now_us);
    if (wait == 0) {
        b->full_us = (b->full_us > now_us ? b->full_us : now_us) + l->interval_us;
    }
    return wait;
}

uint64_t ch_limiter_peek(const ch_limiter *l, choir_bytes key, uint64_t now_ms) {
    const ch_bucket *b = l->buckets == NULL ? NULL : find(l, tag_of(l, key));
    return b == NULL ? 0 : wait_ms(l, b->full_us, now_ms * 1000);
}

size_t ch_limiter_address(uint8_t out[CH_ADDRESS_KEY_MAX], const char *address) {
    if (inet_pton(AF_INET, address, out) == 1) {
        return sizeof(struct in_addr);
    }
    if (inet_pton(AF_INET6, address, out) == 1) {
        return NETWORK_BYTES;
    }
    const size_t size = strnlen(address, CH_ADDRESS_KEY_MAX); // with a scope: fe80::1%eth0
    memcpy(out, address, size);
    return size;
}
