/*
 * A hosted job gives the model that it promises: devices made of the bundle alone, driven against
 * a coordinator made of the bundle alone, end with the hash of the job's simulation.
 */
#include "support/check.h"
#include "support/check_ok.h"
#include "support/folder.h"
#include "support/tiny_table.h"

#include "base/error.h"
#include "choir/blob.h"
#include "choir/coordinator.h"
#include "choir/participant.h"
#include "choir/route.h"
#include "job/coordinator.h"
#include "onnx/safetensors.h"
#include "run/bundle.h"
#include "run/device.h"
#include "run/run.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS_MAX = 32, MOVED_MAX = 2 }; // vectors in a report

static char folder[FOLDER_PATH_MAX];
static char own[FOLDER_PATH_MAX]; // where devices keep data sets

/* A device and what its process owns. */
typedef struct client {
    ch_device device;
    choir_participant *participant;
    choir_workspace *room;
    choir_blob model; // of the task it has
    choir_lent lent;  // to it; with room of its own
    uint8_t *kept;    // what it has kept
    bool is_done;
} client;

typedef struct hosting {
    choir_coordinator *coordinator;
    client clients[CLIENTS_MAX];
    uint32_t count;
    uint64_t now_ms;
    uint32_t trained;
} hosting;

/* What a server makes of a bundle: no data, no net. */
static void server_make(hosting *h, const ch_bundle *b) {
    const choir_env env = choir_env_default();
    choir_job job;
    ch_safetensors model;
    check_ok(choir_job_parse(&job, b->text, b->text_size, "job", NULL, 0, &err));
    check_ok(
        ch_safetensors_parse(&model, (choir_bytes){b->model, b->model_size}, "model", &env, &err));
    assert_int_equal(model.layout.dim, b->dim);
    const choir_hash hash = choir_hash_params(model.params, b->dim);
    assert_memory_equal(&hash, &b->hash, sizeof(hash));
    const choir_coordinator_options o = ch_job_coordinator(&job, job.data.clients, b->dim);
    check_ok(choir_coordinator_create(&h->coordinator, model.params, &o, &env, &err));
    ch_safetensors_release(&model);
}

/* What device k makes of a bundle: text and metadata, and its own folder of data. */
static void client_make(client *c, const ch_bundle *b, uint32_t k) {
    const choir_env env = choir_env_default();
    const ch_device_options o = {
        .job = {(const uint8_t *)b->text, b->text_size},
        .model = {b->model, b->model_size - (size_t)b->dim * sizeof(float)},
        .dir = own,
        .client = k,
    };
    choir_participant_options p = choir_participant_defaults();
    check_ok(ch_device_open(&c->device, &o, &env, &err));
    assert_int_equal(ch_device_dim(&c->device), b->dim);
    p.client = k;
    p.dim_max = MOVED_MAX * b->dim;
    check_ok(choir_participant_create(&c->participant, &p, &env, &err));
    check_status(choir_workspace_create(&c->room, MOVED_MAX * b->dim, &env), CHOIR_OK);
    const uint32_t bytes = ch_device_trainer(&c->device).ops->state_bytes_max;
    c->kept = bytes == 0 ? NULL : malloc(bytes);
    c->lent.state_next = bytes == 0 ? NULL : malloc(bytes);
}

/* As a client does: what was lent for a report is kept once that is acknowledged. */
static void client_train(hosting *h, client *c) {
    const choir_trainer trainer = ch_device_trainer(&c->device);
    h->trained += 1;
    trainer.ops->lend(trainer.self, &c->lent);
    ch_ignore(choir_participant_train(c->participant, h->now_ms, trainer, c->room, NULL),
              "one without data says so in its report");
    trainer.ops->lend(trainer.self, NULL);
}

static void client_hear(hosting *h, client *c, choir_bytes reply) {
    check_status(choir_participant_receive(c->participant, h->now_ms, reply), CHOIR_OK);
    choir_answer answer = CHOIR_ANSWER_REFUSED;
    check_status(choir_answer_read(&answer, reply), CHOIR_OK);
    if (answer == CHOIR_ANSWER_ACK && c->lent.state_next_size > 0) {
        memcpy(c->kept, c->lent.state_next, c->lent.state_next_size);
        c->lent.state = (choir_bytes){c->kept, c->lent.state_next_size};
    }
}

