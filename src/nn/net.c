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
 * the memory a step needs and not one bit of its result, unless they are of sequences: their rows
 * are ordered by step within each part.
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
#include "nn/packing.h"

#include <math.h>
#include <string.h>

enum { BATCH_MAX = 1 << 16, ROWS_MAX = 1 << 20 }; // examples, and positions of sequences

/* What has happened to the parameters since they were loaded. */
typedef enum stage {
    STAGE_LOADED,   // nothing
    STAGE_PLAIN,    // plain steps
    STAGE_ANCHORED, // other steps, for which anchor and momentum were made
} stage;

struct ch_net {
    ch_graph graph;
    stage stage;
    bool has_correction;     // of gradients, since the parameters were loaded
    float correction_weight; // of it in the momentum
    const ch_kernels *kernels;
    uint32_t inputs, outputs; // of one example
    uint32_t batch_max;
    ch_packing packing; // of sequences; its steps are 0 when there are none
    choir_env env;
};

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
    if (o->steps > 0 && pixels * o->channels != 1) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model: a step of a sequence has one token, not %u x %u x %u values",
                            o->height, o->width, o->channels);
    }
    if ((uint64_t)o->batch_max * o->steps > ROWS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model: %u sequences of %u steps at once are more than %d positions",
                            o->batch_max, o->steps, ROWS_MAX);
    }
    return CHOIR_OK;
}

