/* Bundle: whole, detached from the machine that made it, and refused when rounds would differ. */
#include "support/tiny_job.h"
#include "support/tiny_table.h"

#include "choir/blob.h"
#include "job/origin.h"
#include "onnx/safetensors.h"
#include "run/bundle.h"
#include "run/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[FOLDER_PATH_MAX];

static const char *job_put(const char *yaml) {
    const char *path = folder_file(folder, "job.yaml");
    folder_put(path, yaml, strlen(yaml));
    return path;
}

static ch_bundle bundle_of(const char *yaml) {
    const choir_env env = choir_env_default();
    ch_bundle b;
    choir_error err = {.message = ""};
    if (ch_bundle_create(&b, job_put(yaml), NULL, 0, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return b;
}

static void check_refused(const char *yaml, const char *message) {
    const choir_env env = choir_env_default();
    ch_bundle b;
    choir_error err = {.message = ""};
    check_status(ch_bundle_create(&b, job_put(yaml), NULL, 0, &env, &err), CHOIR_EINVAL);
    assert_null(b.text);
    assert_null(b.model);
    if (strstr(err.message, message) == NULL) {
        fail_msg("'%s' lacks '%s'", err.message, message);
    }
    ch_bundle_release(&b);
}

static void the_text_is_the_job_and_the_model_what_a_simulation_starts_from(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = tiny_job();
    char yaml[8192];
    (void)choir_job_write(&job, yaml, sizeof(yaml));
    ch_bundle b = bundle_of(yaml);
    choir_job read;
    check_status(choir_job_parse(&read, b.text, b.text_size, "job", NULL, 0, NULL), CHOIR_OK);
    assert_null(ch_job_difference(&read, &job));
    assert_null(ch_job_difference(&b.job, &job));
    assert_int_equal(b.text[b.text_size], 0);
    assert_int_equal(b.clients, 20);

    ch_session s;
    ch_safetensors model;
    char hash[2 * CHOIR_HASH_BYTES + 1];
    check_status(ch_session_open(&s, &job, 2, CH_SESSION_TRAIN, &env, NULL), CHOIR_OK);
    check_status(
        ch_safetensors_parse(&model, (choir_bytes){b.model, b.model_size}, "m", &env, NULL),
        CHOIR_OK);
    assert_int_equal(b.dim, s.dim);
    assert_memory_equal(&model.layout, ch_net_layout(ch_session_net(&s)), sizeof(model.layout));
    assert_memory_equal(model.params, s.params, s.dim * sizeof(float));
    choir_hash_text(&b.hash, hash);
    assert_string_equal(ch_safetensors_find(&model, "choir.hash"), hash);
    assert_string_equal(ch_safetensors_find(&model, "choir.layers"), s.model.layers);
    assert_string_equal(ch_safetensors_find(&model, "choir.input"), "1x1x60");
    assert_string_equal(ch_safetensors_find(&model, "choir.loss"), "cross-entropy");
    ch_safetensors_release(&model);
    ch_session_release(&s);
    ch_bundle_release(&b);
    ch_bundle_release(&b);
}

static void what_only_this_machine_has_is_left_out(void **state) {
    (void)state;
    char yaml[3 * FOLDER_PATH_MAX + 400];
    ch_bundle first = bundle_of("model: {name: mlp, hidden: [4]}\n"
                                "data: {source: synthetic, clients: 3}\n");
    folder_put(folder_file(folder, "start.safetensors"), first.model, first.model_size);
    (void)snprintf(yaml, sizeof(yaml),
                   "model: {name: mlp, hidden: [4], init: '%s/start.safetensors'}\n"
                   "data: {source: synthetic, clients: 3, dir: '%s'}\n",
                   folder, folder);
    ch_bundle b = bundle_of(yaml);
    assert_null(strstr(b.text, folder));
    assert_string_equal(b.job.model.init, "model.safetensors");
    assert_string_equal(b.job.data.dir, "");
    assert_int_equal(b.model_size, first.model_size);
    assert_memory_equal(b.model, first.model, first.model_size);
    ch_bundle_release(&b);

    (void)snprintf(yaml, sizeof(yaml),
                   "model: {file: '%s/start.safetensors'}\n"
                   "data: {source: synthetic, clients: 3}\n",
                   folder);
    b = bundle_of(yaml);
    assert_string_equal(b.job.model.file, "model.safetensors");
    assert_string_equal(b.job.model.name, "");
    assert_memory_equal(&b.hash, &first.hash, sizeof(b.hash));
    ch_bundle_release(&b);
    ch_bundle_release(&first);

    (void)snprintf(yaml, sizeof(yaml),
                   "model: softmax\n"
                   "data: {source: '%s/./ill.csv', partition: natural, clients: 0, group: town}\n",
                   folder);
    b = bundle_of(yaml);
    assert_null(strstr(b.text, folder));
    assert_string_equal(b.job.data.source, "ill.csv");
    assert_int_equal(b.job.data.clients, 3);
    assert_int_equal(b.clients, 3);
    ch_bundle_release(&b);
}

static void a_source_that_devices_cannot_be_told_is_refused(void **state) {
    (void)state;
    char yaml[FOLDER_PATH_MAX + 200];
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 9};
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
    static const char *const folders[] = {"digits", "pictures"};
    for (size_t i = 0; i < 2; i++) {
        char name[80];
        assert_int_equal(mkdir(folder_file(folder, folders[i]), 0777), 0);
        for (size_t t = 0; t < 2; t++) {
            const char *part = t == 0 ? "train" : "t10k";
            (void)snprintf(name, sizeof(name), "%s/%s-images-idx3-ubyte", folders[i], part);
            folder_put(folder_file(folder, name), images, sizeof(images));
            (void)snprintf(name, sizeof(name), "%s/%s-labels-idx1-ubyte", folders[i], part);
            folder_put(folder_file(folder, name), labels, sizeof(labels));
        }
    }
    static const char form[] = "model: softmax\n"
                               "data: {source: '%s/%s', partition: iid, clients: 2}\n";
    (void)snprintf(yaml, sizeof(yaml), form, folder, "pictures/");
    ch_bundle b = bundle_of(yaml);
    assert_string_equal(b.job.data.source, "pictures");
    ch_bundle_release(&b);
    (void)snprintf(yaml, sizeof(yaml), form, folder, "pictures/.");
    check_refused(yaml, "pictures/.' has no name that devices could be told; give the path with");
    (void)snprintf(yaml, sizeof(yaml), form, folder, "digits");
    check_refused(yaml, "digits' would be 'digits' for devices, which is a built-in source");
    check_refused(yaml, "job.yaml:2: data.source: '");
}

/* Where warnings go: their fields, one a line. */
static void note(void *self, choir_level level, const char *event, const char *fields) {
    char *notes = self;
    if (level == CHOIR_LEVEL_WARN && strcmp(event, "key_idle") == 0) {
        const size_t used = strlen(notes);
        (void)snprintf(notes + used, 4096 - used, "%s\n", fields);
    }
}

static void *plain_alloc(void *self, size_t bytes) {
    (void)self;
    return aligned_alloc(64, bytes);
}

static void plain_free(void *self, void *block) {
    (void)self;
    free(block);
}

static void keys_that_a_server_does_not_heed_are_named(void **state) {
    (void)state;
    static char notes[4096];
    static const char yaml[] = "model: softmax\n"
                               "data: {source: synthetic, clients: 3, test_examples: 10}\n"
                               "network:\n"
                               "  loss: 0.1\n"
                               "  latency: 50\n"
                               "server: {target_accuracy: 0.9}\n"
                               "evaluate_every: 3\n"
                               "checkpoint_every: 3\n";
    static const char *const expected[] = {
        "job.yaml:2: data.test_examples: '10' has no effect; it is for simulations\n",
        "job.yaml:4: network.loss: '0.1' has no effect; it is for simulations\n",
        "job.yaml:6: server.target_accuracy: '0.9' has no effect; it is for simulations\n",
        "job.yaml:7: evaluate_every: '3' has no effect; it is for simulations\n",
        "job.yaml:8: checkpoint_every: '3' has no effect; it is for simulations\n",
    };
    const choir_env env = {.alloc = plain_alloc, .free = plain_free, .log = note, .self = notes};
    ch_bundle b;
    check_status(ch_bundle_create(&b, job_put(yaml), NULL, 0, &env, NULL), CHOIR_OK);
    ch_bundle_release(&b);
    uint32_t lines = 0;
    for (const char *at = notes; *at != '\0'; at++) {
        lines += *at == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_non_null(strstr(notes, expected[i]));
    }
}

static void what_would_change_the_model_is_refused(void **state) {
    (void)state;
    check_refused("data: {source: digits, clients: 3}\n"
                  "schedule:\n"
                  "  learning_rate: plateau patience=3\n",
                  "job.yaml:3: schedule.learning_rate: 'plateau patience=3' waits for the loss");
    check_refused("model: softmax\n"
                  "data: {source: synthetic, clients: 3}\n"
                  "server: {quorum: 3}\n",
                  "server.quorum: 3 reports never come");
    check_refused("model: softmax\n"
                  "data: {source: synthetic, clients: 3}\n"
                  "backend: quantum\n",
                  "job.yaml:3: backend: 'quantum' is unknown");
}

static void every_failed_allocation_leaks_nothing(void **state) {
    (void)state;
    const char *path = job_put("model: softmax\ndata: {source: synthetic, clients: 3}\n");
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_bundle b;
        choir_error err = {.message = ""};
        m.status = ch_bundle_create(&b, path, NULL, 0, &m.env, &err);
        assert_int_equal(err.message[0] == '\0', m.status == CHOIR_OK);
        assert_int_equal(m.counted.alive, m.status == CHOIR_OK ? 2 : 0);
        ch_bundle_release(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_the_job_and_the_model_what_a_simulation_starts_from),
        cmocka_unit_test(what_only_this_machine_has_is_left_out),
        cmocka_unit_test(a_source_that_devices_cannot_be_told_is_refused),
        cmocka_unit_test(keys_that_a_server_does_not_heed_are_named),
        cmocka_unit_test(what_would_change_the_model_is_refused),
        cmocka_unit_test(every_failed_allocation_leaks_nothing),
    };
    folder_make(folder);
    tiny_table_write(folder, "ill.csv", 0, 200);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