static void client_fetch(hosting *h, client *c, const choir_task *task) {
    choir_bytes bytes = {0};
    if (choir_coordinator_model(h->coordinator, &task->model, &bytes) != CHOIR_OK) {
        choir_participant_lost(c->participant, h->now_ms);
        return;
    }
    check_status(choir_blob_open(&c->model, bytes, &task->model), CHOIR_OK);
    check_status(choir_participant_fetched(c->participant, h->now_ms, &c->model), CHOIR_OK);
}

/* Lets a device do what it can now, until it waits or is done. */
static void client_run(hosting *h, client *c) {
    for (uint32_t steps = 0; steps < 8 && !c->is_done; steps++) {
        choir_intent intent;
        choir_participant_next(c->participant, h->now_ms, &intent);
        switch (intent.kind) {
        case CHOIR_INTENT_SEND: {
            const choir_bytes reply =
                choir_coordinator_reply(h->coordinator, h->now_ms, intent.request);
            client_hear(h, c, reply);
            break;
        }
        case CHOIR_INTENT_FETCH:
            client_fetch(h, c, intent.task);
            break;
        case CHOIR_INTENT_TRAIN:
            client_train(h, c);
            break;
        case CHOIR_INTENT_WAIT:
            return;
        case CHOIR_INTENT_DONE:
            c->is_done = true;
            break;
        }
    }
}

static void client_forget(client *c) {
    free(c->kept);
    free(c->lent.state_next);
}

/* Host and devices until all rounds have closed. Returns the model's hash. */
static choir_hash hosted_run(const ch_bundle *b, uint32_t *trained) {
    hosting h = {.count = b->clients};
    assert_in_range(h.count, 1, CLIENTS_MAX);
    server_make(&h, b);
    for (uint32_t k = 0; k < h.count; k++) {
        client_make(&h.clients[k], b, k);
    }
    for (uint32_t turn = 0; turn < 2000 && !choir_coordinator_is_done(h.coordinator); turn++) {
        for (uint32_t k = h.count; k > 0; k--) { // highest first, to be unlike the simulator
            client_run(&h, &h.clients[k - 1]);
        }
        h.now_ms += 1000;
        choir_coordinator_tick(h.coordinator, h.now_ms);
    }
    assert_true(choir_coordinator_is_done(h.coordinator));
    const choir_hash hash = choir_coordinator_hash(h.coordinator);
    for (uint32_t k = 0; k < h.count; k++) {
        ch_device_release(&h.clients[k].device);
        choir_participant_destroy(h.clients[k].participant);
        choir_workspace_destroy(h.clients[k].room);
        client_forget(&h.clients[k]);
    }
    choir_coordinator_destroy(h.coordinator);
    *trained = h.trained;
    return hash;
}

/* Writes the job to the folder, runs it both ways, and compares. Returns what was trained. */
static uint32_t compare(const char *yaml) {
    const choir_env env = choir_env_default();
    const char *path = folder_file(folder, "job.yaml");
    char run_dir[FOLDER_PATH_MAX + 200];
    choir_job job;
    ch_bundle bundle;
    ch_run_result simulated;
    uint32_t trained = 0;
    folder_put(path, yaml, strlen(yaml));
    (void)snprintf(run_dir, sizeof(run_dir), "%s/run", folder);
    check_ok(choir_job_read(&job, path, NULL, 0, &err));
    ch_run_options o = ch_run_defaults();
    o.run_dir = run_dir;
    o.workers = 2;
    o.report = false;
    check_ok(ch_run_sim(&simulated, &job, &o, &env, &err));
    folder_remove(run_dir);

    check_ok(ch_bundle_create(&bundle, path, NULL, 0, &env, &err));
    const choir_hash hash = hosted_run(&bundle, &trained);
    char text[2 * CHOIR_HASH_BYTES + 1];
    choir_hash_text(&hash, text);
    assert_string_equal(text, simulated.model_hash);
    assert_memory_not_equal(&hash, &bundle.hash, sizeof(hash));
    ch_bundle_release(&bundle);
    return trained;
}

