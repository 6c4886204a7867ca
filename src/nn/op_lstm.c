/*
 * Operator of a recurrent layer: an LSTM, with peepholes, coupled gates or a projection if wanted.
 *
 * x (rows,k) is the input, packed as in packing.h, n the units, y (rows,r) what the next step and
 * the next layer see: h, or with a projection h p. For each gate, and y' of the step before:
 *
 *     z = x w + b + y' u      then lstm.h
 *
 * x w is one product for the rows of all steps; y' u is one a step, of the rows that are there.
 * Backward goes from the last step to the first, and leaves the gradients of all z; those of w, u,
 * b, p and x are then products over the rows of all steps. Gates lie one after the other in
 * parameters and in memory, in the order input, forget, cell, output, so each is a matrix of its
 * own; coupled ones are forget, cell, output.
 *
 * Source: math/lstm.h; the projection is that of Sak et al., 2014, whose recurrence sees it too.
 */
#include "base/assert.h"
#include "base/error.h"
#include "math/dense.h"
#include "math/lstm.h"
#include "math/panels.h"
#include "nn/op.h"

#include <math.h>
#include <string.h>

/* Its parameters, in this order; the last two where it has them. */
enum { WEIGHT, RECURRENT, BIAS };

/* What a step leaves for later ones and for backward; rows are those of all steps. */
typedef struct lstm_work {
    float *gate[CH_LSTM_GATES];        // (rows, n)
    float *c, *squashed;               // (rows, n)
    float *h;                          // (rows, n); the node's value where there is no projection
    float *gc;                         // (examples, n) gradient of c, from step to step
    float *gh;                         // (examples, n) gradient of h, behind a projection
    float *before;                     // (rows, r) y' of the rows behind the first step
    float *weight_t[CH_LSTM_GATES];    // (n, k) transposed weights
    float *recurrent_t[CH_LSTM_GATES]; // (n, r)
    float *projection_t;               // (r, n)
} lstm_work;

static uint32_t outputs_of(const ch_node *node) {
    return node->projected > 0 ? node->projected : node->units;
}

/* The first of the gates that it has. */
static uint32_t first_gate(const ch_node *node) {
    return node->coupled ? CH_LSTM_FORGET : CH_LSTM_INPUT;
}

static ch_param *peepholes_of(const ch_node *node) {
    return node->peepholes ? node->params[BIAS + 1] : NULL;
}

static ch_param *projection_of(const ch_node *node) {
    return node->projected > 0 ? node->params[node->peepholes ? BIAS + 2 : BIAS + 1] : NULL;
}

// Shape.

static uint32_t gates_of(const ch_node *node) {
    return CH_LSTM_GATES - first_gate(node);
}

/* The parameter that was added last. */
static ch_param *last_param(ch_graph *graph) {
    return &graph->params[graph->params_count - 1];
}

/* Matrices of a gate each, or one; initial values as those of PyTorch's LSTM. */
static choir_status add_weights(ch_graph *graph, ch_node *node, choir_error *err) {
    const uint32_t weight[3] = {gates_of(node), ch_shape_features(node->in->shape), node->units};
    const uint32_t recurrent[3] = {gates_of(node), outputs_of(node), node->units};
    choir_status status = ch_graph_blocks(graph, node, "weight", weight, 3, err);
    if (status == CHOIR_OK) {
        last_param(graph)->range = 1.0 / sqrt(node->units);
        status = ch_graph_blocks(graph, node, "recurrent", recurrent, 3, err);
    }
    if (status == CHOIR_OK) {
        last_param(graph)->range = 1.0 / sqrt(node->units);
    }
    return status;
}

static choir_status add_bias(ch_graph *graph, ch_node *node, choir_error *err) {
    const uint32_t shape[2] = {gates_of(node), node->units};
    const choir_status status = ch_graph_blocks(graph, node, "bias", shape, 2, err);
    if (status == CHOIR_OK) {
        last_param(graph)->range = 0.0;
        last_param(graph)->ones = 1 + CH_LSTM_FORGET - first_gate(node);
    }
    return status;
}

