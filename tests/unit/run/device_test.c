/* Device: it holds and learns what its client does in a simulation, or says why it cannot. */
#include "support/tiny_job.h"
#include "support/tiny_table.h"

#include "run/bundle.h"
#include "run/device.h"
#include "run/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[FOLDER_PATH_MAX];

static const char SYNTHETIC[] = "seed: 3\n"
                                "model: {name: mlp, hidden: [6]}\n"
                                "data: {source: synthetic, clients: 5, examples: 30}\n"
                                "client: {batch_size: 7}\n";

static ch_bundle bundle_of(const char *yaml) {
    const choir_env env = choir_env_default();
    const char *path = folder_file(folder, "job.yaml");
    ch_bundle b;
    choir_error err = {.message = ""};
    folder_put(path, yaml, strlen(yaml));
    if (ch_bundle_create(&b, path, NULL, 0, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return b;
}

/* A job on folder/table, with more keys of data. */
static ch_bundle table_bundle_of(const char *table, const char *keys) {
    char yaml[FOLDER_PATH_MAX + 300];
    (void)snprintf(yaml, sizeof(yaml), "model: softmax\ndata: {source: '%s/%s', label: ill, %s}\n",
                   folder, table, keys);
    return bundle_of(yaml);
}

static ch_device_options options_of(const ch_bundle *b, uint32_t client) {
    return (ch_device_options){.job = {(const uint8_t *)b->text, b->text_size},
                               .model = {b->model, b->model_size},
                               .dir = folder,
                               .client = client};
}

static void open_or_fail(ch_device *d, const ch_device_options *o) {
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    if (ch_device_open(d, o, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
}

static choir_task task_of(uint32_t dim, uint32_t batch_size) {
    return (choir_task){.round = 2,
                        .dim = dim,
                        .epochs = 2,
                        .batch_size = batch_size,
                        .learning_rate = 0.1F,
                        .seed = 99,
                        .chain = "weight"};
}

/* What a trainer makes of params; (dim) delta is owned by the caller. */
static float *delta_of(choir_trainer trainer, uint32_t client, const float *params, uint32_t dim) {
    const choir_task task = task_of(dim, 7);
    choir_training training;
    choir_error err = {.message = ""};
    float *delta = malloc(dim * sizeof(float));
    if (trainer.ops->train(trainer.self, client, &task, params, delta, &training, &err) !=
        CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(training.examples, trainer.ops->examples(trainer.self, client));
    return delta;
}

/* Pictures that are treated in training; where each is cropped is drawn. */
static const char PICTURES[] = "seed: 3\n"
                               "model: {name: mlp, hidden: [6]}\n"
                               "data: {source: digits, clients: 3, examples: 20, crop: 20,\n"
                               "       preprocess: [crop, flip, brightness, contrast, whiten]}\n"
                               "client: {batch_size: 7}\n";

static void check_devices(const char *yaml) {
    const choir_env env = choir_env_default();
    ch_bundle b = bundle_of(yaml);
    ch_session s;
    check_status(ch_session_open(&s, &b.job, 1, CH_SESSION_TRAIN, &env, NULL), CHOIR_OK);
    for (uint32_t k = 0; k < b.clients; k++) {
        ch_device d;
        const ch_device_options o = options_of(&b, k);
        open_or_fail(&d, &o);
        assert_int_equal(ch_device_dim(&d), s.dim);
        assert_int_equal(ch_device_examples(&d),
                         ch_federation_count(s.federation, k, CH_SPLIT_TRAIN));
        float *simulated = delta_of(s.trainers[0], k, s.params, s.dim);
        float *trained = delta_of(ch_device_trainer(&d), k, s.params, s.dim);
        float *numbered = delta_of(ch_device_trainer(&d), k + 1, s.params, s.dim);
        assert_memory_equal(trained, simulated, s.dim * sizeof(float));
        assert_memory_not_equal(numbered, trained, s.dim * sizeof(float)); // another order
        free(simulated);
        free(trained);
        free(numbered);
        ch_device_release(&d);
        ch_device_release(&d);
    }
    ch_session_release(&s);
    ch_bundle_release(&b);
}

static void a_device_learns_what_its_client_does_in_a_simulation(void **state) {
    (void)state;
    check_devices(SYNTHETIC);
}

static void pictures_are_treated_by_a_device_as_in_a_simulation(void **state) {
    (void)state;
    check_devices(PICTURES);
}

static void a_device_of_each_client_learns_what_each_does(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_bundle b = bundle_of(SYNTHETIC);
    ch_session s;
    ch_device d;
    const ch_device_options o = options_of(&b, CH_DEVICE_EACH);
    check_status(ch_session_open(&s, &b.job, 1, CH_SESSION_TRAIN, &env, NULL), CHOIR_OK);
    open_or_fail(&d, &o);
    for (uint32_t k = 0; k < b.clients; k++) {
        float *simulated = delta_of(s.trainers[0], k, s.params, s.dim);
        float *trained = delta_of(ch_device_trainer(&d), k, s.params, s.dim);
        assert_memory_equal(trained, simulated, s.dim * sizeof(float));
        free(simulated);
        free(trained);
    }
    const choir_trainer trainer = ch_device_trainer(&d);
    const choir_task task = task_of(s.dim, 7);
    choir_training training;
    choir_error err = {.message = ""};
    float *delta = malloc(s.dim * sizeof(float));
    check_status(
        trainer.ops->train(trainer.self, b.clients, &task, s.params, delta, &training, &err),
        CHOIR_EINVAL);
    assert_string_equal(err.message, "client 5: data.source 'synthetic' has 5 clients");
    free(delta);
    ch_device_release(&d);
    ch_session_release(&s);
    ch_bundle_release(&b);
}

static void data_of_its_own_are_all_the_devices(void **state) {
    (void)state;
    ch_bundle b = table_bundle_of("ill.csv", "partition: shards, clients: 20, heldout: 0.25");
    ch_device_options o = options_of(&b, CH_DEVICE_ALL);
    ch_device d;
    o.source = folder_file(folder, "own.csv");
    open_or_fail(&d, &o);
    assert_int_equal(ch_device_examples(&d), 60); // of 80, a quarter being held out
    float *params = calloc(b.dim, sizeof(float));
    free(delta_of(ch_device_trainer(&d), 7, params, b.dim));
    free(params);
    ch_device_release(&d);
    ch_bundle_release(&b);
}

static void the_jobs_data_may_lie_anywhere(void **state) {
    (void)state;
    ch_bundle b = table_bundle_of("ill.csv", "partition: iid, clients: 10");
    ch_device named;
    ch_device led;
    ch_device_options o = options_of(&b, 4);
    open_or_fail(&named, &o);
    char path[FOLDER_PATH_MAX + 20];
    (void)snprintf(path, sizeof(path), "%s/ill.csv", folder);
    o.source = path;
    o.dir = NULL;
    open_or_fail(&led, &o);
    float *params = calloc(b.dim, sizeof(float));
    float *first = delta_of(ch_device_trainer(&named), 4, params, b.dim);
    float *second = delta_of(ch_device_trainer(&led), 4, params, b.dim);
    assert_memory_equal(first, second, b.dim * sizeof(float));
    free(first);
    free(second);
    free(params);
    ch_device_release(&named);
    ch_device_release(&led);
    ch_bundle_release(&b);
}

static void a_task_for_another_model_is_refused(void **state) {
    (void)state;
    ch_bundle b = bundle_of(SYNTHETIC);
    ch_device d;
    const ch_device_options o = options_of(&b, 0);
    open_or_fail(&d, &o);
    const choir_task task = task_of(b.dim - 1, 7);
    const choir_trainer t = ch_device_trainer(&d);
    choir_training training;
    choir_error err = {.message = ""};
    float *room = calloc(b.dim, sizeof(float));
    check_status(t.ops->train(t.self, 0, &task, room, room, &training, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, "the task of round 2 is for 435 parameters, the job's model "
                                     "has 436");
    free(room);
    ch_device_release(&d);
    ch_bundle_release(&b);
}

static void check_refused(const ch_device_options *o, choir_status status, const char *message) {
    const choir_env env = choir_env_default();
    ch_device d;
    choir_error err = {.message = ""};
    check_status(ch_device_open(&d, o, &env, &err), status);
    ch_device_release(&d);
    if (strstr(err.message, message) == NULL) {
        fail_msg("'%s' lacks '%s'", err.message, message);
    }
}

static void data_that_are_not_there_are_refused(void **state) {
    (void)state;
    ch_bundle b = table_bundle_of("ill.csv", "partition: iid, clients: 10");
    ch_device_options o = options_of(&b, CH_DEVICE_ALL);
    check_refused(&o, CHOIR_EINVAL,
                  "data: this device has neither data of its own nor the number of a client of "
                  "'ill.csv'; give one");
    o.source = "digits";
    check_refused(&o, CHOIR_EINVAL,
                  "data.source: 'digits' is drawn client by client; give the number of the client");
    char far[CHOIR_PATH_MAX + 1];
    memset(far, 'x', sizeof(far));
    far[CHOIR_PATH_MAX] = '\0';
    o.source = far;
    check_refused(&o, CHOIR_EINVAL, "data.source: a path of 512 bytes, must be below 512");
    o = options_of(&b, 10);
    check_refused(&o, CHOIR_EINVAL,
                  "data.clients: there are 10, numbered from 0; no client is called 10");
    o = options_of(&b, 1);
    o.dir = "/nowhere";
    check_refused(&o, CHOIR_EIO, "there is no /nowhere/ill.csv");
    ch_bundle_release(&b);
}

static void a_job_cannot_lead_to_a_path(void **state) {
    (void)state;
    char yaml[FOLDER_PATH_MAX + 200];
    const int size = snprintf(yaml, sizeof(yaml),
                              "model: softmax\n"
                              "data: {source: '%s/ill.csv', partition: iid, clients: 10}\n",
                              folder);
    ch_bundle b = table_bundle_of("ill.csv", "partition: iid, clients: 10");
    ch_device_options o = options_of(&b, 1);
    o.job = (choir_bytes){(const uint8_t *)yaml, (size_t)size};
    check_refused(&o, CHOIR_EINVAL, "ill.csv' of this device, which is a path; a job may name a");
    static const char dir[] = "model: softmax\n"
                              "data: {source: ill.csv, dir: /etc, partition: iid, clients: 10}\n";
    ch_device d;
    o.job = (choir_bytes){(const uint8_t *)dir, sizeof(dir) - 1};
    open_or_fail(&d, &o); // in the device's own folder
    assert_string_equal(d.job.data.dir, folder);
    ch_device_release(&d);
    ch_bundle_release(&b);
}

static void columns_mean_to_a_device_what_they_do_to_the_model(void **state) {
    (void)state;
    // The same people in another order of columns, with one more, all ill and from one town: by its
    // own rows, the device would scale and number them differently.
    static const char some[] = "ill,town,pulse,size,age\nyes,ulm,70.5,1.8,40\nyes,ulm,90,1.7,60\n";
    static const char same[] = "age,pulse,town,ill\n40,70.5,ulm,yes\n60,90,ulm,yes\n";
    folder_put(folder_file(folder, "some.csv"), some, sizeof(some) - 1);
    folder_put(folder_file(folder, "same.csv"), same, sizeof(same) - 1);
    ch_bundle b = table_bundle_of("ill.csv", "partition: natural, group: town, heldout: 0");
    ch_device_options o = options_of(&b, CH_DEVICE_ALL);
    static const char *const sources[] = {"some.csv", "same.csv"};
    ch_device devices[2];
    ch_holding held[2];
    for (uint32_t i = 0; i < 2; i++) {
        o.source = sources[i];
        open_or_fail(&devices[i], &o);
        check_status(
            ch_federation_holding(devices[i].federation, 0, CH_SPLIT_TRAIN, NULL, &held[i]),
            CHOIR_OK);
        assert_int_equal(held[i].count, 2);
        assert_int_equal(ch_shape_features(held[i].examples->shape), 2);
    }
    for (uint32_t row = 0; row < 2; row++) {
        float x[2][8];
        for (uint32_t i = 0; i < 2; i++) {
            ch_holding_gather(&held[i], NULL, row, 1, x[i]);
            assert_int_equal(held[i].examples->labels[ch_holding_row(&held[i], row)], 1);
        }
        assert_memory_equal(x[0], x[1], 2 * sizeof(float)); // age and pulse; town is the group
        assert_true(x[0][0] > -2 && x[0][0] < 2);           // of 200 ages, not of two
    }
    ch_device_release(&devices[0]);
    ch_device_release(&devices[1]);
    ch_bundle_release(&b);
}

static void pictures_of_its_own_need_no_test_files(void **state) {
    (void)state;
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 9};
    static const uint8_t labels[2][10] = {{0, 0, 8, 1, 0, 0, 0, 2, 0, 1},
                                          {0, 0, 8, 1, 0, 0, 0, 2, 0, 0}};
    static const char *const folders[] = {"pictures", "mine"}; // the device's are of one label
    char yaml[FOLDER_PATH_MAX + 200];
    for (size_t i = 0; i < 4; i++) {
        char path[2][80];
        const char *part = i < 2 ? "train" : "t10k";
        (void)snprintf(path[0], sizeof(path[0]), "%s/%s-images-idx3-ubyte", folders[i % 2], part);
        (void)snprintf(path[1], sizeof(path[1]), "%s/%s-labels-idx1-ubyte", folders[i % 2], part);
        (void)mkdir(folder_file(folder, folders[i % 2]), 0777);
        if (i != 3) {
            folder_put(folder_file(folder, path[0]), images, sizeof(images));
            folder_put(folder_file(folder, path[1]), labels[i % 2], sizeof(labels[0]));
        }
    }
    (void)snprintf(yaml, sizeof(yaml),
                   "model: softmax\ndata: {source: '%s/pictures',"
                   " partition: iid, clients: 2, heldout: 0}\n",
                   folder);
    ch_bundle b = bundle_of(yaml);
    ch_device_options o = options_of(&b, CH_DEVICE_ALL);
    ch_device d;
    o.source = folder_file(folder, "mine");
    open_or_fail(&d, &o);
    assert_int_equal(ch_device_examples(&d), 2);
    assert_int_equal(ch_device_dim(&d), b.dim);
    ch_device_release(&d);
    o.client = 0; // which two clients are dealt what, the test files have a say in
    check_refused(&o, CHOIR_EIO, "t10k-images-idx3-ubyte");
    ch_bundle_release(&b);
}

static void data_that_the_model_does_not_fit_are_refused(void **state) {
    (void)state;
    static const char other[] = "age,pulse,town,ill\n1,2,ulm,maybe\n3,4,jena,no\n5,6,kiel,maybe\n";
    static const char narrow[] = "age,town,ill\n1,ulm,yes\n3,jena,no\n";
    folder_put(folder_file(folder, "other.csv"), other, sizeof(other) - 1);
    folder_put(folder_file(folder, "narrow.csv"), narrow, sizeof(narrow) - 1);
    ch_bundle table = table_bundle_of("ill.csv", "partition: iid, clients: 10");
    ch_bundle drawn = bundle_of(SYNTHETIC);
    ch_device_options o = options_of(&table, CH_DEVICE_ALL);
    o.source = "other.csv";
    check_refused(&o, CHOIR_EINVAL, "maybe");
    o.source = "narrow.csv";
    check_refused(&o, CHOIR_EINVAL, "has no column 'pulse', which the model was trained on");
    o = options_of(&table, 1);
    o.source = "digits";
    check_refused(&o, CHOIR_EINVAL,
                  "the job's model: was trained on the columns of a CSV file; data.source 'digits' "
                  "is none");
    o = options_of(&drawn, CH_DEVICE_ALL);
    o.source = "ill.csv";
    check_refused(&o, CHOIR_EINVAL, "the job's model wants 1x1x60 inputs, the data has 1x1x5");
    ch_bundle_release(&table);
    ch_bundle_release(&drawn);
}

static void what_is_no_job_or_no_model_is_refused(void **state) {
    (void)state;
    ch_bundle b = bundle_of(SYNTHETIC);
    ch_device_options o = options_of(&b, 0);
    o.model.size = 7;
    check_refused(&o, CHOIR_EINVAL, "the job's model: has 7 bytes, too few for safetensors");
    static const uint8_t bare[] = {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    o.model = (choir_bytes){bare, sizeof(bare)};
    check_refused(&o, CHOIR_EINVAL, "the job's model: does not say its layers and inputs");
    o = options_of(&b, 0);
    o.job = (choir_bytes){(const uint8_t *)"a: 1\n", 5};
    check_refused(&o, CHOIR_EINVAL, "the job:1: a is not known");
    ch_bundle_release(&b);
}

/* An environment that counts the bytes ever asked for. */
typedef struct counting_memory {
    choir_env real;
    size_t total;
} counting_memory;

static void *counting_alloc(void *self, size_t bytes) {
    counting_memory *m = self;
    m->total += bytes;
    return m->real.alloc(m->real.self, bytes);
}

static void counting_free(void *self, void *block) {
    const counting_memory *m = self;
    m->real.free(m->real.self, block);
}

static size_t bytes_of(uint32_t clients) {
    char yaml[200];
    (void)snprintf(yaml, sizeof(yaml), "model: softmax\ndata: {source: synthetic, clients: %u}\n",
                   clients);
    ch_bundle b = bundle_of(yaml);
    const ch_device_options o = options_of(&b, 1);
    counting_memory memory = {.real = choir_env_default()};
    choir_env env = memory.real;
    env.alloc = counting_alloc;
    env.free = counting_free;
    env.self = &memory;
    ch_device d;
    check_status(ch_device_open(&d, &o, &env, NULL), CHOIR_OK);
    ch_device_release(&d);
    ch_bundle_release(&b);
    return memory.total;
}

static void other_clients_take_no_memory(void **state) {
    (void)state;
    assert_int_equal(bytes_of(2), bytes_of(3000));
}

static void every_failed_allocation_is_told_and_leaks_nothing(void **state) {
    (void)state;
    ch_bundle b = table_bundle_of("ill.csv", "partition: iid, clients: 10");
    const ch_device_options o = options_of(&b, 3);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_device d;
        choir_error err = {.message = ""};
        m.status = ch_device_open(&d, &o, &m.env, &err);
        assert_int_equal(err.message[0] == '\0', m.status == CHOIR_OK);
        ch_device_release(&d);
    }
    ch_bundle_release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_learns_what_its_client_does_in_a_simulation),
        cmocka_unit_test(pictures_are_treated_by_a_device_as_in_a_simulation),
        cmocka_unit_test(a_device_of_each_client_learns_what_each_does),
        cmocka_unit_test(data_of_its_own_are_all_the_devices),
        cmocka_unit_test(the_jobs_data_may_lie_anywhere),
        cmocka_unit_test(a_task_for_another_model_is_refused),
        cmocka_unit_test(data_that_are_not_there_are_refused),
        cmocka_unit_test(a_job_cannot_lead_to_a_path),
        cmocka_unit_test(columns_mean_to_a_device_what_they_do_to_the_model),
        cmocka_unit_test(pictures_of_its_own_need_no_test_files),
        cmocka_unit_test(data_that_the_model_does_not_fit_are_refused),
        cmocka_unit_test(what_is_no_job_or_no_model_is_refused),
        cmocka_unit_test(other_clients_take_no_memory),
        cmocka_unit_test(every_failed_allocation_is_told_and_leaks_nothing),
    };
    folder_make(folder);
    tiny_table_write(folder, "ill.csv", 0, 200);
    tiny_table_write(folder, "own.csv", 200, 80);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