static void digits_by_their_writers(void **state) {
    (void)state;
    const uint32_t trained = compare("seed: 5\n"
                                     "model: {name: mlp, hidden: [16]}\n"
                                     "data: {source: digits, partition: natural, clients: 20,\n"
                                     "       examples: 25, test_examples: 100}\n"
                                     "client: {epochs: 2, batch_size: 8}\n"
                                     "server: {rounds: 4, sample_rate: 0.3, algorithm: fedavgm}\n");
    assert_int_equal(trained, 4 * 6);
}

static void algorithms_with_a_client_end(void **state) {
    (void)state;
    static const struct {
        const char *algorithm, *chain;
        double proximal_mu;
    } rows[] = {{"fednova", "weight", 0.1},
                {"q-fedavg", "uniform", 0},
                {"scaffold", "weight", 0},
                {"feddyn", "uniform", 0.1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char yaml[600];
        (void)snprintf(yaml, sizeof(yaml),
                       "seed: 5\n"
                       "model: {name: mlp, hidden: [16]}\n"
                       "data: {source: digits, partition: natural, clients: 10,\n"
                       "       examples: 25, test_examples: 100}\n"
                       "client: {epochs: 2, batch_size: 8, proximal_mu: %g}\n"
                       "server: {rounds: 4, sample_rate: 0.5, algorithm: %s}\n"
                       "chain: %s\n",
                       rows[i].proximal_mu, rows[i].algorithm, rows[i].chain);
        assert_int_equal(compare(yaml), 4 * 5);
    }
}

static void a_table_dealt_by_label(void **state) {
    (void)state;
    char yaml[FOLDER_PATH_MAX + 600];
    (void)snprintf(yaml, sizeof(yaml),
                   "seed: 6\n"
                   "model: softmax\n"
                   "data: {source: '%s/ill.csv', label: ill, partition: dirichlet, clients: 12,\n"
                   "       alpha: 0.3}\n"
                   "client: {batch_size: 0, momentum: 0.5}\n"
                   "schedule: {learning_rate: step every=2 factor=0.5}\n"
                   "server: {rounds: 5, sampler: poisson, sample_rate: 0.6}\n"
                   "chain: clip=0.5|weight\n",
                   folder);
    assert_true(compare(yaml) > 12);
}

static void a_model_that_goes_on_from_a_file(void **state) {
    (void)state;
    char yaml[FOLDER_PATH_MAX + 600];
    const choir_env env = choir_env_default();
    const char *path = folder_file(folder, "first.yaml");
    static const char first[] = "seed: 8\n"
                                "model: {name: mlp, hidden: [5]}\n"
                                "data: {source: synthetic, clients: 4}\n";
    ch_bundle bundle;
    folder_put(path, first, strlen(first));
    check_ok(ch_bundle_create(&bundle, path, NULL, 0, &env, &err));
    folder_put(folder_file(folder, "start.safetensors"), bundle.model, bundle.model_size);
    ch_bundle_release(&bundle);
    (void)snprintf(yaml, sizeof(yaml),
                   "model: {file: '%s/start.safetensors'}\n"
                   "data: {source: synthetic, partition: iid, clients: 9, examples: 12}\n"
                   "server: {rounds: 3, sample_rate: 0.5}\n",
                   folder);
    assert_true(compare(yaml) > 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_by_their_writers),
        cmocka_unit_test(algorithms_with_a_client_end),
        cmocka_unit_test(a_table_dealt_by_label),
        cmocka_unit_test(a_model_that_goes_on_from_a_file),
    };
    folder_make(folder);
    folder_make(own);
    tiny_table_write(folder, "ill.csv", 0, 300);
    tiny_table_write(own, "ill.csv", 0, 300);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    folder_remove(own);
    return failures;
}