static choir_status add_peepholes(ch_graph *graph, ch_node *node, choir_error *err) {
    const uint32_t shape[2] = {gates_of(node) - 1, node->units};
    const choir_status status = ch_graph_blocks(graph, node, "peephole", shape, 2, err);
    if (status == CHOIR_OK) {
        last_param(graph)->range = 1.0 / sqrt(node->units);
    }
    return status;
}

static choir_status add_projection(ch_graph *graph, ch_node *node, choir_error *err) {
    const uint32_t shape[2] = {node->units, node->projected};
    const choir_status status = ch_graph_param(graph, node, "projection", shape, 2, err);
    if (status == CHOIR_OK) {
        last_param(graph)->range = 1.0 / sqrt(node->units);
    }
    return status;
}

static choir_status add_params(ch_graph *graph, ch_node *node, choir_error *err) {
    choir_status status = add_weights(graph, node, err);
    if (status == CHOIR_OK) {
        status = add_bias(graph, node, err);
    }
    if (status == CHOIR_OK && node->peepholes) {
        status = add_peepholes(graph, node, err);
    }
    return status == CHOIR_OK && node->projected > 0 ? add_projection(graph, node, err) : status;
}

static choir_status lstm_shape(ch_graph *graph, ch_node *node, choir_error *err) {
    if (graph->steps == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s reads sequences; right are data whose examples are such",
                            node->label);
    }
    node->shape = (ch_shape){.height = 1, .width = 1, .channels = outputs_of(node)};
    return add_params(graph, node, err);
}

// Memory.

/* Hands out pieces of memory, or only counts them. */
typedef struct cursor {
    float *base; // NULL: counts
    size_t used;
} cursor;

static float *take(cursor *at, size_t floats) {
    float *piece = at->base != NULL ? at->base + at->used : NULL;
    at->used += floats;
    return piece;
}

/* Behind node->work, for that many rows. */
static lstm_work work_layout(const ch_node *node, uint32_t rows, cursor *at) {
    const size_t n = ch_padded(node->units);
    const uint32_t r = outputs_of(node);
    const size_t examples = rows / node->graph->steps;
    const bool trains = !node->graph->forward_only;
    lstm_work w = {.c = take(at, rows * n), .squashed = take(at, rows * n)};
    for (uint32_t g = first_gate(node); g < CH_LSTM_GATES; g++) {
        w.gate[g] = take(at, rows * n);
    }
    w.h = node->projected > 0 ? take(at, rows * n) : node->x;
    if (trains) {
        w.gc = take(at, examples * n);
        w.before = take(at, rows * ch_padded(r));
        for (uint32_t g = first_gate(node); g < CH_LSTM_GATES; g++) {
            w.weight_t[g] =
                take(at, ch_panels_size(node->units, ch_shape_features(node->in->shape)));
            w.recurrent_t[g] = take(at, ch_panels_size(node->units, r));
        }
    }
    if (trains && node->projected > 0) {
        w.gh = take(at, examples * n);
        w.projection_t = take(at, ch_panels_size(r, node->units));
    }
    return w;
}

static size_t lstm_work_bytes(const ch_node *node, uint32_t batch) {
    cursor at = {0};
    (void)work_layout(node, batch, &at);
    return at.used * sizeof(float);
}

static lstm_work work_of(const ch_node *node) {
    cursor at = {.base = node->work};
    return work_layout(node, node->graph->batch, &at);
}

// What both ways share.

/* Matrix number gate - first_gate of a parameter. */
static ch_weights block(const ch_node *node, const ch_param *p, uint32_t gate) {
    const size_t at = (gate - first_gate(node)) * ch_panels_size(p->rows, p->cols);
    const ch_weights *w = &p->buffers;
    if (w->g == NULL) {
        return (ch_weights){.w = w->w + at};
    }
    return (ch_weights){.w = w->w + at, .g = w->g + at, .v = w->v + at, .anchor = w->anchor + at};
}

