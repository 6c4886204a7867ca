/* Labels: their names as a model keeps them, and what is said when data has others. */
#include "support/check.h"
#include "support/folder.h"

#include "run/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[FOLDER_PATH_MAX];

/* The labels of a table whose last column has these values, comma-separated. */
static ch_federation *labelled(const char *values) {
    const choir_env env = choir_env_default();
    choir_job_data o = {.partition = "iid", .clients = 1};
    const size_t room = 4 * strlen(values) + 16;
    char *text = malloc(room);
    size_t size = 0;
    for (const char *at = values; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        size += (size_t)snprintf(text + size, room - size, "1,%.*s\n", (int)strcspn(at, ","), at);
    }
    folder_put(folder_file(folder, "t.csv"), text, size);
    free(text);
    (void)snprintf(o.source, sizeof(o.source), "%s", folder_file(folder, "t.csv"));
    ch_federation *f = NULL;
    check_status(ch_federation_open(&f, &o, NULL, 1, &env, NULL), CHOIR_OK);
    return f;
}

static void names_become_a_list(void **state) {
    (void)state;
    char text[CH_LABELS_TEXT_MAX];
    char room[16];
    ch_federation *f = labelled("yes,no,a\\b");
    assert_true(ch_labels_text(text, f));
    assert_string_equal(text, "[\"a\\\\b\",\"no\",\"yes\"]");
    assert_string_equal(ch_labels_show(f, 2, room), "yes");
    assert_string_equal(ch_labels_show(f, 3, room), "3");
    ch_federation_destroy(f);
    f = labelled("only"); // a second class is made up, for there to be two
    assert_true(ch_labels_text(text, f));
    assert_string_equal(text, "[\"only\"]");
    assert_string_equal(ch_labels_show(f, 1, room), "1");
    ch_federation_destroy(f);
}

/* A vocabulary of so many words, each with this letter in it. */
static ch_federation *worded(int words, char letter) {
    const choir_env env = choir_env_default();
    choir_job_data o = {.partition = "natural", .vocabulary = 10000, .proxy = "0"};
    const size_t room = (size_t)words * 16 + 64;
    char *text = malloc(room);
    assert_non_null(text);
    size_t size = (size_t)snprintf(text, room, "0\t1\t");
    for (int i = 0; i < words; i++) {
        size += (size_t)snprintf(text + size, room - size, "%c%05d ", letter, i);
    }
    size += (size_t)snprintf(text + size, room - size, "\nann\t2\thi\n");
    folder_put(folder_file(folder, "m.tsv"), text, size);
    free(text);
    (void)snprintf(o.source, sizeof(o.source), "%s", folder_file(folder, "m.tsv"));
    ch_federation *f = NULL;
    check_status(ch_federation_open(&f, &o, NULL, 1, &env, NULL), CHOIR_OK);
    return f;
}

static void a_long_vocabulary_is_told_by_its_checksum(void **state) {
    (void)state;
    static char texts[4][CH_LABELS_TEXT_MAX];
    const struct {
        int words;
        char letter;
    } rows[4] = {{3, 'a'}, {3000, 'a'}, {3000, 'b'}, {3001, 'a'}};
    for (int i = 0; i < 4; i++) {
        ch_federation *f = worded(rows[i].words, rows[i].letter);
        char again[CH_LABELS_TEXT_MAX];
        assert_true(ch_labels_text(texts[i], f));
        assert_true(ch_labels_text(again, f));
        assert_string_equal(texts[i], again);
        ch_federation_destroy(f);
    }
    assert_string_equal(texts[0],
                        "[\"<unknown>\",\"<begin>\",\"<end>\",\"a00000\",\"a00001\",\"a00002\"]");
    assert_memory_equal(texts[1], "[\"3003 words, checksum ", 23);
    choir_error err = {.message = ""};
    check_status(ch_labels_check(texts[1], texts[1], "m", "s", &err), CHOIR_OK);
    check_status(ch_labels_check(texts[1], texts[2], "m", "s", &err), CHOIR_EINVAL);
    check_status(ch_labels_check(texts[1], texts[3], "m", "s", &err), CHOIR_EINVAL);
    assert_memory_equal(err.message, "m: tells the labels [\"3003 words, checksum ", 43);
}

