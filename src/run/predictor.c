/*
 * Predictor: see include/choir/predictor.h.
 *
 * A model is built apart from the one in use, and then takes its place under the lock; so a lock is
 * held for a prediction or an exchange of pointers, never for the building.
 */
#include "choir/predictor.h"

#include "base/arena.h"
#include "base/error.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "nn/net.h"
#include "run/saved.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 4 }; // examples that a pass works on

static const char MODEL[] = "the model"; // what messages call it

/* One model, ready. */
typedef struct ready {
    ch_net *net;
    uint32_t features;
    uint32_t outputs;
    ch_dataset names; // of the labels
    ch_shape shape;   // of an input
    ch_preprocess preprocess;
    float *x; // (BATCH, features) room for inputs that are treated; NULL: none are
} ready;

struct choir_predictor {
    choir_env env;
    pthread_mutex_t lock; // of what follows
    ready model;
    float *scores; // (BATCH, outputs)
};

// ----- one model --------------------------------------------------------------------------------

static void ready_release(ready *m) {
    ch_net_destroy(m->net);
    ch_dataset_release(&m->names); // and x
    m->net = NULL;
    m->x = NULL;
}

/* The names in a JSON list, as cells. cells has room for outputs of them. */
static bool list_read(const json_t *list, ch_cell *cells, uint32_t outputs) {
    if (json_array_size(list) != outputs) {
        return false;
    }
    for (uint32_t i = 0; i < outputs; i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item) || json_string_length(item) > CH_CSV_CELL_MAX) {
            return false;
        }
        cells[i] =
            (ch_cell){.data = json_string_value(item), .size = (uint32_t)json_string_length(item)};
    }
    return true;
}

static choir_status names_of_list(ready *m, const char *labels, const choir_env *env,
                                  choir_error *err) {
    ch_cell *cells = ch_claim(env, m->outputs, sizeof(*cells));
    json_t *list = json_loads(labels, 0, NULL);
    choir_status status = cells == NULL ? CHOIR_ENOMEM : CHOIR_OK;
    if (status == CHOIR_OK && !list_read(list, cells, m->outputs)) {
        status = ch_error_set(err, CHOIR_EPROTO, "%s: its labels are no list of %" PRIu32 " names",
                              MODEL, m->outputs);
    }
    if (status == CHOIR_OK) {
        status = ch_dataset_name(&m->names, cells, m->outputs);
    }
    json_decref(list);
    if (cells != NULL) {
        env->free(env->self, cells);
    }
    return status;
}

/* Where an encoding says what labels are, it does; a number to predict has no names. */
static choir_status names_read(ready *m, const ch_saved *saved, const choir_env *env,
                               choir_error *err) {
    const ch_encoding_column *label = &saved->encoding.label;
    if (saved->encoding.width > 0 && label->has_values) {
        return label->count == m->outputs
                   ? ch_dataset_name(&m->names, label->values, label->count)
                   : ch_error_set(err, CHOIR_EPROTO,
                                  "%s: its encoding has %" PRIu32 " labels, its layers end in "
                                  "%" PRIu32 " outputs",
                                  MODEL, label->count, m->outputs);
    }
    return saved->labels[0] == '\0' ? CHOIR_OK : names_of_list(m, saved->labels, env, err);
}

static choir_status params_check(const float *params, uint32_t dim, uint32_t wanted,
                                 choir_error *err) {
    if (dim != wanted) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: has %" PRIu32 " parameters, its layers have %" PRIu32, MODEL, dim,
                            wanted);
    }
    for (uint32_t i = 0; i < dim; i++) {
        if (!isfinite(params[i])) {
            return ch_error_set(err, CHOIR_EPROTO, "%s: its parameter %" PRIu32 " is not finite",
                                MODEL, i);
        }
    }
    return CHOIR_OK;
}

