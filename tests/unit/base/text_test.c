/* Text: numbers both ways, distances by hand, and what a stranger may write. */
#include "support/check.h"
#include "support/comma_locale.h"

#include "base/text.h"

#include <float.h>
#include <string.h>

static void distances_count_inserted_deleted_replaced_and_swapped_letters(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        uint32_t distance;
    } rows[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"abc", "", 3},
        {"epochs", "epochs", 0},
        {"epoch", "epochs", 1},
        {"eopchs", "epochs", 1},
        {"kitten", "sitting", 3},
        {"ca", "abc", 3}, // the restricted distance: the unrestricted one is 2
        {"a cat", "an act", 2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ch_text_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(ch_text_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
}

static void texts_too_long_to_compare_are_far(void **state) {
    (void)state;
    char longer[100];
    memset(longer, 'x', sizeof(longer));
    longer[99] = '\0';
    assert_int_equal(ch_text_distance(longer, longer), CH_TEXT_DISTANCE_FAR);
    longer[63] = '\0';
    assert_int_equal(ch_text_distance(longer, longer), 0);
}

static void printable_text_is_utf8_without_controls(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_printable;
    } rows[] = {
        {"", true},
        {"plain text, 1 line ~", true},
        {"na\xc3\xafve \xe2\x82\xac \xf0\x9f\x8e\xb6", true}, // two, three and four bytes
        {"tab\there", false},
        {"line\nbreak", false},
        {"\x1b[31m", false},
        {"\x7f", false},
        {"\xc2\x85", false},         // a C1 control
        {"\xc0\x80", false},         // overlong
        {"\xe0\x80\x80", false},     // likewise
        {"\xed\xa0\x80", false},     // a surrogate
        {"\xef\xbb\xbf", false},     // byte order mark
        {"\xef\xbf\xbf", false},     // a non-character
        {"\xf4\x90\x80\x80", false}, // above U+10FFFF
        {"\xff", false},
        {"cut \xe2\x82", false},
        {"\x82", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ch_text_is_printable(rows[i].text), rows[i].is_printable);
    }
}

static void plain_names_lead_nowhere_else(void **state) {
    (void)state;
    const char *plain[] = {"a", "Z9", "mnist_2nn", "a.b-c", "...", ".a", "-"};
    const char *others[] = {"", ".", "..", "a/b", "a b", "a?", "é", "a\n", "%2e"};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        assert_true(ch_text_is_plain(plain[i]));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(ch_text_is_plain(others[i]));
    }
}

static void shown_text_is_short_and_harmless(void **state) {
    (void)state;
    char out[80];
    ch_text_show(out, sizeof(out), "a\x1b[1m\xc3\xaf");
    assert_string_equal(out, "a?[1m??");
    char longer[61 + 1] = {0};
    memset(longer, 'x', 61);
    ch_text_show(out, sizeof(out), longer);
    assert_int_equal(strlen(out), 63);
    assert_string_equal(out + 58, "xx...");
    ch_text_show(out, 4, "abcdef");
    assert_string_equal(out, "abc");
}

static void quoted_text_escapes_quotes_and_backslashes(void **state) {
    (void)state;
    char out[16];
    assert_int_equal(ch_text_quote(out, sizeof(out), "a\"b\\c"), 9);
    assert_string_equal(out, "\"a\\\"b\\\\c\"");
    assert_int_equal(ch_text_quote(out, 4, "abc"), 5);
    assert_string_equal(out, "\"ab");
    assert_int_equal(ch_text_quote(out, 1, ""), 2);
    assert_string_equal(out, "");
}

static void words_of_a_command_are_quoted_where_a_shell_would_read_them_otherwise(void **state) {
    (void)state;
    char out[32] = "";
    ch_text_shell(out, sizeof(out), "get");
    ch_text_shell(out, sizeof(out), "my sets");
    ch_text_shell(out, sizeof(out), "");
    ch_text_shell(out, sizeof(out), "it's");
    assert_string_equal(out, "get 'my sets' '' 'it'\\''s'");
    ch_text_shell(out, sizeof(out), "and more");
    assert_string_equal(out, "get 'my sets' '' 'it'\\''s' 'and");
}

static void lists_are_cut_to_size(void **state) {
    (void)state;
    char out[12] = "";
    ch_text_list(out, sizeof(out), "clip");
    assert_string_equal(out, "clip");
    ch_text_list(out, sizeof(out), "mask");
    assert_string_equal(out, "clip, mask");
    for (int i = 0; i < 3; i++) {
        ch_text_list(out, sizeof(out), "noise");
        assert_string_equal(out, "clip, mask,");
    }
}

