/* Engine: local training is what the task says, whatever the batch size and however it ends. */
#include "support/check.h"
#include "support/folder.h"

#include "train/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 6, DIM_MAX = 700 };

typedef struct bench {
    ch_federation *federation;
    ch_engine *engine;
    uint32_t dim;
    float params[DIM_MAX];
} bench;

static void bench_open_with(bench *b, uint32_t batch, uint32_t examples, const choir_env *env) {
    const choir_job_data data = {.source = "synthetic",
                                 .partition = "natural",
                                 .clients = CLIENTS,
                                 .examples = examples,
                                 .test_examples = 40,
                                 .heldout = 0.2};
    ch_net_options net = ch_net_defaults();
    net.layers = "dense 10";
    choir_error err = {.message = ""};
    if (ch_federation_open(&b->federation, &data, NULL, 1, env, &err) != CHOIR_OK ||
        ch_engine_create(&b->engine, &net, b->federation, batch, CHOIR_METHOD_PLAIN, env, &err) !=
            CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    b->dim = ch_net_layout(ch_engine_net(b->engine))->dim;
    assert_true(b->dim <= DIM_MAX);
    ch_net_init(ch_engine_net(b->engine), 3, b->params);
}

static void bench_open(bench *b, uint32_t batch, const choir_env *env) {
    bench_open_with(b, batch, 25, env);
}

static void bench_close(bench *b) {
    ch_engine_destroy(b->engine);
    ch_federation_destroy(b->federation);
}

static choir_status train(bench *b, uint32_t client, const choir_task *task, float *delta,
                          choir_training *out, choir_error *err) {
    const choir_trainer trainer = ch_engine_trainer(b->engine);
    return trainer.ops->train(trainer.self, client, task, b->params, delta, out, err);
}

static void training_is_a_pure_function_of_task_and_client(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    bench b;
    bench_open(&b, 10, &env);
    choir_task task = {
        .round = 1, .dim = b.dim, .epochs = 2, .batch_size = 10, .learning_rate = 0.1F, .seed = 5};
    float first[DIM_MAX];
    float again[DIM_MAX];
    float other[DIM_MAX];
    choir_training out;
    check_status(train(&b, 1, &task, first, &out, NULL), CHOIR_OK);
    assert_int_equal(out.examples, ch_federation_count(b.federation, 1, CH_SPLIT_TRAIN));
    assert_int_equal(out.metrics.examples, 2 * out.examples);
    assert_true(out.metrics.loss_q20 > 0);
    check_status(train(&b, 2, &task, other, &out, NULL), CHOIR_OK);
    check_status(train(&b, 1, &task, again, &out, NULL), CHOIR_OK);
    assert_memory_equal(first, again, b.dim * sizeof(float));
    assert_true(memcmp(first, other, b.dim * sizeof(float)) != 0);
    task.seed = 6; // another order of the same examples
    check_status(train(&b, 1, &task, other, &out, NULL), CHOIR_OK);
    assert_true(memcmp(first, other, b.dim * sizeof(float)) != 0);
    bench_close(&b);
}

static void one_epoch_on_all_examples_is_one_gradient_step(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    bench b;
    bench_open(&b, 200, &env);
    const choir_task task = {
        .round = 1, .dim = b.dim, .epochs = 1, .batch_size = 0, .learning_rate = 0.5F, .seed = 5};
    float delta[DIM_MAX];
    choir_training out;
    check_status(train(&b, 3, &task, delta, &out, NULL), CHOIR_OK);
    // The same by hand: the mean gradient of softmax regression over the client's examples.
    ch_scratch *scratch = NULL;
    ch_holding holding;
    check_status(ch_scratch_create(&scratch, b.federation, &env), CHOIR_OK);
    check_status(ch_federation_holding(b.federation, 3, CH_SPLIT_TRAIN, scratch, &holding),
                 CHOIR_OK);
    const uint32_t features = ch_shape_features(ch_federation_shape(b.federation));
    double expected[DIM_MAX] = {0};
    for (uint32_t i = 0; i < holding.count; i++) {
        float x[100];
        double p[10];
        double sum = 0;
        ch_holding_gather(&holding, NULL, i, 1, x);
        for (uint32_t c = 0; c < 10; c++) {
            double z = (double)b.params[features * 10 + c];
            for (uint32_t f = 0; f < features; f++) {
                z += (double)x[f] * (double)b.params[f * 10 + c];
            }
            p[c] = exp(z);
            sum += p[c];
        }
        const uint32_t label = holding.examples->labels[ch_holding_row(&holding, i)];
        for (uint32_t c = 0; c < 10; c++) {
            const double g = (p[c] / sum - (c == label ? 1 : 0)) / holding.count;
            expected[features * 10 + c] -= 0.5 * g;
            for (uint32_t f = 0; f < features; f++) {
                expected[f * 10 + c] -= 0.5 * g * (double)x[f];
            }
        }
    }
    for (uint32_t i = 0; i < b.dim; i++) {
        check_near(delta[i], expected[i], 2e-6 * (1 + fabs(expected[i])));
    }
    ch_scratch_destroy(scratch);
    bench_close(&b);
}

typedef struct watcher {
    uint64_t told;
    choir_progress last;
} watcher;

static void watch(void *self, const choir_progress *progress) {
    watcher *w = self;
    w->told += 1;
    assert_int_equal(progress->step, w->told);
    assert_true(progress->epoch == w->last.epoch || progress->epoch == w->last.epoch + 1);
    w->last = *progress;
}

static void it_says_how_far_it_is_when_somebody_wants_to_know(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    bench b;
    bench_open(&b, 10, &env);
    const choir_trainer trainer = ch_engine_trainer(b.engine);
    float delta[DIM_MAX];
    float alone[DIM_MAX];
    choir_training out;
    for (uint32_t batch = 0; batch <= 10; batch += 10) {
        const choir_task task = {.round = 1,
                                 .dim = b.dim,
                                 .epochs = 3,
                                 .batch_size = batch,
                                 .learning_rate = 0.1F,
                                 .seed = 5};
        watcher w = {.told = 0};
        choir_lent lent = {.progress = watch, .self = &w};
        trainer.ops->lend(trainer.self, &lent);
        check_status(train(&b, 1, &task, delta, &out, NULL), CHOIR_OK);
        const uint32_t a_pass = batch == 0 ? 1 : (out.examples + 9) / 10;
        assert_int_equal(w.told, 3 * a_pass);
        assert_int_equal(w.last.steps, 3 * a_pass);
        assert_int_equal(w.last.epoch, 3);
        assert_int_equal(w.last.epochs, 3);
        trainer.ops->lend(trainer.self, NULL);
        check_status(train(&b, 1, &task, alone, &out, NULL), CHOIR_OK);
        assert_int_equal(w.told, 3 * a_pass);
        assert_memory_equal(delta, alone, b.dim * sizeof(float));
    }
    bench_close(&b);
}

static void divergence_is_reported_with_client_and_loss(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    bench b;
    bench_open(&b, 10, &env);
    const choir_task task = {
        .round = 4, .dim = b.dim, .epochs = 50, .batch_size = 10, .learning_rate = 3e38F};
    float delta[DIM_MAX];
    choir_training out;
    choir_error err = {.message = ""};
    check_status(train(&b, 2, &task, delta, &out, &err), CHOIR_ERANGE);
    assert_non_null(strstr(err.message, "client 2: training diverged in round 4, after "));
    assert_true(out.metrics.examples >= 10 && out.metrics.examples % 10 == 0);
    assert_true(out.metrics.correct <= out.metrics.examples);
    assert_true(out.metrics.loss_q20 > 0 && out.metrics.loss_q20 < INT64_C(1) << 62);

    for (uint32_t i = 0; i < b.dim; i++) { // from where the first step's loss is not finite
        b.params[i] = i % 2 == 0 ? 3e38F : -3e38F;
    }
    check_status(train(&b, 2, &task, delta, &out, &err), CHOIR_ERANGE);
    assert_string_equal(err.message, "client 2: training diverged in round 4, in its first step, "
                                     "at learning rate 3e+38");
    assert_int_equal(out.metrics.examples, 0);
    bench_close(&b);
}

static void a_parameter_that_is_not_finite_is_divergence_too(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    bench b;
    bench_open(&b, 10, &env);
    // One step: its loss is finite, what the decay makes of the parameters is not.
    const choir_task task = {
        .round = 4, .dim = b.dim, .epochs = 1, .learning_rate = 3e38F, .weight_decay = 1e6F};
    float delta[DIM_MAX];
    choir_training out;
    choir_error err = {.message = ""};
    check_status(train(&b, 2, &task, delta, &out, &err), CHOIR_ERANGE);
    assert_string_equal(err.message, "client 2: training diverged in round 4: a parameter is not "
                                     "finite at learning rate 3e+38");
    assert_int_equal(out.metrics.examples, out.examples);
    bench_close(&b);
}

static void a_step_without_room_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    bench b;
    bench_open_with(&b, 10, 1000, &env); // more than evaluation, which has room, works on at once
    ch_scratch *scratch = NULL;
    ch_holding holding;
    check_status(ch_scratch_create(&scratch, b.federation, &env), CHOIR_OK);
    check_status(ch_federation_holding(b.federation, 3, CH_SPLIT_TRAIN, scratch, &holding),
                 CHOIR_OK);
    const choir_task task = {.dim = b.dim, .epochs = 1, .learning_rate = 0.1F};
    float delta[DIM_MAX];
    choir_training out = {.examples = 77};
    choir_error err = {.message = ""};
    check_status(ch_engine_train(b.engine, &holding, 3, &task, b.params, delta, &out, &err),
                 CHOIR_ENOMEM);
    assert_true(holding.count > 64);
    assert_non_null(strstr(err.message, "client 3: a batch of "));
    assert_non_null(strstr(err.message, " examples, room for 64"));
    assert_int_equal(out.examples, 0);
    ch_scratch_destroy(scratch);
    bench_close(&b);
}

