/*
 * Fetch: content by its hash, gone on with where a connection broke.
 *
 * The first request asks for all of it, packed where the server packs; what of it had come when the
 * connection broke is a beginning of the content. The next asks for the rest as it is (Range, and
 * If-Range with the content's tag, which is its hash): a part of what was packed could not be
 * unpacked. Whoever does no ranges gives all of it again. That it is the content of that name only
 * its hash says, which is the caller's to look at.
 */
#ifndef CH_CLIENT_FETCH_H
#define CH_CLIENT_FETCH_H

#include "choir/task.h"
#include "net/http_client.h"

#include <stdbool.h>

typedef struct ch_fetch {
    choir_hash name;
    size_t had; // bytes of it that are there
} ch_fetch;

/*
 * Gets the rest of GET /v1/models/NAME; asks for nothing when all of it is there.
 *
 * out    (size) all of it, with what an earlier call has got; another name begins anew
 * gains  out: more is there than before
 *
 * Returns OK when all is there; as ch_http_client_send, and EIO when the server does not give it
 * now; EAGAIN or EINVAL when it has none; EPROTO when it is of another size.
 */
CHOIR_NODISCARD choir_status ch_fetch_get(ch_fetch *f, ch_http_client *http, const choir_hash *name,
                                          uint8_t *out, size_t size, bool *gains, choir_error *err);

/* Begins anew: what is there was not what it should be, or its memory is another. */
void ch_fetch_reset(ch_fetch *f);

#endif
