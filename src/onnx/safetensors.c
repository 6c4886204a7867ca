/*
 * Safetensors: see safetensors.h.
 *
 * Reading goes from the outside in: the length of the header, the JSON, each tensor by itself, then
 * all together (sorted by their bytes they must fill the file without gaps), then the values.
 */
#include "onnx/safetensors.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/disk.h"
#include "base/error.h"
#include "base/text.h"
#include "choir/task.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LENGTH_BYTES = 8, ELEMENT_BYTES = 4, SHOWN_MAX = 64, WRONG_MAX = 240 };

/* What a file claims while it is being read. */
typedef struct claim {
    const char *name; // of the file, for messages
    choir_bytes header;
    choir_bytes data;
    json_t *root; // owned
    choir_error *err;
} claim;

// ----- reading: the frame -----------------------------------------------------------------------

static choir_status frame_read(claim *c, choir_bytes bytes) {
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    const uint64_t header = ch_get_u64(&r);
    if (r.failed) {
        return ch_error_set(c->err, CHOIR_EPROTO, "%s: has %zu bytes, too few for safetensors",
                            c->name, bytes.size);
    }
    const bool is_long = header > CH_SAFETENSORS_HEADER_MAX || header > bytes.size - LENGTH_BYTES;
    if (is_long && bytes.size > LENGTH_BYTES && bytes.data[LENGTH_BYTES] != '{') {
        return ch_error_set(c->err, CHOIR_EPROTO, "%s: is not a safetensors file", c->name);
    }
    if (is_long) {
        return ch_error_set(c->err, CHOIR_EPROTO,
                            "%s: says its header has %llu bytes; the file has %zu, and %d are "
                            "allowed",
                            c->name, (unsigned long long)header, bytes.size,
                            CH_SAFETENSORS_HEADER_MAX);
    }
    c->header = (choir_bytes){.data = bytes.data + LENGTH_BYTES, .size = (size_t)header};
    c->data = (choir_bytes){.data = c->header.data + header,
                            .size = bytes.size - LENGTH_BYTES - (size_t)header};
    return CHOIR_OK;
}

static choir_status header_read(claim *c) {
    json_error_t why;
    c->root =
        json_loadb((const char *)c->header.data, c->header.size, JSON_REJECT_DUPLICATES, &why);
    // jansson leaves the text empty when it runs out of memory, most of the time.
    if (c->root == NULL && why.text[0] == '\0') {
        return ch_error_set(c->err, CHOIR_ENOMEM, "%s: no memory for its header", c->name);
    }
    if (!json_is_object(c->root)) {
        char shown[SHOWN_MAX];
        if (c->root != NULL) {
            return ch_error_set(c->err, CHOIR_EPROTO, "%s: its header is JSON, but no object",
                                c->name);
        }
        ch_text_show(shown, sizeof(shown), why.text);
        return ch_error_set(c->err, CHOIR_EPROTO,
                            "%s: its header is not a JSON object: line %d, column %d: %s", c->name,
                            why.line, why.column, shown);
    }
    return CHOIR_OK;
}

// ----- reading: tensors -------------------------------------------------------------------------

