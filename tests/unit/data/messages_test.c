/* Messages: words are told apart, the vocabulary is the proxy's alone, who writes most comes first.
 */
#include "support/check.h"

#include "data/messages.h"
#include "data/sequences.h"
#include "data/tally.h"
#include "unit/data/files.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char folder[FOLDER_PATH_MAX];

static const char TEXT[] = "0\t1\tHi hi, hi you!\n"
                           "7\t2\tHi you\n"
                           "ann\t3\tsecret word hi\r\n"
                           "0\t4\tyou , ok\n"
                           "\n"
                           "ann\t5\t\t \n"
                           "ann\t6\tYOU,you\n"
                           "7\t7\tok\n"
                           "7\t8\thi";

static choir_job_data options_of(const char *proxy, uint32_t vocabulary) {
    choir_job_data o = {.vocabulary = vocabulary};
    (void)snprintf(o.proxy, sizeof(o.proxy), "%s", proxy);
    return o;
}

static choir_status parse(ch_dataset *d, const char *text, size_t size, const choir_job_data *o,
                          const choir_env *env, choir_error *err) {
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    ch_dataset_init(d, env);
    const choir_status status = ch_messages_parse(d, copy, size, "a", o, 1, err);
    free(copy);
    return status;
}

/* An example's tokens by their names. */
static void check_example(const ch_dataset *d, const ch_examples *e, uint32_t row, uint32_t group,
                          const char *words) {
    char shown[256] = "";
    const ch_span span = e->spans[row];
    for (uint32_t t = 0; t < span.length; t++) {
        const size_t used = strlen(shown);
        (void)snprintf(shown + used, sizeof(shown) - used, "%s%s", t == 0 ? "" : " ",
                       d->names[e->tokens[span.first + t]]);
    }
    assert_string_equal(shown, words);
    assert_int_equal(e->groups[row], group);
}

static void words_are_small_letters_and_marks_are_words(void **state) {
    (void)state;
    static const char *const expected[] = {"hi", "bob's", ",", "caf\xC3\xA9", "@", "5", "!", "!"};
    ch_cell rest = {.data = " hi\tbob's,  caf\xC3\xA9@5!! ", .size = 22};
    ch_cell word;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(ch_message_word(&word, &rest));
        assert_int_equal(word.size, strlen(expected[i]));
        assert_memory_equal(word.data, expected[i], word.size);
    }
    assert_false(ch_message_word(&word, &rest));
}

