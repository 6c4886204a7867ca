/*
 * Memory: a job on more pictures, or rows of numbers, than it may have in memory gives the model
 * that it gives with all of them there, in less than half the memory that they take.
 */
#include "support/large_leaf.h"
#include "support/large_pictures.h"
#include "support/large_table.h"
#include "support/measured_memory.h"
#include "support/tiny_job.h"

#include "run/session.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

enum { PICTURES_BYTES = LARGE_TRAIN * LARGE_BYTES, TABLE_ROWS = 12000 };

static choir_job job_of(const char *preprocess, uint32_t crop, uint32_t memory) {
    choir_job job = tiny_job();
    (void)snprintf(job.data.source, sizeof(job.data.source), "%s", folder_file(folder, "set"));
    (void)snprintf(job.data.partition, sizeof(job.data.partition), "iid");
    (void)snprintf(job.data.preprocess, sizeof(job.data.preprocess), "%s", preprocess);
    job.data.clients = 12;
    job.data.crop = crop;
    job.data.memory = memory;
    job.rounds = 3;
    return job;
}

/* Runs a job; *peak is the most memory that it had at once. */
static ch_run_result run(const choir_job *job, uint32_t workers, const char *name, size_t *peak) {
    measured_memory memory;
    const choir_env env = measured_env(&memory);
    ch_run_options o = ch_run_defaults();
    char dir[FOLDER_PATH_MAX + 64];
    (void)snprintf(dir, sizeof(dir), "%s/%s", folder, name);
    o.run_dir = dir;
    o.workers = workers;
    o.report = workers == 1; // with pictures in it
    ch_run_result result;
    choir_error err = {.message = ""};
    if (ch_run_sim(&result, job, &o, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(memory.alive, 0);
    *peak = memory.peak;
    return result;
}

static void check_same_digest(const char *one, const char *other) {
    static char text[2][4096];
    const char *digest[2];
    for (int i = 0; i < 2; i++) {
        char path[FOLDER_PATH_MAX + 64];
        (void)snprintf(path, sizeof(path), "%s/%s/run.json", folder, i == 0 ? one : other);
        assert_true(folder_get(path, text[i], sizeof(text[i])) > 0);
        digest[i] = strstr(text[i], "\"data_digest\"");
        assert_non_null(digest[i]);
    }
    assert_memory_equal(digest[0], digest[1], 30);
}

static void check_same(const char *preprocess, uint32_t crop, const char *tag) {
    size_t peak = 0;
    char name[3][32];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(name[i], sizeof(name[i]), "%s-%d", tag, i);
    }
    const choir_job whole = job_of(preprocess, crop, 0);
    const choir_job some = job_of(preprocess, crop, 1);
    const ch_run_result in_memory = run(&whole, 1, name[0], &peak);
    assert_true(peak > PICTURES_BYTES);
    for (uint32_t workers = 1; workers <= 2; workers++) {
        const ch_run_result filed = run(&some, workers, name[workers], &peak);
        assert_string_equal(filed.model_hash, in_memory.model_hash);
        assert_true(filed.accuracy == in_memory.accuracy && filed.loss == in_memory.loss);
        check_same_digest(name[0], name[workers]);
        if (peak >= PICTURES_BYTES / 2) {
            fail_msg("%zu bytes of memory, for %d of pictures", peak, (int)PICTURES_BYTES);
        }
    }
}

static void the_model_is_the_same_in_half_the_memory_that_pictures_take(void **state) {
    (void)state;
    check_same("", 0, "plain");
    check_same("", 16, "cropped");
    check_same("crop,flip,brightness,contrast,whiten", 16, "drawn");
}

/* A run that began with its pictures in memory goes on with them in their files. */
static void a_run_is_the_same_wherever_its_pictures_are(void **state) {
    (void)state;
    size_t peak = 0;
    const choir_job whole = job_of("", 0, 0);
    const choir_job some = job_of("", 0, 1);
    (void)run(&whole, 1, "whole", &peak);
    (void)run(&some, 1, "some", &peak);
    check_same_digest("whole", "some");
}

static choir_job table_job(uint32_t memory) {
    choir_job job = tiny_job();
    choir_job_data *d = &job.data;
    (void)snprintf(d->source, sizeof(d->source), "%s", folder_file(folder, "table.csv"));
    (void)snprintf(d->dir, sizeof(d->dir), "%s", folder_file(folder, "data"));
    (void)snprintf(d->label, sizeof(d->label), "class");
    (void)snprintf(d->drop, sizeof(d->drop), "note");
    (void)snprintf(d->group, sizeof(d->group), "who");
    (void)snprintf(d->partition, sizeof(d->partition), "natural");
    d->clients = 0;
    d->memory = memory;
    job.rounds = 3;
    return job;
}

/* Made by the first run, and found by the second. */
static void the_model_is_the_same_in_half_the_memory_that_rows_take(void **state) {
    (void)state;
    size_t peak = 0;
    const size_t inputs = large_table_bytes(TABLE_ROWS);
    large_table_write(folder_file(folder, "table.csv"), TABLE_ROWS, TABLE_NOTE);
    const choir_job whole = table_job(0);
    const choir_job some = table_job(1);
    const ch_run_result in_memory = run(&whole, 1, "rows-0", &peak);
    assert_true(peak > inputs);
    for (uint32_t workers = 1; workers <= 2; workers++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "rows-%u", workers);
        const ch_run_result filed = run(&some, workers, name, &peak);
        assert_string_equal(filed.model_hash, in_memory.model_hash);
        assert_true(filed.accuracy == in_memory.accuracy && filed.loss == in_memory.loss);
        check_same_digest("rows-0", name);
        if (peak >= inputs / 2) {
            fail_msg("%zu bytes of memory, for %zu of inputs", peak, inputs);
        }
    }
}