__attribute__((format(printf, 3, 4))) static choir_status
tensor_wrong(const claim *c, const char *tensor, const char *format, ...) {
    char shown[SHOWN_MAX];
    char what[WRONG_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    ch_text_show(shown, sizeof(shown), tensor);
    return ch_error_set(c->err, CHOIR_EPROTO, "%s: tensor '%s' %s", c->name, shown, what);
}

/* One of the entry's values for a message: as it is in the file, cut to what ch_text_show shows. */
static const char *value_show(char out[SHOWN_MAX], const json_t *entry, const char *key) {
    char text[SHOWN_MAX + 1];
    const json_t *value = json_object_get(entry, key);
    const size_t size =
        json_dumpb(value, text, SHOWN_MAX, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    text[size < SHOWN_MAX ? size : SHOWN_MAX] = '\0';
    ch_text_show(out, SHOWN_MAX, value != NULL ? text : "nothing");
    return out;
}

static bool integer_read(uint64_t *out, const json_t *value) {
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool shape_read(choir_tensor *t, const json_t *shape) {
    t->rank = (uint32_t)json_array_size(shape);
    uint64_t count = 1;
    for (uint32_t i = 0; i < t->rank; i++) {
        uint64_t size = 0;
        if (!integer_read(&size, json_array_get(shape, i)) || size == 0 ||
            size > CHOIR_DIM_MAX / count) {
            return false;
        }
        t->shape[i] = (uint32_t)size;
        count *= size;
    }
    t->count = (uint32_t)count;
    return true;
}

/* Reads one entry of the header; offset is in elements. */
static choir_status tensor_read(const claim *c, choir_tensor *t, const char *name,
                                const json_t *entry) {
    const json_t *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const size_t rank = json_array_size(shape);
    char shown[SHOWN_MAX];
    uint64_t begin = 0;
    uint64_t end = 0;
    if (strlen(name) >= sizeof(t->name) || name[0] == '\0' || !ch_text_is_printable(name)) {
        return tensor_wrong(c, name, "must have a printable name of 1 to 47 bytes");
    }
    if (dtype == NULL || strcmp(dtype, "F32") != 0) {
        return tensor_wrong(c, name, "has %s for dtype; right is \"F32\"",
                            value_show(shown, entry, "dtype"));
    }
    if (!json_is_array(shape) || rank < 1 || rank > CHOIR_RANK_MAX || !shape_read(t, shape)) {
        return tensor_wrong(c, name,
                            "has %s for shape; right are 1 to %d sizes >= 1 of at most %d elements",
                            value_show(shown, entry, "shape"), CHOIR_RANK_MAX, CHOIR_DIM_MAX);
    }
    if (json_array_size(offsets) != 2 || !integer_read(&begin, json_array_get(offsets, 0)) ||
        !integer_read(&end, json_array_get(offsets, 1)) || begin > end || end > c->data.size) {
        return tensor_wrong(
            c, name,
            "has %s for data_offsets; right are begin and end in the %zu bytes that "
            "follow the header",
            value_show(shown, entry, "data_offsets"), c->data.size);
    }
    if (end - begin != (uint64_t)t->count * ELEMENT_BYTES || begin % ELEMENT_BYTES != 0) {
        return tensor_wrong(c, name,
                            "has data_offsets %s; right for its shape are %u bytes from a multiple "
                            "of %d",
                            value_show(shown, entry, "data_offsets"), t->count * ELEMENT_BYTES,
                            ELEMENT_BYTES);
    }
    t->offset = (uint32_t)(begin / ELEMENT_BYTES);
    memcpy(t->name, name, strlen(name) + 1);
    return CHOIR_OK;
}

static void tensor_insert(choir_layout *layout, const choir_tensor *t) {
    uint32_t at = layout->count;
    for (; at > 0 && layout->tensors[at - 1].offset > t->offset; at--) {
        layout->tensors[at] = layout->tensors[at - 1];
    }
    layout->tensors[at] = *t;
    layout->count += 1;
}

static choir_status layout_check(const claim *c, choir_layout *layout) {
    for (uint32_t i = 0; i < layout->count; i++) {
        if (layout->tensors[i].offset != layout->dim) {
            return tensor_wrong(c, layout->tensors[i].name,
                                "begins at byte %llu; right is %llu, where the one before it ends",
                                (unsigned long long)layout->tensors[i].offset * ELEMENT_BYTES,
                                (unsigned long long)layout->dim * ELEMENT_BYTES);
        }
        layout->dim += layout->tensors[i].count;
    }
    if (layout->dim == 0 || (uint64_t)layout->dim * ELEMENT_BYTES != c->data.size) {
        return ch_error_set(c->err, CHOIR_EPROTO,
                            "%s: its tensors have %llu bytes, but %zu follow the header", c->name,
                            (unsigned long long)layout->dim * ELEMENT_BYTES, c->data.size);
    }
    return CHOIR_OK;
}

static choir_status layout_read(const claim *c, choir_layout *layout) {
    const char *name = NULL;
    json_t *entry = NULL;
    json_object_foreach(c->root, name, entry) {
        if (strcmp(name, "__metadata__") == 0) {
            continue;
        }
        if (layout->count == CHOIR_TENSORS_MAX) {
            return ch_error_set(c->err, CHOIR_EPROTO, "%s: has more than %d tensors", c->name,
                                CHOIR_TENSORS_MAX);
        }
        choir_tensor tensor = {0};
        const choir_status status = tensor_read(c, &tensor, name, entry);
        if (status != CHOIR_OK) {
            return status;
        }
        tensor_insert(layout, &tensor);
    }
    return layout_check(c, layout);
}

// ----- reading: metadata and values -------------------------------------------------------------

static choir_status metadata_check(const claim *c, size_t *text_bytes) {
    json_t *metadata = json_object_get(c->root, "__metadata__");
    const char *key = NULL;
    json_t *value = NULL;
    *text_bytes = 0;
    if (metadata != NULL && !json_is_object(metadata)) {
        return ch_error_set(c->err, CHOIR_EPROTO, "%s: __metadata__ is not an object", c->name);
    }
    if (json_object_size(metadata) > CH_SAFETENSORS_METADATA_MAX) {
        return ch_error_set(c->err, CHOIR_EPROTO,
                            "%s: __metadata__ has %zu entries, at most %d fit", c->name,
                            json_object_size(metadata), CH_SAFETENSORS_METADATA_MAX);
    }
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value)) {
            char shown[SHOWN_MAX];
            ch_text_show(shown, sizeof(shown), key);
            return ch_error_set(c->err, CHOIR_EPROTO, "%s: __metadata__ '%s' is not a text",
                                c->name, shown);
        }
        *text_bytes += strlen(key) + 1 + json_string_length(value) + 1;
    }
    return CHOIR_OK;
}

