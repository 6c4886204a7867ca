/*
 * Losses: the last operator of a chain that is trained. The value is the prediction; forward adds
 * the loss to the pass's score when there are labels or targets, backward starts the gradients:
 * those of the mean over the step's examples, by the pass's scale.
 */
#include "math/map.h"
#include "nn/op.h"

#include <string.h>

static choir_status loss_shape(ch_graph *graph, ch_node *node, choir_error *err) {
    (void)graph;
    (void)err;
    node->shape = node->in->shape;
    return CHOIR_OK;
}

static ch_loss_input loss_input(const ch_node *node, const ch_pass *pass) {
    return (ch_loss_input){.labels = pass->labels,
                           .targets = pass->targets,
                           .m = pass->count,
                           .n = ch_shape_features(node->shape)};
}

static void count_judged(const ch_pass *pass, uint32_t correct) {
    pass->score->correct += correct;
    pass->score->count += pass->labels != NULL || pass->targets != NULL ? pass->count : 0;
}

// cross_entropy: y = softmax(x), loss = -log y[label];  g(x) = (y - one-hot) scale

static void cross_entropy_forward(ch_node *node, const ch_pass *pass) {
    const ch_loss_input in = loss_input(node, pass);
    uint32_t correct = 0;
    pass->kernels->map->softmax(node->x, node->in->x, &in, &pass->score->loss, &correct);
    count_judged(pass, correct);
}

static void cross_entropy_backward(ch_node *node, const ch_pass *pass) {
    const ch_loss_input in = loss_input(node, pass);
    pass->kernels->map->softmax_gradient(node->in->g, node->x, &in, pass->scale);
}

const ch_op CH_OP_CROSS_ENTROPY = {
    .name = "cross_entropy",
    .is_loss = true,
    .shape = loss_shape,
    .forward = cross_entropy_forward,
    .backward = cross_entropy_backward,
};

// mean_squared: y = x, loss = mean over outputs of (y - t)^2;  g(x) = 2 (y - t) / outputs scale

static void mean_squared_forward(ch_node *node, const ch_pass *pass) {
    const ch_loss_input in = loss_input(node, pass);
    memcpy(node->x, node->in->x, pass->count * node->stride * sizeof(float));
    if (in.labels != NULL || in.targets != NULL) {
        uint32_t correct = 0;
        pass->kernels->map->squared(node->x, &in, &pass->score->loss, &correct);
        count_judged(pass, correct);
    }
}

static void mean_squared_backward(ch_node *node, const ch_pass *pass) {
    const ch_loss_input in = loss_input(node, pass);
    pass->kernels->map->squared_gradient(node->in->g, node->x, &in, pass->scale);
}

const ch_op CH_OP_MEAN_SQUARED = {
    .name = "mean_squared",
    .is_loss = true,
    .shape = loss_shape,
    .forward = mean_squared_forward,
    .backward = mean_squared_backward,
};
