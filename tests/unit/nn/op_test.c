/*
 * Operators: the gradients of every row of the table against finite differences.
 *
 * The operator stands behind an input that wants a gradient too, or behind tokens, which want none.
 * What is differentiated is the sum of the values, weighted by numbers of our own; for a loss, the
 * loss.
 */
#include "support/check.h"

#include "base/rng.h"
#include "math/panels.h"
#include "nn/op.h"

#include <string.h>

enum { BATCH = 3, HEIGHT = 4, WIDTH = 4, CHANNELS = 3, FEATURES = HEIGHT * WIDTH * CHANNELS };

/* Sequences of three, two and one steps. */
enum { STEPS = 3, POSITIONS = 6, ROWS_MAX = BATCH * STEPS };
static const uint32_t ACTIVE[STEPS] = {3, 2, 1};

static const uint32_t LABELS[BATCH] = {2, 0, 47};
static const float TOKENS[BATCH] = {3, 0, 3};

typedef struct bench {
    ch_graph graph;
    ch_node *source; // stands for an operator whose value is the input; NULL: tokens are
    ch_node *node;
    ch_pass pass;
    ch_score score;
    uint32_t rows;                            // of the input
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

static size_t count_of(const ch_param *p) {
    return p->blocks * p->rows * (size_t)p->cols;
}

/* Where a parameter's element is in panels. */
static size_t place_of(const ch_param *p, size_t i) {
    const size_t row = i / p->cols;
    return row / p->rows * ch_panels_size(p->rows, p->cols) +
           ch_panel_offset(p->rows, row % p->rows, i % p->cols);
}

static void bench_fill(bench *b) {
    ch_rng rng = ch_rng_stream(7, CH_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; b->source != NULL && i < (size_t)b->rows * FEATURES; i++) {
        b->source->x[i] = noise(&rng);
    }
    for (uint32_t i = 0; i < b->graph.params_count; i++) {
        const ch_param *p = &b->graph.params[i];
        for (size_t j = 0; j < count_of(p); j++) {
            p->buffers.w[place_of(p, j)] = noise(&rng);
        }
    }
    for (size_t i = 0; i < sizeof(b->weights) / sizeof(b->weights[0]); i++) {
        b->weights[i] = noise(&rng);
    }
}

static void append_source(bench *b, const ch_op *op) {
    const ch_shape input = {HEIGHT, WIDTH, CHANNELS};
    ch_graph_init(&b->graph, input);
    b->graph.steps = op == &CH_OP_LSTM ? STEPS : 0;
    b->source = ch_graph_node(&b->graph, "relu"); // any: what it does is replaced
    b->source->op = &SOURCE;
    check_status(ch_graph_append(&b->graph, b->source, NULL), CHOIR_OK);
}

/* Tokens, and in front of what borrows an embedding's table that embedding. */
static void append_tokens(bench *b, const ch_op *op) {
    const ch_shape input = {1, 1, 1};
    ch_graph_init(&b->graph, input);
    ch_graph_input(&b->graph, TOKENS);
    if (op == &CH_OP_UNEMBEDDING) {
        ch_node *embedding = ch_graph_node(&b->graph, "embedding");
        embedding->vocabulary = 5;
        embedding->units = 7;
        check_status(ch_graph_append(&b->graph, embedding, NULL), CHOIR_OK);
    }
}

/* The forms of an operator; each looks at what it knows. */
enum { FORMS = 8 };

static void bench_build(bench *b, const ch_op *op, uint32_t form, const choir_env *env) {
    memset(b, 0, sizeof(*b));
    b->rows = op == &CH_OP_LSTM ? POSITIONS : BATCH;
    if (op == &CH_OP_EMBEDDING || op == &CH_OP_UNEMBEDDING) {
        append_tokens(b, op);
    } else {
        append_source(b, op);
    }
    b->node = ch_graph_node(&b->graph, op->name);
    b->node->vocabulary = 5;
    b->node->units = 7;
    b->node->window_height = 3;
    b->node->window_width = 3;
    b->node->window_stride = 2;
    b->node->relu = true; // for operators that can
    b->node->pools = form % 2 == 1;
    b->node->peepholes = form % 2 == 1;
    b->node->coupled = form / 2 % 2 == 1;
    b->node->projected = form / 4 == 1 ? 5 : 0;
    check_status(ch_graph_append(&b->graph, b->node, NULL), CHOIR_OK);
    check_status(ch_graph_plan(&b->graph, b->graph.steps > 0 ? ROWS_MAX : BATCH, env), CHOIR_OK);
    b->pass = (ch_pass){.kernels = ch_kernels_best(),
                        .count = b->rows,
                        .active = b->graph.steps > 0 ? ACTIVE : NULL,
                        .scale = 1.0F / BATCH,
                        .labels = LABELS,
                        .score = &b->score};
    bench_fill(b);
}

/* The differentiated value at the present inputs and parameters. */
static double value(bench *b) {
    b->score = (ch_score){0};
    ch_graph_forward(&b->graph, &b->pass);
    if (b->node->op->is_loss) {
        return b->score.loss / BATCH;
    }
    double sum = 0.0;
    const uint32_t features = ch_shape_features(b->node->shape);
    for (uint32_t r = 0; r < b->rows; r++) {
        for (uint32_t i = 0; i < features; i++) {
            sum +=
                (double)b->node->x[r * b->node->stride + i] * (double)b->weights[r * features + i];
        }
    }
    return sum;
}

static void backward(bench *b) {
    const uint32_t features = ch_shape_features(b->node->shape);
    (void)value(b);
    for (uint32_t r = 0; r < b->rows; r++) {
        memcpy(b->node->g + r * b->node->stride, b->weights + (size_t)r * features,
               features * sizeof(float));
    }
    ch_graph_backward(&b->graph, &b->pass);
}

/* Where relu or a maximum has a kink beside *x, the slope on the other side of *x is still right.
 * Kinks on both sides are rare; more of them is a wrong gradient. */
static uint32_t kinks_max(const ch_op *op) {
    const bool smooth = op->is_loss || op == &CH_OP_MATMUL || op == &CH_OP_BIAS ||
                        op == &CH_OP_CONVOLVE || op == &CH_OP_EMBEDDING ||
                        op == &CH_OP_UNEMBEDDING || op == &CH_OP_LSTM;
    return smooth ? 0 : 3;
}

/* One tensor that is moved, element by element. */
typedef struct moved {
    const char *what;
    float *x, *g;
    const ch_param *param; // in panels; NULL: one after the other
    size_t count;
} moved;

static size_t moved_at(const moved *m, size_t i) {
    return m->param == NULL ? i : place_of(m->param, i);
}

/* What slopes may be off by: rounding, in units of the largest. */
static double moved_bound(const moved *m) {
    double largest = 0.0;
    for (size_t i = 0; i < m->count; i++) {
        largest = fmax(largest, fabs((double)m->g[moved_at(m, i)]));
    }
    return 1e-3 * largest;
}

static bool is_right(bench *b, float *x, double g, double bound) {
    const float step = 0x1p-8F;
    const float at = *x;
    const double here = value(b);
    *x = at + step;
    const double above = (value(b) - here) / (double)step;
    *x = at - step;
    const double below = (here - value(b)) / (double)step;
    *x = at;
    const bool kinked = kinks_max(b->node->op) > 0;
    return fabs((above + below) / 2.0 - g) <= bound ||
           (kinked && (fabs(above - g) <= bound || fabs(below - g) <= bound));
}

static void check_slopes(bench *b, const moved *m, uint32_t *kinks) {
    const double bound = moved_bound(m);
    for (size_t i = 0; i < m->count; i++) {
        const size_t at = moved_at(m, i);
        *kinks += is_right(b, m->x + at, (double)m->g[at], bound) ? 0 : 1;
        if (*kinks > kinks_max(b->node->op)) {
            fail_msg("%s, gradient of %s: %g at element %zu is not the slope within %g",
                     b->node->op->name, m->what, (double)m->g[at], i, bound);
        }
    }
}

static void every_gradient_agrees_with_finite_differences(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    static bench b;
    for (uint32_t row = 0; row < FORMS * CH_OPS_COUNT; row++) {
        const ch_op *op = CH_OPS[row / FORMS];
        uint32_t kinks = 0;
        if (row % FORMS >= 2 && op != &CH_OP_LSTM) {
            continue; // nothing else has so many forms
        }
        bench_build(&b, op, row % FORMS, &env);
        backward(&b);
        if (b.source != NULL) {
            const moved input = {.what = "its input",
                                 .x = b.source->x,
                                 .g = b.source->g,
                                 .count = (size_t)b.rows * FEATURES};
            check_slopes(&b, &input, &kinks);
        }
        for (uint32_t i = 0; i < b.graph.params_count; i++) {
            const ch_param *p = &b.graph.params[i];
            const moved param = {.what = b.graph.layout.tensors[i].name,
                                 .x = p->buffers.w,
                                 .g = p->buffers.g,
                                 .param = p,
                                 .count = count_of(p)};
            check_slopes(&b, &param, &kinks);
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