/* A task comes from a server: what does not fit is refused, and trips no assertion. */
static void a_task_of_another_model_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    bench b;
    bench_open(&b, 10, &env);
    const choir_task task = {
        .dim = b.dim + 1, .epochs = 1, .batch_size = 10, .learning_rate = 0.1F};
    float delta[DIM_MAX];
    choir_training out = {.examples = 77};
    choir_error err = {.message = ""};
    check_status(train(&b, 2, &task, delta, &out, &err), CHOIR_EINVAL);
    char expected[100];
    (void)snprintf(expected, sizeof(expected),
                   "client 2: the task's model has %u parameters, the client's %u", b.dim + 1,
                   b.dim);
    assert_string_equal(err.message, expected);
    assert_int_equal(out.examples, 0);
    bench_close(&b);
}

static void evaluation_is_of_the_examples_that_are_held_out(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    bench b;
    bench_open(&b, 10, &env);
    const choir_trainer trainer = ch_engine_trainer(b.engine);
    choir_task task = {.dim = b.dim, .epochs = 1, .purpose = CHOIR_PURPOSE_EVALUATE, .round = 5};
    for (uint32_t client = 0; client < CLIENTS; client++) {
        choir_training out;
        ch_score score;
        uint32_t count = 0;
        check_status(trainer.ops->evaluate(trainer.self, client, &task, b.params, &out, NULL),
                     CHOIR_OK);
        ch_engine_load(b.engine, b.params);
        check_status(ch_engine_heldout(b.engine, client, &count, &score, NULL), CHOIR_OK);
        assert_int_equal(out.examples, count);
        assert_true(count > 0);
        assert_int_equal(out.metrics.examples, count);
        assert_int_equal(out.metrics.correct, score.correct);
        check_near((double)out.metrics.loss_q20 * 0x1p-20, score.loss, 0x1p-20);
    }
    choir_training out;
    choir_error err = {.message = ""};
    task.dim += 1;
    check_status(trainer.ops->evaluate(trainer.self, 2, &task, b.params, &out, &err), CHOIR_EINVAL);
    task.dim -= 1;
    b.params[0] = NAN;
    check_status(trainer.ops->evaluate(trainer.self, 2, &task, b.params, &out, &err), CHOIR_ERANGE);
    assert_non_null(strstr(err.message, "client 2: the model of round 5 has a loss of"));
    bench_close(&b);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const choir_env real = choir_env_default();
    bench b;
    bench_open(&b, 10, &real);
    ch_net_options net = ch_net_defaults();
    net.layers = "dense 10";
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_engine *e = NULL;
        choir_error err = {.message = ""};
        m.status = ch_engine_create(&e, &net, b.federation, 10, CHOIR_METHOD_PLAIN, &m.env, &err);
        assert_true((m.status == CHOIR_OK) == (err.message[0] == '\0'));
        assert_true((m.status == CHOIR_OK) == (e != NULL));
        ch_engine_destroy(e);
    }
    assert_true(m.tries >= 4); // the engine, its net, its scratch, its arrays
    bench_close(&b);
}

