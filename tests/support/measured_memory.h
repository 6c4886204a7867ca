/* An environment that knows how many bytes it has handed out, and how many at most at once. */
#ifndef CHOIR_TESTS_MEASURED_MEMORY_H
#define CHOIR_TESTS_MEASURED_MEMORY_H

#include "choir/env.h"

#include <stddef.h>
#include <string.h>

typedef struct measured_memory {
    choir_env real;
    size_t alive; // bytes
    size_t peak;  // of them
} measured_memory;

enum { MEASURED_HEAD = 64 }; // in front of a block: its size, and what keeps it aligned

static inline void *measured_alloc(void *self, size_t bytes) {
    measured_memory *m = self;
    unsigned char *block = m->real.alloc(m->real.self, bytes + MEASURED_HEAD);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &bytes, sizeof(bytes));
    m->alive += bytes;
    m->peak = m->alive > m->peak ? m->alive : m->peak;
    return block + MEASURED_HEAD;
}

static inline void measured_free(void *self, void *block) {
    measured_memory *m = self;
    unsigned char *whole = (unsigned char *)block - MEASURED_HEAD;
    size_t bytes = 0;
    memcpy(&bytes, whole, sizeof(bytes));
    m->alive -= bytes;
    m->real.free(m->real.self, whole);
}

/* The environment over m, which must outlive it. */
static inline choir_env measured_env(measured_memory *m) {
    *m = (measured_memory){.real = choir_env_default()};
    choir_env env = m->real;
    env.alloc = measured_alloc;
    env.free = measured_free;
    env.self = m;
    return env;
}

#endif
