/* LEAF: folders of users are read as they are, and what is wrong is said with its user. */
#include "support/check.h"

#include "data/leaf.h"
#include "unit/data/files.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[FOLDER_PATH_MAX];

static const char TEXTS[] =
    "{\"users\": [\"a\", \"b\"], \"num_samples\": [3, 1],\n"
    " \"user_data\": {\"b\": {\"x\": [\"xyz\"], \"y\": [\"!\"]},\n"
    "  \"a\": {\"x\": [\"the \", \"he c\", \"dog\"], \"y\": [\"c\", \"a\", \"gy\"]}}}";

static const char NUMBERS[] = "{\"users\": [\"w1\", \"none\", \"w2\"], \"num_samples\": [2, 0, 1],"
                              "\"user_data\": {\"w1\": {\"x\": [[0, 0.5], [1, 2]], \"y\": [1, 0]},"
                              "\"none\": {\"x\": [], \"y\": []},"
                              "\"w2\": {\"x\": [[-3, 4e1]], \"y\": [1]}}}";

static void half_write(const char *set, const char *half, const char *name, const char *text) {
    char path[64];
    (void)mkdir(folder_file(folder, set), 0777); // it may be there
    (void)snprintf(path, sizeof(path), "%s/%s", set, half);
    (void)mkdir(folder_file(folder, path), 0777);
    (void)snprintf(path, sizeof(path), "%s/%s/%s", set, half, name);
    file_write(folder, path, text, strlen(text));
}

static ch_dataset read_or_fail(const char *set, const choir_job_data *o) {
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    ch_dataset d;
    ch_dataset_init(&d, &env);
    assert_true(ch_leaf_is(folder_file(folder, set)));
    if (ch_leaf_read(&d, folder_file(folder, set), o, 1, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return d;
}

static void check_text(const ch_examples *e, uint32_t row, uint32_t group, const char *text) {
    const ch_span span = e->spans[row];
    assert_int_equal(span.length, strlen(text));
    for (uint32_t t = 0; t < span.length; t++) {
        assert_int_equal(e->tokens[span.first + t], text[t]);
    }
    assert_int_equal(e->groups[row], group);
}

static void texts_are_sequences_and_those_that_move_on_share_them(void **state) {
    (void)state;
    const choir_job_data o = {.steps = 0};
    half_write("texts", "train", "a.json", TEXTS);
    half_write("texts", "test", "a.json",
               "{\"users\":[\"a\"],\"user_data\":{\"a\":{\"x\":[\"the c\"],\"y\":[\"a\"]}}}");
    ch_dataset d = read_or_fail("texts", &o);
    assert_int_equal(d.train.count, 4);
    assert_int_equal(d.train.classes, CH_BYTE_TOKENS);
    assert_int_equal(d.train.shape.channels, CH_STEPS_CHARACTERS);
    check_text(&d.train, 0, 0, "the c");
    check_text(&d.train, 1, 0, "he ca");
    check_text(&d.train, 2, 0, "doggy");
    check_text(&d.train, 3, 1, "xyz!");
    assert_int_equal(d.train.spans[1].first, 1); // one token more than the first one
    assert_int_equal(d.train.spans[2].first, 6);
    assert_int_equal(d.test.count, 1);
    check_text(&d.test, 0, 0, "the ca");
    ch_dataset_release(&d);
}

static void lists_of_numbers_are_inputs_and_classes(void **state) {
    (void)state;
    choir_job_data o = {.test_share = 0};
    half_write("numbers", "train", "1.json", NUMBERS);
    half_write("numbers", "train", "2.json",
               "{\"users\":[\"w3\"],\"user_data\":{\"w3\":{\"x\":[[5,6]],\"y\":[3.0]}}}");
    half_write("numbers", "train", "notes.txt", "not read");
    ch_dataset d = read_or_fail("numbers", &o);
    static const float x[] = {0, 0.5F, 1, 2, -3, 40, 5, 6};
    static const uint32_t y[] = {1, 0, 1, 3};
    static const uint32_t users[] = {0, 0, 1, 2}; // w1, w2, w3
    assert_int_equal(d.train.count, 4);
    assert_int_equal(d.test.count, 0);
    assert_int_equal(d.train.classes, 4);
    assert_int_equal(d.train.shape.channels, 2);
    assert_memory_equal(d.train.reals, x, sizeof(x));
    assert_memory_equal(d.train.labels, y, sizeof(y));
    assert_memory_equal(d.train.groups, users, sizeof(users));
    assert_int_equal(d.idle, 1); // none
    ch_dataset_release(&d);
    o.test_share = 0.5;
    d = read_or_fail("numbers", &o);
    assert_int_equal(d.test.count, 2);
    ch_dataset_release(&d);
}

/* Users a, b, c, ... with an example each. */
static void users_write(const char *set, uint32_t count) {
    char text[2048] = "{\"users\":[";
    for (uint32_t u = 0; u < count; u++) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s\"%c\"", u == 0 ? "" : ",",
                       'a' + (int)u);
    }
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "],\"user_data\":{");
    for (uint32_t u = 0; u < count; u++) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s\"%c\":{\"x\":[[%u]],\"y\":[0]}",
                       u == 0 ? "" : ",", 'a' + (int)u, u);
    }
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "}}");
    half_write(set, "train", "1.json", text);
}

