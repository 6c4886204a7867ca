/*
 * Net: fused against unfused bit for bit, batches in parts, every backend, learning, refusals, and
 * every failed allocation.
 */
#include "support/check.h"
#include "support/measured_memory.h"

#include "base/rng.h"
#include "math/float_state.h"
#include "nn/net.h"

#include <stdlib.h>
#include <string.h>

enum { FEATURES = 33, CLASSES = 5, EXAMPLES = 60, DIM_MAX = 4096 };

typedef struct samples {
    float x[EXAMPLES * FEATURES];
    uint32_t labels[EXAMPLES];
    float targets[EXAMPLES * CLASSES];
} samples;

/* Half of the features are zero in every example, and the label is where the others are largest. */
static void samples_fill(samples *s) {
    ch_rng rng = ch_rng_stream(3, CH_PURPOSE_TEST, 0, 0);
    memset(s, 0, sizeof(*s));
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        s->labels[i] = ch_rng_below(&rng, CLASSES);
        for (uint32_t j = 0; j < FEATURES; j += 2) {
            s->x[i * FEATURES + j] = (float)ch_rng_unit(&rng);
        }
        s->x[i * FEATURES + 2 * s->labels[i]] += 1.0F;
        for (uint32_t c = 0; c < CLASSES; c++) {
            s->targets[i * CLASSES + c] = (float)ch_rng_unit(&rng);
        }
    }
}

