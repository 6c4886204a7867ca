/*
 * Operators of a convolution layer: convolve by itself, the largest of windows by itself, and the
 * convolution with bias, relu and a 2 x 2 maximum in one.
 *
 * x is the input, y the value, both height x width x channels; w (kernel_height, kernel_width, in,
 * out), b (out). Which algorithm computes a convolution is decided by its shape alone, once.
 */
#include "base/error.h"
#include "math/conv.h"
#include "math/map.h"
#include "math/pool.h"
#include "nn/op.h"

static ch_conv_shape conv_shape(const ch_node *node) {
    return (ch_conv_shape){.height = node->in->shape.height,
                           .width = node->in->shape.width,
                           .in = node->in->shape.channels,
                           .out = node->params[0]->cols,
                           .kernel_height = node->window_height,
                           .kernel_width = node->window_width};
}

static const ch_conv_kernels *algorithm(const ch_node *node, const ch_kernels *kernels) {
    return node->winograd ? kernels->winograd : kernels->conv;
}

static ch_images images(const ch_node *node, const ch_pass *pass) {
    return (ch_images){.x = node->in->x, .stride = node->in->stride, .count = pass->count};
}

static size_t conv_floats_bytes(const ch_node *node) {
    const ch_conv_shape s = conv_shape(node);
    return ch_arena_cost(algorithm(node, ch_kernels_best())->workspace(&s), sizeof(float));
}

/* y from the input; bias may be NULL. */
static void forward_into(const ch_conv_output *y, const ch_node *node, const ch_pass *pass,
                         const float *bias) {
    const ch_conv_shape s = conv_shape(node);
    const ch_conv_kernels *k = algorithm(node, pass->kernels);
    const ch_images x = images(node, pass);
    k->prepare(node->work, &s, node->params[0]->buffers.w);
    k->forward(y, &x, &s, bias, node->work);
}

/* The gradients of x and w from node->g. That of x first: it needs w as it was. */
static void backward_from(ch_node *node, const ch_pass *pass, const ch_conv_gradient *gy) {
    const ch_conv_shape s = conv_shape(node);
    const ch_conv_kernels *k = algorithm(node, pass->kernels);
    const ch_images x = images(node, pass);
    const ch_update update = ch_node_update(node, pass);
    if (node->in->g != NULL) {
        k->prepare_gradient(node->work, &s);
        k->input_gradient(node->in->g, node->in->stride, gy, pass->count, &s, node->work);
    }
    k->weight_gradient(&node->params[0]->buffers, &x, gy, &s, &update, node->work);
}

// convolve: y[p][o] = sum of x[p + t][c] w[t][c][o] over taps t, channels c

static choir_status convolve_shape(ch_graph *graph, ch_node *node, choir_error *err) {
    const ch_shape in = node->in->shape;
    const uint32_t shape[4] = {node->window_height, node->window_width, in.channels, node->units};
    if (node->window_height % 2 == 0 || node->window_width % 2 == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: a filter of %u x %u has no middle; right are odd sizes",
                            node->label, node->window_height, node->window_width);
    }
    node->shape = (ch_shape){in.height, in.width, node->units};
    const choir_status status = ch_graph_param(graph, node, "weight", shape, 4, err);
    if (status == CHOIR_OK) {
        const ch_conv_shape s = conv_shape(node);
        node->winograd = graph->winograd && ch_kernels_best()->winograd->fits(&s);
    }
    return status;
}

static size_t convolve_work_bytes(const ch_node *node, uint32_t batch) {
    (void)batch;
    return conv_floats_bytes(node);
}

static void convolve_forward(ch_node *node, const ch_pass *pass) {
    const ch_conv_output y = {.y = node->x, .stride = node->stride};
    forward_into(&y, node, pass, NULL);
}

static void convolve_backward(ch_node *node, const ch_pass *pass) {
    const ch_conv_gradient gy = {.g = node->g, .stride = node->stride};
    backward_from(node, pass, &gy);
}

const ch_op CH_OP_CONVOLVE = {
    .name = "convolve",
    .shape = convolve_shape,
    .work_bytes = convolve_work_bytes,
    .forward = convolve_forward,
    .backward = convolve_backward,
};

// maxpool: y[p] = max over window positions k of x[stride * p + k]; the gradient goes where it was

