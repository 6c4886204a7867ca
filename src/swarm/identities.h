/*
 * Identities: who the members of a swarm are to a server: a key for each client, all from one seed,
 * and the number that each was enrolled under.
 *
 *     dir/swarm.json   {"url", "seed", "subjects": [number of client 0, ...]}, for its owner alone
 *
 * Of a key the server sees the public half, as of a device's. An enrolment that was not kept is
 * made again, with the same key, and gives the same number.
 */
#ifndef CH_SWARM_IDENTITIES_H
#define CH_SWARM_IDENTITIES_H

#include "choir/env.h"
#include "choir/status.h"
#include "crypto/sign.h"

typedef struct ch_identities {
    char dir[512];                     // "": kept nowhere
    char url[256];                     // of the server that the subjects are of
    uint8_t seed[CH_SHARED_KEY_BYTES]; // to be wiped
    int64_t *subjects;                 // (clients) by client; 0: not enrolled; owned
    uint32_t clients;
    choir_env env;
} ch_identities;

/*
 * Reads them, or makes a seed. Of another server than url only the seed is taken.
 *
 * dir      made when it is not there; "": nowhere, others every time; less than 512 bytes
 * clients  below which all are; at most CH_IDENTITIES_MAX
 *
 * Returns OK and an object to release; EIO; EPROTO when the file is none; EINVAL; ENOMEM. *out is
 * safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_identities_open(ch_identities *out, const char *dir,
                                                const char *url, uint32_t clients,
                                                const choir_env *env, choir_error *err);

enum { CH_IDENTITIES_MAX = 1 << 20 };

/* Keeps them. Returns OK; EIO; ENOMEM. */
CHOIR_NODISCARD choir_status ch_identities_save(const ch_identities *s, choir_error *err);

/* Safe to call twice, and on one that is all zero. */
void ch_identities_release(ch_identities *s);

#endif
