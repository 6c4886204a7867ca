/* Graph: see graph.h. */
#include "nn/graph.h"

#include "base/assert.h"
#include "base/error.h"
#include "choir/task.h"
#include "math/panels.h"

#include <stdio.h>
#include <string.h>

void ch_graph_init(ch_graph *graph, ch_shape input) {
    *graph = (ch_graph){.nodes_count = 1};
    ch_node *node = &graph->nodes[0];
    node->shape = input;
    node->stride = ch_shape_features(input);
    graph->first = node;
    graph->last = node;
}

void ch_graph_release(ch_graph *graph) {
    ch_arena_release(&graph->arena);
}

ch_node *ch_graph_node(ch_graph *graph, const char *op) {
    if (graph->nodes_count == CH_NODES_MAX) {
        return NULL;
    }
    ch_node *node = &graph->nodes[graph->nodes_count++];
    *node = (ch_node){.graph = graph, .op = ch_op_find(op)};
    return node;
}

choir_status ch_graph_append(ch_graph *graph, ch_node *node, choir_error *err) {
    node->in = graph->last;
    const choir_status status = node->op->shape(graph, node, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const ch_shape s = node->shape;
    if ((uint64_t)s.height * s.width > CH_ACTIVATION_MAX ||
        (uint64_t)s.height * s.width * s.channels > CH_ACTIVATION_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%s makes %u x %u x %u values, at most %d are right",
                            node->label, s.height, s.width, s.channels, CH_ACTIVATION_MAX);
    }
    node->stride = ch_padded(ch_shape_features(s));
    node->prev = graph->last;
    graph->last->next = node;
    graph->last = node;
    return CHOIR_OK;
}

void ch_graph_remove(ch_graph *graph, ch_node *node) {
    CH_ASSERT(node->prev != NULL);
    node->prev->next = node->next;
    if (node->next != NULL) {
        node->next->prev = node->prev;
        node->next->in = node->in;
    } else {
        graph->last = node->prev;
    }
}

static uint32_t params_of(const ch_node *node) {
    uint32_t count = 0;
    while (count < CH_NODE_PARAMS_MAX && node->params[count] != NULL) {
        count++;
    }
    return count;
}

static choir_status param_add(ch_graph *graph, ch_node *node, const char *name,
                              const uint32_t *shape, uint32_t rank, uint32_t blocks,
                              choir_error *err) {
    CH_ASSERT(rank >= 1);
    CH_ASSERT(rank <= CHOIR_RANK_MAX);
    CH_ASSERT(params_of(node) < CH_NODE_PARAMS_MAX);
    choir_layout *layout = &graph->layout;
    if (layout->count == CHOIR_TENSORS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%s is one too many: a model has at most %d tensors",
                            node->label, CHOIR_TENSORS_MAX);
    }
    choir_tensor tensor = {.rank = rank, .offset = layout->dim, .count = 1};
    (void)snprintf(tensor.name, sizeof(tensor.name), "%s.%s", node->name, name);
    for (uint32_t i = 0; i < rank; i++) {
        const uint64_t count = (uint64_t)tensor.count * shape[i];
        if (count > CHOIR_DIM_MAX - layout->dim) {
            return ch_error_set(err, CHOIR_EINVAL, "%s makes the model larger than %d parameters",
                                node->label, CHOIR_DIM_MAX);
        }
        tensor.shape[i] = shape[i];
        tensor.count = (uint32_t)count;
    }
    ch_param *param = &graph->params[graph->params_count++];
    param->tensor = layout->count;
    param->cols = shape[rank - 1];
    param->blocks = blocks;
    param->rows = tensor.count / param->cols / blocks;
    param->size = blocks * ch_panels_size(param->rows, param->cols);
    param->range = -1.0;
    node->params[params_of(node)] = param;
    layout->tensors[layout->count++] = tensor;
    layout->dim += tensor.count;
    return CHOIR_OK;
}

choir_status ch_graph_param(ch_graph *graph, ch_node *node, const char *name, const uint32_t *shape,
                            uint32_t rank, choir_error *err) {
    return param_add(graph, node, name, shape, rank, 1, err);
}

choir_status ch_graph_blocks(ch_graph *graph, ch_node *node, const char *name,
                             const uint32_t *shape, uint32_t rank, choir_error *err) {
    CH_ASSERT(rank >= 2);
    return param_add(graph, node, name, shape, rank, shape[0], err);
}

static size_t node_work(const ch_node *node, uint32_t batch) {
    return node->op->work_bytes != NULL ? node->op->work_bytes(node, batch) : 0;
}

size_t ch_graph_bytes(const ch_graph *graph, uint32_t batch) {
    const size_t values = graph->forward_only ? 1 : 2;
    const size_t buffers = (graph->forward_only ? 1U : 4U) + (graph->corrected ? 1U : 0U);
    size_t bytes = 0;
    for (const ch_node *node = graph->first->next; node != NULL; node = node->next) {
        bytes += values * ch_arena_cost(batch * node->stride, sizeof(float));
        bytes += ch_arena_cost(node_work(node, batch), 1);
    }
    for (uint32_t i = 0; i < graph->params_count; i++) {
        bytes += buffers * ch_arena_cost(graph->params[i].size, sizeof(float));
    }
    return bytes;
}

