/* Tokens of an identity provider: what is believed, and every way to forge one that is not. */
#include "support/check.h"

#include "crypto/entropy.h"
#include "net/jwt.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1500 };

static const ch_jwt_rules RULES = {.issuer = "https://id.example.org", .audience = "choir"};

static json_t *golden; // tools/golden_tokens.py
static ch_jwks keys;

static int start(void **state) {
    (void)state;
    golden = json_load_file(CHOIR_SOURCE_DIR "/tests/golden/tokens.json", 0, NULL);
    char *text = json_dumps(json_object_get(golden, "keys"), 0);
    const choir_status status =
        text == NULL ? CHOIR_EIO
                     : ch_jwks_parse(&keys, (choir_bytes){(const uint8_t *)text, strlen(text)},
                                     "golden", NULL);
    free(text);
    return ch_crypto_start(NULL) == CHOIR_OK && status == CHOIR_OK ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    ch_jwks_release(&keys);
    json_decref(golden);
    return 0;
}

static void the_providers_tokens_are_believed_and_no_forgery_is(void **state) {
    (void)state;
    size_t i = 0;
    size_t believed = 0;
    const json_t *row = NULL;
    const json_t *rows = json_object_get(golden, "tokens");
    json_array_foreach(rows, i, row) {
        const char *what = json_string_value(json_object_get(row, "what"));
        const char *says = json_string_value(json_object_get(row, "says"));
        const char *token = json_string_value(json_object_get(row, "token"));
        ch_jwt found = {.subject = "as it was"};
        choir_error err = {.message = ""};
        const choir_status status = ch_jwt_read(&found, token, &keys, &RULES, NOW_S, &err);
        const bool is_good = says[0] == '\0';
        const bool is_late = strstr(says, "its time ") != NULL;
        if (strcmp(err.message, says) != 0 ||
            status != (is_good ? CHOIR_OK : (is_late ? CHOIR_ESTALE : CHOIR_EPROTO)) ||
            strcmp(found.subject, is_good ? "ada" : "as it was") != 0) {
            fail_msg("%s: %s, '%s' and not '%s', for %s", what, choir_status_name(status),
                     err.message, says, found.subject);
        }
        believed += is_good ? 1 : 0;
    }
    assert_int_equal(believed, 9);
    assert_true(json_array_size(rows) > 60);
}

static const char *token_of(const char *what) {
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(json_object_get(golden, "tokens"), i, row) {
        if (strcmp(json_string_value(json_object_get(row, "what")), what) == 0) {
            return json_string_value(json_object_get(row, "token"));
        }
    }
    fail_msg("there is no golden token '%s'", what);
    return "";
}

static void check_refused(const char *token) {
    ch_jwt found = {.subject = "as it was"};
    choir_error err = {.message = ""};
    check_status(ch_jwt_read(&found, token, &keys, &RULES, NOW_S, &err), CHOIR_EPROTO);
    assert_string_equal(found.subject, "as it was");
    assert_true(err.message[0] != '\0');
}

static void a_changed_letter_is_noticed_wherever_it_is(void **state) {
    (void)state;
    static const char *const rows[] = {"RS256", "ES256"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char token[CH_JWT_MAX];
        (void)snprintf(token, sizeof(token), "%s", token_of(rows[i]));
        for (size_t at = 0; token[at] != '\0'; at++) {
            const char was = token[at];
            token[at] = was == 'A' ? 'B' : 'A';
            check_refused(token);
            token[at] = '\0';
            check_refused(token);
            token[at] = was;
        }
    }
}

static void texts_that_are_no_tokens_are_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"",    ".",     "..",       "...", "a",
                                       "a.b", "a.b.c", "e30.e30.", "..a"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_refused(rows[i]);
    }
    static char large[2 * CH_JWT_MAX];
    memset(large, 'A', sizeof(large) - 1);
    large[100] = '.';
    large[200] = '.';
    check_refused(large);
}

static void what_is_not_asked_for_is_not_looked_at(void **state) {
    (void)state;
    const ch_jwt_rules none = {.issuer = "", .audience = ""};
    static const char *const rows[] = {"another issuer", "no issuer", "another audience",
                                       "no audience"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_jwt found = {.subject = ""};
        check_status(ch_jwt_read(&found, token_of(rows[i]), &keys, &none, NOW_S, NULL), CHOIR_OK);
        assert_string_equal(found.subject, "ada");
    }
}

static void without_its_key_no_token_is_believed(void **state) {
    (void)state;
    static const ch_jwks none = {.count = 0};
    ch_jwt found;
    check_status(ch_jwt_read(&found, token_of("RS256"), &none, &RULES, NOW_S, NULL), CHOIR_EPROTO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_providers_tokens_are_believed_and_no_forgery_is),
        cmocka_unit_test(a_changed_letter_is_noticed_wherever_it_is),
        cmocka_unit_test(texts_that_are_no_tokens_are_refused),
        cmocka_unit_test(what_is_not_asked_for_is_not_looked_at),
        cmocka_unit_test(without_its_key_no_token_is_believed),
    };
    return cmocka_run_group_tests(tests, start, end);
}
