/*
 * Provider: an operator's own identity provider, whose tokens enrol devices: its public keys, from
 * a file that is looked at again when it changes.
 */
#ifndef CH_NET_PROVIDER_H
#define CH_NET_PROVIDER_H

#include "choir/env.h"
#include "net/jwt.h"

#include <stdint.h>
#include <time.h>

enum { CH_PROVIDER_TEXT_MAX = 512 }; // bytes of each text, its zero included

/* A file as it was when it was looked at. */
typedef struct ch_provider_stamp {
    uint64_t inode;
    uint64_t bytes;
    struct timespec changed;
    bool is_there;
} ch_provider_stamp;

typedef struct ch_provider {
    choir_env env;
    char path[CH_PROVIDER_TEXT_MAX];
    char issuer[CH_PROVIDER_TEXT_MAX];
    char audience[CH_PROVIDER_TEXT_MAX];
    ch_provider_stamp stamp;
    ch_jwks keys;
} ch_provider;

/*
 * Reads its keys.
 *
 * path      a JWKS file
 * issuer    as ch_jwt_rules; so is audience; all copied
 *
 * Returns OK and an object to release; EINVAL when a text is too long; EIO; EPROTO when the file is
 * no set of keys; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_provider_open(ch_provider *out, const char *path,
                                              const char *issuer, const char *audience,
                                              const choir_env *env, choir_error *err);

/* Safe on one that is all zero. */
void ch_provider_release(ch_provider *p);

/*
 * Reads a token, by the keys as they are now. A file that has become one of no keys, or is gone, is
 * told in a log line, "provider_refused", once, and the keys before it go on; "provider_changed"
 * tells of others. For one thread at a time.
 *
 * Returns as ch_jwt_read.
 */
CHOIR_NODISCARD choir_status ch_provider_read(ch_provider *p, ch_jwt *out, const char *token,
                                              uint64_t now_s, choir_error *err);

#endif
