/*
 * Nets of sequences: what acts on rows does to positions what it does to examples; padding is never
 * read, parts are grouped, and refusals.
 */
#include "support/check.h"
#include "support/measured_memory.h"

#include "base/sha256.h"
#include "nn/net.h"

#include <stdio.h>
#include <string.h>

enum { STEPS = 6, COUNT = 7, CLASSES = 5, POSITIONS = 19, DIM_MAX = 4096 };

static const uint32_t LENGTHS[COUNT] = {3, 1, 6, 2, 3, 1, 3};

/* Sequences, and the same positions as examples of their own in the order of the packed rows. */
typedef struct samples {
    float x[COUNT * STEPS];
    uint32_t labels[COUNT * STEPS];
    float position_x[POSITIONS];
    uint32_t position_labels[POSITIONS];
    uint32_t from[POSITIONS]; // where in x they are
} samples;

static void samples_fill(samples *s) {
    for (uint32_t i = 0; i < COUNT * STEPS; i++) {
        const bool is_there = i % STEPS < LENGTHS[i / STEPS];
        s->x[i] = is_there ? (float)(i * 7 % 11) : NAN;
        s->labels[i] = is_there ? i * 3 % CLASSES : UINT32_MAX;
    }
    uint32_t row = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        for (uint32_t length = STEPS; length > step; length--) {
            for (uint32_t e = 0; e < COUNT; e++) {
                if (LENGTHS[e] == length) {
                    s->from[row++] = e * STEPS + step;
                }
            }
        }
    }
    assert_int_equal(row, POSITIONS);
    for (row = 0; row < POSITIONS; row++) {
        s->position_x[row] = s->x[s->from[row]];
        s->position_labels[row] = s->labels[s->from[row]];
    }
}

static ch_batch sequences_of(const samples *s) {
    return (ch_batch){.count = COUNT, .x = s->x, .labels = s->labels, .lengths = LENGTHS};
}

static ch_net_options options(const char *layers) {
    ch_net_options o = ch_net_defaults();
    o.layers = layers;
    o.steps = STEPS;
    o.batch_max = COUNT;
    return o;
}

static ch_net *create(const ch_net_options *o, float *params) {
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    ch_net *net = NULL;
    const choir_status status = ch_net_create(&net, o, &env, &err);
    assert_string_equal(err.message, "");
    check_status(status, CHOIR_OK);
    assert_true(ch_net_layout(net)->dim <= DIM_MAX);
    ch_net_init(net, 5, params);
    ch_net_load(net, params);
    return net;
}

static const ch_sgd PLAIN = {.learning_rate = 0.1F};

static void positions_are_rows_like_examples(void **state) {
    (void)state;
    samples s;
    samples_fill(&s);
    float params[2][DIM_MAX] = {{0}};
    float predictions[COUNT * STEPS * CLASSES] = {0};
    float rows[POSITIONS * CLASSES];
    ch_score scores[2] = {{0}};
    ch_net_options o = options("dense 20 | relu | dense 5");
    ch_net *net = create(&o, params[0]);
    ch_batch b = sequences_of(&s);
    ch_net_evaluate(net, &b, predictions, &scores[0]);
    check_status(ch_net_step(net, &b, &PLAIN, &scores[0]), CHOIR_OK);
    ch_net_store(net, params[0]);
    ch_net_destroy(net);
    o.steps = 0;
    o.batch_max = POSITIONS;
    net = create(&o, params[1]);
    b = (ch_batch){.count = POSITIONS, .x = s.position_x, .labels = s.position_labels};
    ch_net_evaluate(net, &b, rows, &scores[1]);
    check_status(ch_net_step(net, &b, &PLAIN, &scores[1]), CHOIR_OK);
    ch_net_store(net, params[1]);
    ch_net_destroy(net);
    assert_memory_equal(params[0], params[1], sizeof(params[0]));
    assert_int_equal(scores[0].count, 2 * POSITIONS);
    assert_int_equal(scores[0].correct, scores[1].correct);
    assert_true(scores[0].loss == scores[1].loss);
    for (uint32_t row = 0; row < POSITIONS; row++) {
        float *p = predictions + (size_t)s.from[row] * CLASSES;
        assert_memory_equal(p, rows + (size_t)row * CLASSES, CLASSES * sizeof(float));
        memset(p, 0, CLASSES * sizeof(float));
    }
    static const float zeros[COUNT * STEPS * CLASSES];
    assert_memory_equal(predictions, zeros, sizeof(zeros)); // nothing beyond a length was written
}

