/*
 * Net: see net.h.
 *
 * Backward is linear in the gradient that the loss starts with. A plain step, w -= rate * g,
 * therefore starts from -rate times the gradient, once for ten numbers an example, and parameters
 * only add what arrives: in the tile of a weight gradient that saves a multiplication for each
 * parameter.
 *
 * A batch larger than batch_max goes through the graph in parts. All but the last leave their
 * gradients in buffers, from which the next carries on, and the last one updates; so parts change
 * the memory a step needs and not one bit of its result.
 */
#include "nn/net.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/rng.h"
#include "math/float_state.h"
#include "math/map.h"
#include "nn/fuse.h"
#include "nn/layers.h"
#include "nn/op.h"

#include <math.h>
#include <string.h>

enum { BATCH_MAX = 1 << 16 };

/* What has happened to the parameters since they were loaded. */
typedef enum stage {
    STAGE_LOADED,   // nothing
    STAGE_PLAIN,    // plain steps
    STAGE_ANCHORED, // other steps, for which anchor and momentum were made
} stage;

struct ch_net {
    ch_graph graph;
    stage stage;
    const ch_kernels *kernels;
    uint32_t inputs, outputs; // of one example
    uint32_t batch_max;
    bool before_relu[CHOIR_TENSORS_MAX]; // by tensor: what its initial range depends on
    choir_env env;
};

/* How a batch's parts see labels or targets. */
typedef struct batch {
    const float *x;         // (count, inputs)
    const uint32_t *labels; // (count) or NULL
    const float *targets;   // (count, outputs) or NULL
    uint32_t count;
} batch;

ch_net_options ch_net_defaults(void) {
    return (ch_net_options){
        .height = 1, .width = 1, .channels = 1, .batch_max = 32, .fused = true, .winograd = true};
}

static choir_status options_check(const ch_net_options *o, choir_error *err) {
    const uint64_t pixels = (uint64_t)o->height * o->width;
    if (pixels == 0 || pixels > CH_ACTIVATION_MAX || o->channels == 0 ||
        pixels * o->channels > CH_ACTIVATION_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model: an input of %u x %u x %u values is not in [1, %d]", o->height,
                            o->width, o->channels, CH_ACTIVATION_MAX);
    }
    if (o->batch_max < 1 || o->batch_max > BATCH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "model: a batch of %u examples is not in [1, %d]",
                            o->batch_max, BATCH_MAX);
    }
    return CHOIR_OK;
}

/* Whether what node's parameters make is rectified before it is next multiplied. */
static bool is_before_relu(const ch_node *node) {
    for (node = node->next; node != NULL; node = node->next) {
        if (node->op == &CH_OP_RELU) {
            return true;
        }
        if (node->params[0] != NULL && node->op != &CH_OP_BIAS) {
            return false;
        }
    }
    return false;
}

static void note_ranges(ch_net *net) {
    for (const ch_node *node = net->graph.first->next; node != NULL; node = node->next) {
        for (uint32_t i = 0; i < CH_NODE_PARAMS_MAX && node->params[i] != NULL; i++) {
            net->before_relu[node->params[i]->tensor] = is_before_relu(node);
        }
    }
}

static choir_status append_loss(ch_graph *graph, ch_loss loss, choir_error *err) {
    ch_node *node =
        ch_graph_node(graph, loss == CH_LOSS_MEAN_SQUARED ? "mean_squared" : "cross_entropy");
    CH_ASSERT(node != NULL); // layers leave room for one
    return ch_graph_append(graph, node, err);
}

/* All but its memory. */
static choir_status net_build(ch_net *net, const ch_net_options *o, choir_error *err) {
    const ch_shape input = {o->height, o->width, o->channels};
    ch_graph_init(&net->graph, input);
    net->graph.winograd = o->winograd;
    net->graph.forward_only = o->forward_only;
    choir_status status = ch_layers_append(&net->graph, o->layers, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (net->graph.params_count == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model '%.100s' has nothing to train: add a layer such as 'dense 10'",
                            o->layers);
    }
    status = append_loss(&net->graph, o->loss, err);
    if (status != CHOIR_OK) {
        return status;
    }
    note_ranges(net);
    if (o->fused) {
        ch_fuse(&net->graph);
    }
    net->kernels = o->kernels != NULL ? o->kernels : ch_kernels_best();
    net->inputs = ch_shape_features(input);
    net->outputs = ch_shape_features(net->graph.last->shape);
    net->batch_max = o->batch_max;
    return CHOIR_OK;
}

