/* N-gram: probabilities worked out by hand, which sum to one whatever came before. */
#include "support/check.h"

#include "run/ngram.h"

enum { UNKNOWN, BEGIN, END, X, Y, Z, CLASSES };

/* "x y", "x y" and "x z". */
static const uint16_t TOKENS[] = {BEGIN, X, Y, END, BEGIN, X, Y, END, BEGIN, X, Z, END};
static const ch_span SPANS[] = {{0, 4}, {4, 4}, {8, 4}};

static ch_holding lines_of(ch_examples *e, uint32_t first, uint32_t count) {
    *e = (ch_examples){.count = 3, .classes = CLASSES, .tokens = TOKENS, .spans = SPANS + first};
    return (ch_holding){.examples = e, .count = count};
}

static ch_ngram *ngram_of(const ch_holding *holdings, uint32_t count) {
    const choir_env env = choir_env_default();
    ch_ngram *n;
    check_status(ch_ngram_create(&n, holdings, count, CLASSES, BEGIN, &env), CHOIR_OK);
    return n;
}

static void check_row(const ch_ngram *n, uint16_t before, uint16_t last,
                      const double expected[CLASSES]) {
    float p[CLASSES];
    double sum = 0;
    ch_ngram_predict(n, before, last, p);
    for (uint32_t c = 0; c < CLASSES; c++) {
        check_near((double)p[c], expected[c], 1e-7);
        sum += (double)p[c];
    }
    check_near(sum, 1, 1e-6);
}

/*
 * Trigrams: bbx 3, bxy 2, bxz 1, xy$ 2, xz$ 1: n1 = n2 = 2, D = 1/3. Bigrams, by what they follow:
 * bx xy xz y$ z$ once each: D = 1/2. Words: x y z after one word, $ after two: D = 3/5, of 5 in
 * all, 4 kinds; 1/5 for each of the five that can follow.
 */
static void probabilities_are_those_worked_out_by_hand(void **state) {
    (void)state;
    // P(x) = (1 - 0.6) / 5 + 0.6 * 4 / 5 / 5
    static const double words[CLASSES] = {0.096, 0, 0.376, 0.176, 0.176, 0.176};
    // P(y | x) = (1 - 0.5) / 2 + 0.5 * 2 / 2 * P(y)
    static const double behind_x[CLASSES] = {0.048, 0, 0.188, 0.088, 0.338, 0.338};
    // P(y | b x) = (2 - 1/3) / 3 + 1/3 * 2 / 3 * P(y | x)
    static const double at_x[CLASSES] = {2 * 0.048 / 9,           0,
                                         2 * 0.188 / 9,           2 * 0.088 / 9,
                                         5.0 / 9 + 2 * 0.338 / 9, 2.0 / 9 + 2 * 0.338 / 9};
    ch_examples e;
    const ch_holding h = lines_of(&e, 0, 3);
    ch_ngram *n = ngram_of(&h, 1);
    check_row(n, Z, UNKNOWN, words);
    check_row(n, Z, X, behind_x);
    check_row(n, BEGIN, X, at_x);
    ch_ngram_destroy(n);
}

static void holdings_are_counted_as_one(void **state) {
    (void)state;
    ch_examples e[3];
    const ch_holding whole = lines_of(&e[0], 0, 3);
    const ch_holding parts[] = {lines_of(&e[1], 2, 1), lines_of(&e[2], 0, 2)};
    ch_ngram *a = ngram_of(&whole, 1);
    ch_ngram *b = ngram_of(parts, 2);
    for (uint16_t last = 0; last < CLASSES; last++) {
        float p[CLASSES];
        float q[CLASSES];
        ch_ngram_predict(a, BEGIN, last, p);
        ch_ngram_predict(b, BEGIN, last, q);
        assert_memory_equal(p, q, sizeof(p));
    }
    ch_ngram_destroy(a);
    ch_ngram_destroy(b);
}

/* "x y x z" whole, and cut into three, the last piece first. */
static void a_line_that_was_cut_is_counted_as_the_whole(void **state) {
    (void)state;
    static const uint16_t tokens[] = {BEGIN, X, Y, END, BEGIN, X, Y, X, Z, END};
    static const ch_span whole[] = {{0, 4}, {4, 6}};
    static const ch_span cut[] = {{8, 2}, {0, 4}, {4, 3}, {6, 3}};
    const ch_examples e[] = {
        {.count = 2, .classes = CLASSES, .tokens = tokens, .spans = whole},
        {.count = 4, .classes = CLASSES, .tokens = tokens, .spans = cut},
    };
    const ch_holding h[] = {{.examples = &e[0], .count = 2}, {.examples = &e[1], .count = 4}};
    ch_ngram *a = ngram_of(&h[0], 1);
    ch_ngram *b = ngram_of(&h[1], 1);
    for (uint32_t pair = 0; pair < CLASSES * CLASSES; pair++) {
        float p[CLASSES];
        float q[CLASSES];
        ch_ngram_predict(a, (uint16_t)(pair / CLASSES), (uint16_t)(pair % CLASSES), p);
        ch_ngram_predict(b, (uint16_t)(pair / CLASSES), (uint16_t)(pair % CLASSES), q);
        assert_memory_equal(p, q, sizeof(p));
    }
    assert_int_equal(ch_ngram_before(&e[1], 0, BEGIN), X);
    assert_int_equal(ch_ngram_before(&e[1], 1, BEGIN), BEGIN);
    assert_int_equal(ch_ngram_before(&e[1], 2, BEGIN), BEGIN);
    assert_int_equal(ch_ngram_before(&e[1], 3, BEGIN), X);
    ch_ngram_destroy(a);
    ch_ngram_destroy(b);
}

static void of_nothing_every_word_is_as_likely(void **state) {
    (void)state;
    static const double even[CLASSES] = {0.2, 0, 0.2, 0.2, 0.2, 0.2};
    ch_examples e;
    const ch_holding h = lines_of(&e, 0, 0);
    ch_ngram *n = ngram_of(&h, 1);
    check_row(n, BEGIN, BEGIN, even);
    ch_ngram_destroy(n);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    ch_examples e;
    const ch_holding h = lines_of(&e, 0, 3);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_ngram *made;
        m.status = ch_ngram_create(&made, &h, 1, CLASSES, BEGIN, &m.env);
        ch_ngram_destroy(made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_those_worked_out_by_hand),
        cmocka_unit_test(holdings_are_counted_as_one),
        cmocka_unit_test(a_line_that_was_cut_is_counted_as_the_whole),
        cmocka_unit_test(of_nothing_every_word_is_as_likely),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
