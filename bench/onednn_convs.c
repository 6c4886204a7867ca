/* The convolution half of the MNIST CNN on oneDNN: see onednn_convs.h. */
#include "onednn_convs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

enum { STEPS_MAX = 24, ARGUMENTS_MAX = 8 };

/* A primitive and its operands. */
typedef struct step {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[ARGUMENTS_MAX];
    int count;
} step;

/* Parameters and where their gradient lies, in one layout. */
typedef struct tensor {
    dnnl_memory_t w, g;
    size_t count;
} tensor;

/* One convolution with its maximum. */
typedef struct layer {
    dnnl_dims_t in, out, pooled, filter; // NCHW, OIHW
    dnnl_primitive_desc_t convolution, pooling;
    dnnl_memory_t x, y, maxima, workspace; // values
    dnnl_memory_t gy, relu_gy, gmaxima;    // gradients
    tensor weight, bias;
} layer;

struct onednn_convs {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    step forward[STEPS_MAX], backward[STEPS_MAX];
    int forward_count, backward_count;
    layer layers[2];
    dnnl_memory_t x;
};

static const dnnl_dims_t ONES = {1, 1};
static const dnnl_dims_t TWOS = {2, 2};
static const dnnl_dims_t ZEROS = {0, 0};

static void check(dnnl_status_t status, const char *what) {
    if (status != dnnl_success) {
        (void)fprintf(stderr, "onednn_convs: %s failed with status %d\n", what, (int)status);
        exit(1);
    }
}

static dnnl_memory_desc_t any_layout(const dnnl_dims_t dims, int rank) {
    static const dnnl_format_tag_t dense = dnnl_x;
    dnnl_memory_desc_t d;
    check(dnnl_memory_desc_init_by_tag(&d, rank, dims, dnnl_f32,
                                       rank == 1 ? dense : dnnl_format_tag_any),
          "a memory description");
    return d;
}

static const dnnl_memory_desc_t *layout_of(const_dnnl_primitive_desc_t p, dnnl_query_t what) {
    return dnnl_primitive_desc_query_md(p, what, 0);
}

static dnnl_memory_t memory_new(onednn_convs *c, const dnnl_memory_desc_t *d) {
    dnnl_memory_t m;
    check(dnnl_memory_create(&m, d, c->engine, DNNL_MEMORY_ALLOCATE), "memory");
    return m;
}

static float *data_of(dnnl_memory_t m) {
    void *data = NULL;
    check(dnnl_memory_get_data_handle(m, &data), "memory's address");
    return data;
}

static const dnnl_memory_desc_t *desc_of(dnnl_memory_t m) {
    const dnnl_memory_desc_t *d = NULL;
    check(dnnl_memory_get_memory_desc(m, &d), "memory's description");
    return d;
}

static dnnl_primitive_desc_t describe(onednn_convs *c, const void *description,
                                      const_dnnl_primitive_attr_t attributes,
                                      const_dnnl_primitive_desc_t hint) {
    dnnl_primitive_desc_t p;
    check(dnnl_primitive_desc_create(&p, description, attributes, c->engine, hint),
          "a primitive's description");
    return p;
}

static step *step_add(step *steps, int *count, const_dnnl_primitive_desc_t description) {
    step *s = &steps[(*count)++];
    check(dnnl_primitive_create(&s->primitive, description), "a primitive");
    return s;
}

static void argument(step *s, int index, dnnl_memory_t memory) {
    s->arguments[s->count++] = (dnnl_exec_arg_t){.arg = index, .memory = memory};
}

/* from in the layout wanted: from itself, or a copy that a step before the present one makes. */
static dnnl_memory_t in_layout(onednn_convs *c, step *steps, int *count, dnnl_memory_t from,
                               const dnnl_memory_desc_t *wanted) {
    if (dnnl_memory_desc_equal(desc_of(from), wanted) != 0) {
        return from;
    }
    dnnl_memory_t to = memory_new(c, wanted);
    dnnl_primitive_desc_t p;
    check(dnnl_reorder_primitive_desc_create(&p, desc_of(from), c->engine, wanted, c->engine, NULL),
          "a reorder");
    step *s = step_add(steps, count, p);
    argument(s, DNNL_ARG_FROM, from);
    argument(s, DNNL_ARG_TO, to);
    return to;
}