static ch_pool_shape pool_shape(const ch_node *node) {
    return (ch_pool_shape){.height = node->in->shape.height,
                           .width = node->in->shape.width,
                           .channels = node->in->shape.channels,
                           .window = node->window_height,
                           .stride = node->window_stride};
}

static choir_status maxpool_shape(ch_graph *graph, ch_node *node, choir_error *err) {
    (void)graph;
    const ch_shape in = node->in->shape;
    if (node->window_stride < 1 || node->window_stride > node->window_height ||
        node->window_height > CH_POOL_WINDOW_MAX) {
        return ch_error_set(
            err, CHOIR_EINVAL,
            "%s: windows of %u with stride %u; right is 1 <= stride <= window <= %d", node->label,
            node->window_height, node->window_stride, CH_POOL_WINDOW_MAX);
    }
    node->shape = (ch_shape){ch_pool_size(in.height, node->window_stride),
                             ch_pool_size(in.width, node->window_stride), in.channels};
    return CHOIR_OK;
}

static size_t maxpool_work_bytes(const ch_node *node, uint32_t batch) {
    return (size_t)batch * ch_shape_features(node->shape);
}

static void maxpool_forward(ch_node *node, const ch_pass *pass) {
    const ch_pool_shape s = pool_shape(node);
    const ch_images x = images(node, pass);
    pass->kernels->pool->forward(node->x, node->stride, node->work, &x, &s);
}

static void maxpool_backward(ch_node *node, const ch_pass *pass) {
    const ch_pool_shape s = pool_shape(node);
    if (node->in->g != NULL) {
        pass->kernels->pool->input_gradient(node->in->g, node->in->stride, node->g, node->stride,
                                            node->work, pass->count, &s);
    }
}

const ch_op CH_OP_MAXPOOL = {
    .name = "maxpool",
    .shape = maxpool_shape,
    .work_bytes = maxpool_work_bytes,
    .forward = maxpool_forward,
    .backward = maxpool_backward,
};

// conv: convolve with bias; then max(y, 0) if relu; then the largest of 2 x 2 if pools, which
// implies relu. The same gradients: a pooled one goes through its codes and is never spread out.

static choir_status conv_infer(ch_graph *graph, ch_node *node, choir_error *err) {
    choir_status status = convolve_shape(graph, node, err);
    if (status == CHOIR_OK) {
        status = ch_graph_param(graph, node, "bias", &node->units, 1, err);
    }
    if (status == CHOIR_OK && node->pools) {
        status = ch_conv_pool(node);
    }
    return status;
}

choir_status ch_conv_pool(ch_node *node) {
    const ch_shape s = node->shape;
    if (s.height % 2 != 0 || s.width % 2 != 0 || !node->relu) {
        return CHOIR_EINVAL;
    }
    node->pools = true;
    node->shape = (ch_shape){s.height / 2, s.width / 2, s.channels};
    return CHOIR_OK;
}

/* What maxima remember, behind the floats of node->work; NULL when none are taken. */
static uint8_t *conv_codes(const ch_node *node) {
    return node->pools ? (uint8_t *)node->work + conv_floats_bytes(node) : NULL;
}

static size_t conv_work_bytes(const ch_node *node, uint32_t batch) {
    const size_t codes = node->pools ? (size_t)batch * ch_shape_features(node->shape) : 0;
    return conv_floats_bytes(node) + ch_arena_cost(codes, 1);
}

static void conv_forward(ch_node *node, const ch_pass *pass) {
    const ch_conv_output y = {
        .y = node->x, .codes = conv_codes(node), .stride = node->stride, .relu = node->relu};
    forward_into(&y, node, pass, node->params[1]->buffers.w);
}

static void conv_backward(ch_node *node, const ch_pass *pass) {
    const ch_conv_shape s = conv_shape(node);
    const ch_update update = ch_node_update(node, pass);
    if (node->relu && !node->pools) {
        pass->kernels->map->relu_gradient(node->g, node->g, node->x, pass->count * node->stride);
    }
    const ch_conv_gradient gy = {.g = node->g, .codes = conv_codes(node), .stride = node->stride};
    backward_from(node, pass, &gy);
    pass->kernels->conv->bias_gradient(&node->params[1]->buffers, &gy, pass->count, &s, &update);
}

const ch_op CH_OP_CONV = {
    .name = "conv",
    .shape = conv_infer,
    .work_bytes = conv_work_bytes,
    .forward = conv_forward,
    .backward = conv_backward,
};
