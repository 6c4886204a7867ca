/*
 * Nets of convolutions: fused against unfused, Winograd's algorithm against the direct one, every
 * vector width, batches in parts, finite differences, refusals, the sizes of known models.
 */
#include "support/backends.h"

#include "base/rng.h"
#include "nn/net.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, CHANNELS = 3, FEATURES = SIDE * SIDE * CHANNELS, EXAMPLES = 6, DIM_MAX = 24000 };

/* The second convolution has a shape that Winograd's algorithm can do; the others do not. */
static const char *const LAYERS[] = {
    "conv 5x5 16 | relu | maxpool 2 | conv 5x5 32 | relu | maxpool 2 | dense 5",
    "conv 3x3 16 | relu | conv 5x5 16 | relu | maxpool 3/2 | conv 5x5 16 | dense 5",
    "conv 3x1 7 | maxpool 2 | relu | conv 5x5 9 | relu | maxpool 2 | dense 5",
};

enum { LAYERS_COUNT = sizeof(LAYERS) / sizeof(LAYERS[0]) };

typedef struct samples {
    float x[EXAMPLES * FEATURES];
    uint32_t labels[EXAMPLES];
} samples;

static void samples_fill(samples *s) {
    ch_rng rng = ch_rng_stream(3, CH_PURPOSE_TEST, 0, 0);
    for (uint32_t i = 0; i < EXAMPLES * FEATURES; i++) {
        s->x[i] = (float)(2.0 * ch_rng_unit(&rng) - 1.0);
    }
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        s->labels[i] = ch_rng_below(&rng, 5);
    }
}

static ch_net_options options(const char *layers) {
    ch_net_options o = ch_net_defaults();
    o.layers = layers;
    o.height = SIDE;
    o.width = SIDE;
    o.channels = CHANNELS;
    o.batch_max = EXAMPLES;
    return o;
}

static ch_net *create(const ch_net_options *o) {
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    ch_net *net = NULL;
    const choir_status status = ch_net_create(&net, o, &env, &err);
    assert_string_equal(err.message, "");
    check_status(status, CHOIR_OK);
    return net;
}

/* Two steps on all examples from seeded parameters; params (DIM_MAX) out. Returns the losses. */
static double train(const ch_net_options *o, const ch_sgd *sgd, float *params) {
    static samples s;
    samples_fill(&s);
    ch_net *net = create(o);
    ch_score score = {0};
    memset(params, 0, DIM_MAX * sizeof(float));
    assert_true(ch_net_layout(net)->dim <= DIM_MAX);
    ch_net_init(net, 11, params);
    ch_net_load(net, params);
    const ch_batch all = {.count = EXAMPLES, .x = s.x, .labels = s.labels};
    for (int step = 0; step < 2; step++) {
        check_status(ch_net_step(net, &all, sgd, &score), CHOIR_OK);
    }
    ch_net_store(net, params);
    ch_net_destroy(net);
    return score.loss;
}

static const ch_sgd SGDS[] = {
    {.learning_rate = 0.05F},
    {.learning_rate = 0.05F, .momentum = 0.5F, .weight_decay = 0.01F, .proximal_mu = 0.1F},
};

static float first[DIM_MAX];
static float second[DIM_MAX];

/* Equal as numbers: a sum of nothing may be -0 where maxima hide what adds to nothing. */
static void check_equal(const float *a, const float *b) {
    for (uint32_t i = 0; i < DIM_MAX; i++) {
        if (!(a[i] == b[i])) {
            fail_msg("parameter %u: %.9g against %.9g", i, (double)a[i], (double)b[i]);
        }
    }
}

static void fused_steps_are_the_unfused_ones(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 4 * LAYERS_COUNT; i++) {
        ch_net_options o = options(LAYERS[i / 4]);
        o.winograd = i % 2 == 0;
        const double a = train(&o, &SGDS[i / 2 % 2], first);
        o.fused = false;
        const double b = train(&o, &SGDS[i / 2 % 2], second);
        check_equal(first, second);
        assert_true(a == b);
    }
}

