/*
 * Model: parameters under their hash, shared by whoever serves, hosts or commits them.
 *
 * Counted by owners, from any thread: a download may outlast the round whose model it is.
 */
#ifndef CH_NET_MODEL_H
#define CH_NET_MODEL_H

#include "choir/blob.h"
#include "choir/env.h"

#include <stdatomic.h>

typedef struct ch_model {
    choir_hash hash;
    choir_bytes bytes;  // little-endian fp32
    choir_bytes packed; // the same by zstd; empty until somebody wanted it
    atomic_uint owners;
    choir_env env;
} ch_model;

/* Copies bytes. Returns a model with one owner, or NULL without memory. */
ch_model *ch_model_create(const choir_hash *hash, choir_bytes bytes, const choir_env *env);

/* One more owner. */
ch_model *ch_model_share(ch_model *m);

/* One owner less; the last one frees it. Accepts NULL. void *, to be a callback. */
void ch_model_release(void *m);

/* Packs it, when nobody has; without memory it stays unpacked. By one thread at a time. */
void ch_model_pack(ch_model *m);

#endif
