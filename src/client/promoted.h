/* Promoted: the model that a server has promoted for a job, as a device has it. */
#ifndef CH_CLIENT_PROMOTED_H
#define CH_CLIENT_PROMOTED_H

#include "choir/client.h"
#include "client/fetch.h"
#include "net/http_client.h"

#include <stdbool.h>

typedef struct ch_promoted {
    choir_promoted model; // params == NULL: none yet
    char etag[96];        // of what the server said of it
    uint8_t *head;        // model.model's bytes; owned, like the next
    float *params;
    float *coming; // (coming_dim) of the next one's parameters what has come; owned
    uint32_t coming_dim;
    ch_fetch fetch;             // into coming
    const uint8_t *signing_key; // (CH_PUBLIC_KEY_BYTES) of who must have signed it; borrowed
    choir_env env;
} ch_promoted;

/* Forgets what there is. Safe to call twice, and on one that is all zero. */
void ch_promoted_release(ch_promoted *p);

/*
 * Brings it to what the server has now.
 *
 * token       of a device in the job
 * is_expired  out: the token's time is over, and then nothing else is said
 *
 * Returns as choir_client_promoted.
 */
CHOIR_NODISCARD choir_status ch_promoted_fetch(ch_promoted *p, ch_http_client *http,
                                               const char *job, const char *token, uint32_t dim_max,
                                               bool *is_expired, choir_error *err);

#endif