/* Cropped when they are used, where they are whole in their file. */
static void the_model_is_the_same_from_a_folder_of_leafs(void **state) {
    (void)state;
    size_t peak[2] = {0, 0};
    ch_run_result results[2];
    large_leaf_write(folder, "leaf", 15);
    choir_job job = tiny_job();
    choir_job_data *d = &job.data;
    (void)snprintf(d->source, sizeof(d->source), "%s", folder_file(folder, "leaf"));
    (void)snprintf(d->dir, sizeof(d->dir), "%s", folder_file(folder, "data"));
    (void)snprintf(d->partition, sizeof(d->partition), "natural");
    d->clients = 0;
    d->crop = 20;
    job.rounds = 3;
    for (uint32_t memory = 0; memory < 2; memory++) {
        d->memory = memory;
        results[memory] = run(&job, 1, memory == 0 ? "leaf-0" : "leaf-1", &peak[memory]);
    }
    assert_string_equal(results[0].model_hash, results[1].model_hash);
    assert_true(results[0].accuracy == results[1].accuracy && results[0].loss == results[1].loss);
    check_same_digest("leaf-0", "leaf-1");
    assert_true(peak[1] < peak[0]);
}

/* Flips a bit in the middle of each unpacked file of a data directory, and gives how many there
 * are. */
static uint32_t unpacked_damage(const char *data) {
    uint32_t count = 0;
    char path[FOLDER_PATH_MAX + 64];
    (void)snprintf(path, sizeof(path), "%.400s/unpacked", data);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') {
            continue;
        }
        struct stat about;
        uint8_t byte = 0;
        const int file = openat(dirfd(dir), e->d_name, O_RDWR);
        assert_true(file >= 0 && fstat(file, &about) == 0);
        assert_int_equal(pread(file, &byte, 1, about.st_size / 2), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(file, &byte, 1, about.st_size / 2), 1);
        (void)close(file);
        count += 1;
    }
    (void)closedir(dir);
    return count;
}