static ch_net_options options(void) {
    ch_net_options o = ch_net_defaults();
    o.layers = "dense 20 | relu | dense 17 | relu | dense 5";
    o.width = FEATURES;
    o.batch_max = 10;
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

/* Trains steps of batch examples from seeded parameters; params (dim) out. Returns the losses' sum.
 */
static double train(const ch_net_options *o, const ch_sgd *sgd, const samples *s, uint32_t batch,
                    float *params) {
    ch_net *net = create(o);
    ch_score score = {0};
    ch_net_init(net, 11, params);
    ch_net_load(net, params);
    for (uint32_t at = 0; at + batch <= EXAMPLES; at += batch) {
        const bool labels = o->loss == CH_LOSS_CROSS_ENTROPY;
        const ch_batch b = {.count = batch,
                            .x = s->x + (size_t)at * FEATURES,
                            .labels = labels ? s->labels + at : NULL,
                            .targets = labels ? NULL : s->targets + (size_t)at * CLASSES};
        check_status(ch_net_step(net, &b, sgd, &score), CHOIR_OK);
    }
    ch_net_store(net, params);
    ch_net_destroy(net);
    return score.loss;
}

static const ch_sgd SGDS[] = {
    {.learning_rate = 0.2F},
    {.learning_rate = 0.1F, .momentum = 0.9F},
    {.learning_rate = 0.1F, .weight_decay = 0.01F},
    {.learning_rate = 0.1F, .proximal_mu = 0.1F},
    {.learning_rate = 0.05F, .momentum = 0.5F, .weight_decay = 0.01F, .proximal_mu = 0.1F},
};

enum { SGDS_COUNT = sizeof(SGDS) / sizeof(SGDS[0]) };

static void fused_steps_are_the_unfused_ones_bit_for_bit(void **state) {
    (void)state;
    static samples s;
    samples_fill(&s);
    for (uint32_t i = 0; i < 4 * SGDS_COUNT; i++) {
        float fused[DIM_MAX] = {0};
        float unfused[DIM_MAX] = {0};
        ch_net_options o = options();
        o.loss = i % 2 == 0 ? CH_LOSS_CROSS_ENTROPY : CH_LOSS_MEAN_SQUARED;
        const uint32_t batch = i % 4 < 2 ? 10 : 25; // in one part, and in three
        const double a = train(&o, &SGDS[i / 4], &s, batch, fused);
        o.fused = false;
        const double b = train(&o, &SGDS[i / 4], &s, batch, unfused);
        assert_memory_equal(fused, unfused, sizeof(fused));
        assert_true(a == b);
    }
}

/* Of inputs that are not negative, relu is the identity, also where their rows are not padded. */
static void a_relu_in_front_reads_each_example(void **state) {
    (void)state;
    static samples s;
    samples_fill(&s);
    ch_net_options o = options();
    float with[DIM_MAX] = {0};
    float without[DIM_MAX] = {0};
    o.layers = "relu | dense 20 | relu | dense 5";
    const double a = train(&o, &SGDS[0], &s, 10, with);
    o.layers = "dense 20 | relu | dense 5";
    const double b = train(&o, &SGDS[0], &s, 10, without);
    assert_memory_equal(with, without, sizeof(with));
    assert_true(a == b);
}

static void a_batch_in_parts_is_the_batch(void **state) {
    (void)state;
    static samples s;
    samples_fill(&s);
    for (uint32_t i = 0; i < SGDS_COUNT; i++) {
        float whole[DIM_MAX] = {0};
        float parts[DIM_MAX] = {0};
        ch_net_options o = options();
        o.batch_max = 30;
        (void)train(&o, &SGDS[i], &s, 30, whole);
        o.batch_max = 7;
        (void)train(&o, &SGDS[i], &s, 30, parts);
        assert_memory_equal(whole, parts, sizeof(whole));
    }
}

static void every_backend_trains_alike(void **state) {
    (void)state;
    static samples s;
    samples_fill(&s);
    float want[DIM_MAX] = {0};
    float exact[DIM_MAX] = {0};
    ch_net_options o = options();
    o.kernels = ch_kernels_find("reference");
    (void)train(&o, &SGDS[0], &s, 10, want);
    o.kernels = ch_kernels_best();
    (void)train(&o, &SGDS[0], &s, 10, exact);
    for (uint32_t row = 0; row < ch_kernels_count(); row++) {
        float have[DIM_MAX] = {0};
        const char *name = ch_kernels_row(row);
        o.kernels = ch_kernels_find(name);
        if (o.kernels == NULL) {
            continue;
        }
        (void)train(&o, &SGDS[0], &s, 10, have);
        for (uint32_t i = 0; i < DIM_MAX; i++) {
            check_near((double)have[i], (double)want[i], 2e-6);
        }
        if (strcmp(name, "reference") != 0 && strcmp(name, "vector-baseline") != 0) {
            assert_memory_equal(have, exact, sizeof(have)); // all that fuse multiply-adds
        }
    }
}

static void the_gradient_is_what_a_step_subtracts(void **state) {
    (void)state;
    static samples s;
    samples_fill(&s);
    const ch_net_options o = options();
    ch_net *net = create(&o);
    float params[DIM_MAX] = {0};
    float gradient[DIM_MAX] = {0};
    float stepped[DIM_MAX] = {0};
    const ch_batch batch = {.count = 10, .x = s.x, .labels = s.labels};
    ch_score score = {0};
    ch_net_init(net, 4, params);
    ch_net_load(net, params);
    check_status(ch_net_gradient(net, &batch, gradient, &score), CHOIR_OK);
    ch_net_store(net, stepped);
    assert_memory_equal(stepped, params, sizeof(params));
    check_status(ch_net_step(net, &batch, &SGDS[0], &score), CHOIR_OK);
    ch_net_store(net, stepped);
    for (uint32_t i = 0; i < ch_net_layout(net)->dim; i++) {
        check_near((double)stepped[i], (double)fmaf(-0.2F, gradient[i], params[i]), 1e-7);
    }
    ch_net_destroy(net);
}

static void a_net_learns_what_can_be_learnt(void **state) {
    (void)state;
    static samples s;
    samples_fill(&s);
    const ch_net_options o = options();
    ch_net *net = create(&o);
    float params[DIM_MAX];
    float predictions[EXAMPLES * CLASSES];
    ch_score score = {0};
    ch_net_init(net, 1, params);
    ch_net_load(net, params);
    for (int epoch = 0; epoch < 40; epoch++) {
        for (uint32_t at = 0; at < EXAMPLES; at += 10) {
            const ch_batch batch = {
                .count = 10, .x = s.x + (size_t)at * FEATURES, .labels = s.labels + at};
            check_status(ch_net_step(net, &batch, &SGDS[0], &score), CHOIR_OK);
        }
    }
    score = (ch_score){0};
    ch_batch all = {.count = EXAMPLES, .x = s.x, .labels = s.labels};
    ch_net_evaluate(net, &all, predictions, &score);
    assert_int_equal(score.correct, EXAMPLES);
    assert_int_equal(score.count, EXAMPLES);
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        assert_true(predictions[i * CLASSES + s.labels[i]] > 0.5F);
    }
    all.labels = NULL;
    ch_net_evaluate(net, &all, predictions, NULL);
    ch_net_evaluate(net, &all, predictions, &score);
    assert_int_equal(score.count, EXAMPLES); // nothing was judged
    ch_net_destroy(net);
}

