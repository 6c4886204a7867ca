/*
 * Safetensors: model parameters in the file form that every framework of the field reads.
 *
 *     8 bytes   n, little-endian
 *     n bytes   JSON: {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [..],
 *               "data_offsets": [begin, end]}, ...}, padded with spaces
 *     the rest  the tensors' bytes, little-endian, without gaps
 *
 * We read and write fp32 tensors of rank 1 to 4, as many as a choir_layout holds, with
 * CHOIR_DIM_MAX elements. Everything that a file claims is checked before it is believed.
 *
 * Source: the format's description at github.com/huggingface/safetensors (README, "Format").
 */
#ifndef CH_ONNX_SAFETENSORS_H
#define CH_ONNX_SAFETENSORS_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/layout.h"
#include "choir/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    CH_SAFETENSORS_METADATA_MAX = 32,     // pairs
    CH_SAFETENSORS_HEADER_MAX = 16 << 20, // bytes
};

/* One entry of __metadata__. */
typedef struct ch_safetensors_pair {
    const char *key;
    const char *value;
} ch_safetensors_pair;

typedef struct ch_safetensors {
    choir_layout layout; // tensors in the order of their bytes in the file
    const float *params; // (layout.dim) all finite
    uint32_t pairs;
    ch_safetensors_pair metadata[CH_SAFETENSORS_METADATA_MAX];
    void *block; // owned; the parameters and the texts above are in it
    choir_env env;
} ch_safetensors;

/*
 * Reads a file.
 *
 * Returns OK and an object to release; EIO when it cannot be read; EPROTO when it is no safetensors
 * file, or one that we cannot hold (err says what and where); ENOMEM (or EPROTO, when it was
 * jansson that had no memory: it does not always say). *out is safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_safetensors_open(ch_safetensors *out, const char *path,
                                                 const choir_env *env, choir_error *err);

/* The same from bytes in memory, which are copied; name stands for the file in messages. */
CHOIR_NODISCARD choir_status ch_safetensors_parse(ch_safetensors *out, choir_bytes bytes,
                                                  const char *name, const choir_env *env,
                                                  choir_error *err);

/*
 * The metadata alone, from bytes that may end where the tensors begin: of *out, layout and params
 * stay empty, and what the file says of its tensors is not looked at.
 *
 * Returns as ch_safetensors_parse.
 */
CHOIR_NODISCARD choir_status ch_safetensors_describe(ch_safetensors *out, choir_bytes bytes,
                                                     const char *name, const choir_env *env,
                                                     choir_error *err);

/* Safe to call twice, and on one that is all zero. */
void ch_safetensors_release(ch_safetensors *file);

/* The metadata's value for key, or NULL. Borrowed. */
const char *ch_safetensors_find(const ch_safetensors *file, const char *key);

/*
 * Copies the parameters out in the order of a layout, whatever their order in the file.
 *
 * params  (layout->dim) out; unchanged on failure
 *
 * Returns OK; EINVAL when the file has a tensor too many or too few or one has another shape: err
 * names it.
 */
CHOIR_NODISCARD choir_status ch_safetensors_params(const ch_safetensors *file,
                                                   const choir_layout *layout, float *params,
                                                   choir_error *err);

/*
 * Writes path at once or not at all.
 *
 * params    (layout->dim)
 * metadata  (pairs) at most CH_SAFETENSORS_METADATA_MAX; UTF-8, keys all different
 *
 * Returns OK; EIO; EINVAL when a text is not UTF-8; ENOMEM. A file that was there stays on failure.
 */
CHOIR_NODISCARD choir_status ch_safetensors_write(const char *path, const choir_layout *layout,
                                                  const float *params,
                                                  const ch_safetensors_pair *metadata,
                                                  uint32_t pairs, const choir_env *env,
                                                  choir_error *err);

/*
 * What ch_safetensors_write writes, in memory.
 *
 * out   out: (*size) bytes, owned by the caller and freed by env; NULL on failure
 * name  stands for the file in messages
 *
 * Returns as ch_safetensors_write.
 */
CHOIR_NODISCARD choir_status ch_safetensors_encode(uint8_t **out, size_t *size, const char *name,
                                                   const choir_layout *layout, const float *params,
                                                   const ch_safetensors_pair *metadata,
                                                   uint32_t pairs, const choir_env *env,
                                                   choir_error *err);

#endif
