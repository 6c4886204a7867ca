/*
 * LEAF: a folder whose numbers are more than the memory is to hold gives what it gives in memory,
 * to the bit, and its files are read through a window of any size.
 */
#define _XOPEN_SOURCE 700 // utimensat

#include "support/large_leaf.h"

#include "data/leaf.h"
#include "data/leaf_text.h"
#include "unit/data/files.h"
#include "unit/data/unpacked.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

enum { PATH_BYTES = UNPACKED_PATH_MAX };

static choir_job_data options_of(uint32_t memory) {
    choir_job_data o = {.test_share = 0.2, .memory = memory};
    (void)snprintf(o.dir, sizeof(o.dir), "%s/data", folder);
    return o;
}

static ch_dataset read_or_fail(const char *set, const choir_job_data *o) {
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    ch_dataset d;
    ch_dataset_init(&d, &env);
    if (ch_leaf_read(&d, folder_file(folder, set), o, 1, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return d;
}

static void check_table(const ch_examples *a, const ch_examples *b) {
    static float room[LEAF_FEATURES];
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->classes, b->classes);
    assert_int_equal(a->shape.height, b->shape.height);
    for (uint32_t i = 0; i < a->count; i++) {
        const void *x = NULL;
        const void *y = NULL;
        check_status(ch_filed_input(&x, a, i, NULL, NULL), CHOIR_OK);
        check_status(ch_filed_input(&y, b, i, room, NULL), CHOIR_OK);
        assert_memory_equal(x, y, sizeof(room));
    }
    if (a->count > 0) {
        assert_memory_equal(a->labels, b->labels, a->count * sizeof(a->labels[0]));
        assert_memory_equal(a->groups, b->groups, a->count * sizeof(a->groups[0]));
    }
}

/* Made, and then found; each half by itself. */
static void check_same(const char *set, uint32_t filed_count) {
    const choir_job_data all = options_of(0);
    const choir_job_data some = options_of(1);
    char one[PATH_BYTES];
    ch_dataset memory = read_or_fail(set, &all);
    assert_int_equal(memory.filed_count, 0);
    unpacked_remove(folder);
    for (int i = 0; i < 2; i++) {
        ch_dataset filed = read_or_fail(set, &some);
        assert_int_equal(filed.filed_count, filed_count);
        assert_int_equal(unpacked_count(folder, one), filed_count);
        check_table(&memory.train, &filed.train);
        check_table(&memory.test, &filed.test);
        assert_int_equal(filed.idle, memory.idle);
        ch_dataset_release(&filed);
    }
    ch_dataset_release(&memory);
}

static void numbers_are_the_same_from_a_file(void **state) {
    (void)state;
    large_leaf_write(folder, "none", 0); // some of it is drawn for testing
    check_same("none", 1);
    large_leaf_write(folder, "few", 2);
    check_same("few", 1);
    large_leaf_write(folder, "many", 15);
    check_same("many", 2);
}

/* More users without an example than there are examples. */
static void so_are_users_without_an_example(void **state) {
    (void)state;
    enum { IDLE = LEAF_TRAIN + 50 };
    static char text[64 * IDLE] = "{\"users\":[";
    for (uint32_t u = 0; u < IDLE; u++) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s\"i%u\"", u == 0 ? "" : ",", u);
    }
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "],\"user_data\":{");
    for (uint32_t u = 0; u < IDLE; u++) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s\"i%u\":{\"x\":[],\"y\":[]}",
                       u == 0 ? "" : ",", u);
    }
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "}}");
    large_leaf_write(folder, "idle", 2);
    file_write(folder, "idle/train/0.json", text, strlen(text));
    check_same("idle", 1);
    const choir_job_data o = options_of(1);
    ch_dataset d = read_or_fail("idle", &o);
    assert_int_equal(d.idle, IDLE);
    assert_int_equal(d.train.groups[LEAF_TRAIN - 1], 17);
    ch_dataset_release(&d);
}

static void it_is_made_again_when_a_file_changes_or_it_is_damaged(void **state) {
    (void)state;
    char one[PATH_BYTES];
    char path[PATH_BYTES];
    const choir_job_data o = options_of(1);
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    large_leaf_write(folder, "again", 2);
    check_same("again", 1);
    (void)snprintf(path, sizeof(path), "%s", folder_file(folder, "again/train/2.json"));
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    ch_dataset d = read_or_fail("again", &o);
    ch_dataset_release(&d);
    assert_int_equal(unpacked_count(folder, one), 2);
    unpacked_remove(folder);
    d = read_or_fail("again", &o);
    ch_dataset_release(&d);
    assert_int_equal(unpacked_count(folder, one), 1);
    assert_int_equal(truncate(one, 5000), 0);
    d = read_or_fail("again", &o);
    assert_int_equal(d.train.count, 18 * LEAF_EACH);
    ch_dataset_release(&d);
}