static void what_is_loaded_is_what_is_stored(void **state) {
    (void)state;
    const ch_net_options o = options();
    ch_net *net = create(&o);
    const choir_layout *layout = ch_net_layout(net);
    assert_int_equal(layout->dim, 33 * 20 + 20 + 20 * 17 + 17 + 17 * 5 + 5);
    assert_int_equal(layout->count, 6);
    assert_string_equal(layout->tensors[2].name, "dense2.weight");
    assert_int_equal(layout->tensors[2].shape[0], 20);
    assert_int_equal(layout->tensors[2].shape[1], 17);
    assert_int_equal(ch_net_outputs(net), 5);
    float in[DIM_MAX];
    float out[DIM_MAX];
    for (uint32_t i = 0; i < layout->dim; i++) {
        in[i] = (float)i;
    }
    ch_net_load(net, in);
    ch_net_store(net, out);
    assert_memory_equal(in, out, layout->dim * sizeof(float));
    in[layout->dim - 1] += 2.0F;
    assert_true(ch_net_store_change(net, in, out));
    assert_true(out[layout->dim - 1] == -2.0F);
    assert_true(out[0] == 0.0F);
    in[7] = -INFINITY;
    assert_false(ch_net_store_change(net, in, out));
    ch_net_destroy(net);
}

/* What a client sends must not depend on how the program around it likes its smallest numbers. */
static void a_change_has_the_same_bits_in_every_float_state(void **state) {
    (void)state;
    const ch_net_options o = options();
    ch_net *net = create(&o);
    float params[DIM_MAX] = {0};
    float from[DIM_MAX] = {0};
    float change[2][DIM_MAX] = {{0}};
    params[3] = 0x1.8p-126F; // minus 2^-126 that is no normal number
    from[3] = 0x1p-126F;
    ch_net_load(net, params);
    assert_true(ch_net_store_change(net, from, change[0]));
    const ch_float_state before = ch_float_enter();
    const bool is_finite = ch_net_store_change(net, from, change[1]);
    ch_float_leave(before);
    assert_true(is_finite);
    assert_memory_equal(change[0], change[1], sizeof(change[0]));
    ch_net_destroy(net);
}

static void initial_weights_fill_their_range(void **state) {
    (void)state;
    const ch_net_options o = options();
    ch_net *net = create(&o);
    float params[DIM_MAX];
    float again[DIM_MAX];
    ch_net_init(net, 5, params);
    ch_net_init(net, 5, again);
    const choir_layout *layout = ch_net_layout(net);
    assert_memory_equal(params, again, layout->dim * sizeof(float));
    const double ranges[6] = {sqrt(6.0 / 33), 0, sqrt(6.0 / 20), 0, sqrt(3.0 / 17), 0};
    for (uint32_t t = 0; t < 6; t++) {
        double largest = 0.0;
        for (uint32_t i = 0; i < layout->tensors[t].count; i++) {
            largest = fmax(largest, fabs((double)params[layout->tensors[t].offset + i]));
        }
        assert_true(largest <= ranges[t]);
        assert_true(largest >= 0.9 * ranges[t]);
    }
    ch_net_destroy(net);
}

static void divergence_is_reported(void **state) {
    (void)state;
    static samples s;
    samples_fill(&s);
    const ch_net_options o = options();
    ch_net *net = create(&o);
    float params[DIM_MAX];
    ch_score score = {0};
    ch_net_init(net, 1, params);
    params[0] = NAN;
    ch_net_load(net, params);
    const ch_batch batch = {.count = 10, .x = s.x, .labels = s.labels};
    check_status(ch_net_step(net, &batch, &SGDS[0], &score), CHOIR_ERANGE);
    ch_net_destroy(net);
}