static tensor tensor_new(onednn_convs *c, const dnnl_memory_desc_t *d, float range) {
    tensor t = {.w = memory_new(c, d), .g = memory_new(c, d)};
    t.count = dnnl_memory_desc_get_size(d) / sizeof(float);
    for (size_t i = 0; i < t.count; i++) {
        data_of(t.w)[i] =
            range * (2.0F * (float)rand_r(&(unsigned){(unsigned)i}) / (float)RAND_MAX - 1.0F);
        data_of(t.g)[i] = 0.0F;
    }
    return t;
}

static void forward_convolution(onednn_convs *c, layer *l, dnnl_memory_t x) {
    const dnnl_memory_desc_t in = any_layout(l->in, 4);
    const dnnl_memory_desc_t filter = any_layout(l->filter, 4);
    const dnnl_memory_desc_t bias = any_layout((dnnl_dims_t){l->out[1]}, 1);
    const dnnl_memory_desc_t out = any_layout(l->out, 4);
    dnnl_convolution_desc_t d;
    check(dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, dnnl_convolution_direct,
                                             &in, &filter, &bias, &out, ONES, TWOS, TWOS),
          "a convolution");
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t relu;
    check(dnnl_primitive_attr_create(&attributes), "attributes");
    check(dnnl_post_ops_create(&relu), "post-ops");
    check(dnnl_post_ops_append_eltwise(relu, 1.0F, dnnl_eltwise_relu, 0.0F, 0.0F), "relu");
    check(dnnl_primitive_attr_set_post_ops(attributes, relu), "post-ops");
    l->convolution = describe(c, &d, attributes, NULL);
    l->weight = tensor_new(c, layout_of(l->convolution, dnnl_query_weights_md), 0.1F);
    l->bias =
        tensor_new(c, dnnl_primitive_desc_query_md(l->convolution, dnnl_query_weights_md, 1), 0.0F);
    l->x = in_layout(c, c->forward, &c->forward_count, x,
                     layout_of(l->convolution, dnnl_query_src_md));
    l->y = memory_new(c, layout_of(l->convolution, dnnl_query_dst_md));
    step *s = step_add(c->forward, &c->forward_count, l->convolution);
    argument(s, DNNL_ARG_SRC, l->x);
    argument(s, DNNL_ARG_WEIGHTS, l->weight.w);
    argument(s, DNNL_ARG_BIAS, l->bias.w);
    argument(s, DNNL_ARG_DST, l->y);
}

static void forward_pooling(onednn_convs *c, layer *l) {
    const dnnl_memory_desc_t out = any_layout(l->pooled, 4);
    dnnl_pooling_desc_t d;
    check(dnnl_pooling_forward_desc_init(&d, dnnl_forward_training, dnnl_pooling_max, desc_of(l->y),
                                         &out, TWOS, TWOS, ZEROS, ZEROS),
          "a pooling");
    l->pooling = describe(c, &d, NULL, NULL);
    l->maxima = memory_new(c, layout_of(l->pooling, dnnl_query_dst_md));
    l->workspace = memory_new(c, layout_of(l->pooling, dnnl_query_workspace_md));
    l->gmaxima = memory_new(c, desc_of(l->maxima));
    step *s = step_add(c->forward, &c->forward_count, l->pooling);
    argument(s, DNNL_ARG_SRC, l->y);
    argument(s, DNNL_ARG_DST, l->maxima);
    argument(s, DNNL_ARG_WORKSPACE, l->workspace);
}