static void a_full_disk_is_told_and_nothing_is_left(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = options_of(1);
    struct rlimit before;
    char one[PATH_BYTES];
    large_leaf_write(folder, "full", 0);
    unpacked_remove(folder);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    ch_dataset d;
    choir_error err = {.message = ""};
    ch_dataset_init(&d, &env);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const choir_status status = ch_leaf_read(&d, folder_file(folder, "full"), &o, 1, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    check_status(status, CHOIR_EIO);
    assert_non_null(
        strstr(err.message, ".part: cannot be written: File too large; the numbers of "));
    assert_non_null(
        strstr(err.message, "/full/train go there, as they are more than data.memory: "));
    assert_int_equal(unpacked_count(folder, one), 0);
    ch_dataset_release(&d);
}

static void a_mistake_in_the_last_file_leaves_nothing(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = options_of(1);
    static const char text[] =
        "{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[[1,2]],\"y\":[0]}}}";
    char one[PATH_BYTES];
    char wanted[PATH_BYTES + 100];
    ch_dataset d;
    choir_error err = {.message = ""};
    large_leaf_write(folder, "wrong", 0);
    unpacked_remove(folder);
    file_write(folder, "wrong/train/3.json", text, strlen(text));
    ch_dataset_init(&d, &env);
    check_status(ch_leaf_read(&d, folder_file(folder, "wrong"), &o, 1, &err), CHOIR_EPROTO);
    (void)snprintf(wanted, sizeof(wanted),
                   "%s: user 'u': example 1: its x has 2 numbers; needs 784, as the first one has",
                   folder_file(folder, "wrong/train/3.json"));
    assert_string_equal(err.message, wanted);
    assert_int_equal(unpacked_count(folder, one), 0);
    ch_dataset_release(&d);
}

static void a_window_of_any_size_shows_the_same(void **state) {
    (void)state;
    static const char text[] =
        "{\"users\": [\"a \\\"b\\\\\", \"c\"],\n \"hierarchies\": [[]], \"num_samples\": [2, 1],\n"
        "\"user_data\": {\"c\": {\"y\": [3], \"x\": [[1e2, -0.5]]}, \"none\": 5,\n"
        "\"a \\\"b\\\\\": {\"z\": {\"]\": \"}\"}, \"x\": [[1, 2], [3,4 ]], \"y\": [0, 1]}}}\n";
    static const float x[] = {1, 2, 3, 4, 100, -0.5F};
    const choir_env env = choir_env_default();
    const ch_leaf_form unseen = {.kind = CH_LEAF_UNSEEN};
    for (size_t size = 0; size < sizeof(text); size++) {
        file_write(folder, "w.json", text, size);
        choir_error first = {.message = ""};
        for (size_t window = 1; window < 30; window += window < 4 ? 1 : 11) {
            ch_filed_file file;
            ch_leaf l;
            choir_error err = {.message = ""};
            ch_leaf_init(&l, &unseen, 80, NULL, &env);
            check_status(ch_filed_file_open(&file, folder_file(folder, "w.json"), NULL), CHOIR_OK);
            check_status(ch_leaf_add_file(&l, &file, window, "w", &err),
                         size < sizeof(text) - 2 ? CHOIR_EPROTO : CHOIR_OK);
            if (size == sizeof(text) - 1) {
                assert_int_equal(l.count, 3);
                assert_memory_equal(l.reals, x, sizeof(x));
            }
            first = window == 1 ? err : first;
            assert_string_equal(err.message, first.message);
            ch_filed_file_close(&file);
            ch_leaf_release(&l);
        }
    }
}

/* Files that are read through a window, whose numbers go to a file. */
static void a_user_of_two_files_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = options_of(1);
    char one[PATH_BYTES];
    choir_error err = {.message = ""};
    ch_dataset d;
    large_leaf_write(folder, "twice", 0);
    large_leaf_users(folder, "twice", "train", "3.json", 17, 2);
    unpacked_remove(folder);
    ch_dataset_init(&d, &env);
    check_status(ch_leaf_read(&d, folder_file(folder, "twice"), &o, 1, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "/train/3.json: user 'w17': is in 'users' of an earlier "
                                        "file, too; needs all of a user's examples in one"));
    assert_int_equal(unpacked_count(folder, one), 0);
    ch_dataset_release(&d);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    const choir_job_data o = options_of(1);
    choir_status status = CHOIR_ENOMEM;
    uint32_t n = 0;
    for (; status == CHOIR_ENOMEM && n < 150; n += n < 20 ? 1 : 5) {
        unpacked_remove(folder);
        counted_memory memory;
        const choir_env env = counted_env(&memory, n);
        ch_dataset d;
        ch_dataset_init(&d, &env);
        status = ch_leaf_read(&d, folder_file(folder, "few"), &o, 1, NULL);
        ch_dataset_release(&d);
        assert_int_equal(memory.alive, 0);
    }
    check_status(status, CHOIR_OK);
    assert_true(n > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_same_from_a_file),
        cmocka_unit_test(so_are_users_without_an_example),
        cmocka_unit_test(it_is_made_again_when_a_file_changes_or_it_is_damaged),
        cmocka_unit_test(a_full_disk_is_told_and_nothing_is_left),
        cmocka_unit_test(a_mistake_in_the_last_file_leaves_nothing),
        cmocka_unit_test(a_window_of_any_size_shows_the_same),
        cmocka_unit_test(a_user_of_two_files_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
