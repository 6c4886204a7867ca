/*
 * Operators of a dense layer: matmul and bias by themselves, and both with relu in one.
 *
 * x (m,k) is the input, an example's features as one row; y (m,n) the value; w (k,n), b (n).
 */
#include "math/dense.h"
#include "math/map.h"
#include "math/panels.h"
#include "nn/op.h"

#include <string.h>

static ch_dense_input dense_input(const ch_node *node) {
    return (ch_dense_input){
        .x = node->in->x, .stride = node->in->stride, .k = ch_shape_features(node->in->shape)};
}

static ch_dense_shape dense_shape(const ch_node *node) {
    return (ch_dense_shape){.rows = node->params[0]->rows, .n = node->params[0]->cols};
}

/* g(b) = 1^T g(y), rows of it: a product whose left side is one column of ones. */
static void bias_gradient(const ch_param *b, const ch_node *node, const ch_pass *pass,
                          uint32_t rows) {
    static const float one = 1.0F;
    const ch_dense_input ones = {.x = &one, .stride = 0, .k = 1};
    const ch_dense_shape shape = {.rows = 1, .n = b->cols};
    const ch_update update = ch_node_update(node, pass);
    pass->kernels->dense->weight_gradient(&b->buffers, &ones, node->g, rows, shape, &update);
}

// matmul: y = x w;  g(x) = g(y) w^T, g(w) = x^T g(y)

static choir_status matmul_shape(ch_graph *graph, ch_node *node, choir_error *err) {
    const uint32_t shape[2] = {ch_shape_features(node->in->shape), node->units};
    node->shape = (ch_shape){.height = 1, .width = 1, .channels = node->units};
    return ch_graph_param(graph, node, "weight", shape, 2, err);
}

static void matmul_forward(ch_node *node, const ch_pass *pass) {
    const ch_dense_input input = dense_input(node);
    pass->kernels->dense->forward(node->x, &input, pass->count, dense_shape(node),
                                  node->params[0]->buffers.w, NULL, false);
}

static void matmul_backward(ch_node *node, const ch_pass *pass) {
    const ch_dense_input input = dense_input(node);
    const ch_weights *w = &node->params[0]->buffers;
    const ch_update update = ch_node_update(node, pass);
    if (node->in->g != NULL) {
        pass->kernels->dense->input_gradient(node->in->g, node->g, pass->count, dense_shape(node),
                                             w->w);
    }
    pass->kernels->dense->weight_gradient(w, &input, node->g, pass->count, dense_shape(node),
                                          &update);
}

const ch_op CH_OP_MATMUL = {
    .name = "matmul",
    .shape = matmul_shape,
    .forward = matmul_forward,
    .backward = matmul_backward,
};

// bias: y[..., c] = x[..., c] + b[c];  g(x) = g(y), g(b) = sum of g(y) over all but c

static choir_status bias_param(ch_graph *graph, ch_node *node, choir_error *err) {
    return ch_graph_param(graph, node, "bias", &node->shape.channels, 1, err);
}

static choir_status bias_shape(ch_graph *graph, ch_node *node, choir_error *err) {
    node->shape = node->in->shape;
    return bias_param(graph, node, err);
}

/* Whether the pixels of an activation are rows of whole panels, one after another. */
static bool has_padded_pixels(ch_shape s) {
    return s.height * s.width == 1 || s.channels % CH_PANEL == 0;
}

static void bias_forward(ch_node *node, const ch_pass *pass) {
    const ch_shape s = node->shape;
    const float *b = node->params[0]->buffers.w;
    if (has_padded_pixels(s)) {
        pass->kernels->map->add_bias(node->x, node->in->x, b, pass->count * s.height * s.width,
                                     s.channels);
        return;
    }
    for (uint32_t r = 0; r < pass->count; r++) {
        for (uint32_t i = 0; i < ch_shape_features(s); i++) {
            const size_t at = r * node->stride + i;
            node->x[at] = node->in->x[at] + b[i % s.channels];
        }
    }
}

static void bias_backward(ch_node *node, const ch_pass *pass) {
    const ch_shape s = node->shape;
    const ch_param *b = node->params[0];
    memcpy(node->in->g, node->g, pass->count * node->stride * sizeof(float));
    if (has_padded_pixels(s)) {
        bias_gradient(b, node, pass, pass->count * s.height * s.width);
        return;
    }
    if (!pass->update.continued) {
        memset(b->buffers.g, 0, b->size * sizeof(float));
    }
    for (uint32_t r = 0; r < pass->count; r++) {
        for (uint32_t i = 0; i < ch_shape_features(s); i++) {
            b->buffers.g[i % s.channels] += node->g[r * node->stride + i];
        }
    }
}

