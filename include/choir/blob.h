/*
 * Blob: model parameters whose hash has been verified.
 *
 * Bytes from a peer or a cache become a blob only through choir_blob_open, which checks the hash
 * and that every value is finite; whoever holds a blob need not check again. Many participants may
 * borrow one blob, so a simulation verifies a round's model once.
 */
#ifndef CHOIR_BLOB_H
#define CHOIR_BLOB_H

#include "choir/bytes.h"
#include "choir/status.h"
#include "choir/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_blob {
    choir_hash hash;
    const float *params; // (dim) borrowed from the bytes it was opened on
    uint32_t dim;
} choir_blob;

/* SHA-256 of (dim) parameters as little-endian fp32. */
choir_hash choir_hash_params(const float *params, uint32_t dim);

/* Lower-case hexadecimal, 64 characters and a zero. */
void choir_hash_text(const choir_hash *hash, char out[2 * CHOIR_HASH_BYTES + 1]);

/*
 * Checks that bytes are parameters with the given hash, without copying them.
 *
 * bytes  little-endian fp32, 4-byte aligned; borrowed for as long as the blob is used
 *
 * Returns OK; EPROTO when the size is not a positive multiple of 4, the hash differs, or a value
 * is not finite. *out is unchanged on failure.
 */
CHOIR_NODISCARD choir_status choir_blob_open(choir_blob *out, choir_bytes bytes,
                                             const choir_hash *hash);

#ifdef __cplusplus
}
#endif

#endif
