/* Hosting store: what is damaged on the disk is told, and never served. */
#include "support/hosting.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { PAGE_BYTES = 16384, FILE_BYTES_MAX = 16 << 20 };

static char folder[FOLDER_PATH_MAX];

static char *file_read(const char *path, size_t *size) {
    char *bytes = malloc(FILE_BYTES_MAX);
    assert_non_null(bytes);
    *size = folder_get(path, bytes, FILE_BYTES_MAX);
    assert_true(*size > 0);
    return bytes;
}

/* Opens and reads everything. Returns OK or the first refusal. */
static choir_status opened_and_read(const char *dir, uint32_t rounds) {
    const choir_env env = choir_env_default();
    ch_hosting_store *s = NULL;
    choir_error err = {.message = ""};
    choir_status status = ch_hosting_store_open(&s, dir, &env, &err);
    if (status == CHOIR_OK) {
        status = all_read(s, rounds);
    } else {
        check_message(&err, "choir.db: is ");
    }
    ch_hosting_store_close(s);
    return status;
}

/* Damages one page after the other and puts it right again. Returns how many had been noticed. */
static uint32_t pages_damage(const char *dir, uint32_t rounds, uint32_t offset, uint32_t size) {
    size_t total = 0;
    char *bytes = file_read(folder_file(dir, "choir.db"), &total);
    uint32_t noticed = 0;
    for (size_t page = 0; page < total / PAGE_BYTES; page++) {
        char damaged[PAGE_BYTES];
        memcpy(damaged, bytes + page * PAGE_BYTES, PAGE_BYTES);
        for (uint32_t i = 0; i < size; i++) {
            damaged[offset + i] = (char)~damaged[offset + i];
        }
        char *copy = malloc(total);
        assert_non_null(copy);
        memcpy(copy, bytes, total);
        memcpy(copy + page * PAGE_BYTES, damaged, PAGE_BYTES);
        folder_put(folder_file(dir, "choir.db"), copy, total);
        const choir_status status = opened_and_read(dir, rounds);
        assert_true(status == CHOIR_OK || status == CHOIR_EPROTO || size < PAGE_BYTES);
        noticed += status != CHOIR_OK ? 1 : 0;
        free(copy);
    }
    folder_put(folder_file(dir, "choir.db"), bytes, total);
    free(bytes);
    check_status(opened_and_read(dir, rounds), CHOIR_OK);
    return noticed;
}

static void a_damaged_page_is_told_and_never_served(void **state) {
    (void)state;
    enum { ROUNDS = 3, BYTES = HISTORY_JOBS * 2 * ROUNDS * HISTORY_BYTES };
    const char *dir = hosting_dir(folder, "damaged");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    for (uint32_t n = 1; n <= ROUNDS; n++) {
        check_status(history_add(s, n, NULL), CHOIR_OK);
    }
    ch_hosting_store_close(s);
    assert_true(pages_damage(dir, ROUNDS, 0, PAGE_BYTES) >= BYTES / PAGE_BYTES);
    assert_true(pages_damage(dir, ROUNDS, PAGE_BYTES / 2, 1) >= BYTES / PAGE_BYTES);
}

static void a_large_open_round_is_told_when_it_is_damaged(void **state) {
    (void)state;
    const char *dir = hosting_dir(folder, "large");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    check_status(history_add(s, 1, NULL), CHOIR_OK);
    ch_hosting_store_close(s);
    char path[FOLDER_PATH_MAX + 16];
    (void)snprintf(path, sizeof(path), "%s/open-2.0", dir);
    size_t size = 0;
    char *bytes = file_read(path, &size);
    assert_int_equal(size, HISTORY_BYTES_LARGE);
    for (int i = 0; i < 4; i++) { // a flipped bit, one byte less, one more, none at all
        bytes[size / 2] ^= i == 0 ? 1 : 0;
        folder_put(path, bytes, i == 0 ? size : i == 1 ? size - 1 : i == 2 ? size + 1 : 0);
        bytes[size / 2] ^= i == 0 ? 1 : 0;
        if (i == 3) {
            (void)unlink(path);
        }
        s = hosting_open(dir);
        ch_stored between = {.size = 0};
        ch_stored open_round;
        choir_error err = {.message = ""};
        check_status(ch_hosting_store_state(s, &between, &open_round, 2, &err), CHOIR_EPROTO);
        check_message(&err, "large/open-2.0: is damaged or gone; bring the store back");
        assert_null(between.data);
        check_status(ch_hosting_store_state(s, &between, &open_round, 1, &err), CHOIR_OK);
        ch_stored_release(&between);
        ch_stored_release(&open_round);
        ch_hosting_store_close(s);
    }
    folder_put(path, bytes, size);
    s = hosting_open(dir);
    assert_int_equal(history_length(s), 1);
    ch_hosting_store_close(s);
    free(bytes);
}

/* Makes a history and ends without closing, as a crash does. */
static int run_and_crash(const char *dir) {
    ch_hosting_store *s = hosting_open(dir);
    choir_status status = history_begin(s, NULL);
    for (uint32_t n = 1; n <= 6 && status == CHOIR_OK; n++) {
        status = history_add(s, n, NULL);
    }
    return status == CHOIR_OK ? 0 : 1;
}

/* Opens a store whose log ends after size bytes, or is damaged there. Returns what it holds. */
static uint32_t log_length(const char *name, choir_bytes database, choir_bytes log, size_t size) {
    char dir[FOLDER_PATH_MAX];
    (void)snprintf(dir, sizeof(dir), "%.300s/%s", folder, name);
    (void)mkdir(dir, 0777);
    folder_put(folder_file(dir, "choir.db"), database.data, database.size);
    folder_put(folder_file(dir, "choir.db-wal"), log.data, size);
    ch_hosting_store *s = hosting_open(dir);
    const uint32_t length = history_length(s);
    ch_hosting_store_close(s);
    return length;
}

static void a_log_that_is_cut_or_damaged_leaves_what_came_before(void **state) {
    (void)state;
    const char *dir = hosting_dir(folder, "crashed");
    history_bytes_open = HISTORY_BYTES; // a log that lost its end cannot have a file's older bytes
    assert_int_equal(child_result(run_and_crash, dir), 0);
    size_t database_size = 0;
    size_t log_size = 0;
    char *database = file_read(folder_file(dir, "choir.db"), &database_size);
    char *log = file_read(folder_file(dir, "choir.db-wal"), &log_size);
    const choir_bytes whole = {(uint8_t *)database, database_size};
    uint32_t last = 0;
    for (size_t part = 0; part <= 40; part++) {
        const size_t size = log_size * part / 40;
        const uint32_t length =
            log_length("cut", whole, (choir_bytes){(uint8_t *)log, log_size}, size);
        assert_true(length >= last);
        last = length;
    }
    assert_int_equal(last, 6);
    for (size_t part = 0; part < 40; part++) {
        char *at = &log[log_size * part / 40 + 100];
        *at = (char)~*at;
        const uint32_t length =
            log_length("flipped", whole, (choir_bytes){(uint8_t *)log, log_size}, log_size);
        *at = (char)~*at;
        assert_true(length <= 6 * (part + 1) / 40 + 1);
    }
    free(database);
    free(log);
    history_bytes_open = HISTORY_BYTES_LARGE;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_page_is_told_and_never_served),
        cmocka_unit_test(a_large_open_round_is_told_when_it_is_damaged),
        cmocka_unit_test(a_log_that_is_cut_or_damaged_leaves_what_came_before),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
