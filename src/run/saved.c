/* Saved model: see saved.h. */
#include "run/saved.h"

#include "base/error.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/sequences.h"
#include "run/labels.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE_DIGITS_MAX = 7 }; // of CH_FEATURES_MAX

static const char *const LOSS_NAMES[] = {
    [CH_LOSS_CROSS_ENTROPY] = "cross-entropy",
    [CH_LOSS_MEAN_SQUARED] = "mean-squared-error",
};

/* An entry of the metadata that is not what it must be. */
static choir_status entry_refuse(const ch_saved *saved, const char *key, const char *value,
                                 const char *right, choir_error *err) {
    char shown[CH_TEXT_SHOWN_MAX];
    ch_text_show(shown, sizeof(shown), value);
    return ch_error_set(err, CHOIR_EPROTO, "%.240s: says '%s' for %s; right is %s", saved->path,
                        shown, key, right);
}

/* A size: its digits up to end, and nothing else. */
static bool size_parse(uint32_t *out, const char *text, const char *end) {
    char digits[SIZE_DIGITS_MAX + 1];
    uint64_t size = 0;
    const size_t length = (size_t)(end - text);
    if (length > SIZE_DIGITS_MAX || text[0] == '0') {
        return false;
    }
    memcpy(digits, text, length);
    digits[length] = '\0';
    const bool fits = ch_text_read_u64(&size, digits) && size <= CH_FEATURES_MAX;
    *out = fits ? (uint32_t)size : 0;
    return fits;
}

/* "28x28x1"; false when the text is not of that form, or more than any data can have. */
static bool shape_parse(ch_shape *out, const char *text) {
    uint32_t sizes[3] = {0};
    uint64_t features = 1;
    for (int i = 0; i < 3; i++) {
        const char *end = text + strcspn(text, "x");
        if (!size_parse(&sizes[i], text, end) || *end != (i < 2 ? 'x' : '\0')) {
            return false;
        }
        features *= sizes[i];
        if (features > CH_FEATURES_MAX) {
            return false;
        }
        text = end + 1;
    }
    *out = (ch_shape){.height = sizes[0], .width = sizes[1], .channels = sizes[2]};
    return true;
}

/* How long the sequences were that it read, if any. */
static choir_status steps_describe(ch_saved *saved, choir_error *err) {
    const char *steps = ch_safetensors_find(&saved->file, "choir.steps");
    if (steps == NULL) {
        return CHOIR_OK;
    }
    const bool is_one = ch_shape_features(saved->input) == 1;
    if (!is_one || !size_parse(&saved->steps, steps, steps + strlen(steps)) ||
        saved->steps > CH_STEPS_MAX) {
        return entry_refuse(saved, "choir.steps", steps,
                            "a number of steps up to 4096, of one value each", err);
    }
    return CHOIR_OK;
}

/* Layers and the input that they are for: both or none. */
static choir_status layers_describe(ch_saved *saved, choir_error *err) {
    const char *layers = ch_safetensors_find(&saved->file, "choir.layers");
    const char *input = ch_safetensors_find(&saved->file, "choir.input");
    if (layers == NULL && input == NULL) {
        return CHOIR_OK;
    }
    if (layers == NULL || layers[0] == '\0' || strlen(layers) >= sizeof(saved->layers)) {
        return entry_refuse(saved, "choir.layers", layers == NULL ? "" : layers,
                            "a text of layers such as 'dense 10', below 512 bytes", err);
    }
    if (input == NULL || !shape_parse(&saved->input, input)) {
        return entry_refuse(saved, "choir.input", input == NULL ? "" : input,
                            "a shape such as '28x28x1', of 1 to 1048576 values", err);
    }
    memcpy(saved->layers, layers, strlen(layers) + 1);
    return steps_describe(saved, err);
}

