/* Operators: the table. See graph.h for what a row must do. */
#include "nn/op.h"

#include "base/assert.h"

#include <string.h>

const ch_op *const CH_OPS[] = {
    &CH_OP_MATMUL,  &CH_OP_BIAS, &CH_OP_DENSE,         &CH_OP_CONVOLVE,
    &CH_OP_MAXPOOL, &CH_OP_CONV, &CH_OP_EMBEDDING,     &CH_OP_UNEMBEDDING,
    &CH_OP_LSTM,    &CH_OP_RELU, &CH_OP_CROSS_ENTROPY, &CH_OP_MEAN_SQUARED,
};

const uint32_t CH_OPS_COUNT = sizeof(CH_OPS) / sizeof(CH_OPS[0]);

const ch_op *ch_op_find(const char *name) {
    uint32_t row = 0;
    while (row < CH_OPS_COUNT && strcmp(CH_OPS[row]->name, name) != 0) {
        row += 1;
    }
    CH_ASSERT(row < CH_OPS_COUNT); // else there is no operator of this name
    return CH_OPS[row];
}