static void a_batch_in_parts_is_the_batch(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 4 * LAYERS_COUNT; i++) {
        ch_net_options o = options(LAYERS[i / 4]);
        o.winograd = i % 2 == 0;
        o.fused = i / 2 % 2 == 0;
        (void)train(&o, &SGDS[1], first);
        o.batch_max = 4;
        (void)train(&o, &SGDS[1], second);
        assert_memory_equal(first, second, sizeof(first));
    }
}

static void check_same_bits(const ch_kernels *narrow, const ch_kernels *wide) {
    for (uint32_t i = 0; i < 4 * LAYERS_COUNT; i++) {
        ch_net_options o = options(LAYERS[i / 4]);
        o.winograd = i % 2 == 0;
        o.kernels = narrow;
        const double a = train(&o, &SGDS[i / 2 % 2], first);
        o.kernels = wide;
        const double b = train(&o, &SGDS[i / 2 % 2], second);
        assert_memory_equal(first, second, sizeof(first));
        assert_true(a == b);
    }
}

static void every_vector_width_trains_to_the_same_bits(void **state) {
    (void)state;
    for_vector_widths(check_same_bits);
}

/* The gradient of the mean loss at seeded parameters. */
static void gradient(const ch_net_options *o, float *g) {
    static samples s;
    samples_fill(&s);
    ch_net *net = create(o);
    ch_score score = {0};
    ch_net_init(net, 11, g);
    ch_net_load(net, g);
    memset(g, 0, DIM_MAX * sizeof(float));
    const ch_batch all = {.count = EXAMPLES, .x = s.x, .labels = s.labels};
    check_status(ch_net_gradient(net, &all, g, &score), CHOIR_OK);
    ch_net_destroy(net);
}

static void check_gradients_near(const float *a, const float *b) {
    double distance = 0.0;
    double size = 0.0;
    for (uint32_t i = 0; i < DIM_MAX; i++) {
        distance += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    // Sums of a few hundred terms, each off by 2^-24 or, in a transform, a hundred times that.
    check_near(sqrt(distance / size), 0.0, 1e-5);
}

static void every_backend_and_algorithm_has_the_gradient_of_the_reference(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 2 * LAYERS_COUNT; i++) {
        ch_net_options o = options(LAYERS[i / 2]);
        o.kernels = ch_kernels_find("reference");
        o.fused = false;
        gradient(&o, first);
        o.fused = true;
        o.winograd = i % 2 == 0;
        for (uint32_t row = 0; row < ch_kernels_count(); row++) {
            o.kernels = ch_kernels_find(ch_kernels_row(row));
            if (o.kernels != NULL) {
                gradient(&o, second);
                check_gradients_near(second, first);
            }
        }
    }
}

/* The mean loss of all examples when parameter i is moved by step. */
static double loss_at(ch_net *net, const samples *s, float *params, uint32_t i, float step) {
    ch_score score = {0};
    const float before = params[i];
    params[i] += step;
    ch_net_load(net, params);
    params[i] = before;
    const ch_batch all = {.count = EXAMPLES, .x = s->x, .labels = s->labels};
    ch_net_evaluate(net, &all, NULL, &score);
    return score.loss / EXAMPLES;
}

static void gradients_agree_with_finite_differences(void **state) {
    (void)state;
    static samples s;
    samples_fill(&s);
    for (uint32_t i = 0; i < LAYERS_COUNT; i++) {
        const ch_net_options o = options(LAYERS[i]);
        gradient(&o, first);
        ch_net *net = create(&o);
        const uint32_t dim = ch_net_layout(net)->dim;
        uint32_t kinks = 0;
        ch_net_init(net, 11, second);
        for (uint32_t j = 0; j < dim; j += 211) {
            const float step = 0x1p-11F;
            const double above = loss_at(net, &s, second, j, step);
            const double below = loss_at(net, &s, second, j, -step);
            const double slope = (above - below) / (2.0 * (double)step);
            kinks += fabs(slope - (double)first[j]) <= 2e-3 * (1.0 + fabs(slope)) ? 0 : 1;
        }
        assert_in_range(kinks, 0, dim / 211 / 20); // of relu and maximum: rare
        ch_net_destroy(net);
    }
}

