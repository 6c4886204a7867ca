/*
 * Joined: what a server answered when a job was joined: the offer and a token. Nothing of an answer
 * is used before the signature is found to be the server's.
 */
#ifndef CH_CLIENT_JOINED_H
#define CH_CLIENT_JOINED_H

#include "choir/client.h"
#include "crypto/sign.h"

#include <jansson.h>

enum { CH_BEARER_MAX = 4096 }; // bytes of a token that is taken, with the terminating zero

typedef struct ch_joined {
    choir_offer offer;         // its texts lie in what is below
    char token[CH_BEARER_MAX]; // to be wiped
    json_t *answer;            // owned
    uint8_t *model;            // (offer.model.size) owned, by malloc
} ch_joined;

/*
 * Reads an answer, whose reference is taken.
 *
 * job  what was asked for: "keyboard", or "keyboard@3"
 * key  by which the server signs jobs
 *
 * Returns OK and an object to release; EPROTO when a part is missing, it is another job's, or not
 * signed by the key; ENOMEM. On failure *out is all zero.
 */
CHOIR_NODISCARD choir_status ch_joined_read(ch_joined *out, json_t *answer, const char *job,
                                            const uint8_t key[CH_PUBLIC_KEY_BYTES],
                                            choir_error *err);

/* Safe to call twice, and on one that is all zero. */
void ch_joined_release(ch_joined *j);

#endif