static void text_is_checked_before_anything_is_built(void **state) {
    (void)state;
    static const struct {
        const char *layers;
        const char *message;
    } rows[] = {
        {"dense", "layer 1 'dense': right is 'dense UNITS'"},
        {"dense x",
         "layer 1 'dense x': right is 'dense UNITS', UNITS a whole number in [1, 1048576]"},
        {"dense 3 | dense 0",
         "layer 2 'dense 0': right is 'dense UNITS', UNITS a whole number in [1, 1048576]"},
        {"relu 3", "layer 1 'relu 3': right is 'relu'"},
        {"relu", "model 'relu' has nothing to train: add a layer such as 'dense 10'"},
        {"dense 1000000 | dense 1000000",
         "layer 2 'dense 1000000' makes the model larger than 268435456 parameters"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_net_options o = options();
        o.layers = rows[i].layers;
        choir_error err = {.message = ""};
        ch_net *net = (ch_net *)&o;
        check_status(ch_net_create(&net, &o, &env, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
        assert_null(net);
    }
    static const char *const wrong[] = {
        "",
        "|",
        "dense 3 |",
        "dents 3",
        "dense 3 4",
        "dense 1 2 3 4 5",
        "dense -1",
        "dense 99999999999999999999",
        "dense 3.5",
        "relu|relu|relu|relu|relu dddddddddddddddddddddddddddddddddddddddddddddddddddd"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ch_net_options o = options();
        o.layers = wrong[i];
        choir_error err = {.message = ""};
        ch_net *net = NULL;
        check_status(ch_net_create(&net, &o, &env, &err), CHOIR_EINVAL);
        assert_memory_equal(err.message, "layer ", 6);
    }
}

static void what_a_stranger_writes_is_shown_harmless(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_net_options o = options();
    o.layers = "dense \x1b[2J\n5";
    choir_error err = {.message = ""};
    ch_net *net = NULL;
    check_status(ch_net_create(&net, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "layer 1 'dense ?[2J?5': right is 'dense UNITS'");
}

static void too_many_layers_are_refused(void **state) {
    (void)state;
    char text[2000] = "dense 1";
    for (int i = 0; i < 150; i++) {
        memcpy(text + 7 + (size_t)i * 8, "|dense 1", 9);
    }
    ch_net_options o = options();
    o.layers = text;
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    ch_net *net = NULL;
    check_status(ch_net_create(&net, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "layer 33 'dense 1' is one too many: a model has at most 64 tensors");
    memcpy(text, "dense 1", 8);
    for (int i = 0; i < 300; i++) {
        memcpy(text + 7 + (size_t)i * 5, "|relu", 6);
    }
    check_status(ch_net_create(&net, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "layer 254 'relu': right is a net of fewer layers");
}

static void sizes_are_checked(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    for (int i = 0; i < 4; i++) {
        ch_net_options o = options();
        o.width = i == 0 ? 0 : i == 1 ? 1U << 31 : FEATURES;
        o.batch_max = i == 2 ? 0 : i == 3 ? 1U << 20 : 10;
        ch_net *net = NULL;
        choir_error err = {.message = ""};
        check_status(ch_net_create(&net, &o, &env, &err), CHOIR_EINVAL);
        assert_memory_equal(err.message, "model: ", 7);
    }
}

static void what_a_net_claims_is_known_before(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        ch_net_options o = options();
        o.forward_only = i % 2 == 1;
        o.batch_max = i < 2 ? 10 : 3;
        measured_memory memory;
        const choir_env env = measured_env(&memory);
        size_t bytes = 0;
        ch_net *net = NULL;
        check_status(ch_net_bytes(&bytes, &o, &env, NULL), CHOIR_OK);
        assert_int_equal(memory.alive, 0);
        check_status(ch_net_create(&net, &o, &env, NULL), CHOIR_OK);
        assert_int_equal(memory.alive, bytes);
        assert_int_equal(memory.peak, bytes);
        ch_net_destroy(net);
    }
    ch_net_options wrong = options();
    const choir_env env = choir_env_default();
    size_t bytes = 7;
    wrong.layers = "dense";
    check_status(ch_net_bytes(&bytes, &wrong, &env, NULL), CHOIR_EINVAL);
    assert_int_equal(bytes, 7);
}

static void a_net_that_only_evaluates_says_the_same_with_less(void **state) {
    (void)state;
    static const char *const layers[] = {
        "dense 20 | relu | dense 5",
        "conv 3x3 4 | relu | maxpool 2 | dense 5",
    };
    samples s;
    samples_fill(&s);
    for (size_t i = 0; i < 2; i++) {
        ch_net_options o = options();
        const choir_env env = choir_env_default();
        float params[DIM_MAX];
        float whole[EXAMPLES * CLASSES];
        float less[EXAMPLES * CLASSES];
        size_t bytes[2];
        o.layers = layers[i];
        o.height = i == 0 ? 1 : 11;
        o.width = FEATURES / o.height;
        check_status(ch_net_bytes(&bytes[0], &o, &env, NULL), CHOIR_OK);
        ch_net *net = create(&o);
        ch_net_init(net, 1, params);
        ch_net_load(net, params);
        const ch_batch all = {.count = EXAMPLES, .x = s.x};
        ch_net_evaluate(net, &all, whole, NULL);
        ch_net_destroy(net);
        o.forward_only = true;
        check_status(ch_net_bytes(&bytes[1], &o, &env, NULL), CHOIR_OK);
        net = create(&o);
        ch_net_load(net, params);
        ch_net_evaluate(net, &all, less, NULL);
        ch_net_destroy(net);
        assert_memory_equal(whole, less, sizeof(whole));
        assert_true(bytes[1] < bytes[0]);
    }
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const ch_net_options o = options();
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_net *net = NULL;
        m.status = ch_net_create(&net, &o, &m.env, NULL);
        ch_net_destroy(net);
    }
    assert_int_equal(m.tries, 3); // the net, its arena, the success
}

/* The formula of ch_sgd with g + k, in double, on the net's own gradients. */
static void check_corrected(const ch_sgd *sgd, bool fused) {
    static samples s;
    enum { BATCH = 10, STEPS = 6 };
    ch_net_options o = options();
    o.corrected = true;
    o.fused = fused;
    samples_fill(&s);
    ch_net *net = create(&o);
    const uint32_t dim = ch_net_layout(net)->dim;
    float start[DIM_MAX];
    float correction[DIM_MAX];
    float gradient[DIM_MAX];
    float now[DIM_MAX];
    double w[DIM_MAX];
    double v[DIM_MAX] = {0};
    ch_net_init(net, 11, start);
    ch_rng rng = ch_rng_stream(4, CH_PURPOSE_TEST, 0, 0);
    for (uint32_t i = 0; i < dim; i++) {
        correction[i] = (float)(ch_rng_unit(&rng) - 0.5);
        w[i] = start[i];
    }
    ch_net_load(net, start);
    ch_net_correct(net, correction);
    for (uint32_t step = 0; step < STEPS; step++) {
        const ch_batch b = {.x = s.x + (size_t)step * BATCH * FEATURES,
                            .labels = s.labels + (size_t)step * BATCH,
                            .count = BATCH};
        ch_score score = {0};
        check_status(ch_net_gradient(net, &b, gradient, &score), CHOIR_OK);
        check_status(ch_net_step(net, &b, sgd, &score), CHOIR_OK);
        ch_net_store(net, now);
        for (uint32_t i = 0; i < dim; i++) {
            const double g = (double)gradient[i] + (double)correction[i] +
                             (double)sgd->weight_decay * w[i] +
                             (double)sgd->proximal_mu * (w[i] - (double)start[i]);
            v[i] = (double)sgd->momentum * v[i] + g;
            w[i] -= (double)sgd->learning_rate * v[i];
            check_near(now[i], w[i], 2e-6 * (1 + fabs(w[i])));
        }
    }
    const ch_batch first = {.x = s.x, .labels = s.labels, .count = BATCH};
    ch_net_load(net, start); // forgets it
    ch_score score = {0};
    check_status(ch_net_gradient(net, &first, gradient, &score), CHOIR_OK);
    const ch_sgd plain = {.learning_rate = 0.5F};
    check_status(ch_net_step(net, &first, &plain, &score), CHOIR_OK);
    ch_net_store(net, now);
    for (uint32_t i = 0; i < dim; i++) {
        check_near(now[i], (double)start[i] - 0.5 * (double)gradient[i], 2e-6);
    }
    ch_net_destroy(net);
}

static void a_correction_is_added_to_every_gradient_until_the_next_load(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(SGDS) / sizeof(SGDS[0]); i++) {
        check_corrected(&SGDS[i], true);
        check_corrected(&SGDS[i], false);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_correction_is_added_to_every_gradient_until_the_next_load),
        cmocka_unit_test(fused_steps_are_the_unfused_ones_bit_for_bit),
        cmocka_unit_test(a_relu_in_front_reads_each_example),
        cmocka_unit_test(a_batch_in_parts_is_the_batch),
        cmocka_unit_test(every_backend_trains_alike),
        cmocka_unit_test(the_gradient_is_what_a_step_subtracts),
        cmocka_unit_test(a_net_learns_what_can_be_learnt),
        cmocka_unit_test(what_is_loaded_is_what_is_stored),
        cmocka_unit_test(a_change_has_the_same_bits_in_every_float_state),
        cmocka_unit_test(initial_weights_fill_their_range),
        cmocka_unit_test(divergence_is_reported),
        cmocka_unit_test(text_is_checked_before_anything_is_built),
        cmocka_unit_test(what_a_stranger_writes_is_shown_harmless),
        cmocka_unit_test(too_many_layers_are_refused),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(what_a_net_claims_is_known_before),
        cmocka_unit_test(a_net_that_only_evaluates_says_the_same_with_less),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
