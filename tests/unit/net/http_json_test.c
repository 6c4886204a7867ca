/* HTTP with JSON: what a server says of a refusal, as people are shown it. */
#include "support/check.h"

#include "net/http_json.h"

#include <string.h>

static const char *said(unsigned code, const char *body, choir_error *err) {
    const ch_http_reply reply = {.code = code,
                                 .body = {.data = (const uint8_t *)body, .size = strlen(body)}};
    assert_int_not_equal(ch_http_said(&reply, "join", err), CHOIR_OK);
    return err->message;
}

static void a_sentence_comes_as_it_is(void **state) {
    (void)state;
    choir_error err = {.message = ""};
    assert_string_equal(said(404, "{\"error\": \"there is no job 'caf\xc3\xa9' here\"}", &err),
                        "join: there is no job 'caf\xc3\xa9' here");
    assert_string_equal(said(500, "none", &err), "join: the server answered with HTTP 500");
}

static void what_would_steer_a_terminal_or_make_a_line_does_not(void **state) {
    (void)state;
    choir_error err = {.message = ""};
    assert_string_equal(said(400, "{\"error\": \"a\\u001b[2Jb\\nc \xe2\x80\xa6\"}", &err),
                        "join: a?[2Jb?c ???");
}

/* In memory an empty list is many times its three bytes. */
static void an_answer_of_more_values_than_any_has_is_not_read(void **state) {
    (void)state;
    static char text[3 * (CH_HTTP_VALUES_MAX + 8)] = "{\"a\": [";
    choir_error err = {.message = ""};
    json_t *out = NULL;
    for (int i = 0; i < CH_HTTP_VALUES_MAX; i++) {
        memcpy(text + strlen(text), "0,", 3);
    }
    memcpy(text + strlen(text) - 1, "]}", 3);
    ch_http_reply reply = {.code = 200, .body = {(const uint8_t *)text, strlen(text)}};
    check_status(ch_http_took(&reply, "join", &out, &err), CHOIR_EPROTO);
    assert_null(out);
    assert_string_equal(err.message, "join: the server's answer is no JSON object");
    assert_string_equal(said(500, text, &err), "join: the server answered with HTTP 500");
    memcpy(text, "{\"a\":\"\\\"", 8); // in a text it is letters, also behind a quote in that
    memcpy(text + strlen(text) - 2, "\"}", 3);
    check_status(ch_http_took(&reply, "join", &out, &err), CHOIR_OK);
    json_decref(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_comes_as_it_is),
        cmocka_unit_test(what_would_steer_a_terminal_or_make_a_line_does_not),
        cmocka_unit_test(an_answer_of_more_values_than_any_has_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
