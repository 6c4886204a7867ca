/* Plan: see plan.h. */
#include "run/plan.h"

#include "base/error.h"
#include "base/text.h"
#include "data/crop.h"
#include "job/coordinator.h"

#include <stdio.h>
#include <string.h>

static choir_status loss_find(ch_loss *out, const choir_job *job, const ch_federation *federation,
                              choir_error *err) {
    const bool squared = strcmp(job->model.loss, "mean-squared-error") == 0;
    if (strcmp(job->data.task, "regression") == 0 && ch_federation_classes(federation) > 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.task: regression needs numbers to predict, '%s' has classes",
                            job->data.source);
    }
    if (!squared && ch_federation_classes(federation) == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model.loss: '%s' needs classes, the data has numbers to predict; use "
                            "mean-squared-error",
                            job->model.loss);
    }
    *out = squared ? CH_LOSS_MEAN_SQUARED : CH_LOSS_CROSS_ENTROPY;
    return CHOIR_OK;
}

/* Opens the model of a job's key, which err then names. */
static choir_status saved_open(ch_saved *out, const char *key, const char *path,
                               const choir_env *env, choir_error *err) {
    choir_error why = {.message = ""};
    const choir_status status = ch_saved_open(out, path, env, &why);
    return status == CHOIR_OK ? status : ch_error_set(err, status, "%s: %s", key, why.message);
}

/* Whether the data has the inputs that a model wants, which messages call key and name. */
static choir_status shape_check(const ch_saved *saved, const char *key, const char *name,
                                const ch_federation *federation, choir_error *err) {
    const ch_shape wants = saved->input;
    const ch_shape data = ch_federation_shape(federation);
    const bool is_text = ch_federation_is_text(federation);
    if (is_text != (saved->steps > 0)) {
        return ch_error_set(err, CHOIR_EINVAL, "%s%s reads %s, and the data is %s", key, name,
                            is_text ? "no text" : "text", is_text ? "text" : "none");
    }
    if (is_text) { // whatever the length
        return CHOIR_OK;
    }
    if (memcmp(&data, &wants, sizeof(data)) == 0) {
        return CHOIR_OK;
    }
    char hint[CH_CROP_HINT_MAX];
    return ch_error_set(err, CHOIR_EINVAL, "%s%s wants %ux%ux%u inputs, the data has %ux%ux%u%s",
                        key, name, wants.height, wants.width, wants.channels, data.height,
                        data.width, data.channels, ch_crop_hint(hint, wants, data));
}

static choir_status file_layers(const char *path, const ch_federation *federation,
                                char out[CH_LAYERS_TEXT_MAX], const choir_env *env,
                                choir_error *err) {
    ch_saved saved;
    choir_status status = saved_open(&saved, "model.file", path, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (saved.layers[0] == '\0') {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "model.file: %s does not say its layers, so it was not written by "
                              "choir; give model.name, and this file as model.init",
                              path);
    } else {
        status = shape_check(&saved, "model.file: ", path, federation, err);
    }
    memcpy(out, saved.layers, sizeof(saved.layers));
    ch_saved_release(&saved);
    return status;
}

/* What may be meant by name: a backend whose name, or the part of it behind "vector-", is near. */
static const char *backend_nearest(const char *name) {
    const char *nearest = NULL;
    uint32_t least = CH_TEXT_DISTANCE_FAR;
    for (uint32_t row = 0; row < ch_kernels_count(); row++) {
        const char *known = ch_kernels_row(row);
        const char *dash = strchr(known, '-');
        const char *last = dash != NULL ? dash + 1 : known;
        const uint32_t whole = ch_text_distance(name, known);
        const uint32_t part = ch_text_distance(name, last);
        const uint32_t distance = whole < part ? whole : part;
        if (distance < least && ch_text_is_near(distance, strlen(last))) {
            least = distance;
            nearest = known;
        }
    }
    return nearest;
}

choir_status ch_plan_kernels(const ch_kernels **out, const char *name, choir_error *err) {
    char known[CHOIR_TEXT_MAX] = "auto";
    *out = ch_kernels_find(name);
    if (*out != NULL) {
        return CHOIR_OK;
    }
    for (uint32_t row = 0; row < ch_kernels_count(); row++) {
        if (strcmp(ch_kernels_row(row), name) == 0) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "backend: '%s' needs instructions that this CPU lacks; 'auto' runs "
                                "anywhere",
                                name);
        }
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof(known) - used, ", %s", ch_kernels_row(row));
    }
    const char *near = backend_nearest(name);
    return ch_error_set(err, CHOIR_EINVAL, "backend: '%s' is unknown; %s%s%sthere are %s", name,
                        near != NULL ? "did you mean '" : "", near != NULL ? near : "",
                        near != NULL ? "'? " : "", known);
}

