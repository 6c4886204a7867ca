/* Disk: files come back whole, are replaced at once, and failures say which file and why. */
#include "support/check.h"
#include "support/folder.h"

#include "base/disk.h"

#include <string.h>
#include <sys/stat.h>

static char folder[FOLDER_PATH_MAX];

static choir_bytes bytes_of(const char *text) {
    return (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

static void what_is_written_is_read(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const char *path = folder_file(folder, "file");
    const choir_bytes parts[] = {bytes_of("one "), bytes_of(""), bytes_of("two")};
    for (int again = 0; again < 2; again++) {
        check_status(ch_disk_replace(path, parts, 3, NULL), CHOIR_OK);
        ch_disk_file f;
        check_status(ch_disk_read(&f, path, 7, &env, NULL), CHOIR_OK);
        assert_int_equal(f.size, 7);
        assert_memory_equal(f.data, "one two", 7);
        ch_disk_release(&f);
        ch_disk_release(&f);
    }
}

static void a_failed_replacement_leaves_the_file(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_bytes parts[] = {bytes_of("text")};
    choir_error err = {.message = ""};
    check_status(ch_disk_replace("/nowhere/at/all", parts, 1, &err), CHOIR_EIO);
    assert_string_equal(err.message,
                        "/nowhere/at/all.tmp: cannot create: No such file or directory");
    const char *path = folder_file(folder, "a-folder");
    assert_int_equal(mkdir(path, 0777), 0);
    check_status(ch_disk_replace(path, parts, 1, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "a-folder: cannot replace: Is a directory"));
    ch_disk_file f;
    check_status(ch_disk_read(&f, folder_file(folder, "a-folder.tmp"), 9, &env, NULL), CHOIR_EIO);
}

static void what_cannot_be_read_is_named(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_bytes parts[] = {bytes_of("12345678")};
    const char *path = folder_file(folder, "eight");
    check_status(ch_disk_replace(path, parts, 1, NULL), CHOIR_OK);
    choir_error err = {.message = ""};
    ch_disk_file f;
    check_status(ch_disk_read(&f, path, 7, &env, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "eight: has 8 bytes, at most 7 can be read"));
    ch_disk_release(&f);
    check_status(ch_disk_read(&f, folder_file(folder, "missing"), 7, &env, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "missing: cannot open: No such file or directory"));
    check_status(ch_disk_read(&f, folder, 7, &env, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "is not a regular file"));
    check_status(ch_disk_read(&f, "/dev/zero", 7, &env, &err), CHOIR_EIO);
    assert_string_equal(err.message, "/dev/zero: is not a regular file");
}

static void no_memory_is_reported(void **state) {
    (void)state;
    const choir_bytes parts[] = {bytes_of("text")};
    const char *path = folder_file(folder, "file");
    check_status(ch_disk_replace(path, parts, 1, NULL), CHOIR_OK);
    counted_memory memory;
    const choir_env env = counted_env(&memory, 0);
    ch_disk_file f;
    check_status(ch_disk_read(&f, path, 7, &env, NULL), CHOIR_ENOMEM);
    ch_disk_release(&f);
    assert_int_equal(memory.alive, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_failed_replacement_leaves_the_file),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(no_memory_is_reported),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
