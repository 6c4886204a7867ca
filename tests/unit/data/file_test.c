/* Files: plain, compressed, in several members, too large, damaged, and what is no file. */
#include "support/check.h"

#include "data/file.h"
#include "unit/data/files.h"

#include <string.h>
#include <sys/stat.h>

enum { SIZE = 300000 };

static uint8_t content[SIZE];

static void content_make(void) {
    for (uint32_t i = 0; i < SIZE; i++) {
        content[i] = (uint8_t)(i / 7 * 2654435761U >> 23);
    }
}

static void check_content(const char *folder, const char *name) {
    const choir_env env = choir_env_default();
    ch_file file;
    choir_error err = {.message = ""};
    check_status(ch_file_read(&file, folder_file(folder, name), SIZE, &env, &err), CHOIR_OK);
    assert_int_equal(file.size, SIZE);
    assert_memory_equal(file.data, content, SIZE);
    ch_file_release(&file);
    ch_file_release(&file);
}

static void compression_is_seen_by_looking(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    folder_make(folder);
    content_make();
    file_write(folder, "plain.gz", content, SIZE);
    file_write_gz(folder, "packed", content, SIZE);
    check_content(folder, "plain.gz");
    check_content(folder, "packed");
    folder_remove(folder);
}

/* Checks that the first bytes are those of content, and how many there are. */
static void check_head(const char *path, size_t room, size_t wanted) {
    static uint8_t head[SIZE + 1];
    memset(head, 0xEE, sizeof(head));
    assert_int_equal(ch_file_head(path, head, room), wanted);
    assert_memory_equal(head, content, wanted);
    assert_int_equal(head[wanted], 0xEE);
}

static void the_first_bytes_are_the_same_packed_or_not(void **state) {
    (void)state;
    static const char *const names[] = {"plain", "packed", "members"};
    char folder[FOLDER_PATH_MAX];
    static char packed[SIZE + 4096];
    folder_make(folder);
    content_make();
    file_write(folder, "plain", content, SIZE);
    file_write_gz(folder, "members", content + 999, SIZE - 999);
    file_write_gz(folder, "packed", content, 999);
    size_t size = folder_get(folder_file(folder, "packed"), packed, sizeof(packed));
    size += folder_get(folder_file(folder, "members"), packed + size, sizeof(packed) - size);
    file_write(folder, "members", packed, size);
    file_write_gz(folder, "packed", content, SIZE);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *path = folder_file(folder, names[i]);
        check_head(path, 0, 0);
        check_head(path, 1000, 1000);
        check_head(path, SIZE, SIZE);
        check_head(path, SIZE + 1, SIZE);
    }
    size = folder_get(folder_file(folder, "packed"), packed, sizeof(packed));
    file_write(folder, "cut", packed, size / 2);
    check_head(folder_file(folder, "cut"), 1000, 1000);
    file_write(folder, "cut", packed, 5);
    check_head(folder_file(folder, "cut"), 1000, 0);
    packed[10] |= 6; // the first block's kind: none that there is
    file_write(folder, "damaged", packed, size);
    check_head(folder_file(folder, "damaged"), 1000, 0);
    check_head(folder_file(folder, "none"), 1000, 0);
    folder_remove(folder);
}

static void several_gzip_members_are_one_file(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    static char packed[SIZE + 4096];
    folder_make(folder);
    content_make();
    file_write_gz(folder, "a", content, SIZE / 3);
    file_write_gz(folder, "b", content + SIZE / 3, SIZE - SIZE / 3);
    size_t size = folder_get(folder_file(folder, "a"), packed, sizeof(packed));
    size += folder_get(folder_file(folder, "b"), packed + size, sizeof(packed) - size);
    file_write(folder, "both", packed, size);
    check_content(folder, "both");
    memcpy(packed + size, "junk", 4);
    file_write(folder, "surplus", packed, size + 4);
    const choir_env env = choir_env_default();
    ch_file file;
    check_status(ch_file_read(&file, folder_file(folder, "surplus"), SIZE, &env, NULL),
                 CHOIR_EPROTO);
    folder_remove(folder);
}

static void a_bound_holds_for_what_is_inflated(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    folder_make(folder);
    content_make();
    file_write(folder, "plain", content, SIZE);
    file_write_gz(folder, "packed", content, SIZE);
    const choir_env env = choir_env_default();
    ch_file file;
    choir_error err = {.message = ""};
    const char *path = folder_file(folder, "packed");
    check_status(ch_file_read(&file, path, SIZE - 1, &env, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "more than 299999 bytes"));
    assert_null(file.data);
    path = folder_file(folder, "plain");
    check_status(ch_file_read(&file, path, SIZE - 1, &env, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "has 300000 bytes"));
    assert_null(file.data);
    folder_remove(folder);
}

static void what_is_no_file_is_refused_and_does_not_block(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    folder_make(folder);
    assert_int_equal(mkfifo(folder_file(folder, "pipe"), 0600), 0);
    const char *paths[] = {folder_file(folder, "pipe"), folder, "/dev/zero",
                           folder_file(folder, "nothing")};
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ch_file file;
        choir_error err = {.message = ""};
        check_status(ch_file_read(&file, paths[i], SIZE, &env, &err), CHOIR_EIO);
        assert_non_null(strstr(err.message, paths[i]));
        assert_false(ch_is_file(paths[i]));
    }
    assert_true(ch_is_folder(folder));
    folder_remove(folder);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    folder_make(folder);
    content_make();
    file_write_gz(folder, "packed", content, SIZE);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_file file;
        m.status = ch_file_read(&file, folder_file(folder, "packed"), SIZE, &m.env, NULL);
        ch_file_release(&file);
    }
    folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compression_is_seen_by_looking),
        cmocka_unit_test(the_first_bytes_are_the_same_packed_or_not),
        cmocka_unit_test(several_gzip_members_are_one_file),
        cmocka_unit_test(a_bound_holds_for_what_is_inflated),
        cmocka_unit_test(what_is_no_file_is_refused_and_does_not_block),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