/* As one that a server hosts by mistake, or a device that has an older job. */
static void a_task_of_another_method_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    bench b;
    bench_open(&b, 10, &env);
    const choir_task task = {.round = 2,
                             .dim = b.dim,
                             .epochs = 1,
                             .batch_size = 10,
                             .learning_rate = 0.1F,
                             .method = CHOIR_METHOD_FEDNOVA};
    static float delta[DIM_MAX + 1];
    choir_training out;
    choir_error err = {.message = ""};
    check_status(train(&b, 1, &task, delta, &out, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "client 1: the task of round 2 is for method 1, the job's has 0");
    assert_int_equal(out.examples, 0);
    bench_close(&b);
}

/* Whoever drives the trainer by hand may forget to, and tasks come from a server. */
static void a_method_that_keeps_a_state_needs_room_for_it(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    bench b;
    bench_open(&b, 10, &env);
    ch_engine_destroy(b.engine);
    ch_net_options net = ch_net_defaults();
    net.layers = "dense 10";
    choir_error err = {.message = ""};
    check_status(
        ch_engine_create(&b.engine, &net, b.federation, 10, CHOIR_METHOD_FEDDYN, &env, &err),
        CHOIR_OK);
    const choir_task task = {.round = 2,
                             .dim = b.dim,
                             .epochs = 1,
                             .batch_size = 10,
                             .learning_rate = 0.1F,
                             .proximal_mu = 0.1F,
                             .method = CHOIR_METHOD_FEDDYN};
    static float delta[DIM_MAX];
    static float kept[DIM_MAX];
    choir_training out;
    check_status(train(&b, 1, &task, delta, &out, &err), CHOIR_EINVAL);
    assert_int_equal(out.examples, 0);
    char expected[160];
    (void)snprintf(expected, sizeof(expected),
                   "client 1: the task of round 2 keeps a state of %u bytes, for which the trainer "
                   "was lent no room",
                   ch_engine_state_bytes(b.engine));
    assert_string_equal(err.message, expected);
    choir_lent lent = {.state_next = (uint8_t *)kept};
    ch_engine_lend(b.engine, &lent);
    check_status(train(&b, 1, &task, delta, &out, &err), CHOIR_OK);
    assert_int_equal(lent.state_next_size, ch_engine_state_bytes(b.engine));
    bench_close(&b);
}

