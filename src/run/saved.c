/* Saved model: see saved.h. */
#include "run/saved.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const LOSS_NAMES[] = {
    [CH_LOSS_CROSS_ENTROPY] = "cross-entropy",
    [CH_LOSS_MEAN_SQUARED] = "mean-squared-error",
};

/* "28x28x1"; all 0 when the text is not of that form. */
static ch_shape shape_parse(const char *text) {
    uint32_t sizes[3] = {0};
    const char *at = text;
    for (int i = 0; i < 3; i++) {
        char *end = NULL;
        const unsigned long size = strtoul(at, &end, 10);
        const char wanted = i < 2 ? 'x' : '\0';
        if (end == at || *end != wanted || size == 0 || size > 1 << 16) {
            return (ch_shape){0};
        }
        sizes[i] = (uint32_t)size;
        at = end + 1;
    }
    return (ch_shape){.height = sizes[0], .width = sizes[1], .channels = sizes[2]};
}

static void saved_describe(ch_saved *saved) {
    const char *layers = ch_safetensors_find(&saved->file, "choir.layers");
    const char *input = ch_safetensors_find(&saved->file, "choir.input");
    const char *loss = ch_safetensors_find(&saved->file, "choir.loss");
    if (layers != NULL && input != NULL && strlen(layers) < sizeof(saved->layers)) {
        memcpy(saved->layers, layers, strlen(layers) + 1);
        saved->input = shape_parse(input);
    }
    const char *labels = ch_safetensors_find(&saved->file, "choir.labels");
    saved->labels = labels == NULL ? "" : labels;
    const bool squared = loss != NULL && strcmp(loss, LOSS_NAMES[CH_LOSS_MEAN_SQUARED]) == 0;
    saved->loss = squared ? CH_LOSS_MEAN_SQUARED : CH_LOSS_CROSS_ENTROPY;
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
    const choir_status status = ch_safetensors_open(&out->file, path, env, err);
    if (status == CHOIR_OK) {
        saved_describe(out);
    }
    return status;
}

void ch_saved_release(ch_saved *saved) {
    ch_safetensors_release(&saved->file);
}

choir_status ch_saved_params(const ch_saved *saved, const choir_layout *layout, float *params,
                             choir_error *err) {
    choir_error why = {.message = ""};
    const choir_status status = ch_safetensors_params(&saved->file, layout, params, &why);
    return status == CHOIR_OK ? status
                              : ch_error_set(err, status, "%s: %s", saved->path, why.message);
}

choir_status ch_saved_write(const char *path, const ch_net *net, const ch_net_options *options,
                            const float *params, const char *labels, const char *hash,
                            const choir_env *env, choir_error *err) {
    char input[CHOIR_NAME_MAX];
    (void)snprintf(input, sizeof(input), "%ux%ux%u", options->height, options->width,
                   options->channels);
    const ch_safetensors_pair metadata[] = {
        {"choir.version", CHOIR_VERSION},
        {"choir.layers", options->layers},
        {"choir.input", input},
        {"choir.loss", LOSS_NAMES[options->loss]},
        {"choir.hash", hash},
        {"choir.labels", labels}, // the last, so that it can be left out
    };
    const uint32_t all = sizeof(metadata) / sizeof(metadata[0]);
    return ch_safetensors_write(path, ch_net_layout(net), params, metadata,
                                labels[0] == '\0' ? all - 1 : all, env, err);
}
