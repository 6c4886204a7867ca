/* Draft: growth, escapes, base64, and memory that runs out. */
#include "support/check.h"

#include "report/draft.h"

#include <string.h>

static void what_a_stranger_wrote_is_text_and_nothing_else(void **state) {
    (void)state;
    static const struct {
        const char *text, *html;
    } rows[] = {
        {"plain", "plain"},
        {"<script>alert(\"1\" & '2')</script>",
         "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;"},
        {"two\nlines\tand a tab", "two\nlines\tand a tab"},
        {"bell\a, escape\033[31m", "bell\xef\xbf\xbd, escape\xef\xbf\xbd[31m"},
        {"Zürich 東京 🎵", "Zürich 東京 🎵"},
        {"cut \xe6\x9d", "cut \xef\xbf\xbd\xef\xbf\xbd"},
        {"overlong \xc0\xbc", "overlong \xef\xbf\xbd\xef\xbf\xbd"},
        {"<\xff>", "&lt;\xef\xbf\xbd&gt;"},
        {"", ""},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_draft d;
        ch_draft_init(&d, &env);
        ch_draft_html(&d, rows[i].text);
        check_status(ch_draft_status(&d), CHOIR_OK);
        assert_string_equal(d.size == 0 ? "" : d.text, rows[i].html);
        ch_draft_release(&d);
    }
}

static void base64_is_that_of_rfc_4648(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfd", "//79"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_draft d;
        ch_draft_init(&d, &env);
        ch_draft_put(&d, "");
        const choir_bytes bytes = {.data = (const uint8_t *)rows[i][0], .size = strlen(rows[i][0])};
        ch_draft_base64(&d, bytes);
        assert_string_equal(d.text, rows[i][1]);
        ch_draft_release(&d);
    }
}

static void a_draft_grows_as_far_as_it_may(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_draft d;
    ch_draft_init(&d, &env);
    char block[4096];
    memset(block, 'x', sizeof(block));
    size_t written = 0;
    while (written + sizeof(block) < CH_DRAFT_BYTES_MAX) {
        ch_draft_put_bytes(&d, block, sizeof(block));
        written += sizeof(block);
    }
    check_status(ch_draft_status(&d), CHOIR_OK);
    assert_true(d.size == written && strlen(d.text) == written);
    ch_draft_put_bytes(&d, block, sizeof(block));
    check_status(ch_draft_status(&d), CHOIR_ENOMEM);
    ch_draft_put(&d, "more"); // stays failed
    assert_true(d.size == written);
    ch_draft_reset(&d);
    ch_draft_format(&d, "%d %s", 7, "again");
    check_status(ch_draft_status(&d), CHOIR_OK);
    assert_string_equal(d.text, "7 again");
    ch_draft_release(&d);
    ch_draft_release(&d);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_draft d;
        ch_draft_init(&d, &m.env);
        for (int i = 0; i < 5000; i++) {
            ch_draft_html(&d, "<&>");
        }
        m.status = ch_draft_status(&d);
        assert_true(m.status != CHOIR_OK || d.size == 65000);
        ch_draft_release(&d);
    }
    assert_int_equal(m.tries, 5 + 1); // 4 kB doubled up to 64 kB, and the success
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_stranger_wrote_is_text_and_nothing_else),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(a_draft_grows_as_far_as_it_may),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
