/*
 * Predictor: it says what choir predict's engine says of the same model, in the bytes of a file and
 * as it was promoted, and goes on doing so while another thread gives it others.
 */
#include "support/check_ok.h"
#include "support/measured_memory.h"
#include "support/tiny_job.h"
#include "support/tiny_table.h"

#include "base/disk.h"
#include "choir/blob.h"
#include "choir/predictor.h"
#include "run/saved.h"
#include "run/session.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static char folder[FOLDER_PATH_MAX];

/* A model that was trained and saved; its test set, and what its session's engine says of that. */
typedef struct trained {
    ch_session session;
    char path[FOLDER_PATH_MAX + 64];
    ch_disk_file file;
    ch_holding test;
    uint32_t features;
    uint32_t outputs;
    float *x;      // (test.count, features)
    float *scores; // (test.count, outputs)
} trained;

static void trained_init(trained *t, const choir_job *job) {
    const choir_env env = choir_env_default();
    *t = (trained){.features = 0};
    static uint32_t runs;
    char name[32];
    (void)snprintf(name, sizeof(name), "run-%u", runs++);
    const ch_run_options o = {.run_dir = folder_file(folder, name), .workers = 1};
    (void)tiny_run(job, &o);
    (void)snprintf(t->path, sizeof(t->path), "%s/%s/model.safetensors", folder, name);
    check_ok(ch_disk_read(&t->file, t->path, SIZE_MAX / 2, &env, &err));
    choir_job again = *job;
    (void)snprintf(again.model.init, sizeof(again.model.init), "%s", t->path);
    check_ok(ch_session_open(&t->session, &again, 1, CH_SESSION_TRAIN, &env, &err));
    const ch_examples *test = ch_federation_test(t->session.federation);
    assert_true(test->count > 20);
    t->test = (ch_holding){.examples = test, .count = test->count};
    t->features = ch_shape_features(test->shape);
    t->outputs = ch_net_outputs(ch_session_net(&t->session));
    t->x = malloc(sizeof(float) * test->count * t->features);
    t->scores = malloc(sizeof(float) * test->count * t->outputs);
    ch_engine_load(t->session.engines[0], t->session.params);
    check_ok(ch_engine_predict(t->session.engines[0], &t->test, 0, test->count, t->scores, &err));
    ch_holding_gather(&t->test, NULL, 0, test->count, t->x);
}

static void trained_release(trained *t) {
    free(t->x);
    free(t->scores);
    ch_session_release(&t->session);
    ch_disk_release(&t->file);
}

static choir_promoted whole_of(const trained *t) {
    return (choir_promoted){.model = {.data = t->file.data, .size = t->file.size}};
}

/* As a server promotes it: what the file says up to its parameters, and these. */
static choir_promoted promoted_of(const trained *t) {
    choir_promoted p = whole_of(t);
    p.dim = t->session.dim;
    p.params = t->session.params;
    p.model.size -= p.dim * sizeof(float);
    return p;
}

static void check_predicts(choir_predictor *p, const trained *t) {
    const uint32_t count = t->test.count;
    float *scores = malloc(sizeof(float) * count * t->outputs);
    uint32_t *labels = malloc(sizeof(uint32_t) * count);
    assert_int_equal(choir_predictor_features(p), t->features);
    assert_int_equal(choir_predictor_outputs(p), t->outputs);
    check_ok(choir_predictor_predict(p, t->x, count, scores, labels, &err));
    assert_memory_equal(scores, t->scores, sizeof(float) * count * t->outputs);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t c = 0; c < t->outputs; c++) {
            assert_true(scores[i * t->outputs + labels[i]] >= scores[i * t->outputs + c]);
        }
    }
    uint32_t one = 99;
    check_ok(choir_predictor_predict(p, t->x, 1, NULL, &one, &err));
    assert_int_equal(one, labels[0]);
    free(labels);
    free(scores);
}

/* What choir predict prints of the model's test set is what the predictor says. */
static void check_printed(choir_predictor *p, const trained *t, const choir_job *job) {
    const choir_env env = choir_env_default();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    check_ok(ch_run_predict(out, t->path, &job->data, job->seed, 0, UINT32_MAX, &env, &err));
    assert_int_equal(fclose(out), 0);
    float *scores = malloc(sizeof(float) * t->outputs);
    const char *line = strchr(text, '\n') + 1;
    for (uint32_t i = 0; i < t->test.count; i++, line = strchr(line, '\n') + 1) {
        char name[32];
        char said[96];
        uint32_t label = 0;
        check_ok(
            choir_predictor_predict(p, t->x + (size_t)i * t->features, 1, scores, &label, &err));
        choir_predictor_label(p, label, name, sizeof(name));
        (void)snprintf(said, sizeof(said), "%u\t%s\t%.4f\t", i, name, (double)scores[label]);
        assert_memory_equal(line, said, strlen(said));
    }
    assert_string_equal(line, "");
    free(scores);
    free(text);
}

static choir_predictor *open_or_fail(const choir_promoted *model) {
    const choir_env env = choir_env_default();
    choir_predictor *p = NULL;
    check_ok(choir_predictor_open(&p, model, &env, &err));
    return p;
}

