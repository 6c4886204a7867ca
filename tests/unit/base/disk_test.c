/* Disk: files come back whole, are replaced at once, and failures say which file and why. */
#include "support/check.h"
#include "support/folder.h"

#include "base/disk.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

static choir_bytes bytes_of(const char *text) {
    return (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

/* Stands in front of the system's: a device that neither writes nor says why. */
static bool writes_nothing;

ssize_t write(int descriptor, const void *data, size_t size) {
    const struct iovec piece = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    return writes_nothing ? 0 : writev(descriptor, &piece, 1);
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
        assert_string_equal(f.data, "one two");
        ch_disk_release(&f);
        ch_disk_release(&f);
    }
}

static void a_secret_is_its_owners_alone(void **state) {
    (void)state;
    struct stat about;
    const choir_bytes parts[] = {bytes_of("secret")};
    const char *path = folder_file(folder, "secret");
    folder_put(path, "x", 1); // readable by all, like what was left behind beside it
    folder_put(folder_file(folder, "secret.tmp"), "x", 1);
    assert_int_equal(chmod(folder_file(folder, "secret.tmp"), 0666), 0);
    check_status(ch_disk_replace_private(path, parts, 1, NULL), CHOIR_OK);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(about.st_size, 6);
}

static void a_place_is_claimed_where_nothing_is(void **state) {
    (void)state;
    struct stat about;
    choir_error err = {.message = ""};
    const char *path = folder_file(folder, "claimed");
    check_status(ch_disk_claim(path, &err), CHOIR_OK);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(about.st_size, 0);
    check_status(ch_disk_claim(path, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "claimed: is there already; give another name"));
    const char *link = folder_file(folder, "leads-nowhere");
    assert_int_equal(symlink("no-such-file", link), 0);
    check_status(ch_disk_claim(link, &err), CHOIR_EINVAL);
    check_status(ch_disk_claim("/nowhere/at/all", &err), CHOIR_EIO);
    assert_string_equal(err.message, "/nowhere/at/all: cannot create: No such file or directory");
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

static void links_and_devices_stay_what_they_are(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_bytes part = bytes_of("new");
    char file[FOLDER_PATH_MAX];
    char link[FOLDER_PATH_MAX];
    struct stat about;
    (void)snprintf(file, sizeof(file), "%s", folder_file(folder, "linked"));
    (void)snprintf(link, sizeof(link), "%s", folder_file(folder, "link"));
    check_status(ch_disk_replace(file, (choir_bytes[]){bytes_of("old")}, 1, NULL), CHOIR_OK);
    assert_int_equal(symlink("linked", link), 0);
    check_status(ch_disk_replace(link, &part, 1, NULL), CHOIR_OK);
    assert_int_equal(lstat(link, &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    ch_disk_file f;
    check_status(ch_disk_read(&f, file, 9, &env, NULL), CHOIR_OK);
    assert_memory_equal(f.data, "new", 3);
    ch_disk_release(&f);
    assert_int_equal(unlink(file), 0);
    choir_error err = {.message = ""};
    check_status(ch_disk_replace(link, &part, 1, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "link: cannot follow the link: No such file"));
    assert_int_equal(unlink(link), 0);
    const char *pipe = folder_file(folder, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    const int reader = open(pipe, O_RDONLY | O_NONBLOCK);
    check_status(ch_disk_replace(pipe, &part, 1, NULL), CHOIR_OK);
    char got[4] = "";
    assert_int_equal(read(reader, got, 3), 3);
    assert_string_equal(got, "new");
    assert_int_equal(close(reader), 0);
    assert_int_equal(lstat(pipe, &about), 0);
    assert_true(S_ISFIFO(about.st_mode));
    assert_int_equal(unlink(pipe), 0);
    if (access("/dev/full", W_OK) == 0) {
        check_status(ch_disk_replace("/dev/full", &part, 1, &err), CHOIR_EIO);
        assert_string_equal(err.message, "/dev/full: cannot write: No space left on device");
        assert_int_equal(stat("/dev/full", &about), 0);
        assert_true(S_ISCHR(about.st_mode));
    }
}

static void check_as_replacing(const char *path, bool is_possible) {
    const choir_bytes part = bytes_of("x");
    choir_error checked = {.message = ""};
    choir_error replaced = {.message = ""};
    const choir_status expected = is_possible ? CHOIR_OK : CHOIR_EIO;
    check_status(ch_disk_check_replace(path, &checked), expected);
    check_status(ch_disk_replace(path, &part, 1, &replaced), expected);
    assert_string_equal(checked.message, replaced.message);
}

static void that_a_file_cannot_be_replaced_is_known_before(void **state) {
    (void)state;
    static const char gone[] = "gone";
    char link[FOLDER_PATH_MAX];
    (void)snprintf(link, sizeof(link), "%s", folder_file(folder, "leads"));
    assert_int_equal(symlink("to", link), 0);
    check_as_replacing(link, false);
    folder_put(folder_file(folder, "to"), "old", 3);
    check_as_replacing(link, true);
    check_as_replacing(folder_file(folder, "not-yet"), true);
    check_as_replacing(folder, false);
    check_as_replacing("/nowhere/at/all", false);
    check_as_replacing("/dev/null", true);
    const char *path = folder_file(folder, gone);
    check_status(ch_disk_check_replace(path, NULL), CHOIR_OK);
    assert_int_equal(access(path, F_OK), -1);
    path = folder_file(folder, "gone.tmp");
    assert_int_equal(access(path, F_OK), -1);
    folder_put(path, "half", 4); // another's, who is writing
    check_status(ch_disk_check_replace(folder_file(folder, gone), NULL), CHOIR_OK);
    assert_int_equal(access(folder_file(folder, "gone.tmp"), F_OK), 0);
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

static void a_disk_that_writes_nothing_is_reported(void **state) {
    (void)state;
    const choir_bytes parts[] = {bytes_of("text")};
    choir_error err = {.message = ""};
    writes_nothing = true;
    const choir_status status = ch_disk_replace(folder_file(folder, "nothing"), parts, 1, &err);
    writes_nothing = false;
    check_status(status, CHOIR_EIO);
    assert_non_null(strstr(err.message, "nothing.tmp: cannot write: Input/output error"));
}

static void a_lock_is_held_by_one_descriptor_and_failures_are_named(void **state) {
    (void)state;
    const char *path = folder_file(folder, "lock");
    choir_error err = {.message = ""};
    const int one = open(path, O_RDWR | O_CREAT, 0666);
    const int two = open(path, O_RDWR);
    check_status(ch_disk_lock(one, "lock", NULL), CHOIR_OK);
    check_status(ch_disk_lock(two, "lock", &err), CHOIR_EAGAIN);
    assert_string_equal(err.message, "lock: another process holds it");
    (void)close(open(path, O_RDWR)); // gives nobody's lock up
    check_status(ch_disk_lock(two, "lock", NULL), CHOIR_EAGAIN);
    (void)close(one);
    check_status(ch_disk_lock(two, "lock", NULL), CHOIR_OK);
    (void)close(two);
    check_status(ch_disk_lock(-1, "lock", &err), CHOIR_EIO);
    assert_string_equal(err.message, "lock: cannot lock: Bad file descriptor");
}

static void folders_are_made_with_those_above_them(void **state) {
    (void)state;
    struct stat about;
    const char *path = folder_file(folder, "one/two//three/");
    check_status(ch_disk_folders(path, NULL), CHOIR_OK);
    assert_int_equal(stat(path, &about), 0);
    assert_true(S_ISDIR(about.st_mode));
    check_status(ch_disk_folders(path, NULL), CHOIR_OK);
    choir_error err = {.message = ""};
    const choir_bytes part = bytes_of("no folder");
    check_status(ch_disk_replace(folder_file(folder, "plain"), &part, 1, NULL), CHOIR_OK);
    check_status(ch_disk_folders(folder_file(folder, "plain"), &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "plain: cannot make the directory: Not a directory"));
    check_status(ch_disk_folders(folder_file(folder, "plain/below"), &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "plain: cannot make the directory: Not a directory"));
    check_status(ch_disk_folders("/proc/none/of/it", &err), CHOIR_EIO);
    assert_string_equal(err.message,
                        "/proc/none: cannot make the directory: No such file or directory");
    char far[5000];
    memset(far, 'a', sizeof(far) - 1);
    far[sizeof(far) - 1] = '\0';
    check_status(ch_disk_folders(far, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "the path is too long"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_secret_is_its_owners_alone),
        cmocka_unit_test(a_place_is_claimed_where_nothing_is),
        cmocka_unit_test(a_failed_replacement_leaves_the_file),
        cmocka_unit_test(links_and_devices_stay_what_they_are),
        cmocka_unit_test(that_a_file_cannot_be_replaced_is_known_before),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(no_memory_is_reported),
        cmocka_unit_test(a_disk_that_writes_nothing_is_reported),
        cmocka_unit_test(a_lock_is_held_by_one_descriptor_and_failures_are_named),
        cmocka_unit_test(folders_are_made_with_those_above_them),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
