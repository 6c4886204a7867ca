/* Suggester: a model whose scores are set by hand, so that what it suggests is known. */
#include "support/check.h"
#include "support/folder.h"

#include "data/messages.h"
#include "nn/net.h"
#include "run/labels.h"
#include "run/saved.h"
#include "run/suggester.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[FOLDER_PATH_MAX];

enum { POINT = CH_WORD_FIRST, SEE, YOU, YOUR, SOON, WORDS };

static const char *const NAMES[WORDS] = {"<unknown>", "<begin>", "<end>", ".",
                                         "see",       "you",     "your",  "soon"};
static const char LABELS[] =
    "[\"<unknown>\",\"<begin>\",\"<end>\",\".\",\"see\",\"you\",\"your\",\"soon\"]";

/* What follows what, highest first: the score of a token behind another. What is not said is 0. */
static const struct {
    uint32_t last, next;
    float score;
} SCORES[] = {
    {CH_WORD_BEGIN, CH_WORD_UNKNOWN, 9},
    {CH_WORD_BEGIN, SEE, 3},
    {CH_WORD_BEGIN, YOUR, 2},
    {CH_WORD_BEGIN, YOU, 1},
    {SEE, POINT, 9},
    {SEE, YOU, 3},
    {SEE, SOON, 2},
    {YOU, CH_WORD_END, 9},
    {YOU, SOON, 3},
    {CH_WORD_UNKNOWN, YOUR, 3},
    {CH_WORD_UNKNOWN, SOON, 2},
};

typedef struct file {
    const char *name;
    const char *layers;
    const char *labels;
    const char *vocabulary;
    uint32_t steps;
} file;

