/*
 * One job and one seed give one model, bit for bit, with real models on real kernels: however many
 * workers train, whatever the network does to messages, however wide the CPU's vectors are, and
 * whoever compiled the code.
 */
#include "support/check.h"
#include "support/sanitizers.h"
#include "support/tiny_job.h"

#include "math/kernels.h"

#include <stdlib.h>
#include <string.h>

static char folder[FOLDER_PATH_MAX];

/* The models that are put to the test. */
static const struct {
    const char *model;
    const char *hidden;
    const char *source;
    // Hashes of the final model, wherever there are fused multiply-adds. Written down once and
    // compared under every compiler and sanitizer since.
    const char *hash;       // with momentum, weight decay and a proximal term
    const char *plain_hash; // with plain steps of SGD
} MODELS[] = {
    {"softmax", "", "synthetic", "76dfd32cc97a60fcc6ccd1db000d459a765b615944c8d83c9d4b6a71a33303e4",
     "f98e3962edbab5dca7de5b7b279f6a7db6eee9271a28a1481a6e8be6dce75d82"},
    {"mlp", "24,17", "digits", "a5190ec7e37b882b9fecdd545d233e91b8777c902c34b5bf3e100870132cd2f2",
     "ce43209830e4b4b16320274f65556712b8e9560c1df324ec68d98510b19a12b8"},
    {"mnist-2nn", "", "digits", "e16df94b6eb47d05cc25b93720f367c7982f53d3c7e18fc4ebe18f487e590dde",
     "feed1c83b57466e3a940f3bf3ed9f9eebda8884b6c3ea2c9bbdfb540862f7d9a"},
    {"mnist-cnn", "", "digits", "2ecc32f97dd21b65ac062eb9d4e9a11cae0d0ae368a8e8fcd137a48b5400800f",
     "e8ff26430aff2ed622bef8720c0f93bef9321b89649fd2d3c80335c7b7150ee8"},
};

/* Of drawn_job, below; likewise. */
static const char DRAWN_HASH[] = "a35b004e56eaa80081b0037dc67ce66280d1ca919c6de9eae38e4a82b82e58df";

enum { MODELS_COUNT = sizeof(MODELS) / sizeof(MODELS[0]) };

/*
 * Convolutions take minutes with a sanitizer or under valgrind (CHOIR_VALGRIND). There they get a
 * smaller job, whose hash nobody wrote down; vector widths are then compared with each other.
 */
static bool is_shortened(int model) {
    const bool is_slow = HAS_SANITIZER || getenv("CHOIR_VALGRIND") != NULL;
    return is_slow && strcmp(MODELS[model].model, "mnist-cnn") == 0;
}

static void shorten(choir_job *job) {
    job->data.clients = 4;
    job->data.examples = 3;
    job->data.test_examples = 2;
    job->rounds = 1;
    job->batch_size = 2;
    job->epochs = 1;
    job->evaluate_every = 1;
}

static choir_job job_of(int model, bool plain) {
    choir_job job = tiny_job();
    (void)snprintf(job.model.name, sizeof(job.model.name), "%s", MODELS[model].model);
    (void)snprintf(job.model.hidden, sizeof(job.model.hidden), "%s", MODELS[model].hidden);
    (void)snprintf(job.data.source, sizeof(job.data.source), "%s", MODELS[model].source);
    job.data.clients = 6;
    job.data.examples = 12;
    job.data.test_examples = 20;
    job.sample_rate = 0.5;
    job.rounds = 3;
    job.batch_size = 5; // the last batch is short
    job.momentum = plain ? 0.0 : 0.5;
    job.weight_decay = plain ? 0.0 : 1e-3;
    job.proximal_mu = plain ? 0.0 : 0.01;
    job.deadline_s = 1e6; // everybody reports
    job.evaluate_every = 3;
    if (is_shortened(model)) {
        shorten(&job);
    }
    return job;
}

static ch_run_result run(const choir_job *job, uint32_t workers) {
    static uint32_t number;
    char name[32];
    number += 1;
    (void)snprintf(name, sizeof(name), "run-%u", number);
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, name);
    o.workers = workers;
    o.report = false;
    const ch_run_result result = tiny_run(job, &o);
    assert_int_equal(result.rounds, job->rounds);
    return result;
}

static void the_number_of_workers_changes_nothing(void **state) {
    (void)state;
    for (int model = 0; model < MODELS_COUNT; model++) {
        const choir_job job = job_of(model, false);
        const ch_run_result one = run(&job, 1);
        for (uint32_t workers = 2; workers <= 4; workers *= 2) {
            const ch_run_result many = run(&job, workers);
            assert_string_equal(many.model_hash, one.model_hash);
            assert_true(many.virtual_seconds == one.virtual_seconds);
        }
    }
}

