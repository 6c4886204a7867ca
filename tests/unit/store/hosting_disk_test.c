/* Hosting store: a disk that is full, refuses or may not be written costs a call and nothing else.
 */
#include "support/faulty_disk.h"
#include "support/hosting.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char folder[FOLDER_PATH_MAX];

/* A store of its own for a test. */
static const char *dir_of(const char *name) {
    return hosting_dir(folder, name);
}

// ----- a disk that fails ------------------------------------------------------------------------

/* Lets the first, second, ... change of a commit and all later ones fail, until a commit gets by.
 */
static void check_every_failure(const char *dir, int result, bool is_of_syncs,
                                const char *message) {
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    choir_status status = CHOIR_EIO;
    uint32_t length = 0;
    uint32_t failures = 0;
    for (; status != CHOIR_OK && failures < 200; failures++) {
        choir_error err = {.message = ""};
        faulty_disk_fail(result, is_of_syncs, failures);
        status = history_add(s, length + 1, &err);
        faulty_disk_heal();
        length += status == CHOIR_OK ? 1 : 0;
        assert_int_equal(history_length(s), length);
        if (status != CHOIR_OK) {
            check_status(status, CHOIR_EIO);
            check_message(&err, "choir.db: ");
            check_message(&err, message);
        }
        if (failures % 8 == 0) { // it goes on without being opened again, and also after that
            check_status(history_add(s, length + 1, NULL), CHOIR_OK);
            length += 1;
            s = failures % 16 == 0 ? reopen(s, dir) : s;
            assert_int_equal(history_length(s), length);
        }
    }
    check_status(status, CHOIR_OK);
    assert_true(failures > 1);
    ch_hosting_store_close(s);
}

static void a_full_disk_costs_the_commit_and_nothing_else(void **state) {
    (void)state;
    check_every_failure(dir_of("full"), SQLITE_FULL, false,
                        "the disk is full; free some space: this was not kept");
}

static void a_disk_that_refuses_costs_the_commit_and_nothing_else(void **state) {
    (void)state;
    check_every_failure(dir_of("refuses"), SQLITE_IOERR_WRITE, false,
                        "the disk refused; check it: this was not kept");
    check_every_failure(dir_of("forgets"), SQLITE_IOERR_FSYNC, true,
                        "the disk refused; check it: this was not kept");
}

/* What a crash at this moment would leave, opened. */
static uint32_t length_after_crash(const char *dir) {
    static int copies;
    char command[2 * FOLDER_PATH_MAX];
    char copy[FOLDER_PATH_MAX];
    copies += 1;
    (void)snprintf(copy, sizeof(copy), "%.300s/crash %d", folder, copies);
    (void)snprintf(command, sizeof(command), "cp -r '%.300s' '%.300s'", dir, copy);
    assert_int_equal(system(command), 0);
    ch_hosting_store *s = hosting_open(copy);
    const uint32_t length = history_length(s);
    ch_hosting_store_close(s);
    return length;
}

/* A commit whose last wait for the disk failed may be there after a crash: then it has to be whole,
 * whatever was tried after it. */
static void a_commit_that_failed_late_is_whole_if_it_is_there(void **state) {
    (void)state;
    const char *dir = hosting_dir(folder, "late");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    check_status(history_add(s, 1, NULL), CHOIR_OK);
    faulty_disk_fail(SQLITE_IOERR_FSYNC, true, 0);
    check_status(history_add(s, 2, NULL), CHOIR_EIO);
    assert_int_equal(length_after_crash(dir), 2); // though it was refused
    faulty_disk_fail(SQLITE_FULL, false, 0);
    for (int i = 0; i < 3; i++) { // others are tried, with other bytes, before one gets by
        check_status(history_add(s, 7, NULL), CHOIR_EIO);
        assert_int_equal(length_after_crash(dir), 2);
    }
    faulty_disk_heal();
    assert_int_equal(history_length(s), 1);
    for (uint32_t n = 2; n <= 5; n++) {
        check_status(history_add(s, n, NULL), CHOIR_OK);
        assert_int_equal(length_after_crash(dir), n);
    }
    ch_hosting_store_close(s);
}

