/* Export: see export.h. */
#include "net/export.h"

#include "base/error.h"
#include "choir/blob.h"
#include "onnx/safetensors.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 256, HASH_TEXT = 2 * CHOIR_HASH_BYTES + 1 };

/* A model that has been found: whose, and which parameters. */
typedef struct model_place {
    char job[CHOIR_JOB_TEXT_MAX]; // whose initial model says what it is
    char hash[HASH_TEXT];         // "": the initial one
} model_place;

/* The field with a hash of an object; false when it has none. */
static bool hash_take(model_place *out, const json_t *found, const char *key) {
    const char *text = json_string_value(json_object_get(found, key));
    if (text == NULL || strlen(text) >= HASH_TEXT) {
        return false;
    }
    memcpy(out->hash, text, strlen(text) + 1);
    return true;
}

static choir_status now_find(ch_operator *o, model_place *out, choir_error *err) {
    char path[TEXT_MAX];
    json_t *answer = NULL;
    (void)snprintf(path, sizeof(path), "/jobs/%s", out->job);
    choir_status status = ch_operator_ask(o, "GET", path, NULL, "export", &answer, err);
    if (status == CHOIR_OK && !hash_take(out, answer, "model")) {
        status =
            ch_error_set(err, CHOIR_EPROTO, "export: the server names no model of '%s'", out->job);
    }
    json_decref(answer);
    return status;
}

static choir_status round_find(ch_operator *o, model_place *out, uint32_t round, choir_error *err) {
    char path[TEXT_MAX];
    json_t *answer = NULL;
    (void)snprintf(path, sizeof(path), "/jobs/%s/rounds?from=%" PRIu32 "&limit=1", out->job, round);
    choir_status status = ch_operator_ask(o, "GET", path, NULL, "export", &answer, err);
    const json_t *found = json_array_get(json_object_get(answer, "rounds"), 0);
    if (status == CHOIR_OK && !hash_take(out, found, "model")) {
        status = ch_error_set(err, CHOIR_EAGAIN, "export: round %" PRIu32 " of '%s' has not closed",
                              round, out->job);
    }
    json_decref(answer);
    return status;
}

static choir_status best_find(ch_operator *o, model_place *out, choir_error *err) {
    char path[TEXT_MAX];
    json_t *answer = NULL;
    (void)snprintf(path, sizeof(path), "/jobs/%s/details", out->job);
    const choir_status status = ch_operator_ask(o, "GET", path, NULL, "export", &answer, err);
    const json_int_t best = json_integer_value(json_object_get(answer, "best_round"));
    json_decref(answer);
    if (status == CHOIR_OK && best == 0) {
        return ch_error_set(err, CHOIR_EAGAIN, "export: no round of '%s' has a loss yet", out->job);
    }
    return status == CHOIR_OK ? round_find(o, out, (uint32_t)best, err) : status;
}

static choir_status promoted_find(ch_operator *o, model_place *out, choir_error *err) {
    char path[TEXT_MAX];
    json_t *answer = NULL;
    (void)snprintf(path, sizeof(path), "/jobs/%s/details", out->job);
    choir_status status = ch_operator_ask(o, "GET", path, NULL, "export", &answer, err);
    const json_t *found = json_object_get(answer, "promoted");
    if (status == CHOIR_OK && !hash_take(out, found, "hash")) {
        status = ch_error_set(err, CHOIR_EAGAIN, "export: no model of '%s' is promoted", out->job);
    }
    if (status == CHOIR_OK) {
        const char *name = json_string_value(json_object_get(answer, "name"));
        const json_int_t version = json_integer_value(json_object_get(found, "version"));
        (void)snprintf(out->job, sizeof(out->job), "%s@%" PRIu32, name == NULL ? "" : name,
                       (uint32_t)version);
    }
    json_decref(answer);
    return status;
}

static choir_status place_find(ch_operator *o, model_place *out, ch_export_choice choice,
                               choir_error *err) {
    switch (choice.kind) {
    case CH_EXPORT_NOW:
        return now_find(o, out, err);
    case CH_EXPORT_ROUND:
        return choice.round == 0 ? CHOIR_OK : round_find(o, out, choice.round, err);
    case CH_EXPORT_BEST:
        return best_find(o, out, err);
    case CH_EXPORT_PROMOTED:
        return promoted_find(o, out, err);
    }
    return CHOIR_EINVAL;
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

choir_status ch_export(ch_operator *o, const char *job, ch_export_choice choice, const char *path,
                       choir_hash *hash, const choir_env *env, choir_error *err) {
    model_place place = {.hash = ""};
    ch_safetensors bundle = {0};
    choir_blob blob = {0};
    if (strlen(job) >= sizeof(place.job)) {
        return ch_error_set(err, CHOIR_EAGAIN, "export: there is no job '%.100s...'", job);
    }
    memcpy(place.job, job, strlen(job) + 1);
    choir_status status = place_find(o, &place, choice, err);
    if (status == CHOIR_OK) {
        status = bundle_read(o, place.job, &bundle, env, err);
    }
    if (status == CHOIR_OK && place.hash[0] == '\0') {
        blob = (choir_blob){.hash = choir_hash_params(bundle.params, bundle.layout.dim),
                            .params = bundle.params};
        choir_hash_text(&blob.hash, place.hash);
    } else if (status == CHOIR_OK) {
        status = params_get(o, place.hash, bundle.layout.dim, &blob, err);
    }
    if (status == CHOIR_OK) {
        *hash = blob.hash;
        status = model_write(&bundle, blob.params, place.hash, path, env, err);
    }
    ch_safetensors_release(&bundle);
    return status;
}