/* Of ten users with one example, four lose it to the test set; the others follow each other. */
static void users_are_those_with_an_example_to_train_on(void **state) {
    (void)state;
    const choir_job_data o = {.test_share = 0.4};
    bool is_seen[10] = {false};
    users_write("ones", 10);
    ch_dataset d = read_or_fail("ones", &o);
    assert_int_equal(d.train.count, 6);
    assert_int_equal(d.test.count, 4);
    assert_int_equal(d.idle, 4);
    for (uint32_t i = 0; i < 6; i++) {
        const uint32_t group = d.train.groups[i];
        assert_true(group < 6 && !is_seen[group]);
        is_seen[group] = true;
        for (uint32_t j = 0; j < 6; j++) { // in the order that they had
            assert_true((group < d.train.groups[j]) == (d.train.reals[i] < d.train.reals[j]));
        }
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(d.test.groups[i], CH_GROUP_NONE);
    }
    ch_dataset_release(&d);
}

static void rows_of_784_are_pictures(void **state) {
    (void)state;
    static char text[8192] = "{\"users\":[\"w\"],\"user_data\":{\"w\":{\"y\":[61],\"x\":[[0";
    for (int i = 1; i <= 784; i++) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s", i < 784 ? ",1" : "]]}}}");
    }
    const choir_job_data o = {.test_share = 0};
    half_write("pictures", "train", "1.json", text);
    ch_dataset d = read_or_fail("pictures", &o);
    assert_int_equal(d.train.shape.height, 28);
    assert_int_equal(d.train.shape.width, 28);
    assert_int_equal(d.train.classes, 62);
    ch_dataset_release(&d);
}

