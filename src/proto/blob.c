/* Blob: see include/choir/blob.h. */
#include "choir/blob.h"

#include "base/sha256.h"
#include "math/fold.h"

#include <string.h>

choir_hash choir_hash_params(const float *params, uint32_t dim) {
    choir_hash hash;
    ch_sha256_of(params, (size_t)dim * sizeof(params[0]), hash.bytes);
    return hash;
}

void choir_hash_text(const choir_hash *hash, char out[2 * CHOIR_HASH_BYTES + 1]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < CHOIR_HASH_BYTES; i++) {
        out[2 * i] = digits[hash->bytes[i] >> 4];
        out[2 * i + 1] = digits[hash->bytes[i] & 15];
    }
    out[2 * (size_t)CHOIR_HASH_BYTES] = '\0';
}

choir_status choir_blob_open(choir_blob *out, choir_bytes bytes, const choir_hash *hash) {
    const size_t dim = bytes.size / sizeof(float);
    if (dim == 0 || bytes.size % sizeof(float) != 0 || dim > CHOIR_DIM_MAX) {
        return CHOIR_EPROTO;
    }
    const float *params = (const float *)(const void *)bytes.data;
    const choir_hash found = choir_hash_params(params, (uint32_t)dim);
    if (memcmp(found.bytes, hash->bytes, CHOIR_HASH_BYTES) != 0 ||
        !ch_fold_measure(params, dim).is_finite) {
        return CHOIR_EPROTO;
    }
    *out = (choir_blob){.hash = found, .params = params, .dim = (uint32_t)dim};
    return CHOIR_OK;
}
