/* Pooled losses: kept in order, written and read back, and lines that are none. */
#include "support/check.h"

#include "paper/pooled.h"
#include "support/folder.h"

#include <string.h>

static ch_pooled ours;
static ch_pooled theirs;

static void rounds_are_kept_in_order_and_once(void **state) {
    (void)state;
    ours.count = 0;
    ch_pooled_add(&ours, 5, 0.5);
    ch_pooled_add(&ours, 5, 0.4);
    ch_pooled_add(&ours, 3, 0.3);
    ch_pooled_add(&ours, 7, NAN);
    ch_pooled_add(&ours, 8, 0.25);
    assert_int_equal(ours.count, 2);
    check_near(ch_pooled_at(&ours, 5), 0.5, 0);
    check_near(ch_pooled_at(&ours, 8), 0.25, 0);
    assert_true(isnan(ch_pooled_at(&ours, 7)));
    for (uint32_t i = 9; i < 2 * CH_POOLED_MAX; i++) {
        ch_pooled_add(&ours, i, 0.1);
    }
    assert_int_equal(ours.count, CH_POOLED_MAX);
}

static void what_is_written_is_read_back_to_the_last_bit(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    folder_make(folder);
    check_status(ch_pooled_read(&theirs, folder, &env, &err), CHOIR_OK);
    assert_int_equal(theirs.count, 0); // there is no file
    ours.count = 0;
    for (uint32_t i = 1; i <= CH_POOLED_MAX; i++) {
        ch_pooled_add(&ours, 3 * i, 1.0 / i);
    }
    check_status(ch_pooled_write(&ours, folder, &err), CHOIR_OK);
    check_status(ch_pooled_read(&theirs, folder, &env, &err), CHOIR_OK);
    assert_int_equal(theirs.count, CH_POOLED_MAX);
    for (uint32_t i = 0; i < theirs.count; i++) {
        assert_int_equal(theirs.rounds[i], ours.rounds[i]);
        check_near(theirs.losses[i], ours.losses[i], 0);
    }
    folder_remove(folder);
}

static void lines_that_are_none_are_told_by_number(void **state) {
    (void)state;
    static const char *const texts[] = {"1,0.5\nx,0.4\n", "1,0.5\n2\n", "1,0.5\n1,0.4\n",
                                        "1,0.5\n2,nan\n"};
    char folder[FOLDER_PATH_MAX];
    const choir_env env = choir_env_default();
    folder_make(folder);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        choir_error err = {.message = ""};
        FILE *file = fopen(folder_file(folder, "pooled-loss.csv"), "w");
        assert_non_null(file);
        assert_true(fputs(texts[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        check_status(ch_pooled_read(&theirs, folder, &env, &err), CHOIR_EPROTO);
        assert_non_null(strstr(err.message, "pooled-loss.csv:2: must be a later round and a loss"));
    }
    folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_are_kept_in_order_and_once),
        cmocka_unit_test(what_is_written_is_read_back_to_the_last_bit),
        cmocka_unit_test(lines_that_are_none_are_told_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