static void the_vocabulary_is_the_proxys_alone(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = options_of("0", 3);
    choir_error err = {.message = ""};
    ch_dataset d;
    if (parse(&d, TEXT, strlen(TEXT), &o, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(d.train.classes, CH_WORD_FIRST + 3); // of hi 3, ',' 2, you 2, '!' 1, ok 1
    assert_string_equal(d.names[CH_WORD_FIRST], "hi");
    assert_string_equal(d.names[CH_WORD_FIRST + 1], ",");
    assert_string_equal(d.names[CH_WORD_FIRST + 2], "you");
    // 7 wrote three messages and is the first client, as ann did, whose name comes later
    assert_int_equal(d.train.count, 5);
    assert_int_equal(d.train.shape.channels, CH_STEPS_WORDS);
    check_example(&d, &d.train, 0, 0, "<begin> hi you <end>");
    check_example(&d, &d.train, 1, 1, "<begin> <unknown> <unknown> hi <end>");
    check_example(&d, &d.train, 2, 1, "<begin> you , you <end>");
    check_example(&d, &d.train, 3, 0, "<begin> <unknown> <end>");
    check_example(&d, &d.train, 4, 0, "<begin> hi <end>");
    ch_dataset_release(&d);
}

static void a_byte_order_mark_is_no_part_of_a_sender(void **state) {
    (void)state;
    static const char marked[] = "\xEF\xBB\xBF"
                                 "ann\t1\thi you\n"
                                 "0\t2\thi you\n"
                                 "ann\t3\tyou\n";
    const choir_env env = choir_env_default();
    static const char *const proxies[] = {"0", "ann"};
    for (size_t i = 0; i < 2; i++) {
        const choir_job_data o = options_of(proxies[i], 3);
        ch_dataset d;
        check_status(parse(&d, marked, sizeof(marked) - 1, &o, &env, NULL), CHOIR_OK);
        assert_int_equal(d.train.count, i == 0 ? 2 : 1);
        for (uint32_t row = 0; row < d.train.count; row++) {
            assert_int_equal(d.train.groups[row], 0); // of one client
        }
        ch_dataset_release(&d);
    }
}

static void the_proxys_messages_alone_are_read_when_they_are_wanted(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job_data o = options_of("0", 3);
    ch_dataset d;
    (void)snprintf(o.holder, sizeof(o.holder), "proxy");
    check_status(parse(&d, TEXT, strlen(TEXT), &o, &env, NULL), CHOIR_OK);
    assert_int_equal(d.train.classes, CH_WORD_FIRST + 3); // as that of the clients' messages
    assert_string_equal(d.names[CH_WORD_FIRST + 2], "you");
    assert_int_equal(d.train.count, 2);
    check_example(&d, &d.train, 0, 0, "<begin> hi hi , hi you <unknown> <end>");
    check_example(&d, &d.train, 1, 0, "<begin> you , <unknown> <end>");
    ch_dataset_release(&d);
    check_status(parse(&d, "0\t1\ta\n", 6, &o, &env, NULL), CHOIR_OK); // and there may be no others
    assert_int_equal(d.train.count, 1);
    ch_dataset_release(&d);
}

static void a_share_of_the_messages_is_for_testing(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job_data o = options_of("0", 100);
    ch_dataset d;
    o.test_share = 0.4;
    o.steps = 2;
    check_status(parse(&d, TEXT, strlen(TEXT), &o, &env, NULL), CHOIR_OK);
    assert_int_equal(d.train.classes, CH_WORD_FIRST + 5);
    assert_int_equal(d.cut, 3); // those of two, three and three words
    assert_int_equal(d.train.count + d.test.count, 2 + 2 + 2 + 1 + 1);
    assert_int_equal(d.test.count, 3);
    ch_dataset_release(&d);
}

/* bob has written blanks alone, and some of the others lose their only message to the test set. */
static void senders_are_those_with_a_message_to_train_on(void **state) {
    (void)state;
    static const char text[] = "0\t1\ta b c d e\nann\t1\ta\nann\t2\ta a\nann\t3\ta a a\n"
                               "bob\t1\t \nbob\t2\t\nc\t1\tc\nd\t1\td\ne\t1\te\n";
    const choir_env env = choir_env_default();
    choir_job_data o = options_of("0", 9);
    ch_dataset d;
    check_status(parse(&d, text, sizeof(text) - 1, &o, &env, NULL), CHOIR_OK);
    static const uint32_t groups[] = {0, 0, 0, 1, 2, 3};
    assert_int_equal(d.train.count, 6);
    assert_memory_equal(d.train.groups, groups, sizeof(groups));
    assert_int_equal(d.idle, 1);
    ch_dataset_release(&d);
    o.test_share = 0.67;
    check_status(parse(&d, text, sizeof(text) - 1, &o, &env, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 2);
    bool is_there[2] = {false, false};
    for (uint32_t i = 0; i < 2; i++) {
        is_there[d.train.groups[i]] = true;
    }
    assert_true(is_there[0]);
    assert_int_equal(d.idle, is_there[1] ? 3 : 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(d.test.groups[i] == CH_GROUP_NONE || is_there[d.test.groups[i]]);
    }
    ch_dataset_release(&d);
}

static void what_is_wrong_is_said_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *proxy;
        uint32_t vocabulary;
        choir_status status;
        const char *message;
    } rows[] = {
        {"0\t1\ta\n7\t2\n", "0", 9, CHOIR_EPROTO,
         "a: line 2: needs three fields, a sender, a number and a text, separated by tabulators"},
        {"0\t1\ta\n\n\t2\tb\n", "0", 9, CHOIR_EPROTO,
         "a: line 3: a sender has a name of 1 to 256 bytes"},
        {"1\t1\ta\n7\t2\tb\n", "0", 9, CHOIR_EINVAL,
         "data.proxy: a has no words of a sender '0', and so no vocabulary; needs one whose "
         "messages are public"},
        {"0\t1\ta\n", "0", 9, CHOIR_EPROTO,
         "a: all messages are from '0', who is data.proxy and no client"},
        {"0\t1\ta\n1\t1\t \n", "0", 9, CHOIR_EPROTO, "a: no message of a client has a word"},
        {"0\t1\ta\n1\t1\tb\n", "", 9, CHOIR_EINVAL,
         "data.proxy: is empty; the vocabulary of messages is learnt from the sender that it "
         "names, and from no client"},
        {"0\t1\ta\n1\t1\tb\n", "0", 0, CHOIR_EINVAL, "data.vocabulary: 0 is not in [1, 65533]"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const choir_job_data o = options_of(rows[i].proxy, rows[i].vocabulary);
        choir_error err = {.message = ""};
        ch_dataset d;
        check_status(parse(&d, rows[i].text, strlen(rows[i].text), &o, &env, &err), rows[i].status);
        assert_string_equal(err.message, rows[i].message);
        ch_dataset_release(&d);
    }
    const choir_job_data o = options_of("0", 9);
    choir_error err = {.message = ""};
    ch_dataset d;
    check_status(parse(&d, "0\t1\ta\0b", 7, &o, &env, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, "a: line 1: a zero byte; this is not text");
    ch_dataset_release(&d);
}

static void every_prefix_is_read_or_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = options_of("0", 9);
    for (size_t size = 0; size < strlen(TEXT); size++) {
        choir_error err = {.message = ""};
        ch_dataset d;
        if (parse(&d, TEXT, size, &o, &env, &err) != CHOIR_OK) {
            assert_true(err.message[0] != '\0');
        }
        ch_dataset_release(&d);
    }
}

static void a_file_is_known_by_its_name_and_first_line(void **state) {
    (void)state;
    file_write(folder, "a.tsv", TEXT, strlen(TEXT));
    file_write(folder, "a.txt", TEXT, strlen(TEXT));
    file_write(folder, "b.tsv", "a\tb\n1\t2\n", 8);
    assert_true(ch_messages_is(folder_file(folder, "a.tsv")));
    assert_false(ch_messages_is(folder_file(folder, "a.txt")));
    assert_false(ch_messages_is(folder_file(folder, "b.tsv")));
    assert_false(ch_messages_is(folder));
    file_write_gz(folder, "a.tsv", TEXT, strlen(TEXT));
    file_write_gz(folder, "a.tsv.gz", TEXT, strlen(TEXT));
    file_write_gz(folder, "b.tsv.gz", "a\tb\n1\t2\n", 8);
    assert_true(ch_messages_is(folder_file(folder, "a.tsv")));
    assert_true(ch_messages_is(folder_file(folder, "a.tsv.gz")));
    assert_false(ch_messages_is(folder_file(folder, "b.tsv.gz")));
    file_write_gz(folder, "nus-sms-en.tsv", TEXT, strlen(TEXT));
    assert_true(ch_messages_is(folder));
    const choir_env env = choir_env_default();
    const choir_job_data o = options_of("0", 9);
    ch_dataset d;
    ch_dataset_init(&d, &env);
    check_status(ch_messages_read(&d, folder, &o, 1, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 5);
    ch_dataset_release(&d);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const choir_job_data o = options_of("0", 9);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_dataset d;
        ch_dataset_init(&d, &m.env);
        m.status = ch_messages_read(&d, folder, &o, 1, NULL);
        ch_dataset_release(&d);
    }
}

static void a_tally_ranks_by_number_and_then_by_bytes(void **state) {
    (void)state;
    static const char letters[] = "bacabcbd";
    const choir_env env = choir_env_default();
    ch_tally t;
    check_status(ch_tally_init(&t, 8, &env), CHOIR_OK);
    for (size_t i = 0; i < 8; i++) {
        const ch_cell letter = {.data = letters + i, .size = 1};
        ch_tally_add(&t, &letter);
    }
    ch_tally_rank(&t, 3);
    const ch_cell a = {.data = "a", .size = 1};
    const ch_cell b = {.data = "b", .size = 1};
    const ch_cell c = {.data = "c", .size = 1};
    const ch_cell d = {.data = "d", .size = 1};
    assert_int_equal(ch_tally_find(&t, &b), 0);
    assert_int_equal(ch_tally_find(&t, &a), 1);
    assert_int_equal(ch_tally_find(&t, &c), 2);
    assert_int_equal(ch_tally_find(&t, &d), CH_TALLY_NONE);
    assert_int_equal(t.entries[0].count, 3);
    ch_tally_release(&t);
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
        cmocka_unit_test(words_are_small_letters_and_marks_are_words),
        cmocka_unit_test(the_vocabulary_is_the_proxys_alone),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_a_sender),
        cmocka_unit_test(the_proxys_messages_alone_are_read_when_they_are_wanted),
        cmocka_unit_test(a_share_of_the_messages_is_for_testing),
        cmocka_unit_test(senders_are_those_with_a_message_to_train_on),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(every_prefix_is_read_or_refused),
        cmocka_unit_test(a_file_is_known_by_its_name_and_first_line),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
        cmocka_unit_test(a_tally_ranks_by_number_and_then_by_bytes),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
