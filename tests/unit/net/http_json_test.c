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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_comes_as_it_is),
        cmocka_unit_test(what_would_steer_a_terminal_or_make_a_line_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