static void known_models_have_their_sizes(void **state) {
    (void)state;
    ch_net_options o = options("conv 5x5 32 | relu | maxpool 2 | conv 5x5 64 | relu | maxpool 2 | "
                               "dense 512 | relu | dense 10");
    o.height = 28;
    o.width = 28;
    o.channels = 1;
    o.batch_max = 1;
    ch_net *net = create(&o);
    const choir_layout *layout = ch_net_layout(net);
    assert_int_equal(layout->dim, 1663370);
    assert_string_equal(layout->tensors[2].name, "conv2.weight");
    assert_int_equal(layout->tensors[2].rank, 4);
    assert_int_equal(layout->tensors[2].shape[2], 32);
    assert_int_equal(layout->tensors[2].shape[3], 64);
    assert_string_equal(layout->tensors[3].name, "conv2.bias");
    assert_int_equal(layout->tensors[4].shape[0], 7 * 7 * 64);
    ch_net_destroy(net);
    o.layers = "conv 5x5 64 | relu | maxpool 3/2 | conv 5x5 64 | relu | maxpool 3/2 | "
               "dense 384 | relu | dense 192 | relu | dense 10";
    o.height = 24;
    o.width = 24;
    o.channels = 3;
    net = create(&o);
    assert_int_equal(ch_net_layout(net)->dim, 1068298);
    ch_net_destroy(net);
}

static void layers_that_do_not_fit_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *layers;
        const char *message;
    } rows[] = {
        {"conv 5x5", "layer 1 'conv 5x5': right is 'conv HEIGHTxWIDTH CHANNELS'"},
        {"conv 4x5 8",
         "layer 1 'conv 4x5 8': a filter of 4 x 5 has no middle; right are odd sizes"},
        {"conv 5 8", "layer 1 'conv 5 8': right is 'conv HEIGHTxWIDTH CHANNELS', HEIGHT and WIDTH "
                     "odd in [1, 31], CHANNELS in [1, 1048576]"},
        {"maxpool 16", "layer 1 'maxpool 16': right is 'maxpool WINDOW' or 'maxpool "
                       "WINDOW/STRIDE', both in [1, 15]"},
        {"maxpool 2/3", "layer 1 'maxpool 2/3': windows of 2 with stride 3; right is 1 <= stride "
                        "<= window <= 15"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_net_options o = options(rows[i].layers);
        choir_error err = {.message = ""};
        ch_net *net = NULL;
        check_status(ch_net_create(&net, &o, &env, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
        assert_null(net);
    }
    static const char *const wrong[] = {"conv x5 8",   "conv 5x 8",    "conv 5x5 0",
                                        "conv 33x1 8", "conv 5x5x5 8", "maxpool /",
                                        "maxpool 2/",  "maxpool -2",   "conv 31x31 1000000"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const ch_net_options o = options(wrong[i]);
        choir_error err = {.message = ""};
        ch_net *net = NULL;
        check_status(ch_net_create(&net, &o, &env, &err), CHOIR_EINVAL);
        assert_memory_equal(err.message, "layer 1", 7);
    }
}

static void divergence_is_reported(void **state) {
    (void)state;
    static samples s;
    samples_fill(&s);
    const ch_net_options o = options(LAYERS[0]);
    ch_net *net = create(&o);
    ch_score score = {0};
    ch_net_init(net, 1, first);
    for (uint32_t i = 0; i < 16; i++) {
        first[i] = NAN;
    }
    ch_net_load(net, first);
    const ch_batch all = {.count = EXAMPLES, .x = s.x, .labels = s.labels};
    check_status(ch_net_step(net, &all, &SGDS[0], &score), CHOIR_ERANGE);
    ch_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_steps_are_the_unfused_ones),
        cmocka_unit_test(a_batch_in_parts_is_the_batch),
        cmocka_unit_test(every_vector_width_trains_to_the_same_bits),
        cmocka_unit_test(every_backend_and_algorithm_has_the_gradient_of_the_reference),
        cmocka_unit_test(gradients_agree_with_finite_differences),
        cmocka_unit_test(known_models_have_their_sizes),
        cmocka_unit_test(layers_that_do_not_fit_are_refused),
        cmocka_unit_test(divergence_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