static void only_one_of_a_thing_has_no_plural(void **state) {
    (void)state;
    assert_string_equal(ch_text_plural(0), "s");
    assert_string_equal(ch_text_plural(1), "");
    assert_string_equal(ch_text_plural(2), "s");
    assert_string_equal(ch_text_plural((uint64_t)UINT32_MAX + 2), "s");
}

static void numbers_are_written_short_and_read_back_equal(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0.0, "0"},       {0.1, "0.1"},   {1.0 / 3.0, "0.3333333333333333"},
        {1e6, "1000000"}, {-2.5, "-2.5"}, {1e-9, "1e-09"},
    };
    char out[CH_TEXT_NUMBER_MAX];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_text_number(out, sizeof(out), rows[i].value);
        assert_string_equal(out, rows[i].text);
    }
    const double hard[] = {DBL_MAX, -DBL_MAX, DBL_MIN, DBL_MIN * DBL_EPSILON, 0.1 + 0.2, 5e-324};
    for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++) {
        double back = 0;
        ch_text_number(out, sizeof(out), hard[i]);
        assert_true(ch_text_read_f64(&back, out));
        assert_memory_equal(&back, &hard[i], sizeof(back));
    }
}

static void only_decimal_numbers_are_numbers(void **state) {
    (void)state;
    static const char *const refused[] = {"",     " 1",   "1 ",    "nan",   "inf",
                                          "-inf", "0x10", "1e",    "e5",    "1e999",
                                          "1,5",  "+",    "1.2.3", "1_000", "five"};
    double f64 = 7;
    uint64_t u64 = 7;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_false(ch_text_read_f64(&f64, refused[i]));
        assert_false(ch_text_read_u64(&u64, refused[i]));
    }
    assert_false(ch_text_read_u64(&u64, "-1"));
    assert_false(ch_text_read_u64(&u64, "+1"));
    assert_false(ch_text_read_u64(&u64, "1.0"));
    assert_false(ch_text_read_u64(&u64, "18446744073709551616"));
    assert_true(f64 == 7 && u64 == 7);
    assert_true(ch_text_read_u64(&u64, "18446744073709551615"));
    assert_true(u64 == UINT64_MAX);
    assert_true(ch_text_read_f64(&f64, "-1.5e-3"));
    assert_true(f64 == -1.5e-3);
}

static void numbers_have_a_point_in_every_locale(void **state) {
    (void)state;
    static char folder[FOLDER_PATH_MAX];
    folder_make(folder);
    const bool has_comma = comma_locale_set(folder);
    folder_remove(folder);
    if (!has_comma) {
        skip();
    }
    double f64 = 7;
    char out[CH_TEXT_NUMBER_MAX];
    ch_text_number(out, sizeof(out), -0.5);
    assert_string_equal(out, "-0.5");
    assert_true(ch_text_read_f64(&f64, "2.5e-1"));
    assert_true(f64 == 0.25);
    assert_false(ch_text_read_f64(&f64, "2,5"));
    assert_true(comma_is_set()); // the caller's locale is as it was
    (void)setlocale(LC_NUMERIC, "C");
}

static void a_float_is_its_shortest_decimal(void **state) {
    (void)state;
    assert_true(ch_text_decimal(0.1F) == 0.1);
    assert_true(ch_text_decimal(-2.5e-9F) == -2.5e-9);
    assert_true(ch_text_decimal(16777216) == 16777216);
    const float thirds[] = {1.0F / 3, 2e30F / 3, 0};
    for (size_t i = 0; i < sizeof(thirds) / sizeof(thirds[0]); i++) {
        assert_true((float)ch_text_decimal(thirds[i]) == thirds[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_float_is_its_shortest_decimal),
        cmocka_unit_test(distances_count_inserted_deleted_replaced_and_swapped_letters),
        cmocka_unit_test(texts_too_long_to_compare_are_far),
        cmocka_unit_test(printable_text_is_utf8_without_controls),
        cmocka_unit_test(plain_names_lead_nowhere_else),
        cmocka_unit_test(shown_text_is_short_and_harmless),
        cmocka_unit_test(quoted_text_escapes_quotes_and_backslashes),
        cmocka_unit_test(words_of_a_command_are_quoted_where_a_shell_would_read_them_otherwise),
        cmocka_unit_test(lists_are_cut_to_size),
        cmocka_unit_test(only_one_of_a_thing_has_no_plural),
        cmocka_unit_test(numbers_are_written_short_and_read_back_equal),
        cmocka_unit_test(only_decimal_numbers_are_numbers),
        cmocka_unit_test(numbers_have_a_point_in_every_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
