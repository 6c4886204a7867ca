/* Runs on text: lines of plays, from a job to a model that is evaluated and asked; as on pictures,
 * but that everything counts what is predicted. */
#include "support/tiny_job.h"

#include "run/bundle.h"
#include "run/device.h"
#include "run/saved.h"
#include "run/session.h"

#include <stdlib.h>
#include <string.h>

static char folder[FOLDER_PATH_MAX];
static ch_run_result one; // of the first test's run, which later ones look at

enum { ROLES = 6, LINES = 20 };

/* Six roles who repeat themselves, each in its own words. */
static void play_write(void) {
    static const char *const words[] = {"to be or not", "what a day", "my lord",
                                        "alas",         "no more",    "come again"};
    static char text[1 << 16] = "A PLAY\n\nby Some Body\n\nACT I\n\n";
    size_t used = strlen(text);
    for (int i = 0; i < ROLES * LINES; i++) {
        const int role = i % ROLES;
        used += (size_t)snprintf(text + used, sizeof(text) - used, "  ROLE %c. %s %s.\n",
                                 'A' + role, words[role], words[(role + i / ROLES) % ROLES]);
    }
    folder_put(folder_file(folder, "plays.txt"), text, used);
}

/* A file with a model that nobody has trained. */
static void model_write(const char *name, const char *layers, uint32_t steps) {
    const choir_env env = choir_env_default();
    ch_net_options o = ch_net_defaults();
    choir_error err = {.message = ""};
    ch_net *net = NULL;
    o.layers = layers;
    o.steps = steps;
    if (ch_net_create(&net, &o, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    float *params = calloc(ch_net_layout(net)->dim, sizeof(float));
    assert_non_null(params);
    ch_net_init(net, 1, params);
    const ch_saved_texts texts = {.hash = "", .labels = "", .encoding = ""};
    check_status(ch_saved_write(folder_file(folder, name), net, &o, params, &texts, &env, &err),
                 CHOIR_OK);
    ch_net_destroy(net);
    free(params);
}

static choir_job text_job(void) {
    choir_job job = tiny_job();
    job.model.name[0] = '\0';
    (void)snprintf(job.model.file, sizeof(job.model.file), "%s",
                   folder_file(folder, "lstm.safetensors"));
    (void)snprintf(job.data.source, sizeof(job.data.source), "%s",
                   folder_file(folder, "plays.txt"));
    job.data.clients = 0;
    job.data.heldout = 0.2;
    job.batch_size = 4;
    job.client_learning_rate = 1;
    job.epochs = 2;
    job.sample_rate = 0.5;
    job.rounds = 8;
    return job;
}

static ch_run_options options_for(const char *name) {
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, name);
    o.workers = 1;
    o.report = false;
    return o;
}

static void a_recurrent_net_learns_lines_whatever_the_workers(void **state) {
    (void)state;
    const choir_job job = text_job();
    ch_run_options o = options_for("one");
    one = tiny_run(&job, &o);
    assert_true(one.accuracy > 0.3); // 258 tokens; the most frequent, a blank, is a fifth of them
    assert_true(one.loss < 3);       // of ln 258 = 5.55
    o = options_for("two");
    o.workers = 2;
    const ch_run_result two = tiny_run(&job, &o);
    assert_string_equal(one.model_hash, two.model_hash);
    assert_true(one.accuracy == two.accuracy && one.loss == two.loss);
}

static void baselines_count_as_the_run_does(void **state) {
    (void)state;
    choir_job job = text_job();
    job.rounds = 2;
    ch_run_options o = options_for("baselines");
    o.baseline_central = true;
    o.baseline_local = true;
    o.report = true;
    const ch_run_result result = tiny_run(&job, &o);
    assert_true(result.central.is_done && result.local.is_done);
    assert_true(result.central.accuracy > 0 && result.central.accuracy <= 1);
    assert_true(result.local.accuracy > 0 && result.local.accuracy <= 1);
    assert_true(result.central.loss < 6 && result.local.loss < 6);
}

static void a_saved_model_is_evaluated_on_lines_of_any_length(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job job = text_job();
    ch_eval_result whole;
    choir_error err = {.message = ""};
    check_status(ch_run_eval(&whole, folder_file(folder, "one"), &job.data, job.seed, &env, &err),
                 CHOIR_OK);
    assert_true(whole.accuracy == one.accuracy);
    check_near(whole.loss, one.loss, 1e-12); // more lines at a time, and added up so
    assert_int_equal(whole.examples, ROLES * LINES / 5);
    assert_true(whole.predictions > 10 * (uint64_t)whole.examples);
    assert_null(whole.confusion);
    ch_eval_result cut;
    job.data.steps = 7; // the same characters, in pieces
    check_status(ch_run_eval(&cut, folder_file(folder, "one"), &job.data, job.seed, &env, &err),
                 CHOIR_OK);
    assert_true(cut.examples > whole.examples);
    assert_int_equal(cut.predictions, whole.predictions);
    ch_eval_result_release(&whole, &env);
    ch_eval_result_release(&cut, &env);
}

static void each_token_of_a_line_is_predicted(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = text_job();
    choir_error err = {.message = ""};
    FILE *out = tmpfile();
    assert_non_null(out);
    check_status(
        ch_run_predict(out, folder_file(folder, "one"), &job.data, job.seed, 1, 1, &env, &err),
        CHOIR_OK);
    rewind(out);
    // The second test line is the second role's seventeenth, whose end is word (1 + 16) mod 6.
    static const char line[] = "what a day come again.";
    char row[128];
    assert_non_null(fgets(row, sizeof(row), out));
    assert_string_equal(row, "example\ttoken\tprediction\tprobability\ttruth\n");
    for (uint32_t t = 0; t < sizeof(line); t++) {
        char truth[16];
        char start[16];
        assert_non_null(fgets(row, sizeof(row), out));
        (void)snprintf(start, sizeof(start), "1\t%u\t", t);
        (void)snprintf(truth, sizeof(truth), "\t%c\n", line[t]);
        assert_memory_equal(row, start, strlen(start));
        assert_string_equal(strrchr(row, '\t'), line[t] == ' '    ? "\tspace\n"
                                                : line[t] == '\0' ? "\t<end>\n"
                                                                  : truth);
    }
    assert_null(fgets(row, sizeof(row), out));
    (void)fclose(out);
}

static void text_and_numbers_are_told_apart(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const ch_run_options o = options_for("refused");
    ch_run_result result;
    choir_error err = {.message = ""};
    choir_job job = text_job();
    (void)snprintf(job.data.source, sizeof(job.data.source), "synthetic");
    job.data.clients = 20;
    check_status(ch_run_sim(&result, &job, &o, &env, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "lstm.safetensors reads text, and the data is none"));
    job = text_job();
    (void)snprintf(job.model.file, sizeof(job.model.file), "%s",
                   folder_file(folder, "dense.safetensors"));
    check_status(ch_run_sim(&result, &job, &o, &env, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "dense.safetensors': the model has no embedding, and the "
                                        "data is text of 258 tokens"));
}

static ch_bundle bundle_make(void) {
    const choir_env env = choir_env_default();
    char yaml[3 * FOLDER_PATH_MAX];
    const char *path = folder_file(folder, "job.yaml");
    ch_bundle b;
    choir_error err = {.message = ""};
    (void)snprintf(yaml, sizeof(yaml),
                   "model: {file: '%s/lstm.safetensors'}\n"
                   "data: {source: '%s/plays.txt', clients: 0, steps: 30}\n",
                   folder, folder);
    folder_put(path, yaml, strlen(yaml));
    if (ch_bundle_create(&b, path, NULL, 0, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return b;
}

static void train(choir_trainer trainer, uint32_t client, const ch_session *s, float *delta) {
    const choir_task task = {.round = 2,
                             .dim = s->dim,
                             .epochs = 2,
                             .batch_size = 7,
                             .learning_rate = 0.5F,
                             .seed = 99,
                             .chain = "weight"};
    choir_training training;
    check_status(trainer.ops->train(trainer.self, client, &task, s->params, delta, &training, NULL),
                 CHOIR_OK);
    assert_int_equal(training.examples, trainer.ops->examples(trainer.self, client));
    assert_true(training.metrics.examples > 2 * (uint64_t)training.examples);
}

static void a_device_learns_its_lines_as_in_a_simulation(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    ch_bundle b = bundle_make();
    ch_session s;
    choir_job job = b.job;
    (void)snprintf(job.model.file, sizeof(job.model.file), "%s",
                   folder_file(folder, "lstm.safetensors"));
    (void)snprintf(job.data.dir, sizeof(job.data.dir), "%s", folder);
    check_status(ch_session_open(&s, &job, 1, CH_SESSION_TRAIN, &env, &err), CHOIR_OK);
    float *simulated = calloc(2 * (size_t)s.dim, sizeof(float));
    assert_non_null(simulated);
    float *trained = simulated + s.dim;
    for (uint32_t k = 0; k < ROLES; k += ROLES - 1) {
        const ch_device_options o = {.job = {(const uint8_t *)b.text, b.text_size},
                                     .model = {b.model, b.model_size},
                                     .dir = folder,
                                     .client = k};
        ch_device d;
        check_status(ch_device_open(&d, &o, &env, &err), CHOIR_OK);
        train(s.trainers[0], k, &s, simulated);
        train(ch_device_trainer(&d), k, &s, trained);
        assert_memory_equal(trained, simulated, s.dim * sizeof(float));
        ch_device_release(&d);
    }
    free(simulated);
    ch_session_release(&s);
    ch_bundle_release(&b);
}

static void a_device_may_have_plays_of_its_own(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    ch_bundle b = bundle_make();
    const ch_device_options o = {.job = {(const uint8_t *)b.text, b.text_size},
                                 .model = {b.model, b.model_size},
                                 .source = folder_file(folder, "plays.txt"),
                                 .client = CH_DEVICE_ALL};
    ch_device d;
    check_status(ch_device_open(&d, &o, &env, &err), CHOIR_OK);
    const uint32_t lines = ROLES * LINES * 4 / 5; // the others are for testing
    assert_int_equal(ch_device_examples(&d), lines - (lines + 5) / 10); // a tenth is held out
    ch_device_release(&d);
    ch_bundle_release(&b);
}

static int folder_begin(void **state) {
    (void)state;
    folder_make(folder);
    play_write();
    model_write("dense.safetensors", "dense 258", 80);
    model_write("lstm.safetensors", "embedding 258 8 | lstm 16 peephole | dense 258", 80);
    return 0;
}

static int folder_end(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recurrent_net_learns_lines_whatever_the_workers),
        cmocka_unit_test(baselines_count_as_the_run_does),
        cmocka_unit_test(a_saved_model_is_evaluated_on_lines_of_any_length),
        cmocka_unit_test(each_token_of_a_line_is_predicted),
        cmocka_unit_test(text_and_numbers_are_told_apart),
        cmocka_unit_test(a_device_learns_its_lines_as_in_a_simulation),
        cmocka_unit_test(a_device_may_have_plays_of_its_own),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
