/* Collected: a device trains on what its store holds when a task comes, and never on what is held
 * out. */
#include "support/check_ok.h"
#include "support/folder.h"

#include "choir/device.h"
#include "client/approval.h"
#include "run/bundle.h"
#include "run/collected.h"
#include "run/device.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

static const char YAML[] = "seed: 3\n"
                           "model: {name: mlp, hidden: [6]}\n"
                           "data: {source: synthetic, clients: 3, examples: 30, heldout: %s}\n"
                           "client: {batch_size: 7}\n";

static ch_bundle bundle_of(const char *heldout) {
    const choir_env env = choir_env_default();
    const char *path = folder_file(folder, "job.yaml");
    char text[512];
    ch_bundle b;
    const int size = snprintf(text, sizeof(text), YAML, heldout);
    folder_put(path, text, (size_t)size);
    check_ok(ch_bundle_create(&b, path, NULL, 0, &env, &err));
    return b;
}

static ch_device_options options_of(const ch_bundle *b) {
    return (ch_device_options){.job = {(const uint8_t *)b->text, b->text_size},
                               .model = {b->model, b->model_size},
                               .dir = folder};
}

/* A store of that name, made anew, for examples as of f. */
static choir_examples *store_make(const char *name, const ch_federation *f) {
    const choir_env env = choir_env_default();
    const ch_shape shape = ch_federation_shape(f);
    const choir_examples_form form = {CHOIR_FEATURES_REALS, shape.height, shape.width,
                                      shape.channels, ch_federation_classes(f)};
    choir_examples_options o = choir_examples_defaults();
    choir_examples *e = NULL;
    o.form = &form;
    (void)unlink(folder_file(folder, name));
    check_ok(choir_examples_open(&e, folder_file(folder, name), &o, &env, &err));
    return e;
}

/* Adds some of what a client has to train on. */
static void add(choir_examples *e, const ch_federation *f, uint32_t from, uint32_t count) {
    ch_holding h;
    check_ok(ch_federation_holding(f, 0, CH_SPLIT_TRAIN, NULL, &h));
    assert_true(from + count <= h.count);
    const uint32_t features = ch_shape_features(h.examples->shape);
    for (uint32_t i = from; i < from + count; i++) {
        const uint32_t row = ch_holding_row(&h, i);
        const choir_example x = {.features = h.examples->reals + (size_t)row * features,
                                 .label = h.examples->labels[row],
                                 .at_ms = 1000 + i};
        check_ok(choir_examples_add(e, &x, 1, &err));
    }
}

static choir_status train(choir_trainer trainer, uint32_t dim, float *delta,
                          choir_training *training, choir_error *err) {
    const choir_task task = {.round = 2,
                             .dim = dim,
                             .epochs = 2,
                             .batch_size = 7,
                             .learning_rate = 0.1F,
                             .seed = 99,
                             .chain = "weight"};
    float *params = calloc(dim, sizeof(float));
    for (uint32_t i = 0; i < dim; i++) {
        params[i] = (float)(i % 7) / 16;
    }
    const choir_status status =
        trainer.ops->train(trainer.self, 1, &task, params, delta, training, err);
    free(params);
    return status;
}

/* A store that has what client 1 has, in its order, is client 1. */
static void a_store_is_trained_on_as_the_same_examples_from_elsewhere(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_bundle b = bundle_of("0");
    ch_device_options o = options_of(&b);
    ch_device known;
    ch_device stored;
    o.client = 1;
    check_ok(ch_device_open(&known, &o, &env, &err));
    const uint32_t count = ch_device_examples(&known);
    choir_examples *e = store_make("same.db", known.federation);
    add(e, known.federation, 0, count);
    o.client = CH_DEVICE_ALL;
    o.examples = e;
    check_ok(ch_device_open(&stored, &o, &env, &err));
    assert_int_equal(ch_device_examples(&stored), count);
    const uint32_t dim = ch_device_dim(&known);
    float *deltas = malloc(2 * dim * sizeof(float));
    choir_training training[2];
    check_ok(train(ch_device_trainer(&known), dim, deltas, &training[0], &err));
    check_ok(train(ch_device_trainer(&stored), dim, deltas + dim, &training[1], &err));
    assert_memory_equal(deltas, deltas + dim, dim * sizeof(float));
    assert_int_equal(training[1].examples, count);
    free(deltas);
    ch_device_release(&known);
    ch_device_release(&stored);
    choir_examples_close(e);
    ch_bundle_release(&b);
}