/* A number in a column of its own is as wide as a token, and none. */
static void an_embedding_of_numbers_is_refused(void **state) {
    (void)state;
    static const char table[] = "x,y\n0.5,0\n-3,1\n1e9,0\n7,1\n";
    const choir_env env = choir_env_default();
    choir_job_data data = {.partition = "iid", .clients = 2, .test_share = 0.25};
    ch_net_options net = ch_net_defaults();
    ch_federation *f = NULL;
    ch_engine *e = NULL;
    choir_error err = {.message = ""};
    char folder[FOLDER_PATH_MAX];
    folder_make(folder);
    folder_put(folder_file(folder, "one.csv"), table, sizeof(table) - 1);
    (void)snprintf(data.source, sizeof(data.source), "%s", folder_file(folder, "one.csv"));
    check_status(ch_federation_open(&f, &data, NULL, 1, &env, NULL), CHOIR_OK);
    net.layers = "embedding 5 4 | dense 2";
    check_status(ch_engine_create(&e, &net, f, 2, CHOIR_METHOD_PLAIN, &env, &err), CHOIR_EINVAL);
    assert_null(e);
    assert_string_equal(err.message, "the model embeds 5 tokens, and the data is no text; right is "
                                     "a model without an embedding");
    net.layers = "dense 2";
    check_status(ch_engine_create(&e, &net, f, 2, CHOIR_METHOD_PLAIN, &env, NULL), CHOIR_OK);
    ch_engine_destroy(e);
    ch_federation_destroy(f);
    folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_of_another_method_is_refused),
        cmocka_unit_test(a_method_that_keeps_a_state_needs_room_for_it),
        cmocka_unit_test(training_is_a_pure_function_of_task_and_client),
        cmocka_unit_test(one_epoch_on_all_examples_is_one_gradient_step),
        cmocka_unit_test(it_says_how_far_it_is_when_somebody_wants_to_know),
        cmocka_unit_test(divergence_is_reported_with_client_and_loss),
        cmocka_unit_test(a_parameter_that_is_not_finite_is_divergence_too),
        cmocka_unit_test(a_step_without_room_is_refused),
        cmocka_unit_test(an_embedding_of_numbers_is_refused),
        cmocka_unit_test(a_task_of_another_model_is_refused),
        cmocka_unit_test(evaluation_is_of_the_examples_that_are_held_out),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
