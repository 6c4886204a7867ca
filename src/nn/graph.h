/*
 * Graph: a chain of operators on batches of examples, and the parameters they own.
 *
 *   add nodes (shapes are checked) -> fuse.h rewrites the chain -> ch_graph_plan claims memory
 *   forward: first to last;  backward: last to first
 *
 * A value is read by one operator, so a gradient has one writer. Nodes hold activations: one row an
 * example, its features in the order height, width, channels (NHWC), rows padded with zeros to
 * whole panels (math/panels.h). Of sequences a row is a position, packed as in packing.h, and only
 * recurrent operators look at which. Parameters lie in panels while the graph runs; their flat
 * order, which the rest of the system knows, is the layout.
 */
#ifndef CH_NN_GRAPH_H
#define CH_NN_GRAPH_H

#include "base/arena.h"
#include "base/shape.h"
#include "choir/layout.h"
#include "choir/status.h"
#include "math/kernels.h"
#include "math/update.h"
#include "nn/net.h"

enum {
    CH_NODES_MAX = 4 * CHOIR_TENSORS_MAX,
    CH_NODE_PARAMS_MAX = 5,
    CH_ACTIVATION_MAX = 1 << 24, // floats in one example's activation
    CH_LABEL_MAX = 160,          // bytes of a node's label in messages, with the terminating zero
    CH_LAYER_NAME_MAX = 32,      // likewise of its name
};

typedef struct ch_graph ch_graph;
typedef struct ch_node ch_node;
typedef struct ch_op ch_op;

/* One parameter tensor: in flat order the layout's tensor, here the matrix (rows, cols), or so many
 * of them one after the other. */
typedef struct ch_param {
    uint32_t tensor;     // its place in the layout
    uint32_t blocks;     // matrices: 1, or the tensor's first dimension
    uint32_t rows, cols; // cols is the tensor's last dimension, rows the product of the others
    size_t size;         // floats in panels
    double range;        // initial values are uniform in +-range; negative: by the fan-in, net.h
    uint32_t ones;       // the matrix, from 1, whose initial values are 1 instead; 0: none
    ch_weights buffers;  // (size) each; in the graph's arena
    float *correction;   // (size) likewise, of a graph that is corrected; else NULL
} ch_param;

struct ch_node {
    const ch_graph *graph; // that it is one of
    const ch_op *op;       // NULL for the input
    ch_node *in;           // whose value it reads
    ch_node *prev, *next;
    char label[CH_LABEL_MAX];     // for messages: "layer 2 'dense 10'"
    char name[CH_LAYER_NAME_MAX]; // of its parameters: "dense2"

    // What the layer asked for; an operator reads the fields it has a use for.
    uint32_t units;                       // outputs
    uint32_t vocabulary;                  // of an embedding
    uint32_t projected;                   // outputs of an LSTM's projection; 0: it has none
    bool peepholes, coupled;              // of an LSTM
    uint32_t window_height, window_width; // of a convolution or a pooling
    uint32_t window_stride;               // of a pooling

    ch_param *params[CH_NODE_PARAMS_MAX]; // NULL where it has none
    ch_shape shape;                       // of one example
    size_t stride;                        // floats from one example to the next
    float *x;                             // (batch, stride) value
    float *g;                             // (batch, stride) gradient; NULL for the input
    void *work;                           // the operator's own, op->work_bytes of it

    // Set by operators.
    bool winograd; // the algorithm of a convolution
    bool borrows;  // its parameters are another node's, which sees to their update
    bool shares;   // another node borrows them; its backward, which comes first, leaves a gradient

    // Set by the fusion pass.
    bool relu;    // the value is the larger of the sum and zero
    bool pools;   // the value is the largest of each 2 x 2
    bool updates; // its backward finishes the update of its parameters
};

/* One pass over a batch, or over a part of one. */
typedef struct ch_pass {
    const ch_kernels *kernels;
    uint32_t count;         // rows in this pass, at most the graph's batch
    const uint32_t *active; // of sequences: (steps) rows of each step, descending; NULL: no steps
    const uint32_t *labels; // (count), each below the number of outputs; or NULL
    const float *targets;   // (count, outputs) or NULL
    float scale;      // of every gradient: 1 / rows in the whole step, and in a plain step also
                      // times -rate
    ch_update update; // what becomes of the parameters' gradients
    ch_score *score;  // losses add to it
} ch_pass;

/*
 * One operator. A further one is a further row in op.c, and gets its gradient test from being a
 * row.
 *
 * shape       sets node->shape from node->in and the fields the layer asked for, and adds its
 *             parameters; EINVAL with a message that starts with node->label when they do not fit
 * work_bytes  memory of its own for batches of that size; NULL: none
 * forward     node->x = f(node->in->x), padding zero
 * backward    node->in->g = (df/dx)^T node->g, unless that is NULL. Assigns, padding zero.
 *             Gradients of parameters: ch_node_update says what becomes of them.
 *             May change node->g.
 */
