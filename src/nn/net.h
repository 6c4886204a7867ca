/*
 * Net: a model that can be trained and evaluated, compiled for one input shape and batch size.
 *
 *   layers (text) -> graph of operators -> fusion pass -> a plan of kernel calls
 *
 * A net holds no parameters of its own for long: ch_net_load copies a flat vector in, in whatever
 * layout the kernels like best; ch_net_store copies it out. All memory is claimed at creation.
 * Used by one thread at a time. Results depend on the backend: those with fused multiply-adds give
 * the same bits, whatever their instruction set; baseline and reference give others
 * (math/kernels.h).
 */
#ifndef CH_NN_NET_H
#define CH_NN_NET_H

#include "choir/env.h"
#include "choir/layout.h"
#include "choir/status.h"
#include "math/kernels.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_net ch_net;

typedef enum ch_loss {
    CH_LOSS_CROSS_ENTROPY, // softmax and cross-entropy; labels
    CH_LOSS_MEAN_SQUARED,  // mean over outputs of (y - t)^2; targets, or one-hot labels
} ch_loss;

typedef struct ch_net_options {
    const char *layers; // "conv 5x5 32 | relu | maxpool 2 | dense 10"; grammar: docs/model.md
    uint32_t height, width, channels; // of one input; 1, 1, 1 for sequences
    uint32_t steps;     // default 0; more: inputs are sequences of at most so many tokens
    uint32_t batch_max; // examples a step; larger batches are split inside a step
    ch_loss loss;
    bool fused;                // default true; false runs every operator by itself, the reference
    bool winograd;             // default true; false: direct convolution, the reference
    bool forward_only;         // default false; true: it evaluates and does nothing else, in less
                               // than half of the memory
    bool corrected;            // default false; true: ch_net_correct has room for a correction; not
                               // with forward_only
    const ch_kernels *kernels; // NULL: the best for this CPU
} ch_net_options;

/* How one step of local SGD changes parameters w with gradient g:
 *   g += weight_decay * w + proximal_mu * (w - w_loaded);  v = momentum * v + g;  w -= rate * v */
typedef struct ch_sgd {
    float learning_rate;
    float momentum;
    float weight_decay;
    float proximal_mu;
} ch_sgd;

/*
 * Examples and what is right about them; borrowed for the call.
 *
 * A net of sequences predicts at each position, and never reads a position at or beyond the
 * example's length. Its tokens are whole numbers below ch_net_vocabulary.
 */
typedef struct ch_batch {
    uint32_t count;          // examples
    const float *x;          // (count, features); sequences: tokens (count, steps)
    const uint32_t *labels;  // (count), sequences (count, steps), each below the outputs; or NULL
    const float *targets;    // (count, outputs) or NULL; NULL for sequences
    const uint32_t *lengths; // sequences: (count), each in [1, steps]; NULL otherwise
} ch_batch;

/* Sums over the predictions of one call: one an example, or one a position of sequences. */
typedef struct ch_score {
    double loss;
    uint64_t correct;
    uint64_t count; // of predictions that were judged
} ch_score;

ch_net_options ch_net_defaults(void);

/*
 * Returns OK and an object to destroy; EINVAL when the layers do not parse or do not fit the input
 * (err names the layer), ENOMEM; *out == NULL then.
 */
CHOIR_NODISCARD choir_status ch_net_create(ch_net **out, const ch_net_options *options,
                                           const choir_env *env, choir_error *err);
void ch_net_destroy(ch_net *net);

/*
 * How many bytes ch_net_create claims for these options, which it does not claim: only, for the
 * moment, those of a graph.
 *
 * Returns as ch_net_create.
 */
CHOIR_NODISCARD choir_status ch_net_bytes(size_t *out, const ch_net_options *options,
                                          const choir_env *env, choir_error *err);

/* Names, shapes and offsets of its parameters; borrowed. */
const choir_layout *ch_net_layout(const ch_net *net);

/* Outputs of the last layer: classes, or regression values. */
uint32_t ch_net_outputs(const ch_net *net);

/* How many tokens its embedding knows: those of x are whole numbers below it. 0: it has none, and x
 * may hold any numbers. */
uint32_t ch_net_vocabulary(const ch_net *net);

/*
 * Fills params (dim) with seeded initial values: weights uniform in +-sqrt(6 / fan_in) before a
 * relu and +-sqrt(3 / fan_in) elsewhere, biases zero. An embedding's rows are uniform in +-sqrt(3),
 * of which one is what its product with a token sums: a fan_in of one. All weights of an LSTM of n
 * units are uniform in +-1 / sqrt(n), as PyTorch's; its biases are zero, but one of the forget
 * gate.
 *
 * Source: He et al., "Delving Deep into Rectifiers", ICCV 2015, eq. 10; LeCun et al., "Efficient
 * BackProp", 1998, sec. 4.6; Gers et al., "Learning to Forget", Neural Computation 12, 2000, and
 * Jozefowicz et al., "An Empirical Exploration of Recurrent Network Architectures", ICML 2015, on
 * the forget gate.
 */
void ch_net_init(const ch_net *net, uint64_t seed, float *params);

/*
 * Copies parameters (dim) in, and makes them w_loaded; momentum buffers become zero. The steps that
 * follow, up to the next load, are either all plain or none is: with momentum, weight decay or a
 * proximal term.
 */
void ch_net_load(ch_net *net, const float *params);

/*
 * A vector k (dim) that is added to the gradient of every step that follows, up to the next load:
 * g += k, in the formula of ch_sgd. Only on a net made with corrected, right after a load. Copied.
 *
 * A step is linear in its gradients, so what k does is done behind it: w -= rate s k, where
 * s <- momentum s + 1 from zero. That is the same in exact numbers, and one rounding more.
 */
void ch_net_correct(ch_net *net, const float *correction);

/* Copies the current parameters (dim) out. */
void ch_net_store(const ch_net *net, float *params);

/* change (dim) = the current parameters - from (dim). Returns whether all of it is finite. */
bool ch_net_store_change(const ch_net *net, const float *from, float *change);

/*
 * One step on a batch: forward, backward, update. The gradient is the mean over the batch's
 * predictions: its examples, or all positions of its sequences.
 *
 * batch   at least one example; has labels or targets, not both
 * score   out: loss and hits before the update; accumulates into *score
 *
 * A batch of more than batch_max examples goes through in parts; sequences are grouped by length.
 * Parts change no bit of the result where examples are no sequences. Where they are, a sum over the
 * positions of the batch is one over its parts, and rounds as such.
 *
 * Returns OK; ERANGE when the loss is not finite (the parameters are then of no use).
 */
CHOIR_NODISCARD choir_status ch_net_step(ch_net *net, const ch_batch *batch, const ch_sgd *sgd,
                                         ch_score *score);

/* The gradient (dim) of the mean loss over a batch, of any size like a step's, without an update.
 * Returns as ch_net_step does. */
CHOIR_NODISCARD choir_status ch_net_gradient(ch_net *net, const ch_batch *batch, float *gradient,
                                             ch_score *score);

/*
 * Forward only. predictions (count, outputs), of sequences (count, steps, outputs), may be NULL:
 * class probabilities, or values. Those of positions at or beyond a length are not written.
 * labels and targets may both be NULL: predict only, *score is then untouched.
 */
void ch_net_evaluate(ch_net *net, const ch_batch *batch, float *predictions, ch_score *score);

#endif
