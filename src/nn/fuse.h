/*
 * Fuse: rewrites a chain of operators into fewer that do more at a time, before memory is planned.
 *
 *     matmul, bias, relu  ->  dense      bias and relu inside the product's tile; SGD inside the
 *                                        gradient's tile; zero features of the input skipped
 *     convolve, bias, relu, maxpool 2  ->  conv      all in one pass over the outputs; the gradient
 *                                        goes from the maxima straight into the backward transform
 *
 *     embedding  ->  embedding         SGD on the rows of the batch's tokens only
 *     lstm  ->  lstm                   SGD inside its gradients' tiles
 *
 * Each fusion is a row: a pattern and a rewrite. A fused chain has the same parameters in the same
 * layout and computes the same operations on each element in the same order, so its results are
 * those of the unfused chain bit for bit unless a row says otherwise.
 */
#ifndef CH_NN_FUSE_H
#define CH_NN_FUSE_H

#include "nn/graph.h"

typedef struct ch_fusion {
    const char *name;
    /* Rewrites the chain at node if it matches there, and says whether it did. */
    bool (*rewrite)(ch_graph *graph, ch_node *node);
} ch_fusion;

extern const ch_fusion CH_FUSIONS[];
extern const uint32_t CH_FUSIONS_COUNT;

/* Applies every fusion wherever it matches. */
void ch_fuse(ch_graph *graph);

/* Whether node is there and is this operator; for rewrites. */
bool ch_node_is(const ch_node *node, const ch_op *op);

#endif
