/* Operators: the table. See graph.h for what a row must do. */
#include "nn/op.h"

#include "base/assert.h"

#include <string.h>

const ch_op *const CH_OPS[] = {
    &CH_OP_MATMUL, &CH_OP_BIAS, &CH_OP_DENSE,         &CH_OP_CONVOLVE,     &CH_OP_MAXPOOL,
    &CH_OP_CONV,   &CH_OP_RELU, &CH_OP_CROSS_ENTROPY, &CH_OP_MEAN_SQUARED,
};

const uint32_t CH_OPS_COUNT = sizeof(CH_OPS) / sizeof(CH_OPS[0]);

const ch_op *ch_op_find(const char *name) {
    for (uint32_t row = 0; row < CH_OPS_COUNT; row++) {
        if (strcmp(CH_OPS[row]->name, name) == 0) {
            return CH_OPS[row];
        }
    }
    CH_ASSERT(!"no such operator");
    return NULL;
}
