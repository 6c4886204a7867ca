/* Identity: a key for each server, which stays with it, and with nobody else. */
#include "support/check.h"
#include "support/folder.h"

#include "client/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char OURS[] = "https://ours.example:8470";
static const char OTHER[] = "https://other.example";
static const char PIN[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
static const char OTHER_PIN[] = "sha256//BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

static char folder[FOLDER_PATH_MAX];

static ch_identity opened(const char *url, const char *pin) {
    const choir_env env = choir_env_default();
    ch_identity i;
    choir_error err = {.message = ""};
    check_status(ch_identity_open(&i, folder, url, pin, &env, &err), CHOIR_OK);
    return i;
}

/* As a device does that the server has answered. */
static ch_identity enrolled(const char *url, const char *pin, int64_t subject) {
    ch_identity i = opened(url, pin);
    i.subject = subject;
    check_status(ch_identity_save(&i, NULL), CHOIR_OK);
    assert_false(i.is_unkept);
    return i;
}

static bool has_same_key(const ch_identity *a, const ch_identity *b) {
    return memcmp(&a->key, &b->key, sizeof(a->key)) == 0;
}

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

static void it_is_the_same_later(void **state) {
    (void)state;
    const ch_identity made = opened(OURS, PIN);
    assert_int_equal(made.subject, 0);
    const ch_identity before = enrolled(OURS, PIN, 7);
    const ch_identity after = opened(OURS, PIN);
    assert_true(has_same_key(&made, &before));
    assert_true(has_same_key(&made, &after));
    assert_int_equal(after.subject, 7);
    assert_false(after.is_unkept);
}

/* What it signs for one is no use to the other, who may pass on that one's challenge. */
static void another_server_sees_another_key(void **state) {
    (void)state;
    const ch_identity ours = enrolled(OURS, PIN, 7);
    const ch_identity other = enrolled(OTHER, "", 3);
    assert_false(has_same_key(&ours, &other));
    const ch_identity back = opened(OURS, PIN);
    assert_true(has_same_key(&ours, &back));
    assert_int_equal(back.subject, 7);
    const ch_identity again = opened(OTHER, OTHER_PIN);
    assert_true(has_same_key(&other, &again));
    assert_int_equal(again.subject, 3);
}

/* Only who has the TLS key that is pinned is believed there. */
static void a_server_that_has_moved_is_told_by_its_pin(void **state) {
    (void)state;
    const ch_identity before = enrolled(OURS, PIN, 7);
    ch_identity moved = opened(OTHER, PIN);
    assert_true(has_same_key(&before, &moved));
    assert_int_equal(moved.subject, 7);
    assert_true(moved.is_unkept);
    check_status(ch_identity_save(&moved, NULL), CHOIR_OK);
    const ch_identity there = opened(OTHER, "");
    assert_true(has_same_key(&before, &there));
    const ch_identity ours = opened(OURS, "");
    assert_false(has_same_key(&before, &ours)); // where it was is somebody else now
}

/* A pin is what a join file says until a server has answered under it: then it is what it has. */
static void a_pin_that_nobody_has_answered_to_moves_nothing(void **state) {
    (void)state;
    const ch_identity ours = enrolled(OURS, PIN, 7);
    const ch_identity said = opened(OURS, OTHER_PIN);
    assert_true(has_same_key(&ours, &said));
    assert_true(said.is_unkept);
    const ch_identity other = opened(OTHER, OTHER_PIN);
    assert_false(has_same_key(&ours, &other));
}

static void a_file_from_before_pins_is_read(void **state) {
    (void)state;
    char text[400];
    static const char key[] =
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAA";
    const int size = snprintf(
        text, sizeof(text), "{\"url\": \"%s\",\n \"key\": \"%s\",\n \"subject\": 7}\n", OURS, key);
    folder_put(folder_file(folder, "identity.json"), text, (size_t)size);
    const ch_identity i = opened(OURS, PIN);
    assert_int_equal(i.subject, 7);
    assert_true(i.is_unkept);
    const ch_identity other = opened(OTHER, PIN);
    assert_int_equal(other.subject, 0);
    assert_false(has_same_key(&i, &other));
    const ch_identity kept = opened(OURS, PIN);
    assert_int_equal(kept.subject, 7);
}

static void so_many_servers_are_kept(void **state) {
    (void)state;
    char url[64];
    ch_identity first = opened("https://0.example", "");
    for (int i = 1; i < CH_IDENTITY_SERVERS_MAX; i++) {
        (void)snprintf(url, sizeof(url), "https://%d.example", i);
        (void)opened(url, "");
    }
    ch_identity again = opened("https://0.example", "");
    assert_true(has_same_key(&first, &again));
    (void)opened("https://one.too.many", "");
    again = opened("https://0.example", "");
    assert_false(has_same_key(&first, &again));
}

/* The process of a device on a server of its own; says whether all went well. */
static int process(int number) {
    const choir_env env = choir_env_default();
    char url[64];
    ch_identity i;
    (void)snprintf(url, sizeof(url), "https://%d.example", number);
    if (ch_identity_open(&i, folder, url, "", &env, NULL) != CHOIR_OK) {
        return EXIT_FAILURE;
    }
    for (i.subject = 1; i.subject < 20; i.subject++) {
        if (ch_identity_save(&i, NULL) != CHOIR_OK) {
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

static void processes_that_share_a_folder_keep_each_others(void **state) {
    (void)state;
    enum { PROCESSES = 6 };
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            _exit(process(i));
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int ended = 0;
        assert_int_equal(waitpid(children[i], &ended, 0), children[i]);
        assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == EXIT_SUCCESS);
    }
    for (int i = 0; i < PROCESSES; i++) {
        char url[64];
        (void)snprintf(url, sizeof(url), "https://%d.example", i);
        assert_int_equal(opened(url, "").subject, 19);
    }
}

static void what_is_damaged_is_named_and_left_alone(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "[]", "{}", "{\"url\": \"https://ours.example\", \"key\": \"AA\", \"subject\": 7}"};
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ch_identity out;
        choir_error err = {.message = ""};
        folder_put(folder_file(folder, "identity.json"), texts[i], strlen(texts[i]));
        check_status(ch_identity_open(&out, folder, OURS, "", &env, &err), CHOIR_EPROTO);
        assert_non_null(strstr(err.message, "identity.json: is no identity"));
    }
}

static void without_a_folder_it_is_new_every_time(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_identity a;
    ch_identity b;
    check_status(ch_identity_open(&a, "", OURS, PIN, &env, NULL), CHOIR_OK);
    check_status(ch_identity_save(&a, NULL), CHOIR_OK);
    check_status(ch_identity_open(&b, "", OURS, PIN, &env, NULL), CHOIR_OK);
    assert_false(has_same_key(&a, &b));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(it_is_the_same_later),
        TEST(another_server_sees_another_key),
        TEST(a_server_that_has_moved_is_told_by_its_pin),
        TEST(a_pin_that_nobody_has_answered_to_moves_nothing),
        TEST(a_file_from_before_pins_is_read),
        TEST(so_many_servers_are_kept),
        TEST(processes_that_share_a_folder_keep_each_others),
        TEST(what_is_damaged_is_named_and_left_alone),
        TEST(without_a_folder_it_is_new_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