/* Parameters into the net: those apart, or else those in the file, by name. */
static choir_status params_load(ready *m, const ch_saved *saved, const choir_promoted *model,
                                const choir_env *env, choir_error *err) {
    const choir_layout *layout = ch_net_layout(m->net);
    if (model->params != NULL) {
        const choir_status status = params_check(model->params, model->dim, layout->dim, err);
        if (status == CHOIR_OK) {
            ch_net_load(m->net, model->params);
        }
        return status;
    }
    float *params = ch_claim(env, layout->dim, sizeof(*params));
    if (params == NULL) {
        return CHOIR_ENOMEM;
    }
    const choir_status status = ch_saved_params(saved, layout, params, err);
    if (status == CHOIR_OK) {
        ch_net_load(m->net, params);
    }
    env->free(env->self, params);
    return status == CHOIR_EINVAL ? CHOIR_EPROTO : status;
}

static choir_status preprocess_read(ready *m, const ch_saved *saved, choir_error *err) {
    const choir_status status = ch_preprocess_parse(&m->preprocess, saved->preprocess, err);
    m->shape = saved->input;
    if (status != CHOIR_OK || saved->preprocess[0] == '\0') {
        return status;
    }
    m->x = ch_dataset_claim(&m->names, (size_t)BATCH * m->features, sizeof(*m->x));
    return m->x == NULL ? CHOIR_ENOMEM : CHOIR_OK;
}

static choir_status no_text_check(const ready *m, choir_error *err) {
    const uint32_t vocabulary = ch_net_vocabulary(m->net);
    return vocabulary == 0 ? CHOIR_OK
                           : ch_error_set(err, CHOIR_EPROTO,
                                          "%s: embeds %" PRIu32 " tokens, and a predictor takes "
                                          "pictures or rows of numbers",
                                          MODEL, vocabulary);
}

static choir_status ready_build(ready *m, const ch_saved *saved, const choir_promoted *model,
                                const choir_env *env, choir_error *err) {
    if (saved->layers[0] == '\0') {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: does not say its layers and inputs, so it was not written by "
                            "choir",
                            MODEL);
    }
    if (saved->steps > 0) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: reads text, and a predictor takes pictures or rows of numbers",
                            MODEL);
    }
    ch_net_options net = ch_net_defaults();
    net.layers = saved->layers;
    net.height = saved->input.height;
    net.width = saved->input.width;
    net.channels = saved->input.channels;
    net.loss = saved->loss;
    net.batch_max = BATCH;
    net.forward_only = true;
    choir_status status = ch_net_create(&m->net, &net, env, err);
    if (status == CHOIR_OK) {
        status = no_text_check(m, err);
    }
    if (status == CHOIR_OK) {
        m->features = ch_shape_features(saved->input);
        m->outputs = ch_net_outputs(m->net);
        status = names_read(m, saved, env, err);
    }
    if (status == CHOIR_OK) {
        status = preprocess_read(m, saved, err);
    }
    return status == CHOIR_OK ? params_load(m, saved, model, env, err) : status;
}