/* A net without memory to work in. */
static choir_status net_make(ch_net **out, const ch_net_options *options, const choir_env *env,
                             choir_error *err) {
    *out = NULL;
    choir_status status = options_check(options, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_net *net = env->alloc(env->self, ch_arena_cost(1, sizeof(ch_net)));
    if (net == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "model: no memory for its graph");
    }
    *net = (ch_net){.env = *env};
    status = net_build(net, options, err);
    if (status != CHOIR_OK) {
        ch_net_destroy(net);
        return status;
    }
    *out = net;
    return CHOIR_OK;
}

choir_status ch_net_create(ch_net **out, const ch_net_options *options, const choir_env *env,
                           choir_error *err) {
    choir_status status = net_make(out, options, env, err);
    if (status == CHOIR_OK) {
        status = ch_graph_plan(&(*out)->graph, options->batch_max, env);
        if (status != CHOIR_OK) {
            ch_net_destroy(*out);
            *out = NULL;
            status =
                ch_error_set(err, status, "model: no memory for batches of %u", options->batch_max);
        }
    }
    return status;
}

choir_status ch_net_bytes(size_t *out, const ch_net_options *options, const choir_env *env,
                          choir_error *err) {
    ch_net *net = NULL;
    const choir_status status = net_make(&net, options, env, err);
    if (status == CHOIR_OK) {
        *out = ch_arena_cost(1, sizeof(*net)) +
               ch_arena_cost(ch_graph_bytes(&net->graph, options->batch_max), 1);
    }
    ch_net_destroy(net);
    return status;
}

void ch_net_destroy(ch_net *net) {
    if (net != NULL) {
        const choir_env env = net->env;
        ch_graph_release(&net->graph);
        env.free(env.self, net);
    }
}

const choir_layout *ch_net_layout(const ch_net *net) {
    return &net->graph.layout;
}

uint32_t ch_net_outputs(const ch_net *net) {
    return net->outputs;
}

void ch_net_init(const ch_net *net, uint64_t seed, float *params) {
    const choir_layout *layout = &net->graph.layout;
    for (uint32_t i = 0; i < layout->count; i++) {
        const choir_tensor *tensor = &layout->tensors[i];
        float *x = params + tensor->offset;
        if (tensor->rank == 1) {
            memset(x, 0, tensor->count * sizeof(float));
            continue;
        }
        const uint32_t fan_in = tensor->count / tensor->shape[tensor->rank - 1];
        const double range = sqrt((net->before_relu[i] ? 6.0 : 3.0) / fan_in);
        ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_INIT, 0, i);
        for (uint32_t j = 0; j < tensor->count; j++) {
            x[j] = (float)(range * (2.0 * ch_rng_unit(&rng) - 1.0));
        }
    }
}

void ch_net_load(ch_net *net, const float *params) {
    ch_graph_load(&net->graph, net->kernels, params);
    net->stage = STAGE_LOADED;
}

void ch_net_store(const ch_net *net, float *params) {
    ch_graph_store(&net->graph, net->kernels, params);
}

bool ch_net_store_change(const ch_net *net, const float *from, float *change) {
    const ch_float_state before = ch_float_enter();
    const bool is_finite = ch_graph_store_change(&net->graph, net->kernels, from, change);
    ch_float_leave(before);
    return is_finite;
}

/* The part of b that starts at example at. */
static ch_pass pass_of(const ch_net *net, const batch *b, uint32_t at, ch_score *score) {
    const uint32_t left = b->count - at;
    return (ch_pass){.kernels = net->kernels,
                     .count = left < net->batch_max ? left : net->batch_max,
                     .scale = 1.0F / (float)b->count,
                     .labels = b->labels != NULL ? b->labels + at : NULL,
                     .targets = b->targets != NULL ? b->targets + (size_t)at * net->outputs : NULL,
                     .score = score};
}

