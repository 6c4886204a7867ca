/* Operators that act on every element by itself. x is the input, y the value, g(.) a gradient. */
#include "math/map.h"
#include "nn/op.h"

// relu: y = max(x, 0);  g(x) = g(y) where x > 0, else 0

static choir_status relu_shape(ch_graph *graph, ch_node *node, choir_error *err) {
    (void)graph;
    (void)err;
    node->shape = node->in->shape;
    return CHOIR_OK;
}

// Examples of the net's input lie close together, those of an operator's value are padded.
static void relu_forward(ch_node *node, const ch_pass *pass) {
    if (node->in->stride == node->stride) {
        pass->kernels->map->relu(node->x, node->in->x, pass->count * node->stride);
        return;
    }
    for (uint32_t r = 0; r < pass->count; r++) {
        pass->kernels->map->relu(node->x + r * node->stride, node->in->x + r * node->in->stride,
                                 node->in->stride);
    }
}

static void relu_backward(ch_node *node, const ch_pass *pass) {
    if (node->in->g != NULL) {
        pass->kernels->map->relu_gradient(node->in->g, node->g, node->x,
                                          pass->count * node->stride);
    }
}

const ch_op CH_OP_RELU = {
    .name = "relu",
    .shape = relu_shape,
    .forward = relu_forward,
    .backward = relu_backward,
};