static const char *text_copy(char **room, const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = *room;
    memcpy(copy, text, size);
    *room += size;
    return copy;
}

static void metadata_copy(const claim *c, ch_safetensors *out, char *room) {
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(c->root, "__metadata__"), key, value) {
        ch_safetensors_pair *pair = &out->metadata[out->pairs];
        pair->key = text_copy(&room, key);
        pair->value = text_copy(&room, json_string_value(value));
        out->pairs += 1;
    }
}

static choir_status values_check(const claim *c, const ch_safetensors *file) {
    for (uint32_t i = 0; i < file->layout.count; i++) {
        const choir_tensor *t = &file->layout.tensors[i];
        for (uint32_t j = 0; j < t->count; j++) {
            if (!isfinite(file->params[t->offset + j])) {
                return tensor_wrong(c, t->name,
                                    "has %g for its element %u; right are finite numbers",
                                    (double)file->params[t->offset + j], j);
            }
        }
    }
    return CHOIR_OK;
}

/* Claims room for the parameters of the layout and the texts, and copies the latter. */
static choir_status texts_copy(const claim *c, ch_safetensors *out, size_t text_bytes) {
    const size_t params_bytes = ch_arena_cost(out->layout.dim, sizeof(float));
    out->block = out->env.alloc(out->env.self, ch_arena_cost(params_bytes + text_bytes + 1, 1));
    if (out->block == NULL) {
        return ch_error_set(c->err, CHOIR_ENOMEM,
                            "%s: no memory for its %u parameters and %zu bytes of metadata",
                            c->name, out->layout.dim, text_bytes);
    }
    metadata_copy(c, out, (char *)out->block + params_bytes);
    return CHOIR_OK;
}

static choir_status values_copy(const claim *c, ch_safetensors *out) {
    ch_reader r = {.data = c->data.data, .size = c->data.size};
    ch_get_f32s(&r, out->block, out->layout.dim);
    out->params = out->block;
    return values_check(c, out);
}

static choir_status claim_read(claim *c, ch_safetensors *out, bool wants_tensors) {
    size_t text_bytes = 0;
    choir_status status = header_read(c);
    if (status == CHOIR_OK && wants_tensors) {
        status = layout_read(c, &out->layout);
    }
    if (status == CHOIR_OK) {
        status = metadata_check(c, &text_bytes);
    }
    if (status == CHOIR_OK) {
        status = texts_copy(c, out, text_bytes);
    }
    if (status == CHOIR_OK && wants_tensors) {
        status = values_copy(c, out);
    }
    json_decref(c->root);
    return status;
}

static choir_status bytes_read(ch_safetensors *out, choir_bytes bytes, bool wants_tensors,
                               const char *name, const choir_env *env, choir_error *err) {
    *out = (ch_safetensors){.env = *env};
    claim c = {.name = name, .err = err};
    choir_status status = frame_read(&c, bytes);
    if (status == CHOIR_OK) {
        status = claim_read(&c, out, wants_tensors);
    }
    if (status != CHOIR_OK) {
        ch_safetensors_release(out);
    }
    return status;
}