static void a_long_vocabulary_is_kept_whole_beside_its_checksum(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    char text[CH_LABELS_TEXT_MAX];
    char *list = NULL;
    ch_federation *f = worded(3, 'a');
    check_status(ch_labels_vocabulary(&list, f, &env), CHOIR_OK);
    assert_null(list); // the labels are all of it
    ch_federation_destroy(f);
    f = worded(3000, 'a');
    check_status(ch_labels_vocabulary(&list, f, &env), CHOIR_OK);
    assert_non_null(list);
    static const char begin[] = "[\"<unknown>\",\"<begin>\",\"<end>\",\"a00000\",\"a00001\",";
    assert_memory_equal(list, begin, strlen(begin));
    assert_int_equal(strlen(list), strlen(begin) + 2998 * 9); // of each 6 letters, quotes, , or ]
    assert_string_equal(list + strlen(list) - 10, ",\"a02999\"]");
    static const char *names[3003];
    static char words[3003][16];
    for (int i = 0; i < 3003; i++) {
        (void)snprintf(words[i], sizeof(words[i]), "a%05d", i - 3);
        names[i] = i == 0 ? "<unknown>" : i == 1 ? "<begin>" : i == 2 ? "<end>" : words[i];
    }
    char digest[CH_LABELS_DIGEST_MAX];
    ch_labels_digest(digest, names, 3003);
    assert_true(ch_labels_text(text, f));
    assert_string_equal(text, digest);
    env.free(env.self, list);
    ch_federation_destroy(f);
}

static void labels_without_names_have_no_list(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = {.source = "digits",
                              .partition = "natural",
                              .clients = 1,
                              .examples = 1,
                              .test_examples = 1};
    ch_federation *f = NULL;
    char text[CH_LABELS_TEXT_MAX] = "x";
    check_status(ch_federation_open(&f, &o, NULL, 1, &env, NULL), CHOIR_OK);
    assert_false(ch_labels_text(text, f));
    assert_string_equal(text, "");
    ch_federation_destroy(f);
}

static void lists_of_any_length_are_kept_or_left_out(void **state) {
    (void)state;
    static char values[5 * 4095 + 5];
    char text[CH_LABELS_TEXT_MAX];
    for (size_t size = 4080; size <= 4094; size++) { // four names: 16384 bytes are the limit
        values[0] = '\0';
        for (int i = 0; i < 4; i++) {
            memset(values + (size_t)i * (size + 1), 'a' + i, size);
            values[(size_t)i * (size + 1) + size] = ',';
        }
        values[4 * (size + 1) - 1] = '\0';
        ch_federation *f = labelled(values);
        const size_t whole = 1 + 4 * (size + 3); // [ and, for each, two quotes and a comma or ]
        assert_int_equal(ch_labels_text(text, f), whole + 1 <= CH_LABELS_TEXT_MAX);
        assert_int_equal(strlen(text), whole + 1 <= CH_LABELS_TEXT_MAX ? whole : 0);
        ch_federation_destroy(f);
    }
}

static void other_labels_are_refused(void **state) {
    (void)state;
    choir_error err = {.message = ""};
    check_status(ch_labels_check("", "[\"a\"]", "m", "d", &err), CHOIR_OK);
    check_status(ch_labels_check("[\"a\"]", "", "m", "d", &err), CHOIR_OK);
    check_status(ch_labels_check("[\"a\"]", "[\"a\"]", "m", "d", &err), CHOIR_OK);
    check_status(ch_labels_check("[\"a\"]", "[\"b\"]", "m", "d", &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "m: tells the labels [\"a\"] apart, 'd' has [\"b\"]; needs "
                                     "data with the labels it was trained on");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_a_list),
        cmocka_unit_test(a_long_vocabulary_is_told_by_its_checksum),
        cmocka_unit_test(a_long_vocabulary_is_kept_whole_beside_its_checksum),
        cmocka_unit_test(labels_without_names_have_no_list),
        cmocka_unit_test(lists_of_any_length_are_kept_or_left_out),
        cmocka_unit_test(other_labels_are_refused),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
