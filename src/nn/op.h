/* Op: the rows of the operator table, each defined in the file of its family. */
#ifndef CH_NN_OP_H
#define CH_NN_OP_H

#include "nn/graph.h"

extern const ch_op CH_OP_MATMUL, CH_OP_BIAS, CH_OP_DENSE;     // op_dense.c
extern const ch_op CH_OP_CONVOLVE, CH_OP_MAXPOOL, CH_OP_CONV; // op_conv.c
extern const ch_op CH_OP_EMBEDDING, CH_OP_UNEMBEDDING;        // op_embedding.c
extern const ch_op CH_OP_LSTM;                                // op_lstm.c
extern const ch_op CH_OP_RELU;                                // op_activation.c
extern const ch_op CH_OP_CROSS_ENTROPY, CH_OP_MEAN_SQUARED;   // op_loss.c

/* Lets a conv node with relu end in the largest of 2 x 2, and changes its shape to that. EINVAL and
 * nothing changed when its sides are odd. */
CHOIR_NODISCARD choir_status ch_conv_pool(ch_node *node);

#endif
