/*
 * Identity: who a device is: a key of its own, and the number under which a server knows it.
 *
 *     state_dir/identity.json   {"url", "key" (the secret one), "subject"}, for the device alone
 */
#ifndef CH_CLIENT_IDENTITY_H
#define CH_CLIENT_IDENTITY_H

#include "choir/client.h"
#include "crypto/sign.h"

typedef struct ch_identity {
    char dir[512];   // "": kept nowhere
    char url[256];   // of the server that the subject is of
    ch_key_pair key; // to be wiped
    int64_t subject; // 0: not enrolled
} ch_identity;

/*
 * Reads the identity in dir, or makes one. Of another server than url only the key is taken.
 *
 * Returns OK; EIO; EPROTO when the file is none; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_identity_open(ch_identity *out, const char *dir, const char *url,
                                              const choir_env *env, choir_error *err);

/* Keeps it. Returns OK; EIO. */
CHOIR_NODISCARD choir_status ch_identity_save(const ch_identity *identity, choir_error *err);

#endif
