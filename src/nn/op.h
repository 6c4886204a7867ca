/* Op: the rows of the operator table, each defined in the file of its family. */
#ifndef CH_NN_OP_H
#define CH_NN_OP_H

#include "nn/graph.h"

extern const ch_op CH_OP_MATMUL, CH_OP_BIAS, CH_OP_DENSE;   // op_dense.c
extern const ch_op CH_OP_RELU;                              // op_activation.c
extern const ch_op CH_OP_CROSS_ENTROPY, CH_OP_MEAN_SQUARED; // op_loss.c

#endif
