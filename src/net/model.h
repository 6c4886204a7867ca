/*
 * Model: parameters under their hash, shared by whoever serves, hosts or commits them.
 *
 * Counted by owners, from any thread: a download may outlast the round whose model it is.
 *
 * Those that were read from the store to be served are on a list as long as they have owners, so
 * that however many ask for one, and take their time, there is one of it:
 *
 *     ch_models_find, or ch_models_have_room -> read -> ch_models_add     ... ch_model_release
 */
#ifndef CH_NET_MODEL_H
#define CH_NET_MODEL_H

#include "choir/blob.h"
#include "choir/env.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct ch_models ch_models;

typedef struct ch_model {
    choir_hash hash;
    choir_bytes bytes;  // little-endian fp32
    choir_bytes packed; // the same by zstd; empty until somebody wanted it
    atomic_uint owners;
    ch_models *list; // borrowed; NULL: it is on none
    struct ch_model *next;
    choir_env env;
} ch_model;

struct ch_models {
    pthread_mutex_t lock;
    ch_model *first;
    size_t bytes;     // of all of them, packed too
    size_t bytes_max; // at which there is room for no more
};

/* Copies bytes. Returns a model with one owner, or NULL without memory. */
ch_model *ch_model_create(const choir_hash *hash, choir_bytes bytes, const choir_env *env);

/* One more owner. */
ch_model *ch_model_share(ch_model *m);

/* One owner less; the last one frees it. Accepts NULL. void *, to be a callback. */
void ch_model_release(void *m);

/* Packs it, when nobody has; without memory it stays unpacked. By one thread at a time. */
void ch_model_pack(ch_model *m);

void ch_models_init(ch_models *out, size_t bytes_max);

/* When no model is on the list any more. */
void ch_models_release(ch_models *l);

/* The model of a hash, with one owner more; NULL: it is not on the list. */
ch_model *ch_models_find(ch_models *l, const choir_hash *hash);

/* Whether another one may be added, whatever its size. */
bool ch_models_have_room(ch_models *l);

/* Lists a model of one owner, and of a hash that is not there. */
void ch_models_add(ch_models *l, ch_model *m);

#endif
