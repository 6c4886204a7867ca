/* Hosting store: memory that runs out costs a call and nothing else. */
#include "support/hosting.h"

#include <stdbool.h>

static char folder[FOLDER_PATH_MAX];

/* A store of its own for a test. */
static const char *dir_of(const char *name) {
    return hosting_dir(folder, name);
}

static sqlite3_mem_methods real_memory;
static uint32_t blocks_until_failure = UINT32_MAX;

static bool block_fails(void) {
    if (blocks_until_failure == UINT32_MAX) {
        return false;
    }
    blocks_until_failure -= 1;
    return blocks_until_failure == UINT32_MAX; // just this one
}

static void *faulty_malloc(int size) {
    return block_fails() ? NULL : real_memory.xMalloc(size);
}

static void *faulty_realloc(void *block, int size) {
    return block_fails() ? NULL : real_memory.xRealloc(block, size);
}

static void faulty_memory_install(void) {
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
    static sqlite3_mem_methods faulty;
    faulty = real_memory;
    faulty.xMalloc = faulty_malloc;
    faulty.xRealloc = faulty_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty), SQLITE_OK);
}

/* SQLite itself runs out of memory: once in a commit, at every place. */
static void a_commit_without_memory_is_told_and_leaves_nothing(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("memory"));
    check_status(history_begin(s, NULL), CHOIR_OK);
    uint32_t length = 0;
    uint32_t refused = 0;
    for (uint32_t n = 0;; n++) {
        choir_error err = {.message = ""};
        blocks_until_failure = n;
        const choir_status status = history_add(s, length + 1, &err);
        const bool is_over = blocks_until_failure != UINT32_MAX; // it never came to fail
        blocks_until_failure = UINT32_MAX;
        length += status == CHOIR_OK ? 1 : 0;
        if (status != CHOIR_OK) {
            check_status(status, CHOIR_ENOMEM);
            check_message(&err, "choir.db: no memory to use it");
            refused += 1;
            assert_int_equal(history_length(s), length);
        }
        if (is_over) {
            break;
        }
    }
    assert_true(refused > 20);
    assert_int_equal(history_length(s), length);
    ch_hosting_store_close(s);
}

/* And while it is opened, and answers. */
static void opening_without_memory_is_told(void **state) {
    (void)state;
    const char *dir = hosting_dir(folder, "memory to open");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    check_status(history_add(s, 1, NULL), CHOIR_OK);
    ch_hosting_store_close(s);
    const choir_env env = choir_env_default();
    bool is_over = false;
    for (uint32_t n = 0; !is_over; n++) {
        choir_error err = {.message = ""};
        ch_hosted_row row = {.id = 0};
        blocks_until_failure = n;
        choir_status status = ch_hosting_store_open(&s, dir, &env, &err);
        if (status == CHOIR_OK) {
            status = ch_hosting_store_job(s, &row, 1, &err);
        }
        if (status == CHOIR_OK) {
            status = all_read(s, 1);
        }
        is_over = blocks_until_failure != UINT32_MAX;
        blocks_until_failure = UINT32_MAX;
        assert_true(status == CHOIR_OK || status == CHOIR_ENOMEM);
        assert_true(status == CHOIR_OK || row.id != 0 || err.message[0] != '\0');
        assert_string_equal(row.name, row.id != 0 ? "first" : "");
        ch_hosting_store_close(s);
    }
    s = hosting_open(dir);
    assert_int_equal(history_length(s), 1);
    ch_hosting_store_close(s);
}

static void every_failed_allocation_is_told_and_leaks_nothing(void **state) {
    (void)state;
    const char *dir = dir_of("own memory");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    check_status(history_add(s, 1, NULL), CHOIR_OK);
    check_status(ch_hosting_store_setting_set(s, "k", bytes_of("v"), NULL), CHOIR_OK);
    ch_hosting_store_close(s);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        choir_error err = {.message = ""};
        ch_stored got[3] = {{.size = 0}};
        m.status = ch_hosting_store_open(&s, dir, &m.env, &err);
        if (m.status == CHOIR_OK) {
            m.status = ch_hosting_store_setting(s, &got[0], "k", &err);
        }
        if (m.status == CHOIR_OK) {
            m.status = ch_hosting_store_state(s, &got[1], &got[2], 1, &err);
        }
        assert_true(m.status == CHOIR_OK || strstr(err.message, "no memory") != NULL);
        for (int i = 0; i < 3; i++) {
            ch_stored_release(&got[i]);
        }
        ch_hosting_store_close(s);
    }
    assert_int_equal(m.tries, 1 + 4); // the store, a setting, a state, an open round, the success
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_without_memory_is_told_and_leaves_nothing),
        cmocka_unit_test(opening_without_memory_is_told),
        cmocka_unit_test(every_failed_allocation_is_told_and_leaks_nothing),
    };
    faulty_memory_install();
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
