/* Unpacked: a file that any number make at once, and that is whole whoever ends first. */
#include "data/unpacked.h"
#include "unit/data/files.h"
#include "unit/data/unpacked.h"

#include <string.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

enum { SHORT_BYTES = 100, LONG_BYTES = 5000 };

/* Begins one of what is to be in data/unpacked, or fails. */
static void begin(ch_unpacked *u) {
    choir_error err = {.message = ""};
    if (ch_unpacked_begin(u, folder_file(folder, "data/unpacked/one"), &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
}

static void write_all(const ch_unpacked *u, char letter, size_t count) {
    char bytes[LONG_BYTES];
    memset(bytes, letter, count);
    assert_int_equal(write(u->file, bytes, count), count);
}

/* The file is there, of count such letters. */
static void check_whole(char letter, size_t count) {
    char wanted[LONG_BYTES];
    char bytes[LONG_BYTES + 1];
    memset(wanted, letter, count);
    assert_int_equal(folder_get(folder_file(folder, "data/unpacked/one"), bytes, sizeof(bytes)),
                     count);
    assert_memory_equal(bytes, wanted, count);
}

static void two_of_one_process_number_do_not_meet(void **state) {
    (void)state;
    ch_unpacked first;
    ch_unpacked second;
    char one[UNPACKED_PATH_MAX];
    for (int is_first_first = 0; is_first_first < 2; is_first_first++) {
        unpacked_remove(folder);
        begin(&first);
        write_all(&first, 'a', LONG_BYTES);
        begin(&second);
        write_all(&second, 'b', SHORT_BYTES);
        check_status(ch_unpacked_end(is_first_first ? &first : &second, CHOIR_OK, NULL), CHOIR_OK);
        check_whole(is_first_first ? 'a' : 'b', is_first_first ? LONG_BYTES : SHORT_BYTES);
        check_status(ch_unpacked_end(is_first_first ? &second : &first, CHOIR_OK, NULL), CHOIR_OK);
        check_whole(is_first_first ? 'b' : 'a', is_first_first ? SHORT_BYTES : LONG_BYTES);
        assert_int_equal(unpacked_count(folder, one), 1);
    }
}

static void one_that_fails_takes_no_other_with_it(void **state) {
    (void)state;
    ch_unpacked first;
    ch_unpacked second;
    char one[UNPACKED_PATH_MAX];
    unpacked_remove(folder);
    begin(&first);
    begin(&second);
    write_all(&first, 'a', LONG_BYTES);
    check_status(ch_unpacked_end(&second, CHOIR_EPROTO, NULL), CHOIR_EPROTO);
    check_status(ch_unpacked_end(&first, CHOIR_OK, NULL), CHOIR_OK);
    check_whole('a', LONG_BYTES);
    assert_int_equal(unpacked_count(folder, one), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_of_one_process_number_do_not_meet),
        cmocka_unit_test(one_that_fails_takes_no_other_with_it),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
