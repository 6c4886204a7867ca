/*
 * Carried: what a client keeps goes with the reports that were counted, through restarts at every
 * moment; what is damaged or another's is as if it were not there.
 */
#include "support/check.h"
#include "support/folder.h"

#include "client/carried.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BYTES = 16, FILE_MAX = 4096, WARNINGS_MAX = 400 };

static const uint8_t SERVER[CH_PUBLIC_KEY_BYTES] = {9, 8, 7};
static const ch_carried_owner OWNER = {.subject = 7, .client = 2, .job = "keyboard@3"};

static char folder[FOLDER_PATH_MAX];
static char warnings[WARNINGS_MAX];

static int start(void **state) {
    (void)state;
    folder_make(folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

static void take_warning(void *self, choir_level level, const char *event, const char *fields) {
    (void)self;
    (void)level;
    (void)fields;
    (void)snprintf(warnings, sizeof(warnings), "%s", event);
}

static ch_carried open_in(const char *dir) {
    ch_carried k;
    choir_env env = choir_env_default();
    env.log = take_warning;
    warnings[0] = '\0';
    check_status(ch_carried_init(&k, dir, "keyboard", SERVER, &env, NULL), CHOIR_OK);
    return k;
}

/* The state that a training of the owner sees; "" for none. */
static const char *sees(ch_carried *k, const ch_carried_owner *owner, choir_lent *lent) {
    static char text[BYTES + 1];
    *lent = (choir_lent){.state_next_size = 0};
    check_status(ch_carried_begin(k, owner, BYTES, lent, NULL), CHOIR_OK);
    assert_non_null(lent->state_next);
    assert_true(lent->state.size <= BYTES);
    (void)snprintf(text, sizeof(text), "%.*s", (int)lent->state.size,
                   lent->state.size == 0 ? "" : (const char *)lent->state.data);
    return text;
}

/* Trains in a round: it sees one state and leaves another. */
static void trains(ch_carried *k, uint32_t round, const char *seen, const char *left) {
    choir_lent lent;
    assert_string_equal(sees(k, &OWNER, &lent), seen);
    lent.state_next_size = (uint32_t)strlen(left);
    memcpy(lent.state_next, left, strlen(left));
    ch_carried_end(k, &OWNER, round, &lent);
}

/* As a kill would: nothing is written at its end. */
static void restart(ch_carried *k) {
    ch_carried_release(k);
    *k = open_in(folder);
}

static void a_state_is_kept_once_its_report_is_counted(void **state) {
    (void)state;
    for (int restarts = 0; restarts < 2; restarts++) {
        ch_carried k = open_in(restarts > 0 ? folder : "");
        trains(&k, 1, "", "one");
        ch_carried_settle(&k, &OWNER, 1, true);
        trains(&k, 2, "one", "two");
        ch_carried_settle(&k, &OWNER, 2, false); // refused: as if it had not been
        trains(&k, 3, "one", "three");           // lost: trained again in another round
        trains(&k, 4, "one", "four");
        ch_carried_settle(&k, &OWNER, 3, true); // of which nothing is left
        trains(&k, 4, "one", "four");
        ch_carried_settle(&k, &OWNER, 4, true);
        ch_carried_settle(&k, &OWNER, 4, true); // told twice
        trains(&k, 5, "four", "");              // it keeps nothing any more
        ch_carried_settle(&k, &OWNER, 5, true);
        trains(&k, 6, "", "six");
        ch_carried_release(&k);
        ch_carried_release(&k);
    }
}

static void a_restart_at_any_moment_costs_nothing(void **state) {
    (void)state;
    for (int at = 0; at < 16; at++) { // a bit for each moment
        ch_carried k = open_in(folder);
        const char *const left[] = {"one", "two"};
        for (uint32_t round = 1; round <= 2; round++) {
            trains(&k, round, round == 1 ? "" : "one", left[round - 1]);
            if ((at >> (2 * (round - 1)) & 1) != 0) {
                restart(&k); // the report is kept, and sent by the next process
            }
            ch_carried_settle(&k, &OWNER, round, true);
            if ((at >> (2 * (round - 1)) & 2) != 0) {
                restart(&k); // and sent again, because its end was not kept
                ch_carried_settle(&k, &OWNER, round, true);
            }
        }
        trains(&k, 3, "two", "");
        ch_carried_settle(&k, &OWNER, 3, true);
        ch_carried_release(&k);
    }
    assert_string_equal(warnings, "");
}

static void files_are_for_their_owner_alone(void **state) {
    (void)state;
    struct stat about;
    ch_carried k = open_in(folder);
    trains(&k, 1, "", "one");
    assert_int_equal(stat(folder_file(folder, "state-keyboard.bin.next"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    ch_carried_settle(&k, &OWNER, 1, true);
    assert_int_equal(stat(folder_file(folder, "state-keyboard.bin"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_not_equal(stat(folder_file(folder, "state-keyboard.bin.next"), &about), 0);
    ch_carried_release(&k);
}

static void another_owner_sees_nothing(void **state) {
    (void)state;
    ch_carried k = open_in(folder);
    trains(&k, 1, "", "one");
    ch_carried_settle(&k, &OWNER, 1, true);
    ch_carried_owner others[] = {OWNER, OWNER, OWNER};
    others[0].subject += 1;
    others[1].client += 1;
    others[2].job = "keyboard@4";
    choir_lent lent;
    for (int restarts = 0; restarts < 2; restarts++) {
        for (size_t i = 0; i < 3; i++) {
            assert_string_equal(sees(&k, &others[i], &lent), "");
            assert_string_equal(sees(&k, &OWNER, &lent), "one");
        }
        restart(&k);
    }
    ch_carried_release(&k);
}

static void what_is_damaged_is_as_if_it_were_not_there(void **state) {
    (void)state;
    char bytes[FILE_MAX];
    choir_lent lent;
    const char *path = folder_file(folder, "state-keyboard.bin");
    char kept[FOLDER_PATH_MAX + 200];
    (void)snprintf(kept, sizeof(kept), "%s", path);
    ch_carried k = open_in(folder);
    trains(&k, 1, "", "one");
    ch_carried_settle(&k, &OWNER, 1, true);
    const size_t size = folder_get(kept, bytes, sizeof(bytes));
    assert_true(size > 3);
    for (size_t cut = 0; cut < size; cut += 7) {
        folder_put(kept, bytes, cut);
        restart(&k);
        assert_string_equal(sees(&k, &OWNER, &lent), "");
        assert_string_equal(warnings, "state_not_used");
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 1;
        folder_put(kept, bytes, size);
        bytes[i] ^= 1;
        restart(&k);
        assert_string_equal(sees(&k, &OWNER, &lent), "");
        assert_string_equal(warnings, "state_not_used");
    }
    folder_put(kept, bytes, size);
    restart(&k);
    assert_string_equal(sees(&k, &OWNER, &lent), "one");
    ch_carried_release(&k);
}

static void a_trainer_that_keeps_less_begins_anew(void **state) {
    (void)state;
    ch_carried k = open_in(folder);
    choir_lent lent = {.state_next_size = 0};
    trains(&k, 1, "", "sixteen letters!");
    ch_carried_settle(&k, &OWNER, 1, true);
    check_status(ch_carried_begin(&k, &OWNER, 4, &lent, NULL), CHOIR_OK);
    assert_int_equal(lent.state.size, 0); // it does not fit
    lent = (choir_lent){.state_next_size = 0};
    check_status(ch_carried_begin(&k, &OWNER, 0, &lent, NULL), CHOIR_OK);
    assert_null(lent.state_next);
    ch_carried_end(&k, &OWNER, 2, &lent);
    ch_carried_release(&k);
}

static void without_a_disk_it_lives_as_long_as_the_client(void **state) {
    (void)state;
    ch_carried k = open_in(folder_file(folder, "missing"));
    trains(&k, 1, "", "one");
    assert_string_equal(warnings, "state_not_kept");
    ch_carried_settle(&k, &OWNER, 1, true);
    trains(&k, 2, "one", "two");
    ch_carried_release(&k);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    ch_carried k = open_in(folder);
    trains(&k, 1, "", "one");
    ch_carried_settle(&k, &OWNER, 1, true);
    ch_carried_release(&k);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        choir_lent lent = {.state_next_size = 0};
        choir_error err = {.message = ""};
        check_status(ch_carried_init(&k, folder, "keyboard", SERVER, &m.env, NULL), CHOIR_OK);
        m.status = ch_carried_begin(&k, &OWNER, BYTES, &lent, &err);
        assert_true((m.status == CHOIR_OK) == (err.message[0] == '\0'));
        ch_carried_release(&k);
    }
    assert_int_equal(m.tries, 4); // two states, a file, the success
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_state_is_kept_once_its_report_is_counted, start, end),
        cmocka_unit_test_setup_teardown(a_restart_at_any_moment_costs_nothing, start, end),
        cmocka_unit_test_setup_teardown(files_are_for_their_owner_alone, start, end),
        cmocka_unit_test_setup_teardown(another_owner_sees_nothing, start, end),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_as_if_it_were_not_there, start, end),
        cmocka_unit_test_setup_teardown(a_trainer_that_keeps_less_begins_anew, start, end),
        cmocka_unit_test_setup_teardown(without_a_disk_it_lives_as_long_as_the_client, start, end),
        cmocka_unit_test_setup_teardown(every_failed_allocation_is_reported_and_leaks_nothing,
                                        start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