const ch_op CH_OP_BIAS = {
    .name = "bias",
    .shape = bias_shape,
    .forward = bias_forward,
    .backward = bias_backward,
};

// dense: y = x w + b, then max(y, 0) if relu; the same gradients. When the input is the net's own,
// its features that are zero in the whole batch are skipped: they add nothing to y, and their rows
// of g(w) are zero.

/* Behind node->work, for the net's own input only. */
typedef struct dense_work {
    float *x;       // (batch, active) the input's active columns
    uint32_t *rows; // (k) which they are
    uint32_t active;
} dense_work;

/* Copying columns out costs a fraction of a product; it must save more than that. */
enum { ACTIVE_PERCENT_MAX = 90 };

static bool reads_net_input(const ch_node *node) {
    return node->in->op == NULL;
}

static size_t dense_work_bytes(const ch_node *node, uint32_t batch) {
    if (!reads_net_input(node)) {
        return 0;
    }
    const size_t k = ch_shape_features(node->in->shape);
    return ch_arena_cost(1, sizeof(dense_work)) + ch_arena_cost(k, sizeof(uint32_t)) +
           ch_arena_cost(k * batch, sizeof(float));
}

static dense_work *work_of(const ch_node *node) {
    const size_t k = ch_shape_features(node->in->shape);
    unsigned char *base = node->work;
    dense_work *work = node->work;
    work->rows = (uint32_t *)(void *)(base + ch_arena_cost(1, sizeof(dense_work)));
    work->x = (float *)(void *)((unsigned char *)work->rows + ch_arena_cost(k, sizeof(uint32_t)));
    return work;
}

static choir_status dense_shape_infer(ch_graph *graph, ch_node *node, choir_error *err) {
    const choir_status status = matmul_shape(graph, node, err);
    return status == CHOIR_OK ? bias_param(graph, node, err) : status;
}

/* Finds the active columns and copies them out. */
static void gather(const ch_node *node, const ch_pass *pass) {
    dense_work *work = work_of(node);
    const ch_dense_input all = dense_input(node);
    work->active = pass->kernels->map->active(work->rows, all.x, all.stride, pass->count, all.k);
    if (work->active * 100ULL > all.k * (uint64_t)ACTIVE_PERCENT_MAX) {
        work->active = all.k;
        return;
    }
    pass->kernels->map->columns(work->x, all.x, all.stride, pass->count, work->rows, work->active);
}

/* The active columns if that was worth it, all otherwise. */
static ch_dense_input active_input(const ch_node *node) {
    const ch_dense_input all = dense_input(node);
    if (!reads_net_input(node)) {
        return all;
    }
    const dense_work *work = work_of(node);
    if (work->active == all.k) {
        return all;
    }
    return (ch_dense_input){
        .x = work->x, .stride = work->active, .k = work->active, .rows = work->rows};
}

static void dense_forward(ch_node *node, const ch_pass *pass) {
    if (reads_net_input(node)) {
        gather(node, pass);
    }
    const ch_dense_input input = active_input(node);
    pass->kernels->dense->forward(node->x, &input, pass->count, dense_shape(node),
                                  node->params[0]->buffers.w, node->params[1]->buffers.w,
                                  node->relu);
}

static void dense_backward(ch_node *node, const ch_pass *pass) {
    const ch_param *w = node->params[0];
    const ch_update update = ch_node_update(node, pass);
    if (node->relu) {
        pass->kernels->map->relu_gradient(node->g, node->g, node->x, pass->count * node->stride);
    }
    if (node->in->g != NULL) {
        pass->kernels->dense->input_gradient(node->in->g, node->g, pass->count, dense_shape(node),
                                             w->buffers.w);
    }
    // Rows without gradient still move unless the step is plain, and a buffer needs their zeros.
    const bool skips = update.applied && !update.continued && ch_update_is_plain(&update);
    const ch_dense_input input = skips ? active_input(node) : dense_input(node);
    pass->kernels->dense->weight_gradient(&w->buffers, &input, node->g, pass->count,
                                          dense_shape(node), &update);
    bias_gradient(node->params[1], node, pass, pass->count);
}

const ch_op CH_OP_DENSE = {
    .name = "dense",
    .shape = dense_shape_infer,
    .work_bytes = dense_work_bytes,
    .forward = dense_forward,
    .backward = dense_backward,
};
