/* Engine on text: examples are lines, what is predicted is counted, and a step is the mean over it.
 */
#include "support/check.h"
#include "support/folder.h"
#include "support/measured_memory.h"
#include "support/small_plays.h"

#include "data/sequences.h"
#include "train/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS = 2, TOKENS = CH_BYTE_TOKENS, DIM = TOKENS * UNITS + UNITS * TOKENS + TOKENS };

static char folder[FOLDER_PATH_MAX];

typedef struct bench {
    ch_federation *federation;
    ch_engine *engine;
    float params[DIM];
} bench;

static ch_net_options net_options(void) {
    ch_net_options net = ch_net_defaults();
    net.layers = "embedding 258 2 | dense 258";
    return net;
}

static ch_federation *federation_open(double heldout) {
    const choir_env env = choir_env_default();
    choir_job_data data = {.partition = "natural", .heldout = heldout, .steps = 20};
    (void)snprintf(data.source, sizeof(data.source), "%s", folder_file(folder, "plays.txt"));
    ch_federation *f;
    choir_error err = {.message = ""};
    if (ch_federation_open(&f, &data, NULL, 1, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return f;
}

static void bench_open_for(bench *b, uint32_t batch, double heldout, choir_method method) {
    const choir_env env = choir_env_default();
    const ch_net_options net = net_options();
    choir_error err = {.message = ""};
    b->federation = federation_open(heldout);
    if (ch_engine_create(&b->engine, &net, b->federation, batch, (uint32_t)method, &env, &err) !=
        CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(ch_net_layout(ch_engine_net(b->engine))->dim, DIM);
    ch_net_init(ch_engine_net(b->engine), 3, b->params);
}

static void bench_open(bench *b, uint32_t batch, double heldout) {
    bench_open_for(b, batch, heldout, CHOIR_METHOD_PLAIN);
}

static void bench_close(bench *b) {
    ch_engine_destroy(b->engine);
    ch_federation_destroy(b->federation);
}

static uint64_t predictions(const bench *b, uint32_t client, ch_split split) {
    ch_holding h;
    check_status(ch_federation_holding(b->federation, client, split, NULL, &h), CHOIR_OK);
    return ch_holding_predictions(&h);
}

static choir_task task_of(uint32_t epochs, uint32_t batch) {
    return (choir_task){.round = 1,
                        .dim = DIM,
                        .epochs = epochs,
                        .batch_size = batch,
                        .learning_rate = 0.5F,
                        .seed = 5};
}

static void lines_weigh_and_predictions_are_counted(void **state) {
    (void)state;
    bench b;
    bench_open(&b, 2, 0);
    const choir_trainer trainer = ch_engine_trainer(b.engine);
    const choir_task task = task_of(3, 2);
    static float delta[DIM];
    choir_training first;
    choir_training later;
    check_status(trainer.ops->train(trainer.self, 0, &task, b.params, delta, &first, NULL),
                 CHOIR_OK);
    assert_int_equal(first.examples, ch_federation_count(b.federation, 0, CH_SPLIT_TRAIN));
    assert_int_equal(first.metrics.examples, 3 * predictions(&b, 0, CH_SPLIT_TRAIN));
    assert_true(first.metrics.examples > 10 * (uint64_t)first.examples);
    for (uint32_t i = 0; i < DIM; i++) {
        b.params[i] += delta[i];
    }
    check_status(trainer.ops->train(trainer.self, 0, &task, b.params, delta, &later, NULL),
                 CHOIR_OK);
    assert_true(later.metrics.loss_q20 < first.metrics.loss_q20);
    bench_close(&b);
}

/* Adds the gradient of -log softmax(E[x] W + b)[y] over all predictions of a line. */
static void line_gradient(double *g, const float *params, const uint16_t *tokens, uint32_t count) {
    const float *table = params;
    const float *w = table + TOKENS * UNITS;
    const float *bias = w + UNITS * TOKENS;
    for (uint32_t t = 0; t < count; t++) {
        static double p[TOKENS];
        double sum = 0;
        const float *e = table + tokens[t] * UNITS;
        for (uint32_t c = 0; c < TOKENS; c++) {
            p[c] = exp((double)e[0] * (double)w[c] + (double)e[1] * (double)w[TOKENS + c] +
                       (double)bias[c]);
            sum += p[c];
        }
        for (uint32_t c = 0; c < TOKENS; c++) {
            const double z = p[c] / sum - (c == tokens[t + 1] ? 1 : 0);
            for (uint32_t u = 0; u < UNITS; u++) {
                g[tokens[t] * UNITS + u] += z * (double)w[u * TOKENS + c];
                g[TOKENS * UNITS + u * TOKENS + c] += z * (double)e[u];
            }
            g[2 * TOKENS * UNITS + c] += z;
        }
    }
}

static void one_step_on_all_lines_is_the_mean_over_their_predictions(void **state) {
    (void)state;
    bench b;
    bench_open(&b, 50, 0);
    const choir_task task = task_of(1, 0);
    static float delta[DIM];
    static double g[DIM];
    choir_training out;
    ch_holding h;
    check_status(ch_federation_holding(b.federation, 0, CH_SPLIT_TRAIN, NULL, &h), CHOIR_OK);
    check_status(ch_engine_train(b.engine, &h, 0, &task, b.params, delta, &out, NULL), CHOIR_OK);
    for (uint32_t i = 0; i < h.count; i++) {
        const ch_span span = h.examples->spans[ch_holding_row(&h, i)];
        line_gradient(g, b.params, h.examples->tokens + span.first, span.length - 1);
    }
    const double n = (double)ch_holding_predictions(&h);
    for (uint32_t i = 0; i < DIM; i++) {
        const double expected = -0.5 * g[i] / n;
        check_near(delta[i], expected, 2e-6 * (1 + fabs(expected)));
    }
    bench_close(&b);
}

/* F is the loss that steps lower: of a prediction, not of a line. */
static void qfedavg_takes_the_mean_loss_of_predictions(void **state) {
    (void)state;
    bench b;
    bench_open_for(&b, 50, 0, CHOIR_METHOD_QFEDAVG);
    choir_task task = task_of(1, 0);
    task.method = CHOIR_METHOD_QFEDAVG;
    task.fairness_q = 1;
    static float sent[DIM + 1];
    choir_training out;
    ch_holding h;
    ch_score score = {0};
    check_status(ch_federation_holding(b.federation, 0, CH_SPLIT_TRAIN, NULL, &h), CHOIR_OK);
    check_status(ch_engine_train(b.engine, &h, 0, &task, b.params, sent, &out, NULL), CHOIR_OK);
    ch_engine_load(b.engine, b.params);
    check_status(ch_engine_evaluate(b.engine, &h, 0, h.count, &score, NULL), CHOIR_OK);
    assert_true(score.count > 10 * (uint64_t)h.count);
    const double loss = score.loss / (double)score.count;
    double square = 0;
    for (uint32_t i = 0; i < DIM; i++) {
        square += (double)sent[i] / loss * ((double)sent[i] / loss);
    }
    check_near(sent[DIM], loss + square / (double)task.learning_rate, 1e-5 * loss);
    bench_close(&b);
}

static void evaluation_counts_predictions(void **state) {
    (void)state;
    bench b;
    bench_open(&b, 10, 0.3);
    const choir_trainer trainer = ch_engine_trainer(b.engine);
    const choir_task task = task_of(1, 10);
    choir_training out;
    ch_score score;
    uint32_t count = 0;
    check_status(trainer.ops->evaluate(trainer.self, 0, &task, b.params, &out, NULL), CHOIR_OK);
    check_status(ch_engine_heldout(b.engine, 0, &count, &score, NULL), CHOIR_OK);
    assert_int_equal(out.examples, count);
    assert_int_equal(score.count, predictions(&b, 0, CH_SPLIT_HELDOUT));
    assert_int_equal(out.metrics.examples, score.count);
    assert_int_equal(out.metrics.correct, score.correct);
    const ch_examples *test = ch_federation_test(b.federation);
    const ch_holding all = {.examples = test, .count = test->count};
    score = (ch_score){0};
    check_status(ch_engine_evaluate(b.engine, &all, 0, all.count, &score, NULL), CHOIR_OK);
    assert_int_equal(score.count, ch_holding_predictions(&all));
    // Each step's probabilities, one line at a time, say the same.
    static float p[20 * TOKENS];
    double loss = 0;
    for (uint32_t i = 0; i < all.count; i++) {
        const ch_span span = test->spans[i];
        check_status(ch_engine_predict(b.engine, &all, i, 1, p, NULL), CHOIR_OK);
        for (uint32_t t = 0; t + 1 < span.length; t++) {
            loss -= log((double)p[t * TOKENS + test->tokens[span.first + t + 1]]);
        }
    }
    check_near(score.loss, loss, 1e-4 * loss);
    bench_close(&b);
}

static void other_models_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *layers, *message;
    } rows[] = {
        {"dense 258", "the model has no embedding, and the data is text of 258 tokens"},
        {"embedding 258 2 | dense 10", "the model has 10 outputs, the data wants 258"},
        {"embedding 300 2 | dense 258", "the model embeds 300 tokens, the data has 258"},
    };
    const choir_env env = choir_env_default();
    ch_federation *f = federation_open(0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_net_options net = ch_net_defaults();
        net.layers = rows[i].layers;
        choir_error err = {.message = ""};
        ch_engine *e;
        check_status(ch_engine_create(&e, &net, f, 10, CHOIR_METHOD_PLAIN, &env, &err),
                     CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
    ch_federation_destroy(f);
}

static void it_claims_what_it_said(void **state) {
    (void)state;
    static const uint32_t batches[] = {1, 10, 100};
    ch_federation *f = federation_open(0);
    for (size_t i = 0; i < 3; i++) {
        measured_memory memory;
        const choir_env env = measured_env(&memory);
        ch_net_options net = net_options();
        ch_engine *e;
        check_status(ch_engine_create(&e, &net, f, batches[i], CHOIR_METHOD_PLAIN, &env, NULL),
                     CHOIR_OK);
        const size_t claimed = memory.alive;
        ch_engine_destroy(e);
        size_t said = 0;
        ch_engine_input(&net, f);
        assert_int_equal(net.steps, 20);
        check_status(ch_engine_bytes(&said, &net, ch_federation_pooled(f)->count, batches[i],
                                     CHOIR_METHOD_PLAIN, &env, NULL),
                     CHOIR_OK);
        assert_true(claimed <= said && said <= claimed + claimed / 10);
    }
    ch_federation_destroy(f);
}

static int folder_begin(void **state) {
    (void)state;
    folder_make(folder);
    folder_put(folder_file(folder, "plays.txt"), SMALL_PLAYS_INLINE, strlen(SMALL_PLAYS_INLINE));
    return 0;
}

static int folder_end(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_weigh_and_predictions_are_counted),
        cmocka_unit_test(one_step_on_all_lines_is_the_mean_over_their_predictions),
        cmocka_unit_test(qfedavg_takes_the_mean_loss_of_predictions),
        cmocka_unit_test(evaluation_counts_predictions),
        cmocka_unit_test(other_models_are_refused),
        cmocka_unit_test(it_claims_what_it_said),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
