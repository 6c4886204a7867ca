/* Identities: kept, grown, of one server, the owner's alone; what is none is refused. */
#include "support/check_ok.h"
#include "support/folder.h"

#include "crypto/entropy.h"
#include "swarm/identities.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char folder[FOLDER_PATH_MAX];

static const char URL[] = "https://127.0.0.1:8470";

static void open_in(ch_identities *s, const char *dir, const char *url, uint32_t clients) {
    const choir_env env = choir_env_default();
    check_ok(ch_identities_open(s, dir, url, clients, &env, &err));
}

static const char *dir_of(const char *name) {
    return folder_file(folder, name);
}

static void numbers_are_kept_and_there_may_be_more(void **state) {
    (void)state;
    ch_identities s;
    uint8_t seed[CH_SHARED_KEY_BYTES];
    open_in(&s, dir_of("kept"), URL, 3);
    memcpy(seed, s.seed, sizeof(seed));
    s.subjects[0] = 11;
    s.subjects[2] = INT64_MAX;
    check_ok(ch_identities_save(&s, &err));
    ch_identities_release(&s);
    open_in(&s, dir_of("kept"), URL, 5);
    assert_memory_equal(s.seed, seed, sizeof(seed));
    assert_int_equal(s.clients, 5);
    assert_int_equal(s.subjects[0], 11);
    assert_int_equal(s.subjects[1], 0);
    assert_int_equal(s.subjects[2], INT64_MAX);
    assert_int_equal(s.subjects[4], 0);
    s.subjects[4] = 15;
    check_ok(ch_identities_save(&s, &err));
    ch_identities_release(&s);
    open_in(&s, dir_of("kept"), URL, 1); // others of them stay
    assert_int_equal(s.clients, 5);
    assert_int_equal(s.subjects[4], 15);
    ch_identities_release(&s);
}

static void another_server_knows_the_keys_and_no_numbers(void **state) {
    (void)state;
    ch_identities s;
    uint8_t seed[CH_SHARED_KEY_BYTES];
    open_in(&s, dir_of("moved"), URL, 2);
    memcpy(seed, s.seed, sizeof(seed));
    s.subjects[0] = 11;
    check_ok(ch_identities_save(&s, &err));
    ch_identities_release(&s);
    open_in(&s, dir_of("moved"), "https://elsewhere.example", 2);
    assert_memory_equal(s.seed, seed, sizeof(seed));
    assert_int_equal(s.subjects[0], 0);
    ch_identities_release(&s);
}

static void the_file_is_its_owners_alone(void **state) {
    (void)state;
    ch_identities s;
    struct stat found;
    open_in(&s, dir_of("private"), URL, 2);
    ch_identities_release(&s);
    char path[FOLDER_PATH_MAX + 40];
    (void)snprintf(path, sizeof(path), "%s/swarm.json", dir_of("private"));
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
}

static void without_a_folder_they_are_others_every_time(void **state) {
    (void)state;
    ch_identities a;
    ch_identities b;
    open_in(&a, "", URL, 2);
    open_in(&b, "", URL, 2);
    assert_memory_not_equal(a.seed, b.seed, sizeof(a.seed));
    ch_identities_release(&a);
    ch_identities_release(&a);
    ch_identities_release(&b);
}

static void what_is_no_such_file_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{\"url\": \"u\", \"seed\": \"short\", \"subjects\": []}",
        "{\"url\": \"https://127.0.0.1:8470\", "
        "\"seed\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\", \"subjects\": [-1]}",
        "{\"url\": \"https://127.0.0.1:8470\", "
        "\"seed\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\", \"subjects\": [1, \"2\"]}",
        "{\"url\": \"https://127.0.0.1:8470\", "
        "\"seed\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\", \"subjects\": 3}",
    };
    const choir_env env = choir_env_default();
    ch_identities s;
    open_in(&s, dir_of("wrong"), URL, 2);
    ch_identities_release(&s);
    char path[FOLDER_PATH_MAX + 40];
    (void)snprintf(path, sizeof(path), "%s/swarm.json", dir_of("wrong"));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        choir_error err = {.message = ""};
        folder_put(path, texts[i], strlen(texts[i]));
        check_status(ch_identities_open(&s, dir_of("wrong"), URL, 2, &env, &err), CHOIR_EPROTO);
        assert_non_null(strstr(err.message, "is no swarm's identities"));
        ch_identities_release(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_kept_and_there_may_be_more),
        cmocka_unit_test(another_server_knows_the_keys_and_no_numbers),
        cmocka_unit_test(the_file_is_its_owners_alone),
        cmocka_unit_test(without_a_folder_they_are_others_every_time),
        cmocka_unit_test(what_is_no_such_file_is_refused),
    };
    if (ch_crypto_start(NULL) != CHOIR_OK) {
        return 1;
    }
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failed;
}