static void parts_divide_by_the_positions_of_the_whole_step(void **state) {
    (void)state;
    samples s;
    samples_fill(&s);
    float gradient[2][DIM_MAX] = {{0}};
    float params[DIM_MAX];
    ch_score scores[2] = {{0}};
    const ch_batch b = sequences_of(&s);
    for (int i = 0; i < 2; i++) {
        ch_net_options o = options("dense 20 | relu | dense 5");
        o.batch_max = i == 0 ? COUNT : 3;
        ch_net *net = create(&o, params);
        check_status(ch_net_gradient(net, &b, gradient[i], &scores[i]), CHOIR_OK);
        ch_net_destroy(net);
    }
    assert_int_equal(scores[1].count, POSITIONS);
    assert_int_equal(scores[0].correct, scores[1].correct);
    check_near(scores[1].loss, scores[0].loss, 1e-5);
    for (uint32_t i = 0; i < DIM_MAX; i++) {
        check_near((double)gradient[1][i], (double)gradient[0][i], 1e-6); // another order of sums
    }
}

/* Of sequences; tokens are below 11, classes 5. */
static const char *const LAYERS[] = {
    "embedding 11 20 | relu | dense 5",
    "embedding 11 5 | dense 9 | relu | dense 5 | unembedding | dense 5",
    "embedding 11 7 | lstm 20 | lstm 9 | dense 5",
    "embedding 11 7 | lstm 20 peephole | lstm 9 cifg peephole | dense 5",
    "embedding 11 5 | lstm 20/5 cifg | unembedding | lstm 9/5 peephole",
};

enum { LAYERS_COUNT = sizeof(LAYERS) / sizeof(LAYERS[0]) };

static const ch_sgd SGDS[] = {
    {.learning_rate = 0.1F},
    {.learning_rate = 0.05F, .momentum = 0.5F, .weight_decay = 0.01F, .proximal_mu = 0.1F},
};

enum { SGDS_COUNT = sizeof(SGDS) / sizeof(SGDS[0]) };

/* Three steps from seeded parameters; params (DIM_MAX) out. Returns the losses' sum. */
static double train(const ch_net_options *o, const ch_sgd *sgd, float *params) {
    samples s;
    samples_fill(&s);
    const ch_batch b = sequences_of(&s);
    ch_score score = {0};
    memset(params, 0, DIM_MAX * sizeof(float));
    ch_net *net = create(o, params);
    for (int step = 0; step < 3; step++) {
        check_status(ch_net_step(net, &b, sgd, &score), CHOIR_OK);
    }
    ch_net_store(net, params);
    ch_net_destroy(net);
    return score.loss;
}

static void fused_steps_are_the_unfused_ones_bit_for_bit(void **state) {
    (void)state;
    float fused[DIM_MAX];
    float unfused[DIM_MAX];
    for (uint32_t i = 0; i < 2 * LAYERS_COUNT * SGDS_COUNT; i++) {
        ch_net_options o = options(LAYERS[i / 2 / SGDS_COUNT]);
        const ch_sgd *sgd = &SGDS[i / 2 % SGDS_COUNT];
        o.batch_max = i % 2 == 0 ? COUNT : 3; // in one part, and in three
        const double a = train(&o, sgd, fused);
        o.fused = false;
        const double b = train(&o, sgd, unfused);
        assert_memory_equal(fused, unfused, sizeof(fused));
        assert_true(a == b);
    }
}

static void every_backend_trains_alike(void **state) {
    (void)state;
    float want[DIM_MAX];
    float exact[DIM_MAX];
    float have[DIM_MAX];
    for (uint32_t i = 0; i < LAYERS_COUNT; i++) {
        ch_net_options o = options(LAYERS[i]);
        (void)train(&o, &SGDS[0], exact);
        o.kernels = ch_kernels_find("reference");
        (void)train(&o, &SGDS[0], want);
        for (uint32_t row = 0; row < ch_kernels_count(); row++) {
            const char *name = ch_kernels_row(row);
            o.kernels = ch_kernels_find(name);
            if (o.kernels == NULL) {
                continue;
            }
            (void)train(&o, &SGDS[0], have);
            for (uint32_t j = 0; j < DIM_MAX; j++) {
                check_near((double)have[j], (double)want[j], 2e-6);
            }
            if (strcmp(name, "reference") != 0 && strcmp(name, "vector-baseline") != 0) {
                assert_memory_equal(have, exact, sizeof(have)); // all that fuse multiply-adds
            }
        }
    }
}