static void check_damage_is_told(const choir_job *job, uint32_t files) {
    const choir_env env = choir_env_default();
    ch_run_options o = ch_run_defaults();
    char dir[3][FOLDER_PATH_MAX + 64];
    ch_run_result results[3];
    choir_error err = {.message = ""};
    o.report = false;
    for (int i = 0; i < 3; i++) {
        (void)snprintf(dir[i], sizeof(dir[i]), "%s-damage-%d", job->data.dir, i);
        o.run_dir = dir[i];
        const choir_status wanted = i == 1 ? CHOIR_EPROTO : CHOIR_OK;
        check_status(ch_run_sim(&results[i], job, &o, &env, &err), wanted);
        assert_int_equal(i == 0 ? unpacked_damage(job->data.dir) : files, files);
    }
    const char *after = strstr(err.message, "/unpacked/");
    assert_non_null(after);
    assert_memory_equal(err.message, job->data.dir, strlen(job->data.dir));
    assert_string_equal(after + strlen("/unpacked/0123456789abcdef"),
                        ": is damaged: its inputs are not those that were written; it was removed: "
                        "start again, and it is made again");
    assert_string_equal(results[0].model_hash, results[2].model_hash);
}

static void damage_among_the_inputs_ends_a_run_and_is_mended_by_the_next(void **state) {
    (void)state;
    choir_job job = table_job(1);
    large_table_write(folder_file(folder, "table.csv"), TABLE_ROWS, TABLE_NOTE);
    (void)snprintf(job.data.dir, sizeof(job.data.dir), "%s", folder_file(folder, "data-1"));
    check_damage_is_told(&job, 1);
    large_leaf_write(folder, "leaf", 15);
    (void)snprintf(job.data.source, sizeof(job.data.source), "%s", folder_file(folder, "leaf"));
    (void)snprintf(job.data.dir, sizeof(job.data.dir), "%s", folder_file(folder, "data-2"));
    check_damage_is_told(&job, 2);
    job = job_of("", 16, 1); // unpacked pictures, which are cropped when they are used
    (void)snprintf(job.data.source, sizeof(job.data.source), "%s", folder_file(folder, "packed"));
    large_pictures_write(job.data.source);
    large_pictures_pack(job.data.source);
    (void)snprintf(job.data.dir, sizeof(job.data.dir), "%s", folder_file(folder, "data-3"));
    check_damage_is_told(&job, 1);
}

static void pictures_that_are_cut_off_end_a_training_with_a_sentence(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = job_of("", 0, 1);
    ch_session s;
    ch_evaluation e;
    choir_error err = {.message = ""};
    check_status(ch_session_open(&s, &job, 2, CH_SESSION_TRAIN, &env, NULL), CHOIR_OK);
    float *delta = malloc(s.dim * sizeof(float));
    const choir_task task = {
        .round = 1, .dim = s.dim, .epochs = 1, .batch_size = 10, .learning_rate = 0.1F, .seed = 5};
    choir_training out;
    const choir_trainer t = s.trainers[0];
    check_status(t.ops->train(t.self, 1, &task, s.params, delta, &out, &err), CHOIR_OK);
    check_status(ch_evaluator_run(s.evaluator, s.params, &e, &err), CHOIR_OK);
    char path[FOLDER_PATH_MAX + 64];
    (void)snprintf(path, sizeof(path), "%s/set/%s", folder, LARGE_IMAGES);
    assert_int_equal(truncate(path, PICTURES_BYTES / 2), 0);
    char wanted[512];
    (void)snprintf(wanted, sizeof(wanted),
                   "%s: was changed while its examples were in use; leave it alone, and start "
                   "again",
                   path);
    check_status(t.ops->train(t.self, 1, &task, s.params, delta, &out, &err), CHOIR_EIO);
    assert_string_equal(err.message, wanted);
    err.message[0] = '\0';
    check_status(ch_evaluator_run(s.evaluator, s.params, &e, &err), CHOIR_EIO);
    assert_string_equal(err.message, wanted);
    free(delta);
    ch_session_release(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_is_the_same_in_half_the_memory_that_pictures_take),
        cmocka_unit_test(a_run_is_the_same_wherever_its_pictures_are),
        cmocka_unit_test(the_model_is_the_same_in_half_the_memory_that_rows_take),
        cmocka_unit_test(the_model_is_the_same_from_a_folder_of_leafs),
        cmocka_unit_test(damage_among_the_inputs_ends_a_run_and_is_mended_by_the_next),
        cmocka_unit_test(pictures_that_are_cut_off_end_a_training_with_a_sentence),
    };
    folder_make(folder);
    char set[FOLDER_PATH_MAX + 64];
    (void)snprintf(set, sizeof(set), "%s/set", folder);
    large_pictures_write(set);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
