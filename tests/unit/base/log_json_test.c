/* A log line as JSON: one object on one line, whatever its fields have. */
#include "support/check.h"

#include "base/log_json.h"

#include <stdio.h>
#include <string.h>

static const uint64_t AT_MS = UINT64_C(1700000000042);
static char out[CH_LOG_JSON_MAX];

static void check_line(const char *fields, const char *expected) {
    char all[CH_LOG_JSON_MAX];
    const size_t size = ch_log_json(out, AT_MS, "info", "it", fields);
    (void)snprintf(all, sizeof(all),
                   "{\"ts\":\"2023-11-14T22:13:20.042Z\",\"level\":\"info\",\"event\":\"it\"%s}\n",
                   expected);
    assert_string_equal(out, all);
    assert_int_equal(size, strlen(all));
}

static void values_are_numbers_truths_or_texts(void **state) {
    (void)state;
    check_line("", "");
    check_line("round=7 loss=0.25 job=a@1", ",\"round\":7,\"loss\":0.25,\"job\":\"a@1\"");
    check_line("a=-1 b=1e+06 c=1.5E-3 d=0", ",\"a\":-1,\"b\":1e+06,\"c\":1.5E-3,\"d\":0");
    check_line("a=true b=false c=truer", ",\"a\":true,\"b\":false,\"c\":\"truer\"");
    check_line("a= b=1", ",\"a\":\"\",\"b\":1");
    check_line("  a=1   b=2 ", ",\"a\":1,\"b\":2");
}

static void what_only_looks_like_a_number_is_a_text(void **state) {
    (void)state;
    static const char *const rows[] = {"nan", "inf",  "-",   "01",  "1.",  ".5",   "+1",
                                       "1e",  "1e+x", "0x1", "--1", "1-2", "1.2.3"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char fields[64];
        char expected[64];
        (void)snprintf(fields, sizeof(fields), "a=%s", rows[i]);
        (void)snprintf(expected, sizeof(expected), ",\"a\":\"%s\"", rows[i]);
        check_line(fields, expected);
    }
}

static void texts_between_quotes_are_whole(void **state) {
    (void)state;
    check_line("why=\"a b=c\" n=1", ",\"why\":\"a b=c\",\"n\":1");
    check_line("why=\"1\"", ",\"why\":\"1\"");
    check_line("why=\"say \\\"no\\\" \\\\ b=2\" n=1",
               ",\"why\":\"say \\\"no\\\" \\\\ b=2\",\"n\":1");
    check_line("why=\"cut...", ",\"why\":\"cut...\"");
    check_line("why=\"cut\\", ",\"why\":\"cut\\\\\"");
}

static void nothing_ends_the_line_or_leaves_its_text(void **state) {
    (void)state;
    check_line("a=x\n{\"level\":\"error\"}", ",\"a\":\"x\\u000a{\\\"level\\\":\\\"error\\\"}\"");
    check_line("a=\"\x1b[2J\x7f\r\"", ",\"a\":\"\\u001b[2J\\u007f\\u000d\"");
    check_line("a=b\xc3\xb6\xf0\x9f\x8e\xb6", ",\"a\":\"b\xc3\xb6\xf0\x9f\x8e\xb6\"");
    check_line("a=\xff\xc3 \xed\xa0\x80",
               ",\"a\":\"\\ufffd\\ufffd\",\"text\":\"\\ufffd\\ufffd\\ufffd\"");
    check_line("no fields a=1", ",\"text\":\"no fields a=1\"");
    check_line("A=1", ",\"text\":\"A=1\"");
}

static void fields_that_do_not_fit_are_left_out(void **state) {
    (void)state;
    static char fields[3 * CH_LOG_JSON_MAX];
    memset(fields, '\x01', sizeof(fields) - 1);
    memcpy(fields, "a=1 b=", 6);
    check_line(fields, ",\"a\":1,\"cut\":true");
    for (size_t size = 1300; size < 1500; size++) { // about where six times as much fills a line
        memset(fields + 6, '\x01', size);
        fields[6 + size] = '\0';
        const size_t length = ch_log_json(out, AT_MS, "info", "it", fields);
        assert_true(length < CH_LOG_JSON_MAX);
        assert_int_equal(length, strlen(out));
        assert_string_equal(out + length - 2, "}\n");
        assert_true(strstr(out, "\\u0001\"}") != NULL ||
                    strstr(out, ",\"a\":1,\"cut\":true}") != NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_numbers_truths_or_texts),
        cmocka_unit_test(what_only_looks_like_a_number_is_a_text),
        cmocka_unit_test(texts_between_quotes_are_whole),
        cmocka_unit_test(nothing_ends_the_line_or_leaves_its_text),
        cmocka_unit_test(fields_that_do_not_fit_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
