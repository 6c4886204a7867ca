/*
 * Identity: who a device is to a server: a key of its own, and the number under which that server
 * knows it.
 *
 *     state_dir/identity.json   {"url", "pin", "key" (the secret one), "subject",
 *                                "others": [{likewise}, ...]}, for the device alone
 *     state_dir/identity.lock   held by a process from its reading of the file to its replacing it
 *
 * A key is for one server, and what it signs is of no use at another: else a server could pass on
 * another's challenge, and join there in the device's place. It is the same server when it has the
 * same URL, or when it holds the TLS key that is pinned, wherever it has moved to.
 */
#ifndef CH_CLIENT_IDENTITY_H
#define CH_CLIENT_IDENTITY_H

#include "choir/client.h"
#include "crypto/sign.h"

enum { CH_IDENTITY_SERVERS_MAX = 16 }; // that are kept; the one that was used least lately goes

typedef struct ch_identity {
    choir_env env;
    char dir[512];   // "": kept nowhere
    char url[256];   // of the server that the subject is of
    char pin[256];   // of its TLS key; "": none, or it is not what the server is believed by
    ch_key_pair key; // to be wiped
    int64_t subject; // 0: not enrolled
    bool is_unkept;  // the file has the server with another URL, pin or subject
} ch_identity;

/*
 * Reads the identity in dir that is for a server, or makes one. What says that a server has another
 * URL or pin now is kept once that server has been heard: by ch_identity_save.
 *
 * Returns OK; EINVAL when dir is NULL or too long; EIO, also when another process has held the file
 * for seconds; EPROTO when the file is none; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_identity_open(ch_identity *out, const char *dir, const char *url,
                                              const char *pin, const choir_env *env,
                                              choir_error *err);

/* Keeps it, beside those for other servers. Returns OK; EIO, EPROTO and ENOMEM as
 * ch_identity_open. */
CHOIR_NODISCARD choir_status ch_identity_save(ch_identity *identity, choir_error *err);

#endif
