/* Digest: whether a run goes on with the data it began with. */
#ifndef CH_RUN_DIGEST_H
#define CH_RUN_DIGEST_H

#include "data/federation.h"

enum { CH_DIGEST_TEXT = 17 }; // bytes, with the terminating zero

/*
 * A checksum of the test set and of all clients' examples that are not drawn on demand, as 16
 * hexadecimal digits: the same whether they are in memory or stay in files. It finds accidents, not
 * forgeries.
 *
 * All inputs are read for it, and those in a file of the data directory compared with what was
 * written there.
 *
 * Returns OK; EIO when files cannot be read or have changed; EPROTO when such a file is damaged, as
 * ch_spool_check; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_digest_text(char out[CH_DIGEST_TEXT], const ch_federation *f,
                                            const choir_env *env, choir_error *err);

#endif