/* Through the maximum and relu, into relu_gy. */
static void backward_outputs(onednn_convs *c, layer *l) {
    dnnl_pooling_desc_t pooling;
    dnnl_eltwise_desc_t relu;
    l->gy = memory_new(c, desc_of(l->y));
    l->relu_gy = memory_new(c, desc_of(l->y));
    check(dnnl_pooling_backward_desc_init(&pooling, dnnl_pooling_max, desc_of(l->gy),
                                          desc_of(l->gmaxima), TWOS, TWOS, ZEROS, ZEROS),
          "pooling backward");
    step *s = step_add(c->backward, &c->backward_count, describe(c, &pooling, NULL, l->pooling));
    argument(s, DNNL_ARG_DIFF_DST, l->gmaxima);
    argument(s, DNNL_ARG_WORKSPACE, l->workspace);
    argument(s, DNNL_ARG_DIFF_SRC, l->gy);
    check(dnnl_eltwise_forward_desc_init(&relu, dnnl_forward_training,
                                         dnnl_eltwise_relu_use_dst_for_bwd, desc_of(l->y), 0.0F,
                                         0.0F),
          "relu");
    const dnnl_primitive_desc_t hint = describe(c, &relu, NULL, NULL);
    check(dnnl_eltwise_backward_desc_init(&relu, dnnl_eltwise_relu_use_dst_for_bwd, desc_of(l->gy),
                                          desc_of(l->y), 0.0F, 0.0F),
          "relu backward");
    s = step_add(c->backward, &c->backward_count, describe(c, &relu, NULL, hint));
    argument(s, DNNL_ARG_DST, l->y);
    argument(s, DNNL_ARG_DIFF_DST, l->gy);
    argument(s, DNNL_ARG_DIFF_SRC, l->relu_gy);
}

/* Into gx, which is in the layout of the maxima below. */
static void backward_input(onednn_convs *c, layer *l, dnnl_memory_t gx) {
    const dnnl_memory_desc_t in = any_layout(l->in, 4);
    const dnnl_memory_desc_t filter = any_layout(l->filter, 4);
    const dnnl_memory_desc_t out = any_layout(l->out, 4);
    dnnl_convolution_desc_t d;
    check(dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, &in, &filter, &out,
                                                   ONES, TWOS, TWOS),
          "a convolution's input gradient");
    const dnnl_primitive_desc_t p = describe(c, &d, NULL, l->convolution);
    const dnnl_memory_t w = in_layout(c, c->backward, &c->backward_count, l->weight.w,
                                      layout_of(p, dnnl_query_weights_md));
    const dnnl_memory_t gy = in_layout(c, c->backward, &c->backward_count, l->relu_gy,
                                       layout_of(p, dnnl_query_diff_dst_md));
    const bool same =
        dnnl_memory_desc_equal(desc_of(gx), layout_of(p, dnnl_query_diff_src_md)) != 0;
    const dnnl_memory_t to = same ? gx : memory_new(c, layout_of(p, dnnl_query_diff_src_md));
    step *s = step_add(c->backward, &c->backward_count, p);
    argument(s, DNNL_ARG_DIFF_DST, gy);
    argument(s, DNNL_ARG_WEIGHTS, w);
    argument(s, DNNL_ARG_DIFF_SRC, to);
    if (!same) {
        dnnl_primitive_desc_t reorder;
        check(dnnl_reorder_primitive_desc_create(&reorder, desc_of(to), c->engine, desc_of(gx),
                                                 c->engine, NULL),
              "a reorder");
        s = step_add(c->backward, &c->backward_count, reorder);
        argument(s, DNNL_ARG_FROM, to);
        argument(s, DNNL_ARG_TO, gx);
    }
}

