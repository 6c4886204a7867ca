/* The memory that one client's training takes, for a model of the zoo: measured, and as stated. */
#ifndef CHOIR_TESTS_MEASURED_TRAINING_H
#define CHOIR_TESTS_MEASURED_TRAINING_H

#include "support/measured_memory.h"

#include "choir/device.h"
#include "choir/participant.h"
#include "choir/predictor.h"
#include "nn/net.h"
#include "run/saved.h"
#include "train/zoo.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct measured_training {
    uint32_t dim;
    size_t stated; // of the engine and the store's examples, parameters, an update
    size_t peak;
    size_t rests;     // after it
    size_t predictor; // for inference, once it is there
} measured_training;

enum { MEASURED_CLASSES = 10 };

/* The shape that a model is measured on: its own, or a small picture's. */
static inline ch_shape measured_shape(const ch_zoo_row *row) {
    return row->shape.height > 0 ? row->shape : (ch_shape){28, 28, 1};
}

/* A store of pixels at path. */
static inline choir_status measured_store(choir_examples **out, const char *path, ch_shape shape,
                                          uint32_t rows, const choir_env *env, choir_error *err) {
    const choir_examples_form form = {CHOIR_FEATURES_PIXELS, shape.height, shape.width,
                                      shape.channels, MEASURED_CLASSES};
    choir_examples_options options = choir_examples_defaults();
    options.form = &form;
    choir_status status = choir_examples_open(out, path, &options, env, err);
    uint8_t *pixels = calloc(ch_shape_features(shape), 1);
    for (uint32_t i = 0; i < rows && status == CHOIR_OK; i++) {
        const choir_example one = {.features = pixels, .label = i % MEASURED_CLASSES, .at_ms = i};
        pixels[i % ch_shape_features(shape)] = 255;
        status = choir_examples_add(*out, &one, 1, err);
    }
    free(pixels);
    return status;
}

/* One epoch of steps of B examples, and what it takes; then inference with the model. */
static inline choir_status measured_work(measured_training *out, const choir_offer *offer,
                                         const choir_promoted *model, choir_examples *store,
                                         uint32_t rows, uint32_t batch, choir_error *err) {
    measured_memory memory;
    const choir_env env = measured_env(&memory);
    choir_device *device = NULL;
    choir_workspace *room = NULL;
    choir_predictor *predictor = NULL;
    choir_training training;
    const size_t params_bytes = (model->dim * sizeof(float) + 63) / 64 * 64;
    choir_status status =
        choir_device_bytes(&out->stated, offer, choir_examples_form_of(store), rows, &env, err);
    out->stated += params_bytes + choir_workspace_bytes(model->dim);
    memory.peak = memory.alive;
    float *params = env.alloc(env.self, params_bytes);
    float *delta = malloc(model->dim * sizeof(float)); // in the workspace, as a participant has it
    memcpy(params, model->params, model->dim * sizeof(float));
    const choir_task task = {.round = 1,
                             .dim = model->dim,
                             .epochs = 1,
                             .batch_size = batch,
                             .learning_rate = 0.01F,
                             .chain = "weight"};
    status = status == CHOIR_OK ? choir_workspace_create(&room, model->dim, &env) : status;
    status = status == CHOIR_OK ? choir_device_create(&device, offer, store, &env, err) : status;
    const choir_trainer trainer = choir_device_trainer(device);
    if (status == CHOIR_OK) {
        status = trainer.ops->train(trainer.self, 0, &task, params, delta, &training, err);
    }
    out->peak = memory.peak;
    choir_device_destroy(device);
    choir_workspace_destroy(room);
    env.free(env.self, params);
    free(delta);
    out->rests = memory.alive;
    status = status == CHOIR_OK ? choir_predictor_open(&predictor, model, &env, err) : status;
    out->predictor = memory.alive;
    choir_predictor_close(predictor);
    return status;
}

/* As a server would offer the model, with its initial parameters. */
static inline choir_status measured_offer(measured_training *out, const ch_net *net,
                                          const ch_net_options *options, const char *job,
                                          choir_examples *store, uint32_t rows, uint32_t batch,
                                          choir_error *err) {
    const choir_env env = choir_env_default();
    static const ch_saved_texts texts = {.hash = "", .labels = "", .encoding = ""};
    uint8_t *file = NULL;
    size_t size = 0;
    out->dim = ch_net_layout(net)->dim;
    float *params = malloc(out->dim * sizeof(float));
    ch_net_init(net, 1, params);
    choir_status status =
        ch_saved_encode(&file, &size, "model", net, options, params, &texts, &env, err);
    if (status == CHOIR_OK) {
        const choir_bytes head = {.data = file, .size = size - out->dim * sizeof(float)};
        const choir_offer offer = {
            .job = job, .job_size = strlen(job), .model = head, .parameters = out->dim};
        const choir_promoted model = {.model = head, .params = params, .dim = out->dim};
        status = measured_work(out, &offer, &model, store, rows, batch, err);
        env.free(env.self, file);
    }
    free(params);
    return status;
}

/* folder  for the store: a new file */
static inline choir_status measured_train(measured_training *out, const ch_zoo_row *row,
                                          const char *folder, uint32_t rows, uint32_t batch,
                                          choir_error *err) {
    const choir_env env = choir_env_default();
    const ch_shape shape = measured_shape(row);
    char layers[CH_LAYERS_TEXT_MAX];
    char job[256];
    char path[512];
    choir_job_model named = {.name = ""};
    choir_examples *store = NULL;
    ch_net *net = NULL;
    *out = (measured_training){.dim = 0};
    (void)snprintf(named.name, sizeof(named.name), "%s", row->name);
    if (strstr(row->layers, "{hidden}") != NULL) {
        (void)snprintf(named.hidden, sizeof(named.hidden), "200");
    }
    (void)snprintf(path, sizeof(path), "%s/%s.examples", folder, row->name);
    (void)snprintf(job, sizeof(job), "name: size\nclient: {batch_size: %u}\ndata: {heldout: 0}\n",
                   batch);
    choir_status status = ch_zoo_layers(&named, shape, false, MEASURED_CLASSES, layers, err);
    ch_net_options options = ch_net_defaults();
    options.layers = layers;
    options.height = shape.height;
    options.width = shape.width;
    options.channels = shape.channels;
    status = status == CHOIR_OK ? ch_net_create(&net, &options, &env, err) : status;
    status = status == CHOIR_OK ? measured_store(&store, path, shape, rows, &env, err) : status;
    if (status == CHOIR_OK) {
        status = measured_offer(out, net, &options, job, store, rows, batch, err);
    }
    choir_examples_close(store);
    ch_net_destroy(net);
    return status;
}

#endif