static choir_status loss_describe(ch_saved *saved, choir_error *err) {
    const char *loss = ch_safetensors_find(&saved->file, "choir.loss");
    saved->loss = CH_LOSS_CROSS_ENTROPY;
    if (loss == NULL || strcmp(loss, LOSS_NAMES[CH_LOSS_CROSS_ENTROPY]) == 0) {
        return CHOIR_OK;
    }
    saved->loss = CH_LOSS_MEAN_SQUARED;
    return strcmp(loss, LOSS_NAMES[CH_LOSS_MEAN_SQUARED]) == 0
               ? CHOIR_OK
               : entry_refuse(saved, "choir.loss", loss, "cross-entropy or mean-squared-error",
                              err);
}

static choir_status labels_describe(ch_saved *saved, choir_error *err) {
    const char *labels = ch_safetensors_find(&saved->file, "choir.labels");
    const char *vocabulary = ch_safetensors_find(&saved->file, "choir.vocabulary");
    saved->labels = labels == NULL ? "" : labels;
    saved->vocabulary = vocabulary == NULL ? "" : vocabulary;
    return strlen(saved->labels) < CH_LABELS_TEXT_MAX
               ? CHOIR_OK
               : entry_refuse(saved, "choir.labels", labels,
                              "a list of names such as [\"no\",\"yes\"], below 16384 bytes", err);
}

/* Steps that are taken of every input, and no others: those draw, and only in training. */
static choir_status preprocess_describe(ch_saved *saved, choir_error *err) {
    const char *text = ch_safetensors_find(&saved->file, "choir.preprocess");
    ch_preprocess steps;
    saved->preprocess[0] = '\0';
    if (text == NULL) {
        return CHOIR_OK;
    }
    if (ch_preprocess_parse(&steps, text, NULL) == CHOIR_OK) {
        ch_preprocess_write_still(&steps, saved->preprocess);
    }
    return saved->preprocess[0] != '\0' && strcmp(saved->preprocess, text) == 0
               ? CHOIR_OK
               : entry_refuse(saved, "choir.preprocess", text, "whiten", err);
}

static choir_status saved_describe(ch_saved *saved, const choir_env *env, choir_error *err) {
    const char *encoding = ch_safetensors_find(&saved->file, "choir.encoding");
    choir_status status = layers_describe(saved, err);
    if (status == CHOIR_OK) {
        status = loss_describe(saved, err);
    }
    if (status == CHOIR_OK) {
        status = labels_describe(saved, err);
    }
    if (status == CHOIR_OK) {
        status = preprocess_describe(saved, err);
    }
    if (status == CHOIR_OK && encoding != NULL) {
        status = ch_encoding_parse(&saved->encoding, encoding, saved->path, env, err);
    }
    return status;
}

/* A folder without a model: a run that has not ended, or no run at all. */
static choir_status folder_refuse(const char *path, choir_error *err) {
    char job[CHOIR_PATH_MAX];
    const int wrote = snprintf(job, sizeof(job), "%s/job.yaml", path);
    if (wrote > 0 && (size_t)wrote < sizeof(job) && access(job, F_OK) == 0) {
        return ch_error_set(err, CHOIR_EIO,
                            "%.120s: the run has no model yet; 'choir sim --resume %.120s' goes on "
                            "with it",
                            path, path);
    }
    return ch_error_set(err, CHOIR_EIO, "%.240s: holds no model.safetensors, so it is no run",
                        path);
}

/* What follows the opening of the file, which ended with status. */
static choir_status opened_describe(ch_saved *saved, choir_status status, const choir_env *env,
                                    choir_error *err) {
    if (status == CHOIR_OK) {
        status = saved_describe(saved, env, err);
    }
    if (status != CHOIR_OK) {
        ch_saved_release(saved);
    }
    return status;
}

choir_status ch_saved_open(ch_saved *out, const char *path, const choir_env *env,
                           choir_error *err) {
    char inside[CHOIR_PATH_MAX];
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        const int wrote = snprintf(inside, sizeof(inside), "%s/model.safetensors", path);
        if (wrote < 0 || (size_t)wrote >= sizeof(inside)) {
            return ch_error_set(err, CHOIR_EIO, "%s: path too long", path);
        }
        if (access(inside, F_OK) != 0) {
            *out = (ch_saved){0};
            return folder_refuse(path, err);
        }
        path = inside;
    }
    *out = (ch_saved){0};
    (void)snprintf(out->path, sizeof(out->path), "%s", path);
    return opened_describe(out, ch_safetensors_open(&out->file, path, env, err), env, err);
}

