/*
 * Operators: the gradients of every row of the table against finite differences.
 *
 * The operator stands behind an input that wants a gradient too. What is differentiated is the sum
 * of the values, weighted by numbers of our own; for a loss, the loss.
 */
#include "support/check.h"

#include "base/rng.h"
#include "math/panels.h"
#include "nn/op.h"

#include <string.h>

enum { BATCH = 3, HEIGHT = 4, WIDTH = 4, CHANNELS = 3, FEATURES = HEIGHT * WIDTH * CHANNELS };

static const uint32_t LABELS[BATCH] = {2, 0, 47};

typedef struct bench {
    ch_graph graph;
    ch_node *source; // stands for an operator whose value is the input
    ch_node *node;
    ch_pass pass;
    ch_score score;
    float weights[BATCH * 64 * CHANNELS * 4]; // of the values in the sum
} bench;

static choir_status source_shape(ch_graph *graph, ch_node *node, choir_error *err) {
    (void)graph;
    (void)err;
    node->shape = node->in->shape;
    return CHOIR_OK;
}

static void source_pass(ch_node *node, const ch_pass *pass) {
    (void)node;
    (void)pass;
}

static const ch_op SOURCE = {
    .name = "source", .shape = source_shape, .forward = source_pass, .backward = source_pass};

static float noise(ch_rng *rng) {
    return (float)(2.0 * ch_rng_unit(rng) - 1.0);
}

static void bench_fill(bench *b) {
    ch_rng rng = ch_rng_stream(7, CH_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < BATCH * FEATURES; i++) {
        b->source->x[i] = noise(&rng);
    }
    for (uint32_t i = 0; i < b->graph.params_count; i++) {
        const ch_param *p = &b->graph.params[i];
        for (size_t j = 0; j < p->rows * (size_t)p->cols; j++) {
            p->buffers.w[ch_panel_offset(p->rows, j / p->cols, j % p->cols)] = noise(&rng);
        }
    }
    for (size_t i = 0; i < sizeof(b->weights) / sizeof(b->weights[0]); i++) {
        b->weights[i] = noise(&rng);
    }
}

static void bench_build(bench *b, const ch_op *op, bool pools, const choir_env *env) {
    memset(b, 0, sizeof(*b));
    const ch_shape input = {HEIGHT, WIDTH, CHANNELS};
    ch_graph_init(&b->graph, input);
    b->source = ch_graph_node(&b->graph, "relu"); // any: what it does is replaced
    b->source->op = &SOURCE;
    check_status(ch_graph_append(&b->graph, b->source, NULL), CHOIR_OK);
    b->node = ch_graph_node(&b->graph, op->name);
    b->node->units = 7;
    b->node->window_height = 3;
    b->node->window_width = 3;
    b->node->window_stride = 2;
    b->node->relu = true; // for operators that can
    b->node->pools = pools;
    check_status(ch_graph_append(&b->graph, b->node, NULL), CHOIR_OK);
    check_status(ch_graph_plan(&b->graph, BATCH, env), CHOIR_OK);
    b->pass = (ch_pass){.kernels = ch_kernels_best(),
                        .count = BATCH,
                        .total = BATCH,
                        .scale = 1.0F / BATCH,
                        .labels = LABELS,
                        .score = &b->score};
    bench_fill(b);
}

/* The differentiated value at the present inputs and parameters. */
static double value(bench *b) {
    b->score = (ch_score){0};
    b->node->op->forward(b->node, &b->pass);
    if (b->node->op->is_loss) {
        return b->score.loss / BATCH;
    }
    double sum = 0.0;
    const uint32_t features = ch_features(b->node->shape);
    for (uint32_t r = 0; r < BATCH; r++) {
        for (uint32_t i = 0; i < features; i++) {
            sum +=
                (double)b->node->x[r * b->node->stride + i] * (double)b->weights[r * features + i];
        }
    }
    return sum;
}

static void backward(bench *b) {
    const uint32_t features = ch_features(b->node->shape);
    (void)value(b);
    for (uint32_t r = 0; r < BATCH; r++) {
        memcpy(b->node->g + r * b->node->stride, b->weights + (size_t)r * features,
               features * sizeof(float));
    }
    b->node->op->backward(b->node, &b->pass);
}

/* Where the value has a kink beside *x, the slope on the other side of *x is still right. Kinks on
 * both sides are rare; more of them is a wrong gradient. */
enum { KINKS_MAX = 3 };

static bool is_near(double slope, float g) {
    return fabs(slope - (double)g) <= 2e-3 * (1.0 + fabs(slope));
}

static void check_slope(bench *b, const char *what, float *x, float g, uint32_t *kinks) {
    const float step = 0x1p-8F;
    const float at = *x;
    const double here = value(b);
    *x = at + step;
    const double above = (value(b) - here) / (double)step;
    *x = at - step;
    const double below = (here - value(b)) / (double)step;
    *x = at;
    const bool right = is_near((above + below) / 2.0, g) || is_near(above, g) || is_near(below, g);
    *kinks += right ? 0 : 1;
    if (*kinks > KINKS_MAX) {
        fail_msg("%s, gradient of %s: %g against %g to %g", b->node->op->name, what, (double)g,
                 below, above);
    }
}

static void every_gradient_agrees_with_finite_differences(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    static bench b;
    for (uint32_t row = 0; row < 2 * CH_OPS_COUNT; row++) {
        const ch_op *op = CH_OPS[row / 2];
        const bool pools = row % 2 == 1; // what only a convolution looks at
        uint32_t kinks = 0;
        bench_build(&b, op, pools, &env);
        backward(&b);
        for (size_t i = 0; i < BATCH * FEATURES; i++) {
            check_slope(&b, "its input", b.source->x + i, b.source->g[i], &kinks);
        }
        for (uint32_t i = 0; i < b.graph.params_count; i++) {
            const ch_param *p = &b.graph.params[i];
            for (size_t j = 0; j < (size_t)p->rows * p->cols; j++) {
                const size_t at = ch_panel_offset(p->rows, j / p->cols, j % p->cols);
                check_slope(&b, b.graph.layout.tensors[i].name, p->buffers.w + at, p->buffers.g[at],
                            &kinks);
            }
        }
        ch_graph_release(&b.graph);
    }
}

static void every_name_finds_its_row(void **state) {
    (void)state;
    for (uint32_t row = 0; row < CH_OPS_COUNT; row++) {
        assert_ptr_equal(ch_op_find(CH_OPS[row]->name), CH_OPS[row]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gradient_agrees_with_finite_differences),
        cmocka_unit_test(every_name_finds_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