/* Applies the update of the parameters whose operators left their gradient in the buffer. */
static void apply_rest(ch_graph *graph, const ch_pass *pass) {
    for (ch_node *node = graph->first->next; node != NULL; node = node->next) {
        for (uint32_t i = 0; i < CH_NODE_PARAMS_MAX && node->params[i] != NULL; i++) {
            if (!node->updates) {
                pass->kernels->map->apply(&node->params[i]->buffers, node->params[i]->size,
                                          &pass->update);
            }
        }
    }
}

/* Plain steps need no anchor and no momentum: they are made when the first other one is. */
static void step_prepare(ch_net *net, bool is_plain) {
    if (is_plain) {
        CH_ASSERT(net->stage != STAGE_ANCHORED);
        net->stage = STAGE_PLAIN;
    } else if (net->stage != STAGE_ANCHORED) {
        CH_ASSERT(net->stage == STAGE_LOADED);
        ch_graph_anchor(&net->graph);
        net->stage = STAGE_ANCHORED;
    }
}

/* Forward and backward over all of b; update is what the last part does. */
static choir_status train(ch_net *net, const batch *b, const ch_update *update, ch_score *score) {
    CH_ASSERT(!net->graph.forward_only);
    CH_ASSERT(b->count > 0);
    CH_ASSERT((b->labels != NULL) != (b->targets != NULL));
    const ch_float_state before = ch_float_enter();
    const double loss_before = score->loss;
    for (uint32_t at = 0; at < b->count;) {
        ch_pass pass = pass_of(net, b, at, score);
        pass.update = *update;
        pass.update.continued = at > 0;
        pass.update.applied = update->applied && at + pass.count == b->count;
        if (update->applied && ch_update_is_plain(update)) {
            pass.scale *= -update->rate;
            pass.update.rate = -1.0F;
        }
        ch_graph_input(&net->graph, b->x + (size_t)at * net->inputs);
        ch_graph_forward(&net->graph, &pass);
        ch_graph_backward(&net->graph, &pass);
        if (pass.update.applied) {
            apply_rest(&net->graph, &pass);
        }
        at += pass.count;
    }
    ch_float_leave(before);
    return isfinite(score->loss - loss_before) ? CHOIR_OK : CHOIR_ERANGE;
}

choir_status ch_net_step(ch_net *net, const float *x, const uint32_t *labels, const float *targets,
                         uint32_t count, const ch_sgd *sgd, ch_score *score) {
    const batch b = {.x = x, .labels = labels, .targets = targets, .count = count};
    const ch_update update = {.applied = true,
                              .rate = sgd->learning_rate,
                              .momentum = sgd->momentum,
                              .decay = sgd->weight_decay,
                              .proximal = sgd->proximal_mu};
    step_prepare(net, ch_update_is_plain(&update));
    return train(net, &b, &update, score);
}

choir_status ch_net_gradient(ch_net *net, const float *x, const uint32_t *labels,
                             const float *targets, uint32_t count, float *gradient,
                             ch_score *score) {
    const batch b = {.x = x, .labels = labels, .targets = targets, .count = count};
    const ch_update update = {.applied = false};
    const choir_status status = train(net, &b, &update, score);
    ch_graph_store_gradient(&net->graph, net->kernels, gradient);
    return status;
}

/* predictions (count, outputs) from the last node's padded rows. */
static void copy_predictions(const ch_net *net, float *predictions, uint32_t count) {
    const ch_node *last = net->graph.last;
    for (uint32_t r = 0; r < count; r++) {
        memcpy(predictions + (size_t)r * net->outputs, last->x + r * last->stride,
               net->outputs * sizeof(float));
    }
}

void ch_net_evaluate(ch_net *net, const float *x, const uint32_t *labels, const float *targets,
                     uint32_t count, float *predictions, ch_score *score) {
    const batch b = {.x = x, .labels = labels, .targets = targets, .count = count};
    const ch_float_state before = ch_float_enter();
    ch_score unused = {0};
    for (uint32_t at = 0; at < count;) {
        const ch_pass pass = pass_of(net, &b, at, score != NULL ? score : &unused);
        ch_graph_input(&net->graph, x + (size_t)at * net->inputs);
        ch_graph_forward(&net->graph, &pass);
        if (predictions != NULL) {
            copy_predictions(net, predictions + (size_t)at * net->outputs, pass.count);
        }
        at += pass.count;
    }
    ch_float_leave(before);
}