static choir_status ready_init(ready *out, const choir_promoted *model, const choir_env *env,
                               choir_error *err) {
    ch_saved saved;
    *out = (ready){.net = NULL};
    ch_dataset_init(&out->names, env);
    choir_status status = model->params != NULL
                              ? ch_saved_describe(&saved, model->model, MODEL, env, err)
                              : ch_saved_parse(&saved, model->model, MODEL, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = ready_build(out, &saved, model, env, err);
    ch_saved_release(&saved);
    if (status != CHOIR_OK) {
        ready_release(out);
    }
    return status == CHOIR_ENOMEM
               ? ch_error_set(err, status, "%s: no memory to predict with it", MODEL)
               : status;
}

// ----- the predictor ----------------------------------------------------------------------------

choir_status choir_predictor_open(choir_predictor **out, const choir_promoted *model,
                                  const choir_env *env, choir_error *err) {
    *out = NULL;
    ready m;
    const choir_status status = ready_init(&m, model, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    choir_predictor *p = ch_claim(env, 1, sizeof(*p));
    float *scores = ch_claim(env, (size_t)BATCH * m.outputs, sizeof(*scores));
    if (p == NULL || scores == NULL || pthread_mutex_init(&p->lock, NULL) != 0) {
        ready_release(&m);
        if (p != NULL) {
            env->free(env->self, p);
        }
        if (scores != NULL) {
            env->free(env->self, scores);
        }
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a predictor");
    }
    p->env = *env;
    p->model = m;
    p->scores = scores;
    *out = p;
    return CHOIR_OK;
}

void choir_predictor_close(choir_predictor *p) {
    if (p != NULL) {
        const choir_env env = p->env;
        (void)pthread_mutex_destroy(&p->lock);
        ready_release(&p->model);
        env.free(env.self, p->scores);
        env.free(env.self, p);
    }
}

/* Inputs and outputs never change, so these need no lock. */
uint32_t choir_predictor_features(const choir_predictor *p) {
    return p->model.features;
}

uint32_t choir_predictor_outputs(const choir_predictor *p) {
    return p->model.outputs;
}

choir_status choir_predictor_replace(choir_predictor *p, const choir_promoted *model,
                                     choir_error *err) {
    ready next;
    const choir_status status = ready_init(&next, model, &p->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (next.features != p->model.features || next.outputs != p->model.outputs) {
        const choir_status other = ch_error_set(
            err, CHOIR_EINVAL,
            "%s: has %" PRIu32 " inputs and %" PRIu32 " outputs, the one that it is to take the "
            "place of %" PRIu32 " and %" PRIu32 "; it needs a predictor of its own",
            MODEL, next.features, next.outputs, p->model.features, p->model.outputs);
        ready_release(&next);
        return other;
    }
    (void)pthread_mutex_lock(&p->lock);
    ready before = p->model;
    p->model.net = next.net;
    p->model.names = next.names;
    p->model.shape = next.shape;
    p->model.preprocess = next.preprocess;
    p->model.x = next.x;
    (void)pthread_mutex_unlock(&p->lock);
    ready_release(&before);
    return CHOIR_OK;
}

static uint32_t largest(const float *scores, uint32_t outputs) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < outputs; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    return best;
}

static choir_status features_check(const float *features, uint32_t count, uint32_t each,
                                   choir_error *err) {
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < each; j++) {
            if (!isfinite(features[(size_t)i * each + j])) {
                return ch_error_set(err, CHOIR_ERANGE,
                                    "input %" PRIu32 ": its feature %" PRIu32 " is not finite", i,
                                    j);
            }
        }
    }
    return CHOIR_OK;
}

/* The inputs as the model wants them: count of them, at most BATCH. */
static const float *inputs_treat(ready *m, const float *features, uint32_t count) {
    if (m->x == NULL) {
        return features;
    }
    memcpy(m->x, features, (size_t)count * m->features * sizeof(*features));
    for (uint32_t i = 0; i < count; i++) {
        ch_preprocess_still(&m->preprocess, m->shape, m->x + (size_t)i * m->features);
    }
    return m->x;
}

choir_status choir_predictor_predict(choir_predictor *p, const float *features, uint32_t count,
                                     float *scores, uint32_t *labels, choir_error *err) {
    const uint32_t inputs = p->model.features;
    const uint32_t outputs = p->model.outputs;
    const choir_status status = features_check(features, count, inputs, err);
    if (status != CHOIR_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&p->lock);
    for (uint32_t at = 0; at < count; at += BATCH) {
        const uint32_t some = count - at < BATCH ? count - at : BATCH;
        const float *x = inputs_treat(&p->model, features + (size_t)at * inputs, some);
        const ch_batch part = {.count = some, .x = x};
        ch_net_evaluate(p->model.net, &part, p->scores, NULL);
        if (scores != NULL) {
            memcpy(scores + (size_t)at * outputs, p->scores,
                   (size_t)some * outputs * sizeof(*scores));
        }
        for (uint32_t i = 0; labels != NULL && i < some; i++) {
            labels[at + i] = largest(p->scores + (size_t)i * outputs, outputs);
        }
    }
    (void)pthread_mutex_unlock(&p->lock);
    return CHOIR_OK;
}

void choir_predictor_label(choir_predictor *p, uint32_t label, char *out, uint32_t size) {
    (void)pthread_mutex_lock(&p->lock);
    if (label < p->model.names.named) {
        (void)snprintf(out, size, "%s", p->model.names.names[label]);
    } else {
        (void)snprintf(out, size, "%" PRIu32, label);
    }
    (void)pthread_mutex_unlock(&p->lock);
}
