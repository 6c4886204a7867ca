/* Export: see export.h. */
#include "net/export.h"

#include "base/error.h"
#include "choir/blob.h"
#include "onnx/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 256, HASH_TEXT = 2 * CHOIR_HASH_BYTES + 1 };

/* The hash of the model, from what the server says of the job or of its round. */
static choir_status hash_find(ch_operator *o, const char *job, uint32_t round, char out[HASH_TEXT],
                              choir_error *err) {
    char path[TEXT_MAX];
    if (round == CH_EXPORT_NOW) {
        (void)snprintf(path, sizeof(path), "/jobs/%s", job);
    } else {
        (void)snprintf(path, sizeof(path), "/jobs/%s/rounds?from=%" PRIu32 "&limit=1", job, round);
    }
    json_t *answer = NULL;
    choir_status status = ch_operator_ask(o, "GET", path, NULL, "export", &answer, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const json_t *found = answer;
    if (round != CH_EXPORT_NOW) {
        found = json_array_get(json_object_get(answer, "rounds"), 0);
    }
    const char *text = json_string_value(json_object_get(found, "model"));
    if (text == NULL || strlen(text) >= HASH_TEXT) {
        status = ch_error_set(err, CHOIR_EAGAIN, "export: round %" PRIu32 " of '%s' has not closed",
                              round, job);
    } else {
        memcpy(out, text, strlen(text) + 1);
    }
    json_decref(answer);
    return status;
}

static choir_status bundle_read(ch_operator *o, const char *job, ch_safetensors *out,
                                const choir_env *env, choir_error *err) {
    char path[TEXT_MAX];
    choir_bytes bytes = {0};
    (void)snprintf(path, sizeof(path), "/v1/admin/jobs/%s/bundle", job);
    const choir_status status = ch_operator_get(o, path, "export", &bytes, err);
    return status == CHOIR_OK ? ch_safetensors_parse(out, bytes, job, env, err) : status;
}

static choir_status model_write(const ch_safetensors *bundle, const float *params, const char *hash,
                                const char *path, const choir_env *env, choir_error *err) {
    ch_safetensors_pair metadata[CH_SAFETENSORS_METADATA_MAX];
    for (uint32_t i = 0; i < bundle->pairs; i++) {
        metadata[i] = bundle->metadata[i];
        if (strcmp(metadata[i].key, "choir.hash") == 0) {
            metadata[i].value = hash;
        }
    }
    return ch_safetensors_write(path, &bundle->layout, params, metadata, bundle->pairs, env, err);
}

/* Gets the parameters of that name and checks that they are. They lie where the reply does. */
static choir_status params_get(ch_operator *o, const char *text, uint32_t dim, choir_blob *out,
                               choir_error *err) {
    char path[TEXT_MAX];
    choir_bytes bytes = {0};
    (void)snprintf(path, sizeof(path), "/v1/models/%s", text);
    const choir_status status = ch_operator_get(o, path, "export", &bytes, err);
    if (status != CHOIR_OK) {
        return status;
    }
    char found[HASH_TEXT] = "";
    if (bytes.size == dim * sizeof(float)) {
        const choir_hash hash =
            choir_hash_params((const float *)(const void *)bytes.data, dim); // 64-byte aligned
        choir_hash_text(&hash, found);
        if (strcmp(found, text) == 0) {
            return choir_blob_open(out, bytes, &hash);
        }
    }
    return ch_error_set(err, CHOIR_EPROTO, "export: what the server sent is not the model %s",
                        text);
}

choir_status ch_export(ch_operator *o, const char *job, uint32_t round, const char *path,
                       choir_hash *hash, const choir_env *env, choir_error *err) {
    ch_safetensors bundle = {0};
    char text[HASH_TEXT];
    choir_status status = bundle_read(o, job, &bundle, env, err);
    if (status == CHOIR_OK && round == 0) {
        *hash = choir_hash_params(bundle.params, bundle.layout.dim);
        choir_hash_text(hash, text);
        status = model_write(&bundle, bundle.params, text, path, env, err);
    } else if (status == CHOIR_OK) {
        choir_blob blob = {0};
        status = hash_find(o, job, round, text, err);
        if (status == CHOIR_OK) {
            status = params_get(o, text, bundle.layout.dim, &blob, err);
        }
        if (status == CHOIR_OK) {
            *hash = blob.hash;
            status = model_write(&bundle, blob.params, text, path, env, err);
        }
    }
    ch_safetensors_release(&bundle);
    return status;
}