static void an_unkind_network_changes_nothing_but_the_time(void **state) {
    (void)state;
    for (int model = 0; model < MODELS_COUNT; model++) {
        choir_job job = job_of(model, false);
        const ch_run_result calm = run(&job, 2);
        job.network.latency_ms = 900;
        job.network.loss = 0.4;
        job.network.speed_spread = 1.5;
        job.network.seed = 77;
        const ch_run_result rough = run(&job, 2);
        assert_string_equal(rough.model_hash, calm.model_hash);
        assert_true(rough.virtual_seconds > calm.virtual_seconds);
    }
}

/* Clients that keep something from round to round: also one whose report closed its round, and
 * whose acknowledgement got lost. */
static void what_clients_keep_does_not_depend_on_lost_acknowledgements(void **state) {
    (void)state;
    static const char *const algorithms[] = {"scaffold", "feddyn"};
    for (int i = 0; i < 2; i++) {
        choir_job job = tiny_job();
        (void)snprintf(job.algorithm, sizeof(job.algorithm), "%s", algorithms[i]);
        (void)snprintf(job.chain, sizeof(job.chain), "uniform");
        job.proximal_mu = i == 0 ? 0 : 0.1;
        job.data.clients = 10;
        job.sample_rate = 0.5; // so that most are in several rounds
        job.deadline_s = 1e6;
        const ch_run_result calm = run(&job, 2);
        job.network.loss = 0.5;
        for (uint32_t seed = 1; seed <= 3; seed++) {
            job.network.seed = seed;
            assert_string_equal(run(&job, 2).model_hash, calm.model_hash);
        }
    }
}

/*
 * Runs the job on AVX2 and on vectors twice as wide: in AVX-512, or, where the CPU lacks it, in its
 * source compiled for AVX2, which is slow. Every model has this hash; NULL: that of the first.
 * Returns on how many it ran.
 */
static uint32_t check_hash(choir_job *job, const char *hash) {
    const bool has_avx512 = ch_kernels_find("vector-avx512") != NULL;
    const char *const backends[] = {"vector-avx2", has_avx512 ? "vector-avx512" : "vector-wide"};
    ch_run_result first = {0};
    uint32_t compared = 0;
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        if (ch_kernels_find(backends[i]) != NULL) {
            (void)snprintf(job->backend, sizeof(job->backend), "%s", backends[i]);
            const ch_run_result result = run(job, 1);
            if (compared == 0) {
                first = result;
            }
            assert_string_equal(result.model_hash, hash == NULL ? first.model_hash : hash);
            compared += 1;
        }
    }
    return compared;
}

static void neither_vector_width_nor_compiler_changes_anything(void **state) {
    (void)state;
    uint32_t compared = 0;
    for (int model = 0; model < MODELS_COUNT; model++) {
        choir_job full = job_of(model, false);
        choir_job plain = job_of(model, true);
        const bool is_written = !is_shortened(model);
        compared += check_hash(&full, is_written ? MODELS[model].hash : NULL);
        compared += check_hash(&plain, is_written ? MODELS[model].plain_hash : NULL);
    }
    if (compared == 0) {
        skip();
    }
}

/* Softmax regression on digits that are cropped, turned and lit at random, each epoch anew. */
static choir_job drawn_job(void) {
    choir_job job = tiny_job();
    (void)snprintf(job.data.source, sizeof(job.data.source), "digits");
    (void)snprintf(job.data.preprocess, sizeof(job.data.preprocess),
                   "crop,flip,brightness,contrast,whiten");
    job.data.clients = 6;
    job.data.examples = 12;
    job.data.test_examples = 20;
    job.data.crop = 20;
    job.epochs = 2;
    job.sample_rate = 0.5;
    job.rounds = 3;
    job.deadline_s = 1e6;
    return job;
}

static void what_is_drawn_for_examples_depends_on_nothing_else(void **state) {
    (void)state;
    choir_job job = drawn_job();
    const ch_run_result one = run(&job, 1);
    for (uint32_t workers = 2; workers <= 4; workers *= 2) {
        const ch_run_result many = run(&job, workers);
        assert_string_equal(many.model_hash, one.model_hash);
        assert_true(many.accuracy == one.accuracy && many.loss == one.loss);
    }
    choir_job rough = job;
    rough.network.latency_ms = 900;
    rough.network.loss = 0.4;
    assert_string_equal(run(&rough, 2).model_hash, one.model_hash);
    job.data.preprocess[0] = '\0';
    assert_string_not_equal(run(&job, 1).model_hash, one.model_hash);
    job = drawn_job();
    (void)check_hash(&job, DRAWN_HASH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_workers_changes_nothing),
        cmocka_unit_test(an_unkind_network_changes_nothing_but_the_time),
        cmocka_unit_test(what_clients_keep_does_not_depend_on_lost_acknowledgements),
        cmocka_unit_test(what_is_drawn_for_examples_depends_on_nothing_else),
        cmocka_unit_test(neither_vector_width_nor_compiler_changes_anything),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