/* Written down once and compared under every compiler since, wherever multiply-adds are fused. */
static void every_compiler_makes_the_same_bits(void **state) {
    (void)state;
    static const char want[] = "1324526dc9f796e562e6315b88bba319a32dc28cddf0c8fcfac3e72d40f2d7e3";
    const ch_kernels *kernels = ch_kernels_find("vector-avx2");
    if (kernels == NULL) {
        skip();
    }
    uint8_t digest[32];
    char hex[65] = "";
    float params[DIM_MAX];
    ch_sha256 hash;
    ch_sha256_init(&hash);
    for (uint32_t i = 0; i < LAYERS_COUNT * SGDS_COUNT; i++) {
        ch_net_options o = options(LAYERS[i / SGDS_COUNT]);
        o.kernels = kernels;
        (void)train(&o, &SGDS[i % SGDS_COUNT], params);
        ch_sha256_add(&hash, params, sizeof(params));
    }
    ch_sha256_finish(&hash, digest);
    for (uint32_t i = 0; i < 32; i++) {
        (void)snprintf(hex + (size_t)i * 2, 3, "%02x", digest[i]);
    }
    assert_string_equal(hex, want);
}

/* The largest size of a tensor's initial values. */
static double largest(const choir_tensor *t, const float *params) {
    double size = 0.0;
    for (uint32_t i = 0; i < t->count; i++) {
        size = fmax(size, fabs((double)params[t->offset + i]));
    }
    return size;
}

static void initial_values_fill_their_range_and_forget_gates_are_open(void **state) {
    (void)state;
    float params[DIM_MAX];
    const ch_net_options o = options("embedding 11 20 | lstm 25/9 cifg peephole | dense 5");
    ch_net *net = create(&o, params);
    const choir_layout *layout = ch_net_layout(net);
    static const char *const names[] = {"embedding1.weight", "lstm1.weight",   "lstm1.recurrent",
                                        "lstm1.bias",        "lstm1.peephole", "lstm1.projection",
                                        "dense1.weight",     "dense1.bias"};
    const double ranges[] = {sqrt(3.0), 0.2, 0.2, 1.0, 0.2, 0.2, sqrt(3.0 / 9), 0.0};
    assert_int_equal(layout->count, 8);
    for (uint32_t i = 0; i < 8; i++) {
        const choir_tensor *t = &layout->tensors[i];
        assert_string_equal(t->name, names[i]);
        assert_true(largest(t, params) <= ranges[i] * (1.0 + 0x1p-23));
        assert_true(largest(t, params) >= 0.9 * ranges[i]);
    }
    const choir_tensor *bias = &layout->tensors[3]; // of forget gate, cell and output gate
    assert_int_equal(bias->shape[0], 3);
    for (uint32_t i = 0; i < bias->count; i++) {
        assert_true(params[bias->offset + i] == (i < 25 ? 1.0F : 0.0F));
    }
    assert_int_equal(ch_net_vocabulary(net), 11);
    ch_net_destroy(net);
}

static void what_is_loaded_is_what_is_stored(void **state) {
    (void)state;
    float in[DIM_MAX];
    float out[DIM_MAX];
    for (uint32_t i = 0; i < LAYERS_COUNT; i++) {
        const ch_net_options o = options(LAYERS[i]);
        ch_net *net = create(&o, in);
        const uint32_t dim = ch_net_layout(net)->dim;
        for (uint32_t j = 0; j < dim; j++) {
            in[j] = (float)j;
        }
        ch_net_load(net, in);
        ch_net_store(net, out);
        assert_memory_equal(in, out, dim * sizeof(float));
        in[dim - 1] += 2.0F;
        assert_true(ch_net_store_change(net, in, out));
        assert_true(out[dim - 1] == -2.0F);
        assert_true(largest(&(choir_tensor){.count = dim - 1}, out) == 0.0);
        ch_net_destroy(net);
    }
}

