/*
 * Limiter: how often each of many keys may do a thing, in memory that is bounded.
 *
 * A key has a bucket of `burst` tokens that fills at a rate; to do the thing takes one. Instead of
 * tokens and a time the bucket keeps one number, when it will be full again, and is nothing once
 * it is; so a new key and a long quiet one are the same.
 *
 * Buckets are in sets of a few, found by a hash with a secret key, so that nobody can choose whom
 * to be in a set with. In a full set the bucket that is full the soonest makes room: what is
 * forgotten first is who did least.
 *
 * Source: the virtual scheduling form of the generic cell rate algorithm, ITU-T I.371, annex A.
 * Not for several threads at once.
 */
#ifndef CH_NET_LIMITER_H
#define CH_NET_LIMITER_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"
#include "crypto/sign.h"

#include <stdbool.h>
#include <stdint.h>

enum { CH_LIMITER_WAYS = 8, CH_LIMITER_RATE_MAX = 6000000 };

typedef struct ch_bucket {
    uint64_t tag;     // the key's hash; 0: nobody's
    uint64_t full_us; // when it is full again
} ch_bucket;

typedef struct ch_limiter {
    ch_bucket *buckets;   // (sets x CH_LIMITER_WAYS) owned; NULL: no limit
    uint32_t sets;        // a power of two
    uint64_t interval_us; // in which one token comes
    uint64_t slack_us;    // that a bucket may be from full and still have one
    uint8_t hash_key[CH_HASH_KEY_BYTES];
} ch_limiter;

/*
 * Makes all buckets full.
 *
 * keys        told apart at a time, at the least
 * per_minute  tokens that come, at most CH_LIMITER_RATE_MAX; 0: no limit
 * burst       tokens in a full bucket, at least 1
 *
 * Returns OK and an object to release; ENOMEM, and *out is safe to release.
 */
CHOIR_NODISCARD choir_status ch_limiter_init(ch_limiter *out, uint32_t keys, uint32_t per_minute,
                                             uint32_t burst, const choir_env *env);

/* Safe to call twice, and on one that is all zero. */
void ch_limiter_release(ch_limiter *l, const choir_env *env);

/*
 * Takes a token of the key, when there is one.
 *
 * now_ms  of a clock that never goes back
 *
 * Returns 0; or, with nothing taken, in how many milliseconds there will be one.
 */
uint64_t ch_limiter_take(ch_limiter *l, choir_bytes key, uint64_t now_ms);

/* The same answer, with nothing taken. */
uint64_t ch_limiter_peek(const ch_limiter *l, choir_bytes key, uint64_t now_ms);

enum { CH_ADDRESS_KEY_MAX = 64 };

/*
 * What stands for an address among keys: of IPv6 the network, since whoever has one address of it
 * has 2^64. Returns the bytes written.
 */
size_t ch_limiter_address(uint8_t out[CH_ADDRESS_KEY_MAX], const char *address);

#endif