/* Rows of an activation: examples, or positions of sequences. */
static uint32_t rows_max(const ch_net_options *o) {
    return o->steps > 0 ? o->batch_max * o->steps : o->batch_max;
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

/* Ranges of initial values where the operator has not said one. */
static void note_ranges(ch_graph *graph) {
    for (const ch_node *node = graph->first->next; node != NULL; node = node->next) {
        for (uint32_t i = 0; i < CH_NODE_PARAMS_MAX && node->params[i] != NULL; i++) {
            ch_param *p = node->params[i];
            const bool is_vector = graph->layout.tensors[p->tensor].rank == 1;
            if (p->range < 0.0) {
                p->range = is_vector ? 0.0 : sqrt((is_before_relu(node) ? 6.0 : 3.0) / p->rows);
            }
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
    net->graph.steps = o->steps;
    net->graph.corrected = o->corrected && !o->forward_only;
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
    note_ranges(&net->graph);
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
    if (status != CHOIR_OK) {
        return status;
    }
    status = ch_graph_plan(&(*out)->graph, rows_max(options), env);
    if (status == CHOIR_OK && options->steps > 0) {
        status = ch_packing_init(&(*out)->packing, options->steps, options->batch_max, env);
    }
    if (status != CHOIR_OK) {
        ch_net_destroy(*out);
        *out = NULL;
        return ch_error_set(err, status, "model: no memory for batches of %u", options->batch_max);
    }
    return CHOIR_OK;
}

choir_status ch_net_bytes(size_t *out, const ch_net_options *options, const choir_env *env,
                          choir_error *err) {
    ch_net *net = NULL;
    const choir_status status = net_make(&net, options, env, err);
    if (status == CHOIR_OK) {
        *out = ch_arena_cost(1, sizeof(*net)) +
               ch_arena_cost(ch_graph_bytes(&net->graph, rows_max(options)), 1);
        if (options->steps > 0) {
            const size_t packing = ch_packing_bytes(options->steps, options->batch_max);
            *out += ch_arena_cost(packing, 1);
        }
    }
    ch_net_destroy(net);
    return status;
}

void ch_net_destroy(ch_net *net) {
    if (net != NULL) {
        const choir_env env = net->env;
        ch_packing_release(&net->packing);
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

uint32_t ch_net_vocabulary(const ch_net *net) {
    return net->graph.vocabulary;
}

void ch_net_init(const ch_net *net, uint64_t seed, float *params) {
    const choir_layout *layout = &net->graph.layout;
    for (uint32_t i = 0; i < layout->count; i++) {
        const ch_param *p = &net->graph.params[i];
        const choir_tensor *tensor = &layout->tensors[i];
        float *x = params + tensor->offset;
        ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_INIT, 0, i);
        for (uint32_t j = 0; j < tensor->count; j++) {
            x[j] = p->range == 0.0 ? 0.0F : (float)(p->range * (2.0 * ch_rng_unit(&rng) - 1.0));
        }
        const uint32_t block = tensor->count / p->blocks;
        for (uint32_t j = 0; p->ones > 0 && j < block; j++) {
            x[(p->ones - 1) * block + j] = 1.0F;
        }
    }
}

void ch_net_load(ch_net *net, const float *params) {
    ch_graph_load(&net->graph, net->kernels, params);
    net->stage = STAGE_LOADED;
    net->has_correction = false;
}

void ch_net_correct(ch_net *net, const float *correction) {
    CH_ASSERT(net->stage == STAGE_LOADED);
    ch_graph_load_correction(&net->graph, net->kernels, correction);
    net->has_correction = true;
    net->correction_weight = 0;
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

static bool has_sequences(const ch_net *net) {
    return net->packing.steps > 0;
}

/* How many examples of b go through at once from the one at on. */
static uint32_t part_count(const ch_net *net, const ch_batch *b, uint32_t at) {
    const uint32_t left = b->count - at;
    return left < net->batch_max ? left : net->batch_max;
}

/* How many predictions b asks for. */
static uint64_t predictions_count(const ch_net *net, const ch_batch *b) {
    uint64_t count = has_sequences(net) ? 0 : b->count;
    for (uint32_t i = 0; has_sequences(net) && i < b->count; i++) {
        count += b->lengths[i];
    }
    return count;
}

/* Makes the part of sequences b that starts at example at, in their order, the graph's input. */
static ch_pass pass_of_sequences(ch_net *net, const ch_batch *b, uint32_t at, ch_score *score) {
    ch_packing *packing = &net->packing;
    CH_ASSERT(b->targets == NULL);
    ch_packing_fill(packing, b, at, part_count(net, b, at));
    ch_graph_input(&net->graph, packing->x);
    return (ch_pass){.kernels = net->kernels,
                     .count = packing->rows,
                     .active = packing->active,
                     .labels = b->labels != NULL ? packing->labels : NULL,
                     .score = score};
}

/* Makes the part of b that starts at example at the graph's input. */
static ch_pass pass_of(ch_net *net, const ch_batch *b, uint32_t at, ch_score *score) {
    CH_ASSERT((b->lengths != NULL) == has_sequences(net));
    if (has_sequences(net)) {
        return pass_of_sequences(net, b, at, score);
    }
    ch_graph_input(&net->graph, b->x + (size_t)at * net->inputs);
    return (ch_pass){.kernels = net->kernels,
                     .count = part_count(net, b, at),
                     .labels = b->labels != NULL ? b->labels + at : NULL,
                     .targets = b->targets != NULL ? b->targets + (size_t)at * net->outputs : NULL,
                     .score = score};
}

/* Applies the update of the parameters whose operators left their gradient in the buffer. */
static void apply_rest(ch_graph *graph, const ch_pass *pass) {
    for (ch_node *node = graph->first->next; node != NULL; node = node->next) {
        for (uint32_t i = 0; i < CH_NODE_PARAMS_MAX && node->params[i] != NULL; i++) {
            if (!node->updates && !node->borrows) {
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
static choir_status train(ch_net *net, const ch_batch *b, const ch_update *update,
                          ch_score *score) {
    CH_ASSERT(!net->graph.forward_only);
    CH_ASSERT(b->count > 0);
    CH_ASSERT((b->labels != NULL) != (b->targets != NULL));
    const ch_float_state before = ch_float_enter();
    const double loss_before = score->loss;
    const float scale = 1.0F / (float)predictions_count(net, b);
    for (uint32_t at = 0; at < b->count; at += net->batch_max) {
        ch_pass pass = pass_of(net, b, at, score);
        pass.scale = scale;
        pass.update = *update;
        pass.update.continued = at > 0;
        pass.update.applied = update->applied && b->count - at <= net->batch_max;
        if (update->applied && ch_update_is_plain(update)) {
            pass.scale *= -update->rate;
            pass.update.rate = -1.0F;
        }
        ch_graph_forward(&net->graph, &pass);
        ch_graph_backward(&net->graph, &pass);
        if (pass.update.applied) {
            apply_rest(&net->graph, &pass);
        }
    }
    ch_float_leave(before);
    return isfinite(score->loss - loss_before) ? CHOIR_OK : CHOIR_ERANGE;
}

/* What the correction does to a step that was just made. */
static void correct(ch_net *net, const ch_sgd *sgd) {
    net->correction_weight = sgd->momentum * net->correction_weight + 1.0F;
    const ch_update update = {.rate = sgd->learning_rate * net->correction_weight};
    const ch_float_state before = ch_float_enter();
    for (uint32_t i = 0; i < net->graph.params_count; i++) {
        const ch_param *p = &net->graph.params[i];
        const ch_weights weights = {.w = p->buffers.w, .g = p->correction};
        net->kernels->map->apply(&weights, p->size, &update);
    }
    ch_float_leave(before);
}

choir_status ch_net_step(ch_net *net, const ch_batch *batch, const ch_sgd *sgd, ch_score *score) {
    const ch_update update = {.applied = true,
                              .rate = sgd->learning_rate,
                              .momentum = sgd->momentum,
                              .decay = sgd->weight_decay,
                              .proximal = sgd->proximal_mu};
    step_prepare(net, ch_update_is_plain(&update));
    const choir_status status = train(net, batch, &update, score);
    if (net->has_correction) {
        correct(net, sgd);
    }
    return status;
}

choir_status ch_net_gradient(ch_net *net, const ch_batch *batch, float *gradient, ch_score *score) {
    const ch_update update = {.applied = false};
    const choir_status status = train(net, batch, &update, score);
    ch_graph_store_gradient(&net->graph, net->kernels, gradient);
    return status;
}

/* Row number row of the last node's padded rows. */
static void copy_prediction(const ch_net *net, float *to, uint32_t row) {
    const ch_node *last = net->graph.last;
    memcpy(to, last->x + row * last->stride, net->outputs * sizeof(float));
}

/* The part's rows to where predictions of the whole batch (count, outputs) has them. */
static void copy_predictions(const ch_net *net, float *predictions, uint32_t at, uint32_t rows) {
    const ch_packing *packing = &net->packing;
    uint32_t row = 0;
    for (; !has_sequences(net) && row < rows; row++) {
        copy_prediction(net, predictions + ((size_t)at + row) * net->outputs, row);
    }
    for (uint32_t step = 0; row < rows; step++) {
        for (uint32_t i = 0; i < packing->active[step]; i++, row++) {
            const size_t position = ch_packing_position(packing, i, step);
            copy_prediction(net, predictions + position * net->outputs, row);
        }
    }
}

void ch_net_evaluate(ch_net *net, const ch_batch *batch, float *predictions, ch_score *score) {
    const ch_float_state before = ch_float_enter();
    ch_score unused = {0};
    for (uint32_t at = 0; at < batch->count; at += net->batch_max) {
        const ch_pass pass = pass_of(net, batch, at, score != NULL ? score : &unused);
        ch_graph_forward(&net->graph, &pass);
        if (predictions != NULL) {
            copy_predictions(net, predictions, at, pass.count);
        }
    }
    ch_float_leave(before);
}