choir_status ch_plan_model_init(ch_plan_model *out, const choir_job *job,
                                const ch_federation *federation, const choir_env *env,
                                choir_error *err) {
    *out = (ch_plan_model){.net = ch_net_defaults()};
    choir_status status = loss_find(&out->net.loss, job, federation, err);
    if (status == CHOIR_OK) {
        status = job->model.file[0] != '\0'
                     ? file_layers(job->model.file, federation, out->layers, env, err)
                     : ch_zoo_layers(&job->model, ch_federation_shape(federation),
                                     ch_federation_is_text(federation),
                                     ch_federation_classes(federation), out->layers, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    out->net.layers = out->layers;
    return ch_plan_kernels(&out->net.kernels, job->backend, err);
}

choir_status ch_plan_model_saved(ch_plan_model *out, const choir_job *job, const ch_saved *saved,
                                 const ch_federation *federation, choir_error *err) {
    *out = (ch_plan_model){.net = ch_net_defaults()};
    choir_status status = loss_find(&out->net.loss, job, federation, err);
    if (status == CHOIR_OK && saved->layers[0] == '\0') {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "%s: does not say its layers and inputs, so it was not written by "
                              "choir",
                              saved->path);
    }
    if (status == CHOIR_OK) {
        status = shape_check(saved, "", saved->path, federation, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    memcpy(out->layers, saved->layers, sizeof(out->layers));
    out->net.layers = out->layers;
    return ch_plan_kernels(&out->net.kernels, job->backend, err);
}

uint32_t ch_plan_step_max(const choir_job *job, uint32_t at_hand) {
    // A schedule may raise B beyond the job's; room for all examples at hand covers any.
    const bool fixed = job->batch_size > 0 && strcmp(job->schedule_batch_size, "constant") == 0;
    const uint32_t most = fixed && job->batch_size < at_hand ? job->batch_size : at_hand;
    return most > 0 ? most : 1;
}

/* The first key of the job that needs the loss or the accuracy on a test set, and its value; NULL:
 * none does. */
static const char *test_needed_by(char value[CHOIR_TEXT_MAX], const choir_job *job) {
    static const char plateau[] = "plateau"; // of all schedules, the one that looks at a loss
    const struct {
        const char *key, *text;
    } schedules[] = {{"schedule.learning_rate", job->schedule_learning_rate},
                     {"schedule.epochs", job->schedule_epochs},
                     {"schedule.batch_size", job->schedule_batch_size}};
    if (job->target_accuracy > 0) {
        (void)snprintf(value, CHOIR_TEXT_MAX, "%g", job->target_accuracy);
        return "server.target_accuracy";
    }
    for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
        const char *text = schedules[i].text;
        const size_t size = strcspn(text, " ");
        if (size == sizeof(plateau) - 1 && memcmp(text, plateau, size) == 0) {
            (void)snprintf(value, CHOIR_TEXT_MAX, "'%.60s'", text);
            return schedules[i].key;
        }
    }
    return NULL;
}

choir_status ch_plan_test_check(const choir_job *job, const ch_federation *federation,
                                bool is_judged, choir_error *err) {
    char value[CHOIR_TEXT_MAX];
    const char *key = test_needed_by(value, job);
    if (ch_federation_test(federation)->count > 0 || (key == NULL && !is_judged)) {
        return CHOIR_OK;
    }
    const char *remedy = job->data.test_share > 0 ? "" : "; data.test_share above 0 makes one";
    if (key == NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.source: '%s' has no test set to measure accuracy on%s",
                            job->data.source, remedy);
    }
    return ch_error_set(err, CHOIR_EINVAL, "%s: %s needs a test set, and '%s' has none%s", key,
                        value, job->data.source, remedy);
}

choir_sim_options ch_plan_sim(const choir_job *job, const ch_federation *federation, uint32_t dim,
                              uint32_t workers) {
    choir_sim_options o = choir_sim_defaults();
    o.workers = workers;
    o.network = job->network;
    o.coordinator = ch_job_coordinator(job, ch_federation_clients(federation), dim);
    return o;
}

choir_status ch_plan_params(const choir_job *job, const ch_net *net, float *params,
                            const choir_env *env, choir_error *err) {
    const bool init = job->model.init[0] != '\0';
    const char *key = init ? "model.init" : "model.file";
    const char *path = init ? job->model.init : job->model.file;
    if (path[0] == '\0') {
        ch_net_init(net, job->seed, params);
        return CHOIR_OK;
    }
    ch_saved saved;
    choir_status status = saved_open(&saved, key, path, env, err);
    if (status == CHOIR_OK) {
        choir_error why = {.message = ""};
        status = ch_saved_params(&saved, ch_net_layout(net), params, &why);
        ch_saved_release(&saved);
        status =
            status == CHOIR_OK ? status : ch_error_set(err, status, "%s: %s", key, why.message);
    }
    return status;
}
