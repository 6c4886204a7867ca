/* Entry: what docs/http.md says a device says, and pauses that grow. */
#include "support/check.h"

#include "choir/client.h"
#include "client/entry.h"
#include "crypto/entropy.h"

#include <string.h>

/* The example of docs/http.md: subject 7, job keyboard, and the key of RFC 8032's first test. */
static void a_join_is_signed_as_the_document_says(void **state) {
    (void)state;
    static const uint8_t secret[CH_SECRET_KEY_BYTES] = {
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92,
        0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b,
        0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60, 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a,
        0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3,
        0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
    ch_key_pair key;
    memcpy(key.secret_key, secret, sizeof(secret));
    json_t *body = ch_entry_join("keyboard", 7, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                 CHOIR_CLIENT_ANY, &key);
    assert_string_equal(
        json_string_value(json_object_get(body, "signature")),
        "xpe5TogwpOdFv6CUi2lorifIwzg6EhHTDXuVVeNBu-1k6554vbyl0eY6j3cHsX8abT1Ab99yKrYx"
        "yk4KWS4UCA");
    assert_int_equal(json_integer_value(json_object_get(body, "subject")), 7);
    assert_null(json_object_get(body, "client"));
    json_decref(body);
    body = ch_entry_join("keyboard", 7, "A", 3, &key);
    assert_int_equal(json_integer_value(json_object_get(body, "client")), 3);
    json_decref(body);
    char path[CH_ENTRY_PATH_MAX];
    ch_entry_path(path, "keyboard");
    assert_string_equal(path, "/v1/jobs/keyboard/join");
}

static void answers_without_what_was_asked_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        choir_status subject;
        choir_status challenge;
    } rows[] = {
        {"{}", CHOIR_EPROTO, CHOIR_EPROTO},
        {"{\"subject\": 0, \"challenge\": 1}", CHOIR_EPROTO, CHOIR_EPROTO},
        {"{\"subject\": -4}", CHOIR_EPROTO, CHOIR_EPROTO},
        {"{\"subject\": \"7\"}", CHOIR_EPROTO, CHOIR_EPROTO},
        {"{\"subject\": 7, \"challenge\": \"C\"}", CHOIR_OK, CHOIR_OK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *answer = json_loads(rows[i].text, 0, NULL);
        int64_t subject = 0;
        char challenge[CH_CHALLENGE_MAX] = "";
        check_status(ch_entry_subject(&subject, answer, NULL), rows[i].subject);
        check_status(ch_entry_challenge(challenge, answer, NULL), rows[i].challenge);
        assert_int_equal(subject, rows[i].subject == CHOIR_OK ? 7 : 0);
        assert_string_equal(challenge, rows[i].challenge == CHOIR_OK ? "C" : "");
        json_decref(answer);
    }
    char longer[CH_CHALLENGE_MAX + 1];
    memset(longer, 'A', CH_CHALLENGE_MAX);
    longer[CH_CHALLENGE_MAX] = '\0';
    char challenge[CH_CHALLENGE_MAX];
    json_t *answer = json_pack("{s:s}", "challenge", longer);
    check_status(ch_entry_challenge(challenge, answer, NULL), CHOIR_EPROTO);
    json_decref(answer);
}

static void pauses_double_up_to_a_limit_and_heed_the_server(void **state) {
    (void)state;
    static const struct {
        uint32_t failures;
        uint64_t told_ms;
        uint64_t pause_ms;
    } rows[] = {
        {0, 0, 1000},           {1, 0, 2000},    {5, 0, 32000},    {6, 0, 60000},
        {UINT32_MAX, 0, 60000}, {0, 7000, 7000}, {6, 7000, 60000}, {0, UINT64_MAX, CH_TOLD_MAX_MS},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ch_entry_pause_ms(1000, 60000, rows[i].failures, rows[i].told_ms),
                         rows[i].pause_ms);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_join_is_signed_as_the_document_says),
        cmocka_unit_test(answers_without_what_was_asked_are_refused),
        cmocka_unit_test(pauses_double_up_to_a_limit_and_heed_the_server),
    };
    if (ch_crypto_start(NULL) != CHOIR_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
