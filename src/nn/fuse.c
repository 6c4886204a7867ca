/* Fuse: see fuse.h. */
#include "nn/fuse.h"

#include "nn/op.h"

bool ch_node_is(const ch_node *node, const ch_op *op) {
    return node != NULL && node->op == op;
}

/* Makes product, bias and, if it follows, relu one node of the operator whole. */
static bool fuse_sum(ch_graph *graph, ch_node *node, const ch_op *product, const ch_op *whole) {
    if (!ch_node_is(node, product) || !ch_node_is(node->next, &CH_OP_BIAS)) {
        return false;
    }
    node->op = whole;
    node->params[1] = node->next->params[0];
    node->updates = true;
    ch_graph_remove(graph, node->next);
    if (ch_node_is(node->next, &CH_OP_RELU)) {
        node->relu = true;
        ch_graph_remove(graph, node->next);
    }
    return true;
}

static bool fuse_dense(ch_graph *graph, ch_node *node) {
    return fuse_sum(graph, node, &CH_OP_MATMUL, &CH_OP_DENSE);
}

static bool is_halving(const ch_node *node) {
    return ch_node_is(node, &CH_OP_MAXPOOL) && node->window_height == 2 && node->window_stride == 2;
}

static bool fuse_conv(ch_graph *graph, ch_node *node) {
    if (!fuse_sum(graph, node, &CH_OP_CONVOLVE, &CH_OP_CONV)) {
        return false;
    }
    if (is_halving(node->next) && ch_conv_pool(node) == CHOIR_OK) {
        node->stride = node->next->stride;
        ch_graph_remove(graph, node->next);
    }
    return true;
}

/* Whose parameters nobody else adds to, updates them as it goes. */
static bool fuse_embedding(ch_graph *graph, ch_node *node) {
    (void)graph;
    node->updates = node->updates || (ch_node_is(node, &CH_OP_EMBEDDING) && !node->shares);
    return ch_node_is(node, &CH_OP_EMBEDDING);
}

static bool fuse_lstm(ch_graph *graph, ch_node *node) {
    (void)graph;
    node->updates = node->updates || ch_node_is(node, &CH_OP_LSTM);
    return ch_node_is(node, &CH_OP_LSTM);
}

const ch_fusion CH_FUSIONS[] = {
    {"dense", fuse_dense},
    {"conv", fuse_conv},
    {"embedding", fuse_embedding},
    {"lstm", fuse_lstm},
};

const uint32_t CH_FUSIONS_COUNT = sizeof(CH_FUSIONS) / sizeof(CH_FUSIONS[0]);

void ch_fuse(ch_graph *graph) {
    for (ch_node *node = graph->first->next; node != NULL; node = node->next) {
        for (uint32_t row = 0; row < CH_FUSIONS_COUNT; row++) {
            if (CH_FUSIONS[row].rewrite(graph, node)) {
                break;
            }
        }
    }
}
