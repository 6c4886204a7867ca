/* Revoked: see revoked.h. */
#include "net/revoked.h"

#include "base/arena.h"

#include <string.h>

enum { FIRST = 64 };

/* Where the subject is, or would be. */
static uint32_t place_of(const ch_revoked *r, int64_t subject) {
    uint32_t low = 0;
    uint32_t high = r->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (r->subjects[middle] < subject) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool ch_revoked_has(const ch_revoked *r, int64_t subject) {
    const uint32_t at = place_of(r, subject);
    return at < r->count && r->subjects[at] == subject;
}

static bool grow(ch_revoked *r, const choir_env *env) {
    const uint32_t capacity = r->capacity == 0 ? FIRST : 2 * r->capacity;
    int64_t *subjects = env->alloc(env->self, ch_arena_cost(capacity, sizeof(*subjects)));
    if (subjects == NULL) {
        return false;
    }
    if (r->subjects != NULL) {
        memcpy(subjects, r->subjects, r->count * sizeof(*subjects));
        env->free(env->self, r->subjects);
    }
    r->subjects = subjects;
    r->capacity = capacity;
    return true;
}

choir_status ch_revoked_add(ch_revoked *r, int64_t subject, const choir_env *env) {
    if (ch_revoked_has(r, subject)) {
        return CHOIR_OK;
    }
    if (r->count == r->capacity && !grow(r, env)) {
        return CHOIR_ENOMEM;
    }
    const uint32_t at = place_of(r, subject);
    memmove(r->subjects + at + 1, r->subjects + at, (r->count - at) * sizeof(r->subjects[0]));
    r->subjects[at] = subject;
    r->count += 1;
    return CHOIR_OK;
}

void ch_revoked_release(ch_revoked *r, const choir_env *env) {
    if (r->subjects != NULL) {
        env->free(env->self, r->subjects);
    }
    *r = (ch_revoked){.subjects = NULL};
}