choir_status ch_safetensors_parse(ch_safetensors *out, choir_bytes bytes, const char *name,
                                  const choir_env *env, choir_error *err) {
    return bytes_read(out, bytes, true, name, env, err);
}

choir_status ch_safetensors_describe(ch_safetensors *out, choir_bytes bytes, const char *name,
                                     const choir_env *env, choir_error *err) {
    return bytes_read(out, bytes, false, name, env, err);
}

choir_status ch_safetensors_open(ch_safetensors *out, const char *path, const choir_env *env,
                                 choir_error *err) {
    const size_t bytes_max =
        LENGTH_BYTES + CH_SAFETENSORS_HEADER_MAX + (size_t)CHOIR_DIM_MAX * ELEMENT_BYTES;
    *out = (ch_safetensors){0};
    ch_disk_file file;
    choir_status status = ch_disk_read(&file, path, bytes_max, env, err);
    if (status == CHOIR_OK) {
        const choir_bytes bytes = {.data = file.data, .size = file.size};
        status = ch_safetensors_parse(out, bytes, path, env, err);
    }
    ch_disk_release(&file);
    return status;
}

void ch_safetensors_release(ch_safetensors *file) {
    if (file->block != NULL) {
        file->env.free(file->env.self, file->block);
    }
    *file = (ch_safetensors){0};
}

// ----- use --------------------------------------------------------------------------------------

const char *ch_safetensors_find(const ch_safetensors *file, const char *key) {
    for (uint32_t i = 0; i < file->pairs; i++) {
        if (strcmp(file->metadata[i].key, key) == 0) {
            return file->metadata[i].value;
        }
    }
    return NULL;
}

static const choir_tensor *tensor_find(const choir_layout *layout, const char *name) {
    for (uint32_t i = 0; i < layout->count; i++) {
        if (strcmp(layout->tensors[i].name, name) == 0) {
            return &layout->tensors[i];
        }
    }
    return NULL;
}

/* "(5, 5, 1, 32)" */
static const char *shape_text(char out[SHOWN_MAX], const choir_tensor *t) {
    size_t at = 0;
    for (uint32_t i = 0; i < t->rank; i++) {
        const int size =
            snprintf(out + at, SHOWN_MAX - at, "%s%u", i == 0 ? "(" : ", ", t->shape[i]);
        at += size > 0 ? (size_t)size : 0;
    }
    (void)snprintf(out + at, SHOWN_MAX - at, ")");
    return out;
}

static choir_status layouts_match(const choir_layout *file, const choir_layout *wanted,
                                  choir_error *err) {
    for (uint32_t i = 0; i < wanted->count; i++) {
        const choir_tensor *t = &wanted->tensors[i];
        const choir_tensor *found = tensor_find(file, t->name);
        char has[SHOWN_MAX];
        char wants[SHOWN_MAX];
        if (found == NULL) {
            return ch_error_set(err, CHOIR_EINVAL, "the file has no tensor '%s', shape %s", t->name,
                                shape_text(wants, t));
        }
        if (found->rank != t->rank ||
            memcmp(found->shape, t->shape, t->rank * sizeof(t->shape[0])) != 0) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "tensor '%s' has shape %s in the file, the model wants %s", t->name,
                                shape_text(has, found), shape_text(wants, t));
        }
    }
    for (uint32_t i = 0; i < file->count; i++) {
        if (tensor_find(wanted, file->tensors[i].name) == NULL) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "the file has a tensor '%s', which the model has not",
                                file->tensors[i].name);
        }
    }
    return CHOIR_OK;
}

choir_status ch_safetensors_params(const ch_safetensors *file, const choir_layout *layout,
                                   float *params, choir_error *err) {
    const choir_status status = layouts_match(&file->layout, layout, err);
    for (uint32_t i = 0; i < layout->count && status == CHOIR_OK; i++) {
        const choir_tensor *t = &layout->tensors[i];
        const choir_tensor *found = tensor_find(&file->layout, t->name);
        memcpy(params + t->offset, file->params + found->offset, t->count * sizeof(params[0]));
    }
    return status;
}