static ch_dense_shape shape_of(const ch_param *p) {
    return (ch_dense_shape){.rows = p->rows, .n = p->cols};
}

static ch_dense_input input_of(const ch_node *node) {
    return (ch_dense_input){
        .x = node->in->x, .stride = node->in->stride, .k = ch_shape_features(node->in->shape)};
}

/* Rows from row on of a matrix with that many columns. */
static ch_dense_input rows_of(const float *x, size_t row, uint32_t columns) {
    const size_t stride = ch_padded(columns);
    return (ch_dense_input){.x = x + row * stride, .stride = stride, .k = columns};
}

/* Peepholes lie as gates do, without that of the cell. */
static const float *peephole_of(const ch_node *node, uint32_t gate) {
    const ch_param *p = peepholes_of(node);
    if (p == NULL || gate == CH_LSTM_CELL || gate < first_gate(node)) {
        return NULL;
    }
    return block(node, p, gate == CH_LSTM_OUTPUT ? gate - 1 : gate).w;
}

/* Everything of the step whose rows begin at row; earlier: how many rows lie between it and the
 * step before, 0 where there is none. */
static ch_lstm_step step_of(const ch_node *node, const lstm_work *w, size_t row, uint32_t m,
                            uint32_t earlier) {
    const size_t n = ch_padded(node->units);
    ch_lstm_step s = {.m = m,
                      .n = node->units,
                      .before = earlier > 0 ? w->c + (row - earlier) * n : NULL,
                      .c = w->c + row * n,
                      .squashed = w->squashed + row * n,
                      .h = w->h + row * n,
                      .gc = w->gc};
    for (uint32_t g = first_gate(node); g < CH_LSTM_GATES; g++) {
        s.gate[g] = w->gate[g] + row * n;
        s.peephole[g] = peephole_of(node, g);
    }
    return s;
}

// Forward.

/* gate = x w + b, for all rows. */
static void sum_inputs(const ch_node *node, const lstm_work *w, const ch_pass *pass) {
    const ch_dense_input input = input_of(node);
    const ch_param *weight = node->params[WEIGHT];
    for (uint32_t g = first_gate(node); g < CH_LSTM_GATES; g++) {
        pass->kernels->dense->forward(w->gate[g], &input, pass->count, shape_of(weight),
                                      block(node, weight, g).w,
                                      block(node, node->params[BIAS], g).w, false);
    }
}

/* gate += y' u, for m rows from row on. */
static void sum_recurrence(const ch_node *node, const lstm_work *w, const ch_pass *pass, size_t row,
                           uint32_t m, uint32_t earlier) {
    const ch_param *recurrent = node->params[RECURRENT];
    const ch_dense_input before = rows_of(node->x, row - earlier, outputs_of(node));
    for (uint32_t g = first_gate(node); g < CH_LSTM_GATES; g++) {
        pass->kernels->dense->forward_added(w->gate[g] + row * ch_padded(node->units), &before, m,
                                            shape_of(recurrent), block(node, recurrent, g).w);
    }
}

static void project(ch_node *node, const lstm_work *w, const ch_pass *pass, size_t row,
                    uint32_t m) {
    const ch_param *p = projection_of(node);
    if (p != NULL) {
        const ch_dense_input h = rows_of(w->h, row, node->units);
        pass->kernels->dense->forward(node->x + row * node->stride, &h, m, shape_of(p),
                                      p->buffers.w, NULL, false);
    }
}

static void lstm_forward(ch_node *node, const ch_pass *pass) {
    CH_ASSERT(pass->active != NULL);
    const lstm_work w = work_of(node);
    sum_inputs(node, &w, pass);
    size_t row = 0;
    uint32_t earlier = 0;
    for (uint32_t step = 0; row < pass->count; step++) {
        const uint32_t m = pass->active[step];
        if (step > 0) {
            sum_recurrence(node, &w, pass, row, m, earlier);
        }
        const ch_lstm_step s = step_of(node, &w, row, m, earlier);
        pass->kernels->lstm->forward(&s);
        project(node, &w, pass, row, m);
        row += m;
        earlier = m;
    }
}

