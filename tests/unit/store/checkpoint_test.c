/* Checkpoint: the newest whole one is found, whatever happened to the others. */
#include "support/check.h"
#include "support/folder.h"

#include "store/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4096 };

static char folder[FOLDER_PATH_MAX];
static char warned[1024];

static void log_keep(void *self, choir_level level, const char *event, const char *fields) {
    (void)self;
    assert_int_equal(level, CHOIR_LEVEL_WARN);
    (void)snprintf(warned, sizeof(warned), "%s %s", event, fields);
}

static choir_env env_heard(void) {
    choir_env env = choir_env_default();
    env.log = log_keep;
    warned[0] = '\0';
    return env;
}

/* A folder in the folder. Borrowed until the next call. */
static const char *dir_of(const char *name) {
    static char dir[FOLDER_PATH_MAX];
    (void)snprintf(dir, sizeof(dir), "%.300s/%s", folder, name);
    (void)mkdir(dir, 0777);
    return dir;
}

static choir_bytes bytes_of(const char *text) {
    return (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

static void rounds_write(const char *dir, uint32_t first, uint32_t last) {
    for (uint32_t round = first; round <= last; round++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "state of %u", round);
        check_status(ch_checkpoint_write(dir, round, bytes_of(text), bytes_of("run"), NULL),
                     CHOIR_OK);
    }
}

static const char *path_of(const char *dir, uint32_t round) {
    char name[64];
    (void)snprintf(name, sizeof(name), "checkpoint-%u.bin", round);
    return folder_file(dir, name);
}

static bool exists(const char *dir, uint32_t round) {
    struct stat about;
    return stat(path_of(dir, round), &about) == 0;
}

static void check_found(const char *dir, uint32_t round) {
    const choir_env env = env_heard();
    ch_checkpoint c;
    check_status(ch_checkpoint_find(&c, dir, &env, NULL), CHOIR_OK);
    assert_int_equal(c.round, round);
    char text[32];
    const int size = snprintf(text, sizeof(text), "state of %u", round);
    assert_int_equal(c.simulation.size, size);
    assert_memory_equal(c.simulation.data, text, (size_t)size);
    assert_int_equal(c.run.size, 3);
    assert_memory_equal(c.run.data, "run", 3);
    ch_checkpoint_release(&c);
    ch_checkpoint_release(&c);
}

static void the_newest_is_found_and_two_are_kept(void **state) {
    (void)state;
    const char *dir = dir_of("newest");
    folder_put(folder_file(dir, "checkpoint-x.bin"), "", 0);
    folder_put(folder_file(dir, "checkpoint-99.bin.tmp"), "", 0);
    folder_put(folder_file(dir, "checkpoint-99999999999999999999.bin"), "", 0);
    rounds_write(dir, 8, 11);
    assert_false(exists(dir, 8));
    assert_false(exists(dir, 9));
    assert_true(exists(dir, 10));
    check_found(dir, 11);
    assert_string_equal(warned, "");
}

static void a_torn_one_falls_back_to_the_one_before(void **state) {
    (void)state;
    static char bytes[FILE_MAX];
    const char *dir = dir_of("torn");
    rounds_write(dir, 1, 2);
    const size_t size = folder_get(path_of(dir, 2), bytes, sizeof(bytes));
    for (size_t cut = 0; cut < size; cut++) {
        folder_put(path_of(dir, 2), bytes, cut);
        check_found(dir, 1);
        assert_non_null(strstr(warned, "checkpoint_damaged"));
        assert_non_null(strstr(warned, "checkpoint-2.bin"));
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        const char whole = bytes[bit / 8];
        bytes[bit / 8] = (char)((unsigned char)whole ^ (1U << (bit % 8)));
        folder_put(path_of(dir, 2), bytes, size);
        check_found(dir, 1);
        bytes[bit / 8] = whole;
    }
    folder_put(path_of(dir, 2), bytes, size);
    check_found(dir, 2);
    folder_put(path_of(dir, 3), bytes, size);
    check_found(dir, 2);
    assert_non_null(strstr(warned, "is of round 2"));
}

static void a_warning_quotes_what_it_repeats(void **state) {
    (void)state;
    const char *dir = dir_of("a \"b\" \\c");
    rounds_write(dir, 1, 2);
    folder_put(path_of(dir, 2), "", 0);
    check_found(dir, 1);
    assert_non_null(strstr(warned, "why=\"/"));
    assert_non_null(strstr(warned, "/a \\\"b\\\" \\\\c/checkpoint-2.bin: has 0 bytes"));
}

static void what_a_run_has_left_behind_it_is_removed(void **state) {
    (void)state;
    const char *dir = dir_of("left");
    rounds_write(dir, 5, 5);
    rounds_write(dir, 9, 9);
    rounds_write(dir, 7, 7);
    assert_true(exists(dir, 5));
    assert_false(exists(dir, 9));
    check_found(dir, 7);
}

/* Stands in front of the system's. */
static bool opens_no_folder;

DIR *opendir(const char *path) {
    errno = EMFILE;
    return opens_no_folder ? NULL : fdopendir(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static bool unlinks_nothing;

int unlink(const char *path) {
    errno = EBUSY;
    return unlinks_nothing ? -1 : unlinkat(AT_FDCWD, path, 0);
}

static void what_cannot_be_removed_is_named_and_the_new_one_whole(void **state) {
    (void)state;
    const char *dir = dir_of("stuck");
    choir_error err = {.message = ""};
    rounds_write(dir, 1, 2);
    opens_no_folder = true;
    check_status(ch_checkpoint_write(dir, 3, bytes_of("state of 3"), bytes_of("run"), &err),
                 CHOIR_EIO);
    opens_no_folder = false;
    assert_non_null(strstr(err.message, "stuck: cannot open: Too many open files"));
    assert_true(exists(dir, 1) && exists(dir, 2));
    check_found(dir, 3);
    rounds_write(dir, 4, 5);
    unlinks_nothing = true;
    const choir_status status =
        ch_checkpoint_write(dir, 4, bytes_of("state of 4"), bytes_of("run"), &err);
    unlinks_nothing = false;
    check_status(status, CHOIR_EIO);
    assert_non_null(strstr(err.message, "checkpoint-5.bin: cannot remove: "));
    check_found(dir, 5);
}

static void what_cannot_be_written_leaves_all_as_it_was(void **state) {
    (void)state;
    const char *dir = dir_of("full");
    choir_error err = {.message = ""};
    rounds_write(dir, 1, 3);
    assert_int_equal(mkdir(path_of(dir, 4), 0777), 0); // rename cannot replace it
    check_status(ch_checkpoint_write(dir, 4, bytes_of("state of 4"), bytes_of("run"), &err),
                 CHOIR_EIO);
    assert_non_null(strstr(err.message, "checkpoint-4.bin: cannot replace: "));
    assert_true(exists(dir, 2) && exists(dir, 3) && !exists(dir, 1));
    check_found(dir, 3);
}

static void what_cannot_be_read_is_not_removed(void **state) {
    (void)state;
    static char bytes[FILE_MAX];
    const char *dir = dir_of("unread");
    rounds_write(dir, 9, 9);
    const size_t size = folder_get(path_of(dir, 9), bytes, sizeof(bytes));
    bytes[8] = 2; // the version
    folder_put(path_of(dir, 9), bytes, size);
    folder_put(path_of(dir, 1), bytes, size);
    folder_put(path_of(dir, 2), "x", 1);
    rounds_write(dir, 3, 6);
    assert_true(exists(dir, 9) && exists(dir, 1) && exists(dir, 2));
    assert_true(exists(dir, 5) && exists(dir, 6) && !exists(dir, 4));
    check_found(dir, 6);
}

static void a_folder_without_any_says_so(void **state) {
    (void)state;
    const choir_env env = env_heard();
    const char *dir = dir_of("none");
    ch_checkpoint c;
    choir_error err = {.message = ""};
    check_status(ch_checkpoint_find(&c, dir, &env, &err), CHOIR_EAGAIN);
    assert_non_null(strstr(err.message, "has no checkpoint to go on from"));
    folder_put(path_of(dir, 4), "x", 1);
    check_status(ch_checkpoint_find(&c, dir, &env, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "checkpoint-4.bin: has 1 bytes, too few"));
    assert_non_null(strstr(err.message, "checkpoint; the run cannot go on without one"));
    folder_put(path_of(dir, 3), "x", 1);
    check_status(ch_checkpoint_find(&c, dir, &env, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, ", nor can 1 older; the run cannot"));
    check_status(ch_checkpoint_find(&c, "/nowhere", &env, &err), CHOIR_EIO);
    check_status(ch_checkpoint_write("/nowhere", 1, bytes_of("a"), bytes_of(""), &err), CHOIR_EIO);
}

static void no_memory_is_reported(void **state) {
    (void)state;
    const char *dir = dir_of("memory");
    rounds_write(dir, 1, 1);
    counted_memory memory;
    const choir_env env = counted_env(&memory, 0);
    ch_checkpoint c;
    check_status(ch_checkpoint_find(&c, dir, &env, NULL), CHOIR_ENOMEM);
    ch_checkpoint_release(&c);
    assert_int_equal(memory.alive, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_is_found_and_two_are_kept),
        cmocka_unit_test(a_torn_one_falls_back_to_the_one_before),
        cmocka_unit_test(a_warning_quotes_what_it_repeats),
        cmocka_unit_test(what_a_run_has_left_behind_it_is_removed),
        cmocka_unit_test(what_cannot_be_removed_is_named_and_the_new_one_whole),
        cmocka_unit_test(what_cannot_be_written_leaves_all_as_it_was),
        cmocka_unit_test(what_cannot_be_read_is_not_removed),
        cmocka_unit_test(a_folder_without_any_says_so),
        cmocka_unit_test(no_memory_is_reported),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