static void backward_weights(onednn_convs *c, layer *l) {
    const dnnl_memory_desc_t in = any_layout(l->in, 4);
    const dnnl_memory_desc_t filter = any_layout(l->filter, 4);
    const dnnl_memory_desc_t bias = any_layout((dnnl_dims_t){l->out[1]}, 1);
    const dnnl_memory_desc_t out = any_layout(l->out, 4);
    dnnl_convolution_desc_t d;
    check(dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, &in, &filter,
                                                      &bias, &out, ONES, TWOS, TWOS),
          "a convolution's weight gradient");
    const dnnl_primitive_desc_t p = describe(c, &d, NULL, l->convolution);
    const dnnl_memory_t x =
        in_layout(c, c->backward, &c->backward_count, l->x, layout_of(p, dnnl_query_src_md));
    const dnnl_memory_t gy = in_layout(c, c->backward, &c->backward_count, l->relu_gy,
                                       layout_of(p, dnnl_query_diff_dst_md));
    const dnnl_memory_desc_t *preferred = layout_of(p, dnnl_query_diff_weights_md);
    const bool same = dnnl_memory_desc_equal(desc_of(l->weight.g), preferred) != 0;
    const dnnl_memory_t to = same ? l->weight.g : memory_new(c, preferred);
    step *s = step_add(c->backward, &c->backward_count, p);
    argument(s, DNNL_ARG_SRC, x);
    argument(s, DNNL_ARG_DIFF_DST, gy);
    argument(s, DNNL_ARG_DIFF_WEIGHTS, to);
    argument(s, DNNL_ARG_DIFF_BIAS, l->bias.g);
    if (!same) {
        dnnl_primitive_desc_t reorder;
        check(dnnl_reorder_primitive_desc_create(&reorder, preferred, c->engine,
                                                 desc_of(l->weight.g), c->engine, NULL),
              "a reorder");
        s = step_add(c->backward, &c->backward_count, reorder);
        argument(s, DNNL_ARG_FROM, to);
        argument(s, DNNL_ARG_TO, l->weight.g);
    }
}

static void layer_shape(layer *l, uint32_t batch, int side, int in, int out) {
    const dnnl_dims_t shapes[4] = {{batch, in, side, side},
                                   {batch, out, side, side},
                                   {batch, out, side / 2, side / 2},
                                   {out, in, 5, 5}};
    memcpy(l->in, shapes[0], sizeof(l->in));
    memcpy(l->out, shapes[1], sizeof(l->out));
    memcpy(l->pooled, shapes[2], sizeof(l->pooled));
    memcpy(l->filter, shapes[3], sizeof(l->filter));
}

onednn_convs *onednn_convs_create(uint32_t batch) {
    onednn_convs *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        exit(1);
    }
    check(dnnl_engine_create(&c->engine, dnnl_cpu, 0), "an engine");
    check(dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags), "a stream");
    layer_shape(&c->layers[0], batch, 28, 1, 32);
    layer_shape(&c->layers[1], batch, 14, 32, 64);
    dnnl_memory_desc_t images;
    check(dnnl_memory_desc_init_by_tag(&images, 4, c->layers[0].in, dnnl_f32, dnnl_nchw), "images");
    c->x = memory_new(c, &images);
    dnnl_memory_t x = c->x;
    for (int i = 0; i < 2; i++) {
        forward_convolution(c, &c->layers[i], x);
        forward_pooling(c, &c->layers[i]);
        x = c->layers[i].maxima;
    }
    for (int i = 1; i >= 0; i--) {
        backward_outputs(c, &c->layers[i]);
        if (i > 0) {
            backward_input(c, &c->layers[i], c->layers[i - 1].gmaxima);
        }
        backward_weights(c, &c->layers[i]);
    }
    return c;
}

static void run(onednn_convs *c, const step *steps, int count) {
    for (int i = 0; i < count; i++) {
        check(dnnl_primitive_execute(steps[i].primitive, c->stream, steps[i].count,
                                     steps[i].arguments),
              "a step");
    }
    check(dnnl_stream_wait(c->stream), "waiting");
}

const float *onednn_convs_forward(onednn_convs *c, const float *x) {
    memcpy(data_of(c->x), x, dnnl_memory_desc_get_size(desc_of(c->x)));
    run(c, c->forward, c->forward_count);
    return data_of(c->layers[1].maxima);
}

static void descend(const tensor *t, float rate) {
    float *w = data_of(t->w);
    const float *g = data_of(t->g);
    for (size_t i = 0; i < t->count; i++) {
        w[i] -= rate * g[i];
    }
}

void onednn_convs_backward(onednn_convs *c, const float *gradient, float rate) {
    memcpy(data_of(c->layers[1].gmaxima), gradient,
           dnnl_memory_desc_get_size(desc_of(c->layers[1].gmaxima)));
    run(c, c->backward, c->backward_count);
    for (int i = 0; i < 2; i++) {
        descend(&c->layers[i].weight, rate);
        descend(&c->layers[i].bias, rate);
    }
}