// Backward.

/* Before any weight changes. */
static void turn_weights(const ch_node *node, const lstm_work *w, const ch_pass *pass) {
    const ch_param *weight = node->params[WEIGHT];
    const ch_param *recurrent = node->params[RECURRENT];
    const ch_param *p = projection_of(node);
    const ch_panel_kernels *panel = pass->kernels->panel;
    for (uint32_t g = first_gate(node); g < CH_LSTM_GATES; g++) {
        panel->transpose(w->weight_t[g], block(node, weight, g).w, weight->rows, weight->cols);
        panel->transpose(w->recurrent_t[g], block(node, recurrent, g).w, recurrent->rows,
                         recurrent->cols);
    }
    if (p != NULL) {
        panel->transpose(w->projection_t, p->buffers.w, p->rows, p->cols);
    }
}

/* The gradient of h, for m rows from row on. */
static const float *gradient_of_h(const ch_node *node, const lstm_work *w, const ch_pass *pass,
                                  size_t row, uint32_t m) {
    if (projection_of(node) == NULL) {
        return node->g + row * node->stride;
    }
    const uint32_t r = outputs_of(node);
    const ch_dense_input gy = rows_of(node->g, row, r);
    const ch_dense_shape shape = {.rows = r, .n = node->units};
    pass->kernels->dense->forward(w->gh, &gy, m, shape, w->projection_t, NULL, false);
    return w->gh;
}

/* g(y') += g(z) u^T of all gates, for m rows from row on. */
static void add_recurrence(const ch_node *node, const lstm_work *w, const ch_pass *pass, size_t row,
                           uint32_t m, uint32_t earlier) {
    const ch_dense_shape shape = {.rows = node->units, .n = outputs_of(node)};
    for (uint32_t g = first_gate(node); g < CH_LSTM_GATES; g++) {
        const ch_dense_input gz = rows_of(w->gate[g], row, node->units);
        pass->kernels->dense->forward_added(node->g + (row - earlier) * node->stride, &gz, m, shape,
                                            w->recurrent_t[g]);
    }
}

/* From the last step to the first: gates become the gradients of their sums, node->g that of y
 * from everything that reads it. */
static void walk_back(const ch_node *node, const lstm_work *w, const ch_pass *pass) {
    uint32_t steps = 0;
    for (uint32_t rows = 0; rows < pass->count; steps++) {
        rows += pass->active[steps];
    }
    memset(w->gc, 0, pass->active[0] * ch_padded(node->units) * sizeof(float));
    size_t row = pass->count;
    while (steps-- > 0) {
        const uint32_t m = pass->active[steps];
        const uint32_t earlier = steps > 0 ? pass->active[steps - 1] : 0;
        row -= m;
        ch_lstm_step s = step_of(node, w, row, m, earlier);
        s.gh = gradient_of_h(node, w, pass, row, m);
        pass->kernels->lstm->backward(&s);
        if (steps > 0) {
            add_recurrence(node, w, pass, row, m, earlier);
        }
    }
}

/* g(x) = sum over gates of g(z) w^T */
static void input_gradient(const ch_node *node, const lstm_work *w, const ch_pass *pass) {
    const ch_dense_shape shape = {.rows = node->units, .n = ch_shape_features(node->in->shape)};
    const ch_dense_kernels *dense = pass->kernels->dense;
    for (uint32_t g = first_gate(node); g < CH_LSTM_GATES && node->in->g != NULL; g++) {
        const ch_dense_input gz = rows_of(w->gate[g], 0, node->units);
        if (g == first_gate(node)) {
            dense->forward(node->in->g, &gz, pass->count, shape, w->weight_t[g], NULL, false);
        } else {
            dense->forward_added(node->in->g, &gz, pass->count, shape, w->weight_t[g]);
        }
    }
}

