/* Digest: whether a run goes on with the data it began with. */
#ifndef CH_RUN_DIGEST_H
#define CH_RUN_DIGEST_H

#include "data/federation.h"

enum { CH_DIGEST_TEXT = 17 }; // bytes, with the terminating zero

/* A checksum of the test set and of all clients' examples in memory, as 16 hexadecimal digits. It
 * finds accidents, not forgeries. */
void ch_digest_text(char out[CH_DIGEST_TEXT], const ch_federation *f);

#endif
