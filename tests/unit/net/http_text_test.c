/* HTTP text: escapes, paths and tokens as strangers write them. */
#include "support/check.h"

#include "net/http_text.h"

#include <stdio.h>
#include <string.h>

static void escapes_are_decoded_once_or_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *decoded; // NULL: refused
    } rows[] = {
        {"", ""},           {"/a/b", "/a/b"}, {"%41%4a%4A", "AJJ"}, {"/%2e%2E/", "/../"},
        {"%2541", "%41"},   {"%", NULL},      {"%4", NULL},         {"a%g1", NULL},
        {"%1g", NULL},      {"%00", NULL},    {"ab%0", NULL},       {"%%41", NULL},
        {"ok%20%00", NULL}, {"%ff", "\xff"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[32];
        size_t length = 99;
        (void)snprintf(text, sizeof(text), "%s", rows[i].text);
        assert_int_equal(ch_http_unescape(text, &length), rows[i].decoded != NULL);
        assert_string_equal(text, rows[i].decoded != NULL ? rows[i].decoded : rows[i].text);
        assert_int_equal(length, rows[i].decoded != NULL ? strlen(rows[i].decoded) : 99);
    }
}

static void a_path_is_plain_or_not(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool is_plain;
    } rows[] = {
        {"/", true},          {"/v1/models/ab", true},
        {"/a..b/...", true},  {"//", true},
        {"/\xc3\xa4", true},  {"", false},
        {"a", false},         {"*", false},
        {"http://a/", false}, {"/..", false},
        {"/a/../b", false},   {"/./a", false},
        {"/a/.", false},      {"/a\nb", false},
        {"/\x7f", false},     {"/\xff", false},
        {"/1234567", true},   {"/12345678", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const size_t bytes_max = strncmp(rows[i].path, "/1", 2) == 0 ? 8 : 100;
        assert_int_equal(ch_http_path_is_plain(rows[i].path, bytes_max), rows[i].is_plain);
    }
}

static void a_token_stands_alone_behind_its_scheme(void **state) {
    (void)state;
    static const struct {
        const char *value, *token;
    } rows[] = {
        {NULL, NULL},         {"", NULL},        {"Bearer", NULL},
        {"Bearer ", NULL},    {"Bearer a", "a"}, {"bearer  ab.c=", "ab.c="},
        {"Bearera", NULL},    {"Basic a", NULL}, {"Bearer a b", NULL},
        {"Bearer a,b", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *token = ch_http_token(rows[i].value);
        assert_string_equal(token != NULL ? token : "none",
                            rows[i].token != NULL ? rows[i].token : "none");
    }
}

static void a_requests_id_is_harmless_wherever_it_is_written(void **state) {
    (void)state;
    assert_true(ch_http_is_id("a", 64));
    assert_true(ch_http_is_id("0aZ._-", 6));
    assert_false(ch_http_is_id("0aZ._-", 5));
    static const char *const rows[] = {"", "a b", "a\"", "a\n", "a=b", "\xc3\xb6", "a/b", "{}"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(ch_http_is_id(rows[i], 64));
    }
}

static void a_trace_has_an_id_when_it_is_well_formed(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool is_right;
    } rows[] = {
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true},
        {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true},
        {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false},
        {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more", false},
        {"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false},
        {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e47360-00f067aa0ba902b7-01", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736", false},
        {"00-", false},
        {"0", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char id[CH_HTTP_TRACE_MAX] = "as it was";
        assert_int_equal(ch_http_trace_id(id, rows[i].value), rows[i].is_right);
        assert_string_equal(id,
                            rows[i].is_right ? "4bf92f3577b34da6a3ce929d0e0e4736" : "as it was");
    }
}

static void a_line_has_no_end_in_it(void **state) {
    (void)state;
    assert_true(ch_http_is_line("text/plain; q=\xc3\xa4"));
    assert_true(ch_http_is_line(""));
    assert_false(ch_http_is_line("a\r\nb: c"));
    assert_false(ch_http_is_line("a\nb"));
    assert_false(ch_http_is_line("a\x7f"));
}

static void a_headers_name_is_a_token(void **state) {
    (void)state;
    assert_true(ch_http_is_token("Content-Length"));
    assert_true(ch_http_is_token("!#$%&'*+-.^_`|~09azAZ"));
    static const char *const rows[] = {"",     " a",  "a ",    "a\t",      "a b", "a:", "a\"",
                                       "a(b)", "a\v", "a\x7f", "\xc3\xb6", "a/b", "a,", "{}"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(ch_http_is_token(rows[i]));
    }
}

static void a_hash_is_64_small_digits(void **state) {
    (void)state;
    static const char right[] = "00ff10abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123";
    char wrong[70];
    uint8_t hash[32];
    assert_true(ch_http_hash_read(hash, right));
    assert_int_equal(hash[0], 0x00);
    assert_int_equal(hash[1], 0xff);
    assert_int_equal(hash[31], 0x23);
    for (size_t i = 0; i < 64; i++) {
        for (const char *letter = "gG/:@` F"; *letter != '\0'; letter++) {
            memcpy(wrong, right, sizeof(right));
            wrong[i] = *letter;
            assert_false(ch_http_hash_read(hash, wrong));
        }
        (void)snprintf(wrong, sizeof(wrong), "%.*s", (int)i, right);
        assert_false(ch_http_hash_read(hash, wrong));
    }
    (void)snprintf(wrong, sizeof(wrong), "%s0", right);
    assert_false(ch_http_hash_read(hash, wrong));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_decoded_once_or_refused),
        cmocka_unit_test(a_path_is_plain_or_not),
        cmocka_unit_test(a_token_stands_alone_behind_its_scheme),
        cmocka_unit_test(a_requests_id_is_harmless_wherever_it_is_written),
        cmocka_unit_test(a_trace_has_an_id_when_it_is_well_formed),
        cmocka_unit_test(a_line_has_no_end_in_it),
        cmocka_unit_test(a_headers_name_is_a_token),
        cmocka_unit_test(a_hash_is_64_small_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
