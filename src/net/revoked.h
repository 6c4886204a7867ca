/*
 * Revoked: the subjects whose tokens are no longer believed, though their time is not over.
 *
 * The store knows them too; this is so that no request needs a look into it. At most as many as
 * there are subjects. Not for several threads at once.
 */
#ifndef CH_NET_REVOKED_H
#define CH_NET_REVOKED_H

#include "choir/env.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_revoked {
    int64_t *subjects; // (capacity) owned; the first count are there, ascending
    uint32_t count;
    uint32_t capacity;
} ch_revoked;

/* Adds one that may be there already. Returns OK; ENOMEM, and nothing has changed. */
CHOIR_NODISCARD choir_status ch_revoked_add(ch_revoked *r, int64_t subject, const choir_env *env);

bool ch_revoked_has(const ch_revoked *r, int64_t subject);

/* Safe to call twice. */
void ch_revoked_release(ch_revoked *r, const choir_env *env);

#endif