/* Writes a model that looks the last token up in the table above. */
static const char *file_write(const file *f) {
    const choir_env env = choir_env_default();
    ch_net_options o = ch_net_defaults();
    choir_error err = {.message = ""};
    ch_net *net = NULL;
    o.layers = f->layers;
    o.steps = f->steps;
    o.height = o.width = o.channels = 1;
    if (ch_net_create(&net, &o, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    const uint32_t dim = ch_net_layout(net)->dim;
    float *params = calloc(dim, sizeof(float));
    assert_non_null(params);
    if (dim == 2 * WORDS * WORDS + WORDS) { // the embedding one-hot, then the table, then biases
        for (uint32_t i = 0; i < WORDS; i++) {
            params[i * WORDS + i] = 1;
        }
        for (size_t i = 0; i < sizeof(SCORES) / sizeof(SCORES[0]); i++) {
            params[(WORDS + SCORES[i].last) * WORDS + SCORES[i].next] = SCORES[i].score;
        }
    }
    const ch_saved_texts texts = {
        .hash = "", .labels = f->labels, .vocabulary = f->vocabulary, .encoding = ""};
    const char *path = folder_file(folder, f->name);
    check_status(ch_saved_write(path, net, &o, params, &texts, &env, &err), CHOIR_OK);
    ch_net_destroy(net);
    free(params);
    return folder_file(folder, f->name);
}

static const file PLAIN = {
    .name = "a.safetensors", .layers = "embedding 8 8 | dense 8", .labels = LABELS, .steps = 4};

static ch_suggester *open_or_fail(const file *f) {
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    ch_suggester *s;
    if (ch_suggester_open(&s, file_write(f), &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return s;
}

static void check_words(ch_suggester *s, const char *text, bool is_in_word, const char *expected) {
    const char *words[CH_RECALL_SHOWN];
    char shown[64] = "";
    const uint32_t count = ch_suggester_suggest(s, text, strlen(text), is_in_word, words);
    for (uint32_t i = 0; i < count; i++) {
        const size_t used = strlen(shown);
        (void)snprintf(shown + used, sizeof(shown) - used, "%s%s", i == 0 ? "" : " ", words[i]);
    }
    assert_string_equal(shown, expected);
}

static void the_three_most_probable_words_are_suggested(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_in_word;
        const char *words;
    } rows[] = {
        {"", false, "see your you"}, // <unknown> scores higher, and is no word
        {"see", false, "you soon see"},
        {"SEE ", true, "you soon see"},     // after a blank no word is begun
        {"see you", false, "soon see you"}, // the end is no word; equal ones by their token
        {"see yo", true, "you your"},       // words that begin so, by their score there
        {"yo", true, "your you"},
        {"see x", true, ""},
        {"what", false, "your soon see"}, // a word it does not know
        {"what see", false, "you soon see"},
        {"see.", true, "see you your"}, // a mark is no begun word; nothing is known behind it
        {"\xff\xfe\x01", false, "your soon see"},
        {"\t \r", true, "see your you"},
        {"<end>", false, "your soon see"}, // what is typed so is no end
    };
    ch_suggester *s = open_or_fail(&PLAIN);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_words(s, rows[i].text, rows[i].is_in_word, rows[i].words);
    }
    ch_suggester_close(s);
}

static void of_a_long_text_the_end_counts(void **state) {
    (void)state;
    enum { SIZE = 100000 };
    static char text[SIZE + 1];
    ch_suggester *s = open_or_fail(&PLAIN);
    memset(text, 'x', SIZE); // one word
    check_words(s, text, false, "your soon see");
    for (size_t i = 0; i + 4 <= SIZE; i += 4) {
        memcpy(text + i, "you ", 4);
    }
    check_words(s, text, true, "soon see you");
    memcpy(text + SIZE - 4, " see", 4);
    check_words(s, text, false, "you soon see");
    ch_suggester_close(s);
}

static void of_equal_names_the_most_frequent_one_was_typed(void **state) {
    (void)state;
    static const file twice = {
        "n.safetensors", "embedding 8 8 | dense 8",
        "[\"<unknown>\",\"<begin>\",\"<end>\",\"see\",\"see\",\"z\",\"zz\",\"zzz\"]", NULL, 4};
    ch_suggester *s = open_or_fail(&twice);
    check_words(s, "see", false, "see see z"); // nothing is known behind the first, but is of SEE
    ch_suggester_close(s);
}

static void a_vocabulary_apart_is_the_one_that_the_labels_tell_of(void **state) {
    (void)state;
    char digest[CH_LABELS_DIGEST_MAX];
    ch_labels_digest(digest, NAMES, WORDS);
    const file apart = {"b.safetensors", PLAIN.layers, digest, LABELS, 4};
    ch_suggester *s = open_or_fail(&apart);
    check_words(s, "see", false, "you soon see");
    ch_suggester_close(s);
}

static void what_suggests_no_words_is_refused(void **state) {
    (void)state;
    static const char other[] = "[\"8 words, checksum 0123456789abcdef\"]";
    const struct {
        file file;
        choir_status status;
        const char *says;
    } rows[] = {
        {{"c.safetensors", "dense 8", LABELS, NULL, 0}, CHOIR_EAGAIN, ""},
        {{"d.safetensors", PLAIN.layers, "", NULL, 4}, CHOIR_EAGAIN, ""},
        {{"e.safetensors", PLAIN.layers, "[\"a\",\"b\",\"c\",\"d\"]", NULL, 4}, CHOIR_EAGAIN, ""},
        {{"f.safetensors", PLAIN.layers, other, NULL, 4},
         CHOIR_EPROTO,
         "f.safetensors: does not hold its vocabulary (choir.vocabulary), and so has no words to "
         "suggest"},
        {{"g.safetensors", PLAIN.layers, other, LABELS, 4},
         CHOIR_EPROTO,
         "g.safetensors: holds another vocabulary than it was trained on: [\"8 words, checksum "},
        {{"h.safetensors", PLAIN.layers, other, "[\"a\",7]", 4},
         CHOIR_EPROTO,
         "h.safetensors: its vocabulary is no list of words"},
        {{"i.safetensors", PLAIN.layers, other, "{", 4},
         CHOIR_EPROTO,
         "i.safetensors: its vocabulary (choir.vocabulary) does not begin with \"<unknown>\" and "
         "two more, and words"},
        {{"k.safetensors", PLAIN.layers, "[\"<unknown>\",\"a\",\"b\",\"\\u001b[2J\"]", NULL, 4},
         CHOIR_EPROTO,
         "k.safetensors: word 3 of its vocabulary cannot be printed; needs words of letters and "
         "marks"},
        {{"j.safetensors", "embedding 9 8 | dense 9", LABELS, NULL, 4},
         CHOIR_EPROTO,
         "j.safetensors: its vocabulary has 8 words, its layers read 9 and tell 9 apart"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        ch_suggester *s;
        check_status(ch_suggester_open(&s, file_write(&rows[i].file), &env, &err), rows[i].status);
        assert_null(s);
        assert_non_null(strstr(err.message, rows[i].says));
    }
}

static void the_letters_at_the_end_are_the_begun_word(void **state) {
    (void)state;
    assert_int_equal(ch_suggester_begun("see Yo", 6), 2);
    assert_int_equal(ch_suggester_begun("don't", 5), 5);
    assert_int_equal(ch_suggester_begun("caf\xC3\xA9", 5), 5);
    assert_int_equal(ch_suggester_begun("see ", 4), 0);
    assert_int_equal(ch_suggester_begun("see,", 4), 0);
    assert_int_equal(ch_suggester_begun("", 0), 0);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    char path[FOLDER_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s", file_write(&PLAIN));
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_suggester *s;
        m.status = ch_suggester_open(&s, path, &m.env, NULL);
        ch_suggester_close(s);
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
        cmocka_unit_test(the_three_most_probable_words_are_suggested),
        cmocka_unit_test(of_a_long_text_the_end_counts),
        cmocka_unit_test(of_equal_names_the_most_frequent_one_was_typed),
        cmocka_unit_test(a_vocabulary_apart_is_the_one_that_the_labels_tell_of),
        cmocka_unit_test(what_suggests_no_words_is_refused),
        cmocka_unit_test(the_letters_at_the_end_are_the_begun_word),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
