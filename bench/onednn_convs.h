/*
 * The convolution half of the MNIST CNN on oneDNN: two 5 x 5 convolutions with bias, relu and 2 x 2
 * maximum, forward, backward and SGD. The peer in cnn_bench; everything else is ours there.
 *
 * Each primitive works in the layout it prefers; relu is fused into the forward convolutions.
 *
 * Source: oneDNN 2, developer guide, "Convolution", "Pooling", "Memory format propagation".
 */
#ifndef CHOIR_BENCH_ONEDNN_CONVS_H
#define CHOIR_BENCH_ONEDNN_CONVS_H

#include <stdint.h>

typedef struct onednn_convs onednn_convs;

/* For batches of that size and random weights; stops the program when oneDNN refuses. */
onednn_convs *onednn_convs_create(uint32_t batch);

/* x (batch, 28, 28) to features (batch, 3136), in oneDNN's order of features; borrowed. */
const float *onednn_convs_forward(onednn_convs *c, const float *x);

/* The other way, gradients of the features (batch, 3136), and w -= rate * gradient. */
void onednn_convs_backward(onednn_convs *c, const float *gradient, float rate);

#endif