choir_status ch_saved_describe(ch_saved *out, choir_bytes bytes, const char *name,
                               const choir_env *env, choir_error *err) {
    *out = (ch_saved){0};
    (void)snprintf(out->path, sizeof(out->path), "%s", name);
    return opened_describe(out, ch_safetensors_describe(&out->file, bytes, name, env, err), env,
                           err);
}

choir_status ch_saved_parse(ch_saved *out, choir_bytes bytes, const char *name,
                            const choir_env *env, choir_error *err) {
    *out = (ch_saved){0};
    (void)snprintf(out->path, sizeof(out->path), "%s", name);
    return opened_describe(out, ch_safetensors_parse(&out->file, bytes, name, env, err), env, err);
}

void ch_saved_release(ch_saved *saved) {
    ch_encoding_release(&saved->encoding);
    ch_safetensors_release(&saved->file);
}

choir_status ch_saved_params(const ch_saved *saved, const choir_layout *layout, float *params,
                             choir_error *err) {
    choir_error why = {.message = ""};
    const choir_status status = ch_safetensors_params(&saved->file, layout, params, &why);
    return status == CHOIR_OK ? status
                              : ch_error_set(err, status, "%s: %s", saved->path, why.message);
}

enum { PAIRS_MAX = 10, INPUT_MAX = 36 };

/* Room for texts that are written for the file. */
typedef struct written {
    char input[INPUT_MAX];
    char steps[INPUT_MAX];
    char preprocess[CH_PREPROCESS_TEXT_MAX];
} written;

/* What the file says beside the parameters. Returns how many pairs. */
static uint32_t metadata_fill(ch_safetensors_pair out[PAIRS_MAX], written *room,
                              const ch_net_options *options, const ch_saved_texts *texts) {
    (void)snprintf(room->input, INPUT_MAX, "%ux%ux%u", options->height, options->width,
                   options->channels);
    (void)snprintf(room->steps, INPUT_MAX, "%u", options->steps);
    room->preprocess[0] = '\0';
    if (texts->preprocess != NULL) {
        ch_preprocess_write_still(texts->preprocess, room->preprocess);
    }
    const ch_safetensors_pair all[PAIRS_MAX] = {
        {"choir.version", CHOIR_VERSION},
        {"choir.layers", options->layers},
        {"choir.input", room->input},
        {"choir.steps", options->steps > 0 ? room->steps : ""},
        {"choir.loss", LOSS_NAMES[options->loss]},
        {"choir.hash", texts->hash},
        {"choir.labels", texts->labels},
        {"choir.vocabulary", texts->vocabulary == NULL ? "" : texts->vocabulary},
        {"choir.encoding", texts->encoding},
        {"choir.preprocess", room->preprocess},
    };
    uint32_t count = 0;
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        if (all[i].value[0] != '\0') {
            out[count] = all[i];
            count += 1;
        }
    }
    return count;
}

choir_status ch_saved_write(const char *path, const ch_net *net, const ch_net_options *options,
                            const float *params, const ch_saved_texts *texts, const choir_env *env,
                            choir_error *err) {
    ch_safetensors_pair metadata[PAIRS_MAX];
    written room;
    const uint32_t pairs = metadata_fill(metadata, &room, options, texts);
    return ch_safetensors_write(path, ch_net_layout(net), params, metadata, pairs, env, err);
}

choir_status ch_saved_encode(uint8_t **out, size_t *size, const char *name, const ch_net *net,
                             const ch_net_options *options, const float *params,
                             const ch_saved_texts *texts, const choir_env *env, choir_error *err) {
    ch_safetensors_pair metadata[PAIRS_MAX];
    written room;
    const uint32_t pairs = metadata_fill(metadata, &room, options, texts);
    return ch_safetensors_encode(out, size, name, ch_net_layout(net), params, metadata, pairs, env,
                                 err);
}