static void what_is_wrong_is_said(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"{\n\"users\": [}", "a: line 2: unexpected token near '}'"},
        {"[]", "a: has no list 'users' and object 'user_data' at its top, as files of LEAF have"},
        {"{\"users\":[\"u\"],\"user_data\":{}}",
         "a: user 'u': is in 'users' and not in 'user_data'"},
        {"{\"users\":[\"u\"],\n\"user_data\":{\"u\":{\"x\":[[1],\n[2 3]],\"y\":[0,0]}}}",
         "a: line 3: ']' expected near '3'"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{},\"v\":{},\"u\":{}}}",
         "a: user 'u': is there twice in 'user_data'"},
        {"{\"users\":[\"u\",\"v\",\"u\"],\"user_data\":{\"u\":{\"x\":[[1]],\"y\":[0]},"
         "\"v\":{\"x\":[],\"y\":[]}}}",
         "a: user 'u': is twice in 'users'; right is once"},
        {"{\"users\":[\"v\",\"v\"],\"user_data\":{\"v\":{\"x\":[],\"y\":[]}}}",
         "a: user 'v': is twice in 'users'; right is once"},
        {"{\"users\":[],\n\"users\":[]}", "a: line 2: a list is there twice"},
        {"{\"users\":[]\n\"user_data\":{}}", "a: line 2: ',' or '}' belongs here"},
        {"{\"users\" []}", "a: line 1: ':' belongs here"},
        {"{\"users\":[],}", "a: line 1: a key between quotes belongs here"},
        {"{\"users\":,}", "a: line 1: a value is missing"},
        {"{\"users\":[],\"user_data\":{\"u\":{\"x\":[1",
         "a: line 1: the file ends here, before its end"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[1;2],\"y\":[0]}}}",
         "a: line 1: end of file expected near ';'"},
        {"{\"users\":[],\"user_data\":{}}\n7", "a: line 2: something is behind the end of all"},
        {"{\"users\":[7],\"user_data\":{}}", "a: user '': is in 'users' and not in 'user_data'"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[[1],[2]],\"y\":[0]}}}",
         "a: user 'u': x has 2 examples and y 1; needs lists of one length in user_data"},
        {"{\"users\":[\"u\"],\"num_samples\":[3],\"user_data\":{\"u\":{\"x\":[[1]],\"y\":[0]}}}",
         "a: user 'u': num_samples says 3, and x has 1; needs the same"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[[1],[2,3]],\"y\":[0,0]}}}",
         "a: user 'u': example 2: its x has 2 numbers; needs 1, as the first one has"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[[1],[\"2\"]],\"y\":[0,0]}}}",
         "a: user 'u': example 2: number 1 of its x is '2'; needs one of single precision"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[[1e300]],\"y\":[0]}}}",
         "a: user 'u': example 1: number 1 of its x is 1e+300; needs one of single precision"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[[1],[1]],\"y\":[0,-1]}}}",
         "a: user 'u': example 2: its y, -1, is no class; right is a whole number in [0, 65535]"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[[1],[1]],\"y\":[0,65536]}}}",
         "a: user 'u': example 2: its y, 65536, is no class; right is a whole number in [0, "
         "65535]"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[[1]],\"y\":[0.5]}}}",
         "a: user 'u': example 1: its y, 0.5, is no class; right is a whole number in [0, 65535]"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[\"ab\",[1]],\"y\":[\"c\",0]}}}",
         "a: user 'u': example 2: its x and y are not both texts, after some that are"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[\"\"],\"y\":[\"c\"]}}}",
         "a: user 'u': example 1: its x or y is empty; needs a text and what follows"},
        {"{\"users\":[\"u\"],\"user_data\":{\"u\":{\"x\":[\"a.jpg\"],\"y\":[1]}}}",
         "a: user 'u': example 1: is of no kind that is read; right is a text x and the text "
         "y that follows, or a list x of at most 1048576 numbers and a class y"},
    };
    const choir_env env = choir_env_default();
    const ch_leaf_form unseen = {.kind = CH_LEAF_UNSEEN};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        ch_leaf l;
        ch_leaf_init(&l, &unseen, 80, NULL, &env);
        check_status(ch_leaf_add(&l, rows[i].text, strlen(rows[i].text), "a", &err), CHOIR_EPROTO);
        assert_string_equal(err.message, rows[i].message);
        ch_leaf_release(&l);
    }
}

/* Of a half: the test files have users of those to train on. */
static void a_user_of_two_files_is_refused(void **state) {
    (void)state;
    enum { USERS = 200 }; // more than there is room for at first
    const choir_env env = choir_env_default();
    const choir_job_data o = {.test_share = 0};
    char text[USERS][64];
    char message[FOLDER_PATH_MAX + 120];
    ch_dataset d;
    for (int u = 0; u < USERS; u++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "%03d.json", u);
        (void)snprintf(text[u], sizeof(text[u]),
                       "{\"users\":[\"%d\"],\"user_data\":{\"%d\":{\"x\":[[1]],\"y\":[0]}}}", u, u);
        half_write("twice", "train", name, text[u]);
    }
    half_write("twice", "test", "0.json", text[7]);
    d = read_or_fail("twice", &o);
    assert_int_equal(d.train.count, USERS);
    assert_int_equal(d.train.groups[USERS - 1], USERS - 1);
    assert_int_equal(d.test.count, 1);
    ch_dataset_release(&d);
    half_write("twice", "train", "b.json", text[7]);
    choir_error err = {.message = ""};
    ch_dataset_init(&d, &env);
    check_status(ch_leaf_read(&d, folder_file(folder, "twice"), &o, 1, &err), CHOIR_EPROTO);
    (void)snprintf(message, sizeof(message),
                   "%s/train/b.json: user '7': is in 'users' of an earlier file, too; needs all of "
                   "a user's examples in one",
                   folder_file(folder, "twice"));
    assert_string_equal(err.message, message);
    ch_dataset_release(&d);
}

