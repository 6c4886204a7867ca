/*
 * Operators of tokens: an embedding's rows, and the scores of all tokens by the same rows.
 *
 * e (v,d) is the table of v tokens, a row of d numbers each.
 */
#include "base/assert.h"
#include "base/error.h"
#include "math/dense.h"
#include "math/lookup.h"
#include "nn/op.h"

#include <math.h>

static ch_dense_shape table_shape(const ch_param *e) {
    return (ch_dense_shape){.rows = e->rows, .n = e->cols};
}

// embedding: y = e[token];  g(e)[token] = sum of g(y)

static choir_status embedding_shape(ch_graph *graph, ch_node *node, choir_error *err) {
    if (node->in->op != NULL || ch_shape_features(node->in->shape) != 1) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: right is an embedding as the first layer, of inputs that are one "
                            "token each",
                            node->label);
    }
    const uint32_t shape[2] = {node->vocabulary, node->units};
    node->shape = (ch_shape){.height = 1, .width = 1, .channels = node->units};
    const choir_status status = ch_graph_param(graph, node, "weight", shape, 2, err);
    if (status == CHOIR_OK) {
        node->params[0]->range = sqrt(3.0); // of variance one
        graph->vocabulary = node->vocabulary;
    }
    return status;
}

static void tokens_check(const ch_node *node, const ch_pass *pass) {
    for (uint32_t r = 0; r < pass->count; r++) {
        const float token = node->in->x[r];
        CH_ASSERT(token >= 0.0F);
        CH_ASSERT(token < (float)node->vocabulary);
        CH_ASSERT((float)(uint32_t)token == token);
    }
}

static void embedding_forward(ch_node *node, const ch_pass *pass) {
    const ch_param *e = node->params[0];
    tokens_check(node, pass);
    pass->kernels->lookup->forward(node->x, node->in->x, pass->count, table_shape(e), e->buffers.w);
}

static void embedding_backward(ch_node *node, const ch_pass *pass) {
    const ch_param *e = node->params[0];
    ch_update update = ch_node_update(node, pass);
    update.continued = update.continued || node->shares; // what the other node has left there
    pass->kernels->lookup->gradient(&e->buffers, node->in->x, node->g, pass->count, table_shape(e),
                                    &update);
}

const ch_op CH_OP_EMBEDDING = {
    .name = "embedding",
    .shape = embedding_shape,
    .forward = embedding_forward,
    .backward = embedding_backward,
};

// unembedding: y = x e^T;  g(x) = g(y) e, g(e) = g(y)^T x. The table is the embedding's, whose
// backward comes later, carries on from this gradient and sees to the update.

static choir_status unembedding_shape(ch_graph *graph, ch_node *node, choir_error *err) {
    ch_node *embedding = graph->first->next;
    if (embedding == NULL || embedding->op != &CH_OP_EMBEDDING || embedding->shares ||
        embedding->units != ch_shape_features(node->in->shape)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: right is one of it, where the first layer is an embedding and the "
                            "layer before has as many outputs as that",
                            node->label);
    }
    embedding->shares = true;
    node->borrows = true;
    node->params[0] = embedding->params[0];
    node->shape = (ch_shape){.height = 1, .width = 1, .channels = embedding->vocabulary};
    return CHOIR_OK;
}

static void unembedding_forward(ch_node *node, const ch_pass *pass) {
    const ch_param *e = node->params[0];
    pass->kernels->dense->input_gradient(node->x, node->in->x, pass->count, table_shape(e),
                                         e->buffers.w);
}

static void unembedding_backward(ch_node *node, const ch_pass *pass) {
    const ch_param *e = node->params[0];
    const ch_dense_input scores = {.x = node->g, .stride = node->stride, .k = e->rows};
    ch_update update = pass->update;
    update.applied = false;
    pass->kernels->dense->weight_gradient(&e->buffers, &scores, node->in->x, pass->count,
                                          table_shape(e), &update);
    pass->kernels->dense->forward(node->in->g, &scores, pass->count, table_shape(e), e->buffers.w,
                                  NULL, false);
}

const ch_op CH_OP_UNEMBEDDING = {
    .name = "unembedding",
    .shape = unembedding_shape,
    .forward = unembedding_forward,
    .backward = unembedding_backward,
};