/* By the public face: from a store that is empty, through others being added, to none again. */
static void what_is_there_when_the_task_comes_is_trained_on(void **state) {
    (void)state;
    choir_env env = choir_env_default();
    ch_bundle b = bundle_of("0");
    ch_device_options o = options_of(&b);
    ch_device known;
    o.client = 1;
    check_ok(ch_device_open(&known, &o, &env, &err));
    const uint32_t dim = ch_device_dim(&known);
    float *delta = malloc(dim * sizeof(float));
    choir_training training;
    choir_examples *e = store_make("grows.db", known.federation);
    const choir_offer offer = {.job = b.text,
                               .job_size = b.text_size,
                               .model = {b.model, b.model_size},
                               .parameters = dim};
    choir_device *d = NULL;
    check_ok(choir_device_create(&d, &offer, e, &env, &err));
    choir_error why = {.message = ""};
    check_status(train(choir_device_trainer(d), dim, delta, &training, &why), CHOIR_EAGAIN);
    assert_string_equal(why.message, "this device has no examples to train on yet");
    add(e, known.federation, 0, 3);
    check_ok(train(choir_device_trainer(d), dim, delta, &training, &err));
    assert_int_equal(training.examples, 3);
    add(e, known.federation, 3, 9); // a step may now take more than there were
    check_ok(train(choir_device_trainer(d), dim, delta, &training, &err));
    assert_int_equal(training.examples, 12);
    assert_int_equal(choir_device_examples(d), 12);
    choir_examples_options age = choir_examples_defaults();
    age.age_max_ms = 1;
    choir_examples *writer = NULL;
    check_ok(choir_examples_open(&writer, folder_file(folder, "grows.db"), &age, &env, &err));
    check_ok(choir_examples_expire(writer, 1000000, NULL, &err));
    choir_examples_close(writer);
    check_status(train(choir_device_trainer(d), dim, delta, &training, NULL), CHOIR_EAGAIN);
    choir_device_destroy(d);
    choir_device_destroy(NULL);
    assert_null(choir_device_trainer(NULL).ops);
    free(delta);
    choir_examples_close(e);
    ch_device_release(&known);
    ch_bundle_release(&b);
}

/* No task comes from a job that its policy refuses, so that nothing else would read the store. */
static void a_job_that_was_refused_for_want_of_examples_is_not_once_they_are_there(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_bundle b = bundle_of("0");
    ch_device_options o = options_of(&b);
    ch_device known;
    o.client = 1;
    check_ok(ch_device_open(&known, &o, &env, &err));
    choir_examples *e = store_make("few.db", known.federation);
    const choir_offer offer = {.job = b.text,
                               .job_size = b.text_size,
                               .model = {b.model, b.model_size},
                               .name = "letters",
                               .version = 1,
                               .parameters = ch_device_dim(&known)};
    choir_device *d = NULL;
    check_ok(choir_device_create(&d, &offer, e, &env, &err));
    choir_policy policy = choir_policy_defaults();
    policy.examples_min = 3;
    ch_approval a;
    choir_event event = {.message = ""};
    check_ok(ch_approval_init(&a, &policy, &err));
    assert_false(ch_approval_of_job(&a, &offer, choir_device_trainer(d), 1000, &event));
    assert_int_equal(event.kind, CHOIR_EVENT_REJECTED);
    assert_non_null(strstr(event.message, "data is 0 examples, must be at least 3"));
    add(e, known.federation, 0, 2);
    assert_false(ch_approval_of_job(&a, &offer, choir_device_trainer(d), 2000, &event));
    assert_non_null(strstr(event.message, "data is 2 examples, must be at least 3"));
    add(e, known.federation, 2, 1);
    assert_true(ch_approval_of_job(&a, &offer, choir_device_trainer(d), 3000, &event));
    choir_device_destroy(d);
    choir_examples_close(e);
    ch_device_release(&known);
    ch_bundle_release(&b);
}

/* Marks in is_held the first feature of what is held out; returns how many are in the split. */
static uint32_t heldout_of(choir_examples *e, const choir_job *job, float *firsts) {
    const choir_env env = choir_env_default();
    ch_federation *f = NULL;
    choir_examples_summary s;
    check_ok(ch_collected_open(&f, &s, e, job, &env, &err));
    ch_holding h = {.count = 0};
    const choir_status status = ch_federation_holding(f, 0, CH_SPLIT_HELDOUT, NULL, &h);
    assert_true(status == CHOIR_OK || status == CHOIR_EAGAIN);
    for (uint32_t i = 0; i < h.count; i++) {
        const uint32_t features = ch_shape_features(h.examples->shape);
        firsts[i] = h.examples->reals[(size_t)ch_holding_row(&h, i) * features];
    }
    assert_int_equal(ch_federation_count(f, 0, CH_SPLIT_TRAIN) + h.count, s.count);
    ch_federation_destroy(f);
    return h.count;
}