static choir_job job_of(const char *name, const char *model, const char *source) {
    choir_job job = tiny_job();
    (void)snprintf(job.name, sizeof(job.name), "%s", name);
    (void)snprintf(job.model.name, sizeof(job.model.name), "%s", model);
    (void)snprintf(job.data.source, sizeof(job.data.source), "%s", source);
    job.rounds = 2;
    return job;
}

static void check_model(const choir_job *job) {
    trained t;
    trained_init(&t, job);
    const choir_promoted whole = whole_of(&t);
    const choir_promoted promoted = promoted_of(&t);
    choir_predictor *p = open_or_fail(&whole);
    check_predicts(p, &t);
    check_printed(p, &t, job);
    choir_predictor_close(p);
    p = open_or_fail(&promoted);
    check_predicts(p, &t);
    choir_predictor_close(p);
    trained_release(&t);
}

static void it_says_what_the_engine_says(void **state) {
    (void)state;
    choir_job job = job_of("plain", "softmax", "synthetic");
    check_model(&job);
    job = job_of("picture", "mnist-cnn", "digits");
    job.data.clients = 4;
    job.data.examples = 10;
    job.data.test_examples = 30;
    job.rounds = 1;
    check_model(&job);
    job = job_of("white", "softmax", "digits");
    job.data.clients = 4;
    job.data.examples = 10;
    job.data.test_examples = 30;
    job.data.crop = 20;
    (void)snprintf(job.data.preprocess, sizeof(job.data.preprocess), "flip,whiten");
    check_model(&job);
    job = job_of("squared", "softmax", "synthetic");
    (void)snprintf(job.model.loss, sizeof(job.model.loss), "mean-squared-error");
    check_model(&job);
}

static void labels_have_the_names_of_the_data(void **state) {
    (void)state;
    char text[8];
    choir_job job = job_of("table", "softmax", "");
    (void)snprintf(job.data.source, sizeof(job.data.source), "%s", folder_file(folder, "ill.csv"));
    (void)snprintf(job.data.label, sizeof(job.data.label), "ill");
    (void)snprintf(job.data.partition, sizeof(job.data.partition), "iid");
    job.data.test_share = 0.2;
    check_model(&job);
    trained t;
    trained_init(&t, &job);
    const choir_promoted whole = whole_of(&t);
    choir_predictor *p = open_or_fail(&whole);
    choir_predictor_label(p, 0, text, sizeof(text));
    assert_string_equal(text, "no");
    choir_predictor_label(p, 1, text, sizeof(text));
    assert_string_equal(text, "yes");
    choir_predictor_label(p, 1, text, 3);
    assert_string_equal(text, "ye");
    choir_predictor_label(p, 2, text, sizeof(text));
    assert_string_equal(text, "2");
    choir_predictor_close(p);
    trained_release(&t);
}

// ----- refusals ---------------------------------------------------------------------------------

static void check_refused(choir_promoted model, choir_status status, const char *message) {
    const choir_env env = choir_env_default();
    choir_predictor *p = (choir_predictor *)&model;
    choir_error err = {.message = ""};
    check_status(choir_predictor_open(&p, &model, &env, &err), status);
    assert_null(p);
    if (strstr(err.message, message) == NULL) {
        fail_msg("'%s' does not say '%s'", err.message, message);
    }
}

static void what_is_no_model_is_refused(void **state) {
    (void)state;
    trained t;
    const choir_job job = job_of("plain", "softmax", "synthetic");
    trained_init(&t, &job);
    choir_promoted model = whole_of(&t);
    model.model.size -= 1;
    check_refused(model, CHOIR_EPROTO, "the model: ");
    model = promoted_of(&t);
    model.dim -= 1;
    check_refused(model, CHOIR_EPROTO, "parameters, its layers have");
    model = promoted_of(&t);
    float *params = malloc(sizeof(float) * model.dim);
    memcpy(params, model.params, sizeof(float) * model.dim);
    params[5] = NAN;
    model.params = params;
    check_refused(model, CHOIR_EPROTO, "the model: its parameter 5 is not finite");
    free(params);
    static const char bare[] = "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  ";
    uint8_t bytes[8 + sizeof(bare) - 1 + 4] = {sizeof(bare) - 1};
    memcpy(bytes + 8, bare, sizeof(bare) - 1);
    model = (choir_promoted){.model = {.data = bytes, .size = sizeof(bytes)}};
    check_refused(model, CHOIR_EPROTO, "does not say its layers and inputs");
    trained_release(&t);
}