/* y' of all rows behind the first step, whose own is zero. */
static ch_dense_input outputs_before(const ch_node *node, const lstm_work *w, const ch_pass *pass) {
    size_t to = 0;
    size_t from = 0;
    const size_t row = node->stride * sizeof(float);
    for (uint32_t step = 1; pass->active[0] + to < pass->count; step++) {
        memcpy(w->before + to * node->stride, node->x + from * node->stride,
               pass->active[step] * row);
        to += pass->active[step];
        from += pass->active[step - 1];
    }
    return rows_of(w->before, 0, outputs_of(node));
}

static void gate_gradients(const ch_node *node, const lstm_work *w, const ch_pass *pass,
                           const ch_update *update) {
    static const float one = 1.0F;
    const ch_dense_input ones = {.x = &one, .stride = 0, .k = 1};
    const ch_dense_input x = input_of(node);
    const ch_dense_input before = outputs_before(node, w, pass);
    const ch_dense_kernels *dense = pass->kernels->dense;
    const size_t n = ch_padded(node->units);
    const uint32_t first = pass->active[0];
    for (uint32_t g = first_gate(node); g < CH_LSTM_GATES; g++) {
        const ch_weights weight = block(node, node->params[WEIGHT], g);
        const ch_weights recurrent = block(node, node->params[RECURRENT], g);
        const ch_weights bias = block(node, node->params[BIAS], g);
        dense->weight_gradient(&weight, &x, w->gate[g], pass->count, shape_of(node->params[WEIGHT]),
                               update);
        dense->weight_gradient(&recurrent, &before, w->gate[g] + first * n, pass->count - first,
                               shape_of(node->params[RECURRENT]), update);
        dense->weight_gradient(&bias, &ones, w->gate[g], pass->count, shape_of(node->params[BIAS]),
                               update);
    }
}

/* A peephole that sees c of the step before, in the order of the rows. */
static void peephole_gradient(const ch_node *node, const lstm_work *w, const ch_pass *pass,
                              uint32_t gate, const ch_update *update) {
    const ch_weights p = block(node, peepholes_of(node), gate);
    const size_t n = ch_padded(node->units);
    size_t row = pass->active[0];
    size_t from = 0;
    ch_update part = *update;
    for (uint32_t step = 1;; step++) {
        const uint32_t m = row < pass->count ? pass->active[step] : 0;
        part.applied = update->applied && row + m == pass->count;
        pass->kernels->lstm->peephole_gradient(&p, w->gate[gate] + row * n, w->c + from * n, m,
                                               node->units, &part);
        row += m;
        if (row == pass->count) {
            return;
        }
        from += pass->active[step - 1];
        part.continued = true;
    }
}

static void peephole_gradients(const ch_node *node, const lstm_work *w, const ch_pass *pass,
                               const ch_update *update) {
    for (uint32_t gate = first_gate(node); gate < CH_LSTM_CELL; gate++) {
        peephole_gradient(node, w, pass, gate, update);
    }
    const ch_weights p = block(node, peepholes_of(node), CH_LSTM_OUTPUT - 1);
    pass->kernels->lstm->peephole_gradient(&p, w->gate[CH_LSTM_OUTPUT], w->c, pass->count,
                                           node->units, update);
}

static void lstm_backward(ch_node *node, const ch_pass *pass) {
    const lstm_work w = work_of(node);
    const ch_update update = ch_node_update(node, pass);
    const ch_param *projection = projection_of(node);
    turn_weights(node, &w, pass);
    walk_back(node, &w, pass);
    input_gradient(node, &w, pass);
    gate_gradients(node, &w, pass, &update);
    if (node->peepholes) {
        peephole_gradients(node, &w, pass, &update);
    }
    if (projection != NULL) {
        const ch_dense_input h = rows_of(w.h, 0, node->units);
        pass->kernels->dense->weight_gradient(&projection->buffers, &h, node->g, pass->count,
                                              shape_of(projection), &update);
    }
}

const ch_op CH_OP_LSTM = {
    .name = "lstm",
    .shape = lstm_shape,
    .work_bytes = lstm_work_bytes,
    .forward = lstm_forward,
    .backward = lstm_backward,
};