static void what_is_held_out_once_is_held_out_for_good(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_bundle b = bundle_of("0.5");
    ch_bundle all = bundle_of("0");
    ch_device_options o = options_of(&all);
    ch_device known;
    o.client = 1;
    check_ok(ch_device_open(&known, &o, &env, &err));
    choir_examples *e = store_make("held.db", known.federation);
    float before[256];
    float after[256];
    const uint32_t total = ch_device_examples(&known);
    assert_in_range(total, 20, 256);
    add(e, known.federation, 0, total / 2);
    const uint32_t held = heldout_of(e, &b.job, before);
    assert_in_range(held, 1, total / 2 - 1);
    add(e, known.federation, total / 2, total - total / 2);
    const uint32_t more = heldout_of(e, &b.job, after);
    assert_true(more > held);
    assert_memory_equal(before, after, held * sizeof(before[0])); // the same, and then others
    choir_examples_close(e);
    ch_device_release(&known);
    ch_bundle_release(&all);
    ch_bundle_release(&b);
}

/* As a damaged block of the disk would have it, and as its owner may mend it. */
static void sql(const char *name, const char *text) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(folder_file(folder, name), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_damaged_example_is_told_and_not_trained_on(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_bundle b = bundle_of("0");
    ch_device_options o = options_of(&b);
    ch_device known;
    o.client = 1;
    check_ok(ch_device_open(&known, &o, &env, &err));
    const uint32_t dim = ch_device_dim(&known);
    float *delta = malloc(dim * sizeof(float));
    choir_training training;
    choir_examples *e = store_make("damaged.db", known.federation);
    add(e, known.federation, 0, 3);
    const choir_offer offer = {
        .job = b.text, .job_size = b.text_size, .model = {b.model, b.model_size}};
    choir_device *d = NULL;
    check_ok(choir_device_create(&d, &offer, e, &env, &err));
    const choir_trainer trainer = choir_device_trainer(d);
    add(e, known.federation, 3, 1);
    sql("damaged.db", "UPDATE examples SET answer = answer + 1 WHERE id = 2");
    choir_error why = {.message = ""};
    for (int again = 0; again < 2; again++) {
        check_status(train(trainer, dim, delta, &training, &why), CHOIR_EPROTO);
        assert_non_null(strstr(why.message, "example 2 is damaged"));
        assert_int_equal(trainer.ops->examples(trainer.self, 1), 0);
        assert_int_equal(choir_device_examples(d), 0);
    }
    sql("damaged.db", "DELETE FROM examples WHERE id = 2");
    check_ok(train(trainer, dim, delta, &training, &err));
    assert_int_equal(training.examples, 3);
    choir_device_destroy(d);
    free(delta);
    choir_examples_close(e);
    ch_device_release(&known);
    ch_bundle_release(&b);
}

static void every_failed_allocation_is_told_and_leaks_nothing(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_bundle b = bundle_of("0.2");
    ch_device_options o = options_of(&b);
    ch_device known;
    o.client = 1;
    check_ok(ch_device_open(&known, &o, &env, &err));
    choir_examples *e = store_make("memory.db", known.federation);
    add(e, known.federation, 0, 5);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        choir_examples_summary s;
        ch_federation *f = NULL;
        choir_error why = {.message = ""};
        m.status = ch_collected_open(&f, &s, e, &b.job, &m.env, &why);
        if (m.status != CHOIR_OK) {
            assert_string_equal(why.message, "the store of examples: no memory for its examples");
        }
        ch_federation_destroy(f);
    }
    assert_true(m.tries > 8);
    choir_examples_close(e);
    ch_device_release(&known);
    ch_bundle_release(&b);
}

static void a_store_that_the_model_does_not_fit_is_refused(void **state) {
    (void)state;
    static const choir_examples_form others[] = {{CHOIR_FEATURES_REALS, 1, 1, 3, 10},
                                                 {CHOIR_FEATURES_REALS, 1, 1, 60, 4},
                                                 {CHOIR_FEATURES_REALS, 1, 1, 60, 0}};
    const choir_env env = choir_env_default();
    ch_bundle b = bundle_of("0");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        choir_examples_options o = choir_examples_defaults();
        choir_examples *e = NULL;
        choir_device *d = NULL;
        o.form = &others[i];
        (void)unlink(folder_file(folder, "other.db"));
        check_ok(choir_examples_open(&e, folder_file(folder, "other.db"), &o, &env, &err));
        const choir_offer offer = {
            .job = b.text, .job_size = b.text_size, .model = {b.model, b.model_size}};
        check_status(choir_device_create(&d, &offer, e, &env, NULL), CHOIR_EINVAL);
        assert_null(d);
        choir_examples_close(e);
    }
    ch_bundle_release(&b);
}

static int start(void **state) {
    (void)state;
    folder_make(folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_trained_on_as_the_same_examples_from_elsewhere),
        cmocka_unit_test(what_is_there_when_the_task_comes_is_trained_on),
        cmocka_unit_test(a_job_that_was_refused_for_want_of_examples_is_not_once_they_are_there),
        cmocka_unit_test(what_is_held_out_once_is_held_out_for_good),
        cmocka_unit_test(a_damaged_example_is_told_and_not_trained_on),
        cmocka_unit_test(every_failed_allocation_is_told_and_leaks_nothing),
        cmocka_unit_test(a_store_that_the_model_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, start, end);
}