/* A whole file, and promoted, of a model that embeds what is said to be no text. */
static void an_embedding_is_for_text(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_net_options o = ch_net_defaults();
    o.layers = "embedding 5 4 | dense 2";
    o.height = o.width = o.channels = 1;
    ch_net *net = NULL;
    check_ok(ch_net_create(&net, &o, &env, &err));
    float params[64];
    const uint32_t dim = ch_net_layout(net)->dim;
    assert_true(dim <= 64);
    ch_net_init(net, 1, params);
    const ch_saved_texts texts = {.hash = "", .labels = "", .encoding = ""};
    uint8_t *bytes = NULL;
    size_t size = 0;
    check_ok(ch_saved_encode(&bytes, &size, "m", net, &o, params, &texts, &env, &err));
    choir_promoted model = {.model = {.data = bytes, .size = size}};
    static const char message[] =
        "the model: embeds 5 tokens, and a predictor takes pictures or rows of numbers";
    check_refused(model, CHOIR_EPROTO, message);
    model.model.size -= dim * sizeof(float);
    model.dim = dim;
    model.params = params;
    check_refused(model, CHOIR_EPROTO, message);
    env.free(env.self, bytes);
    ch_net_destroy(net);
}

static void an_input_that_is_not_finite_is_refused(void **state) {
    (void)state;
    trained t;
    const choir_job job = job_of("plain", "softmax", "synthetic");
    trained_init(&t, &job);
    const choir_promoted whole = whole_of(&t);
    choir_predictor *p = open_or_fail(&whole);
    choir_error err = {.message = ""};
    uint32_t label = 77;
    t.x[t.features + 2] = INFINITY;
    check_status(choir_predictor_predict(p, t.x, 2, NULL, &label, &err), CHOIR_ERANGE);
    assert_string_equal(err.message, "input 1: its feature 2 is not finite");
    assert_int_equal(label, 77);
    choir_predictor_close(p);
    trained_release(&t);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    trained t;
    const choir_job job = job_of("plain", "softmax", "synthetic");
    trained_init(&t, &job);
    const choir_promoted whole = whole_of(&t);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        choir_predictor *p = NULL;
        choir_error err = {.message = ""};
        m.status = choir_predictor_open(&p, &whole, &m.env, &err);
        assert_true((m.status == CHOIR_OK) == (err.message[0] == '\0'));
        choir_predictor_close(p);
    }
    trained_release(&t);
}

// ----- others take its place --------------------------------------------------------------------

typedef struct switching {
    choir_predictor *predictor;
    choir_promoted models[2];
    atomic_bool is_over;
    uint32_t failed;
} switching;

static void *switching_main(void *self) {
    switching *s = self;
    for (uint32_t i = 0; !atomic_load(&s->is_over); i++) {
        s->failed += choir_predictor_replace(s->predictor, &s->models[i % 2], NULL) != CHOIR_OK;
    }
    return NULL;
}

static void a_model_is_replaced_while_others_predict(void **state) {
    (void)state;
    trained one;
    trained two;
    choir_job job = job_of("plain", "softmax", "synthetic");
    trained_init(&one, &job);
    job = job_of("longer", "softmax", "synthetic");
    job.rounds = 5;
    trained_init(&two, &job);
    assert_memory_not_equal(one.scores, two.scores, sizeof(float) * one.outputs);
    const choir_promoted first = promoted_of(&one);
    switching s = {.predictor = open_or_fail(&first), .models = {promoted_of(&two), first}};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, switching_main, &s), 0);
    float scores[64];
    uint32_t seen[2] = {0};
    assert_true(one.outputs <= 64);
    for (uint32_t i = 0; i < 1000000 && (seen[0] < 20 || seen[1] < 20); i++) {
        check_ok(choir_predictor_predict(s.predictor, one.x, 1, scores, NULL, &err));
        const bool is_one = memcmp(scores, one.scores, sizeof(float) * one.outputs) == 0;
        assert_true(is_one || memcmp(scores, two.scores, sizeof(float) * one.outputs) == 0);
        seen[is_one ? 0 : 1] += 1;
    }
    atomic_store(&s.is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(s.failed, 0);
    assert_true(seen[0] >= 20);
    assert_true(seen[1] >= 20);
    choir_predictor_close(s.predictor);
    trained_release(&one);
    trained_release(&two);
}

static void a_model_of_other_inputs_is_for_another_predictor(void **state) {
    (void)state;
    trained one;
    trained two;
    choir_job job = job_of("plain", "softmax", "synthetic");
    trained_init(&one, &job);
    job = job_of("picture", "softmax", "digits");
    job.data.clients = 4;
    trained_init(&two, &job);
    const choir_promoted first = whole_of(&one);
    const choir_promoted second = whole_of(&two);
    choir_predictor *p = open_or_fail(&first);
    choir_error err = {.message = ""};
    check_status(choir_predictor_replace(p, &second, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "it needs a predictor of its own"));
    check_predicts(p, &one);
    choir_predictor_close(p);
    trained_release(&one);
    trained_release(&two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_the_engine_says),
        cmocka_unit_test(labels_have_the_names_of_the_data),
        cmocka_unit_test(what_is_no_model_is_refused),
        cmocka_unit_test(an_embedding_is_for_text),
        cmocka_unit_test(an_input_that_is_not_finite_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
        cmocka_unit_test(a_model_is_replaced_while_others_predict),
        cmocka_unit_test(a_model_of_other_inputs_is_for_another_predictor),
    };
    folder_make(folder);
    tiny_table_write(folder, "ill.csv", 0, 200);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failed;
}
