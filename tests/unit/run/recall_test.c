/* Recall: what a keyboard may suggest, and counts worked out by hand. */
#include "support/check.h"

#include "data/messages.h"
#include "run/recall.h"

#include <math.h>

/* A vocabulary, with what its tokens are. */
static const char *const NAMES[] = {"<unknown>", "<begin>", "<end>", ".", "you", "ok", "5", "'"};
enum { COUNT = sizeof(NAMES) / sizeof(NAMES[0]), POINT = 3, YOU, OK, FIVE, QUOTE };

static void kinds_fill(uint8_t kinds[COUNT]) {
    for (uint32_t i = 0; i < COUNT; i++) {
        kinds[i] = (uint8_t)ch_recall_kind_of(i, NAMES[i]);
    }
}

static void words_alone_are_suggested(void **state) {
    (void)state;
    static const ch_recall_kind expected[COUNT] = {
        CH_RECALL_UNKNOWN, CH_RECALL_OTHER, CH_RECALL_OTHER, CH_RECALL_OTHER,
        CH_RECALL_WORD,    CH_RECALL_WORD,  CH_RECALL_WORD,  CH_RECALL_OTHER};
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(ch_recall_kind_of(i, NAMES[i]), expected[i]);
    }
    assert_int_equal(ch_recall_kind_of(9, "\xC3\xBC"), CH_RECALL_WORD);
}

static void a_place_counts_by_the_rank_among_words(void **state) {
    (void)state;
    static const struct {
        float scores[COUNT];
        uint32_t token;
        ch_recall counted;
    } rows[] = {
        // unknown, begin, end and marks are above it, and are no words
        {{0.9F, 0.8F, 0.7F, 0.6F, 0.2F, 0.1F, 0, 0.5F}, YOU, {1, 1, 1}},
        {{0, 0, 0, 0, 0.1F, 0.2F, 0, 0}, YOU, {1, 0, 1}},
        {{0, 0, 0, 0, 0.1F, 0.3F, 0.2F, 0}, YOU, {1, 0, 1}}, // third of three words
        {{0, 0, 0, 0, 0.2F, 0.2F, 0.2F, 0}, YOU, {1, 1, 1}}, // of equals the more frequent one
        {{0, 0, 0, 0, 0.2F, 0.2F, 0.2F, 0}, OK, {1, 0, 1}},
        {{1, 0, 0, 0, 0, 0, 0, 0}, CH_WORD_UNKNOWN, {1, 0, 0}}, // is counted and never found
        {{0, 0, 1, 0, 0, 0, 0, 0}, CH_WORD_END, {0, 0, 0}},
        {{0, 0, 0, 1, 0, 0, 0, 0}, POINT, {0, 0, 0}},
        {{0, 0, 0, 0, 0, 0, 0, 1}, QUOTE, {0, 0, 0}},
    };
    uint8_t kinds[COUNT];
    ch_recall all = {0};
    kinds_fill(kinds);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_recall one = {0};
        ch_recall_add(&one, rows[i].scores, kinds, COUNT, rows[i].token);
        assert_int_equal(one.words, rows[i].counted.words);
        assert_int_equal(one.first, rows[i].counted.first);
        assert_int_equal(one.among, rows[i].counted.among);
        ch_recall_merge(&all, &one);
    }
    check_near(ch_recall_first(&all), 2.0 / 6, 1e-15);
    check_near(ch_recall_among(&all), 5.0 / 6, 1e-15);
}

static void a_score_that_is_no_number_finds_nothing(void **state) {
    (void)state;
    const float scores[COUNT] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    uint8_t kinds[COUNT];
    ch_recall r = {0};
    kinds_fill(kinds);
    ch_recall_add(&r, scores, kinds, COUNT, YOU);
    assert_int_equal(r.words, 1);
    assert_int_equal(r.first, 0);
    assert_int_equal(r.among, 0);
}

static void the_fourth_word_is_not_shown(void **state) {
    (void)state;
    static const float scores[] = {0, 0, 0, 4, 3, 2, 1};
    static const uint8_t kinds[] = {CH_RECALL_UNKNOWN, CH_RECALL_OTHER, CH_RECALL_OTHER,
                                    CH_RECALL_WORD,    CH_RECALL_WORD,  CH_RECALL_WORD,
                                    CH_RECALL_WORD};
    ch_recall r = {0};
    ch_recall_add(&r, scores, kinds, 7, 5);
    assert_int_equal(r.among, 1);
    ch_recall_add(&r, scores, kinds, 7, 6);
    assert_int_equal(r.among, 1);
    assert_int_equal(r.words, 2);
}

static void of_no_words_there_is_no_share(void **state) {
    (void)state;
    const ch_recall none = {0};
    assert_true(isnan(ch_recall_first(&none)));
    assert_true(isnan(ch_recall_among(&none)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_alone_are_suggested),
        cmocka_unit_test(a_place_counts_by_the_rank_among_words),
        cmocka_unit_test(a_score_that_is_no_number_finds_nothing),
        cmocka_unit_test(the_fourth_word_is_not_shown),
        cmocka_unit_test(of_no_words_there_is_no_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