/* Every other call that writes fails as well, and changes nothing. */
static void calls_on_a_full_disk_are_refused(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("all full"));
    check_status(history_begin(s, NULL), CHOIR_OK);
    check_status(history_add(s, 1, NULL), CHOIR_OK);
    check_status(history_add(s, 2, NULL), CHOIR_OK);
    const ch_subject subject = subject_named("a", 1);
    const ch_subject other = subject_named("b", 2);
    const ch_admin admin = {.name = "ann"};
    const ch_audit entry = {.actor = "ann", .act = "", .matter = "", .detail = ""};
    const ch_hosted_row row = hosted_row("third");
    int64_t id = 0;
    uint32_t client = 7;
    check_status(subject_keep(s, &id, &subject, NULL), CHOIR_OK);
    faulty_disk_fail(SQLITE_FULL, false, 0);
    check_status(ch_hosting_store_setting_set(s, "k", bytes_of("v"), NULL), CHOIR_EIO);
    check_status(subject_keep(s, &id, &other, NULL), CHOIR_EIO);
    check_status(ch_hosting_store_subject_revoke(s, 3, NULL), CHOIR_EIO);
    check_status(ch_hosting_store_admin_add(s, &id, &admin, NULL), CHOIR_EIO);
    check_status(ch_hosting_store_audit_add(s, &entry, NULL), CHOIR_EIO);
    check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), NULL), CHOIR_EIO);
    check_status(ch_hosting_store_job_set_state(s, 1, "paused", NULL), CHOIR_EIO);
    check_status(ch_hosting_store_job_remove(s, 1, NULL), CHOIR_EIO);
    check_status(claim_keep(s, &client, 1, CH_ANY_CLIENT, 3, NULL), CHOIR_EIO);
    check_status(ch_hosting_store_prune(s, 1, 1, NULL, 0, NULL), CHOIR_EIO);
    assert_int_equal(id, 3); // after the history's two
    assert_int_equal(client, 7);
    faulty_disk_heal();
    assert_int_equal(history_length(s), 2);
    ch_subject got;
    ch_stored value;
    ch_hosted_row hosted;
    check_status(ch_hosting_store_subject(s, &got, 3, NULL), CHOIR_OK);
    assert_false(got.is_revoked);
    check_status(ch_hosting_store_subject(s, &got, 4, NULL), CHOIR_EAGAIN);
    check_status(ch_hosting_store_setting(s, &value, "k", NULL), CHOIR_EAGAIN);
    check_status(ch_hosting_store_job(s, &hosted, 1, NULL), CHOIR_OK);
    assert_string_equal(hosted.state, "running");
    check_status(claim_keep(s, &client, 1, CH_ANY_CLIENT, 3, NULL), CHOIR_OK);
    assert_int_equal(client, 2);
    ch_hosting_store_close(s);
}

// ----- a real limit, a real permission ----------------------------------------------------------

/* Files may not grow beyond what they have: the process's own full disk. */
static int run_limited(const char *dir) {
    const choir_env env = choir_env_default();
    const struct rlimit limit = {.rlim_cur = 2000000, .rlim_max = 2000000};
    ch_hosting_store *s = NULL;
    choir_error err = {.message = ""};
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
        ch_hosting_store_open(&s, dir, &env, &err) != CHOIR_OK) {
        return 1;
    }
    uint32_t n = 1;
    choir_status status = CHOIR_OK;
    while (status == CHOIR_OK && n < 50) {
        status = history_add(s, n, &err);
        n += status == CHOIR_OK ? 1 : 0;
    }
    ch_hosting_store_close(s);
    if (status != CHOIR_EIO || strstr(err.message, "the disk refused") == NULL) {
        return 2;
    }
    return 10 + (int)n - 1; // what was acknowledged
}

static void a_file_that_may_not_grow_keeps_what_was_acknowledged(void **state) {
    (void)state;
    const char *dir = dir_of("limited");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    ch_hosting_store_close(s);
    const int result = child_result(run_limited, dir);
    assert_true(result >= 10);
    s = hosting_open(dir);
    assert_int_equal(history_length(s), result - 10);
    check_status(history_add(s, history_length(s) + 1, NULL), CHOIR_OK);
    ch_hosting_store_close(s);
}

/* As somebody who may not write there. */
static int run_as_nobody(const char *dir) {
    enum { NOBODY = 65534 };
    const choir_env env = choir_env_default();
    ch_hosting_store *s = NULL;
    choir_error err = {.message = ""};
    if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
        return 1;
    }
    if (access(dir, X_OK) != 0) {
        return 77; // the folder of temporary files is not for everybody
    }
    const choir_status status = ch_hosting_store_open(&s, dir, &env, &err);
    const bool is_told =
        strstr(err.message, "choir.lock: cannot open for writing: Permission denied") != NULL;
    return status == CHOIR_EIO && s == NULL && is_told ? 0 : 2;
}

static void a_folder_that_may_not_be_written_is_told(void **state) {
    (void)state;
    const char *dir = dir_of("read-only");
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(mkdir(dir, 0555), 0);
    const int result = child_result(run_as_nobody, dir);
    if (result == 77) {
        skip();
    }
    assert_int_equal(result, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_costs_the_commit_and_nothing_else),
        cmocka_unit_test(a_disk_that_refuses_costs_the_commit_and_nothing_else),
        cmocka_unit_test(a_commit_that_failed_late_is_whole_if_it_is_there),
        cmocka_unit_test(calls_on_a_full_disk_are_refused),
        cmocka_unit_test(a_file_that_may_not_grow_keeps_what_was_acknowledged),
        cmocka_unit_test(a_folder_that_may_not_be_written_is_told),
    };
    faulty_disk_install();
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
