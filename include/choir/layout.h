/*
 * Layout: the names, shapes, offsets and roles of the tensors inside a flat vector.
 *
 * The flat vector is the model; this is the only thing that knows it has layers.
 */
#ifndef CHOIR_LAYOUT_H
#define CHOIR_LAYOUT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CHOIR_TENSORS_MAX = 64,
    CHOIR_TENSOR_NAME_MAX = 48, // bytes, with the terminating zero
    CHOIR_RANK_MAX = 4,
};

typedef struct choir_tensor {
    char name[CHOIR_TENSOR_NAME_MAX]; // e.g. "conv1.weight"
    uint32_t rank;                    // 1 .. CHOIR_RANK_MAX
    uint32_t shape[CHOIR_RANK_MAX];   // row-major; dense (in, out), conv (height, width, in, out)
    uint32_t offset;                  // of the first element in the flat vector
    uint32_t count;                   // elements: the product of the shape
} choir_tensor;

typedef struct choir_layout {
    uint32_t dim;   // elements in the flat vector; tensors fill it without gaps, in order
    uint32_t count; // tensors
    choir_tensor tensors[CHOIR_TENSORS_MAX];
} choir_layout;

#ifdef __cplusplus
}
#endif

#endif