struct ch_op {
    const char *name;
    bool is_loss; // forward adds to the score; backward starts the gradients and reads no node->g
    choir_status (*shape)(ch_graph *graph, ch_node *node, choir_error *err);
    size_t (*work_bytes)(const ch_node *node, uint32_t batch);
    void (*forward)(ch_node *node, const ch_pass *pass);
    void (*backward)(ch_node *node, const ch_pass *pass);
};

extern const ch_op *const CH_OPS[];
extern const uint32_t CH_OPS_COUNT;

/* Never NULL: asking for an operator that is not in the table is a programmer's error. */
const ch_op *ch_op_find(const char *name);

struct ch_graph {
    ch_node nodes[CH_NODES_MAX];
    uint32_t nodes_count;
    ch_param params[CHOIR_TENSORS_MAX];
    uint32_t params_count;
    choir_layout layout;
    ch_node *first, *last; // first is the input
    bool winograd;         // convolutions may use that algorithm; set before nodes are added
    bool forward_only;     // nothing is trained; set before nodes are added
    bool corrected;        // there is room for a correction of gradients; before ch_graph_plan
    uint32_t steps;        // of the longest sequence; 0: no sequences; set before nodes are added
    uint32_t vocabulary;   // tokens that the input's are below; 0: the input has no tokens
    uint32_t batch;        // rows
    ch_arena arena;        // activations, gradients, parameters; after ch_graph_plan
};

/* An empty chain that starts with an input. */
void ch_graph_init(ch_graph *graph, ch_shape input);
void ch_graph_release(ch_graph *graph);

/* A node to be filled in (label, name, units ...) and added. NULL when there are CH_NODES_MAX. */
ch_node *ch_graph_node(ch_graph *graph, const char *op);

/* Puts node at the end of the chain. Returns what its operator's shape says; EINVAL when it has
 * more than CH_ACTIVATION_MAX features. */
CHOIR_NODISCARD choir_status ch_graph_append(ch_graph *graph, ch_node *node, choir_error *err);

/* Takes node out of the chain; whoever read it reads its input. */
void ch_graph_remove(ch_graph *graph, ch_node *node);

/*
 * Adds the node's next parameter, for shape functions.
 *
 * name   "weight"; the tensor is called node->name.name
 * shape  (rank) in the order of the flat vector; the last dimension becomes the columns
 *
 * Returns OK; EINVAL when there are too many tensors or parameters.
 */
CHOIR_NODISCARD choir_status ch_graph_param(ch_graph *graph, ch_node *node, const char *name,
                                            const uint32_t *shape, uint32_t rank, choir_error *err);

/* Likewise one of as many matrices as the first dimension (rank 2 or more) says. */
CHOIR_NODISCARD choir_status ch_graph_blocks(ch_graph *graph, ch_node *node, const char *name,
                                             const uint32_t *shape, uint32_t rank,
                                             choir_error *err);

/* What ch_graph_plan claims. */
size_t ch_graph_bytes(const ch_graph *graph, uint32_t batch);

/* Claims all memory for batches of that size. Returns OK or ENOMEM. */
CHOIR_NODISCARD choir_status ch_graph_plan(ch_graph *graph, uint32_t batch, const choir_env *env);

/* Sets the input: (count, features), borrowed for the pass. */
void ch_graph_input(ch_graph *graph, const float *x);

void ch_graph_forward(ch_graph *graph, const ch_pass *pass);
void ch_graph_backward(ch_graph *graph, const ch_pass *pass);

/* What node's backward does with its parameters' gradients: the pass's update, without the SGD step
 * unless node finishes it itself. */
ch_update ch_node_update(const ch_node *node, const ch_pass *pass);

/* Copies the flat vector (layout.dim) into the panels, and out of them. */
void ch_graph_load(ch_graph *graph, const ch_kernels *kernels, const float *flat);
void ch_graph_store(const ch_graph *graph, const ch_kernels *kernels, float *flat);

/* change = parameters - from, both (layout.dim). Returns whether all of it is finite. */
bool ch_graph_store_change(const ch_graph *graph, const ch_kernels *kernels, const float *from,
                           float *change);

/* The gradients, out. */
void ch_graph_store_gradient(const ch_graph *graph, const ch_kernels *kernels, float *flat);

/* Remembers a flat vector (layout.dim) as the correction. */
void ch_graph_load_correction(ch_graph *graph, const ch_kernels *kernels, const float *flat);

/* Remembers the parameters as what the proximal term pulls towards, and forgets all momentum. */
void ch_graph_anchor(ch_graph *graph);

#endif