static void a_folder_without_examples_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = {.test_share = 0};
    choir_error err = {.message = ""};
    char message[FOLDER_PATH_MAX + 60];
    ch_dataset d;
    ch_dataset_init(&d, &env);
    half_write("empty", "train", "1.json", "{\"users\":[],\"user_data\":{}}");
    check_status(ch_leaf_read(&d, folder_file(folder, "empty"), &o, 1, &err), CHOIR_EPROTO);
    (void)snprintf(message, sizeof(message), "%s: no user has an example to train on",
                   folder_file(folder, "empty"));
    assert_string_equal(err.message, message);
    ch_dataset_release(&d);
    assert_false(ch_leaf_is(folder));
    assert_false(ch_leaf_is(folder_file(folder, "empty/train/1.json")));
}

static void every_prefix_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {TEXTS, NUMBERS};
    const choir_env env = choir_env_default();
    const ch_leaf_form unseen = {.kind = CH_LEAF_UNSEEN};
    for (size_t i = 0; i < 2; i++) {
        for (size_t size = 0; size < strlen(texts[i]); size++) {
            choir_error err = {.message = ""};
            char *copy = malloc(size > 0 ? size : 1);
            assert_non_null(copy);
            memcpy(copy, texts[i], size);
            ch_leaf l;
            ch_leaf_init(&l, &unseen, 80, NULL, &env);
            check_status(ch_leaf_add(&l, copy, size, "a", &err), CHOIR_EPROTO);
            assert_true(err.message[0] != '\0');
            ch_leaf_release(&l);
            free(copy);
        }
    }
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    static const char *const sets[] = {"texts", "numbers"};
    const choir_job_data o = {.test_share = 0};
    for (size_t i = 0; i < 2; i++) {
        failing_memory m = {.tries = 0};
        while (failing_memory_next(&m)) {
            ch_dataset d;
            ch_dataset_init(&d, &m.env);
            m.status = ch_leaf_read(&d, folder_file(folder, sets[i]), &o, 1, NULL);
            ch_dataset_release(&d);
        }
    }
}

static int folder_begin(void **state) {
    (void)state;
    folder_make(folder);
    return 0;
}

static int folder_end(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_sequences_and_those_that_move_on_share_them),
        cmocka_unit_test(lists_of_numbers_are_inputs_and_classes),
        cmocka_unit_test(users_are_those_with_an_example_to_train_on),
        cmocka_unit_test(rows_of_784_are_pictures),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_user_of_two_files_is_refused),
        cmocka_unit_test(a_folder_without_examples_is_refused),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
