/* Safetensors, the writing end: see safetensors.h. */
#include "onnx/safetensors.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/disk.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

enum { LENGTH_BYTES = 8, HEADER_ALIGN = 8, ELEMENT_BYTES = 4 };

/* The entry of one tensor. NULL when there is no memory. */
static json_t *tensor_entry(const choir_tensor *t) {
    json_t *shape = json_array();
    int failed = shape == NULL ? 1 : 0;
    for (uint32_t i = 0; i < t->rank; i++) {
        failed |= json_array_append_new(shape, json_integer(t->shape[i]));
    }
    const json_int_t begin = (json_int_t)t->offset * 4;
    const json_int_t end = begin + (json_int_t)t->count * 4;
    json_t *entry = failed != 0 ? NULL
                                : json_pack("{s:s, s:O, s:[I,I]}", "dtype", "F32", "shape", shape,
                                            "data_offsets", begin, end);
    json_decref(shape);
    return entry;
}

/* The whole header. NULL when there is no memory, or a text is not UTF-8. */
static json_t *header_make(const choir_layout *layout, const ch_safetensors_pair *metadata,
                           uint32_t pairs) {
    json_t *root = json_object();
    json_t *texts = json_object();
    int failed = 0;
    for (uint32_t i = 0; i < pairs; i++) {
        failed |= json_object_set_new(texts, metadata[i].key, json_string(metadata[i].value));
    }
    if (pairs > 0) {
        failed |= json_object_set(root, "__metadata__", texts);
    }
    json_decref(texts);
    for (uint32_t i = 0; i < layout->count; i++) {
        failed |=
            json_object_set_new(root, layout->tensors[i].name, tensor_entry(&layout->tensors[i]));
    }
    if (failed != 0) {
        json_decref(root);
        return NULL;
    }
    return root;
}

// jansson says only that it failed: what is pure ASCII cannot have been the reason.
static bool is_ascii(const char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80) {
            return false;
        }
    }
    return true;
}

static choir_status header_failed(const char *path, const ch_safetensors_pair *metadata,
                                  uint32_t pairs, choir_error *err) {
    for (uint32_t i = 0; i < pairs; i++) {
        if (!is_ascii(metadata[i].key) || !is_ascii(metadata[i].value)) {
            return ch_error_set(err, CHOIR_EINVAL, "%s: metadata number %u is not UTF-8 text", path,
                                i + 1);
        }
    }
    return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for its header", path);
}

/* Length, header and spaces up to a multiple of 8, parameters. Returns whether jansson could write
 * the header: it needs memory each time. */
static bool file_fill(ch_writer *w, const json_t *root, size_t header, size_t padded,
                      const choir_layout *layout, const float *params) {
    ch_put_u64(w, padded);
    if (json_dumpb(root, (char *)w->data + w->size, header, JSON_COMPACT) != header) {
        return false;
    }
    memset(w->data + w->size + header, ' ', padded - header);
    w->size += padded;
    ch_put_f32s(w, params, layout->dim);
    CH_ASSERT(!w->failed);
    return true;
}

static choir_status file_encode(uint8_t **out, size_t *size, const char *name, const json_t *root,
                                const choir_layout *layout, const float *params,
                                const choir_env *env, choir_error *err) {
    const size_t header = json_dumpb(root, NULL, 0, JSON_COMPACT);
    const size_t padded = (header + HEADER_ALIGN - 1) / HEADER_ALIGN * HEADER_ALIGN;
    *size = LENGTH_BYTES + padded + (size_t)layout->dim * ELEMENT_BYTES;
    uint8_t *block = header == 0 ? NULL : env->alloc(env->self, ch_arena_cost(*size, 1));
    if (block == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for its %zu bytes", name, *size);
    }
    ch_writer w = {.data = block, .capacity = *size};
    if (!file_fill(&w, root, header, padded, layout, params)) {
        env->free(env->self, block);
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for its header", name);
    }
    *out = block;
    return CHOIR_OK;
}

choir_status ch_safetensors_encode(uint8_t **out, size_t *size, const char *name,
                                   const choir_layout *layout, const float *params,
                                   const ch_safetensors_pair *metadata, uint32_t pairs,
                                   const choir_env *env, choir_error *err) {
    CH_ASSERT(pairs <= CH_SAFETENSORS_METADATA_MAX);
    *out = NULL;
    json_t *root = header_make(layout, metadata, pairs);
    if (root == NULL) {
        return header_failed(name, metadata, pairs, err);
    }
    const choir_status status = file_encode(out, size, name, root, layout, params, env, err);
    json_decref(root);
    return status;
}

choir_status ch_safetensors_write(const char *path, const choir_layout *layout, const float *params,
                                  const ch_safetensors_pair *metadata, uint32_t pairs,
                                  const choir_env *env, choir_error *err) {
    uint8_t *block = NULL;
    choir_bytes bytes = {0};
    choir_status status =
        ch_safetensors_encode(&block, &bytes.size, path, layout, params, metadata, pairs, env, err);
    if (status == CHOIR_OK) {
        bytes.data = block;
        status = ch_disk_replace(path, &bytes, 1, err);
        env->free(env->self, block);
    }
    return status;
}