static void a_net_that_only_evaluates_says_the_same_with_less(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    samples s;
    samples_fill(&s);
    const ch_batch b = sequences_of(&s);
    for (uint32_t i = 0; i < LAYERS_COUNT; i++) {
        float params[DIM_MAX];
        float predictions[2][COUNT * STEPS * 11] = {{0}};
        size_t bytes[2] = {0};
        for (uint32_t j = 0; j < 2; j++) {
            ch_net_options o = options(LAYERS[i]);
            o.forward_only = j == 1;
            check_status(ch_net_bytes(&bytes[j], &o, &env, NULL), CHOIR_OK);
            ch_net *net = create(&o, params);
            ch_net_evaluate(net, &b, predictions[j], NULL);
            ch_net_destroy(net);
        }
        assert_memory_equal(predictions[0], predictions[1], sizeof(predictions[0]));
        assert_true(bytes[1] < bytes[0]);
    }
}

static void layers_that_do_not_fit_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *layers;
        const char *message;
    } rows[] = {
        {"dense 3 | embedding 5 5", "layer 2 'embedding 5 5': right is an embedding as the first "
                                    "layer, of inputs that are one "
                                    "token each"},
        {"embedding 5 x", "layer 1 'embedding 5 x': right is 'embedding TOKENS UNITS', both whole "
                          "numbers in [1, 1048576]"},
        {"lstm 5 6",
         "layer 1 'lstm 5 6': right is 'lstm UNITS' or 'lstm UNITS/OUTPUTS', both in [1, "
         "1048576], and behind it 'peephole', 'cifg' or both"},
        {"lstm 5/0",
         "layer 1 'lstm 5/0': right is 'lstm UNITS' or 'lstm UNITS/OUTPUTS', both in [1, "
         "1048576], and behind it 'peephole', 'cifg' or both"},
        {"lstm 5 cifg cifg",
         "layer 1 'lstm 5 cifg cifg': right is 'lstm UNITS' or 'lstm UNITS/OUTPUTS', both in [1, "
         "1048576], and behind it 'peephole', 'cifg' or both"},
        {"lstm 5 cifg peephole cifg",
         "layer 1 'lstm 5 cifg peephole cifg': right is at most 4 words of at most 31 characters"},
        {"dense 3 | unembedding",
         "layer 2 'unembedding': right is one of it, where the first layer is an embedding and the "
         "layer before has as many outputs as that"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_net_options o = options(rows[i].layers);
        choir_error err = {.message = ""};
        ch_net *net = NULL;
        check_status(ch_net_create(&net, &o, &env, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
}

static void what_makes_no_sequences_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    static const struct {
        uint32_t width, batch_max;
        const char *message;
    } rows[] = {
        {3, 1, "model: a step of a sequence has one token, not 1 x 3 x 1 values"},
        {1, 65536, "model: 65536 sequences of 17 steps at once are more than 1048576 positions"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_net_options o = options("dense 5");
        o.width = rows[i].width;
        o.batch_max = rows[i].batch_max;
        o.steps = 17;
        choir_error err = {.message = ""};
        ch_net *net = NULL;
        check_status(ch_net_create(&net, &o, &env, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
}

static void what_a_net_claims_is_known_before(void **state) {
    (void)state;
    const ch_net_options o = options(LAYERS[0]);
    measured_memory memory;
    const choir_env env = measured_env(&memory);
    size_t bytes = 0;
    ch_net *net = NULL;
    check_status(ch_net_bytes(&bytes, &o, &env, NULL), CHOIR_OK);
    check_status(ch_net_create(&net, &o, &env, NULL), CHOIR_OK);
    assert_int_equal(memory.alive, bytes);
    ch_net_destroy(net);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const ch_net_options o = options("dense 5");
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_net *net = NULL;
        m.status = ch_net_create(&net, &o, &m.env, NULL);
        ch_net_destroy(net);
    }
    assert_int_equal(m.tries, 4); // the net, its graph's arena, its rows', the success
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_rows_like_examples),
        cmocka_unit_test(parts_divide_by_the_positions_of_the_whole_step),
        cmocka_unit_test(fused_steps_are_the_unfused_ones_bit_for_bit),
        cmocka_unit_test(every_backend_trains_alike),
        cmocka_unit_test(every_compiler_makes_the_same_bits),
        cmocka_unit_test(initial_values_fill_their_range_and_forget_gates_are_open),
        cmocka_unit_test(what_is_loaded_is_what_is_stored),
        cmocka_unit_test(a_net_that_only_evaluates_says_the_same_with_less),
        cmocka_unit_test(layers_that_do_not_fit_are_refused),
        cmocka_unit_test(what_makes_no_sequences_is_refused),
        cmocka_unit_test(what_a_net_claims_is_known_before),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