choir_status ch_graph_plan(ch_graph *graph, uint32_t batch, const choir_env *env) {
    const choir_status status = ch_arena_init(&graph->arena, ch_graph_bytes(graph, batch), env);
    if (status != CHOIR_OK) {
        return status;
    }
    graph->batch = batch;
    ch_arena *arena = &graph->arena;
    for (ch_node *node = graph->first->next; node != NULL; node = node->next) {
        node->x = CH_NEW(arena, float, batch * node->stride);
        node->g = graph->forward_only ? NULL : CH_NEW(arena, float, batch * node->stride);
        node->work = ch_arena_alloc(arena, node_work(node, batch), 1);
    }
    for (uint32_t i = 0; i < graph->params_count; i++) {
        const size_t size = graph->params[i].size;
        ch_weights *buffers = &graph->params[i].buffers;
        buffers->w = CH_NEW(arena, float, size);
        if (graph->forward_only) {
            continue;
        }
        buffers->g = CH_NEW(arena, float, size);
        buffers->v = CH_NEW(arena, float, size);
        buffers->anchor = CH_NEW(arena, float, size);
        graph->params[i].correction = graph->corrected ? CH_NEW(arena, float, size) : NULL;
        CH_ASSERT(buffers->anchor != NULL);
    }
    return CHOIR_OK;
}

void ch_graph_input(ch_graph *graph, const float *x) {
    graph->first->x = (float *)x; // operators write their own values only
}

void ch_graph_forward(ch_graph *graph, const ch_pass *pass) {
    CH_ASSERT(pass->count <= graph->batch);
    for (ch_node *node = graph->first->next; node != NULL; node = node->next) {
        node->op->forward(node, pass);
    }
}

void ch_graph_backward(ch_graph *graph, const ch_pass *pass) {
    for (ch_node *node = graph->last; node->op != NULL; node = node->prev) {
        node->op->backward(node, pass);
    }
}

ch_update ch_node_update(const ch_node *node, const ch_pass *pass) {
    ch_update update = pass->update;
    update.applied = update.applied && node->updates;
    return update;
}

/* One matrix of a parameter: where it is in panels and in the flat vector. */
typedef struct place {
    const ch_param *param;
    size_t panels, flat;
} place;

static place place_of(const ch_graph *graph, const ch_param *p, uint32_t block) {
    const size_t rows = (size_t)block * p->rows;
    return (place){.param = p,
                   .panels = block * ch_panels_size(p->rows, p->cols),
                   .flat = graph->layout.tensors[p->tensor].offset + rows * p->cols};
}

/* Matrix number *index of all parameters, and counts on; false behind the last. */
static bool next_place(const ch_graph *graph, place *at, uint32_t *index) {
    uint32_t left = *index;
    for (uint32_t i = 0; i < graph->params_count; i++) {
        const ch_param *p = &graph->params[i];
        if (left < p->blocks) {
            *at = place_of(graph, p, left);
            *index += 1;
            return true;
        }
        left -= p->blocks;
    }
    return false;
}

void ch_graph_load(ch_graph *graph, const ch_kernels *kernels, const float *flat) {
    place at;
    for (uint32_t i = 0; next_place(graph, &at, &i);) {
        const ch_param *p = at.param;
        kernels->panel->load(p->buffers.w + at.panels, flat + at.flat, p->rows, p->cols);
    }
}

void ch_graph_load_correction(ch_graph *graph, const ch_kernels *kernels, const float *flat) {
    place at;
    CH_ASSERT(graph->corrected);
    for (uint32_t i = 0; next_place(graph, &at, &i);) {
        const ch_param *p = at.param;
        kernels->panel->load(p->correction + at.panels, flat + at.flat, p->rows, p->cols);
    }
}

void ch_graph_store(const ch_graph *graph, const ch_kernels *kernels, float *flat) {
    place at;
    for (uint32_t i = 0; next_place(graph, &at, &i);) {
        const ch_param *p = at.param;
        kernels->panel->store(flat + at.flat, p->buffers.w + at.panels, p->rows, p->cols);
    }
}

bool ch_graph_store_change(const ch_graph *graph, const ch_kernels *kernels, const float *from,
                           float *change) {
    bool is_finite = true;
    place at;
    for (uint32_t i = 0; next_place(graph, &at, &i);) {
        const ch_param *p = at.param;
        is_finite = kernels->panel->store_change(change + at.flat, p->buffers.w + at.panels,
                                                 from + at.flat, p->rows, p->cols) &&
                    is_finite;
    }
    return is_finite;
}

void ch_graph_store_gradient(const ch_graph *graph, const ch_kernels *kernels, float *flat) {
    place at;
    for (uint32_t i = 0; next_place(graph, &at, &i);) {
        const ch_param *p = at.param;
        kernels->panel->store(flat + at.flat, p->buffers.g + at.panels, p->rows, p->cols);
    }
}

void ch_graph_anchor(ch_graph *graph) {
    for (uint32_t i = 0; i < graph->params_count; i++) {
        const ch_param *p = &graph->params[i];
        memcpy(p->buffers.anchor, p->buffers.w, p->size * sizeof(float));
        memset(p->buffers.v, 0, p->size * sizeof(float));
    }
}
