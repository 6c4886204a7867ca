/* Tokens: ours are read, and nobody else's. */
#include "support/check.h"

#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "net/token.h"

#include <stdio.h>
#include <string.h>

static const uint8_t KEY[CH_SHARED_KEY_BYTES] = "a key of thirty-two bytes, ok?";
static const ch_claims CLAIMS = {
    .subject = 12345678901, .job = "keyboard", .client = 4000000000, .expires_s = 1000};

static int start(void **state) {
    (void)state;
    return ch_crypto_start(NULL) == CHOIR_OK ? 0 : -1;
}

static void check_refused(const char *token, uint64_t now_s, choir_status expected,
                          const char *message) {
    ch_claims claims = {.subject = 7};
    choir_error err;
    check_status(ch_token_read(&claims, token, KEY, now_s, &err), expected);
    assert_string_equal(err.message, message);
    assert_int_equal(claims.subject, 7);
}

static void a_token_says_what_it_was_made_of(void **state) {
    (void)state;
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, KEY);
    ch_claims claims;
    check_status(ch_token_read(&claims, token, KEY, 999, NULL), CHOIR_OK);
    assert_true(claims.subject == CLAIMS.subject);
    assert_string_equal(claims.job, "keyboard");
    assert_int_equal(claims.client, 4000000000);
    assert_int_equal(claims.expires_s, 1000);
}

static void the_largest_claims_fit(void **state) {
    (void)state;
    ch_claims claims = {.subject = INT64_MAX, .client = UINT32_MAX, .expires_s = INT64_MAX};
    memset(claims.job, 'x', sizeof(claims.job) - 1);
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &claims, KEY);
    ch_claims read;
    check_status(ch_token_read(&read, token, KEY, 0, NULL), CHOIR_OK);
    assert_string_equal(read.job, claims.job);
}

/* Made with Python's hmac and base64, from the RFCs. */
static void tokens_are_json_web_tokens(void **state) {
    (void)state;
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, KEY);
    assert_string_equal(token, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwMSI"
                               "sImpvYiI6ImtleWJvYXJkIiwiY2xpZW50Ijo0MDAwMDAwMDAwLCJleHAiOjEwMDB"
                               "9.6p1fIDnv1jHwF5F3yjNzLKSUxapSyaQfFwn_7IPm-_8");
}

static void a_token_ends(void **state) {
    (void)state;
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, KEY);
    check_refused(token, 1000, CHOIR_ESTALE, "token: its time is over; join again");
}

static void a_changed_letter_is_noticed_wherever_it_is(void **state) {
    (void)state;
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, KEY);
    const size_t size = strlen(token);
    for (size_t i = 0; i < size; i++) {
        const char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        check_refused(token, 0, CHOIR_EPROTO, "token: not one that this server gave");
        token[i] = '\0'; // cut short
        check_refused(token, 0, CHOIR_EPROTO, "token: not one that this server gave");
        token[i] = was;
    }
}

static void another_servers_token_is_not_believed(void **state) {
    (void)state;
    uint8_t other[CH_SHARED_KEY_BYTES] = {0};
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, other);
    check_refused(token, 0, CHOIR_EPROTO, "token: not one that this server gave");
}

/* A token that says it needs no signature, or another kind, has the wrong head. */
static void a_token_does_not_choose_its_algorithm(void **state) {
    (void)state;
    static const char *const heads[] = {"{\"alg\":\"none\"}", "{\"alg\":\"none\",\"typ\":\"JWT\"}",
                                        "{\"alg\":\"HS512\",\"typ\":\"JWT\"}"};
    static const char claims[] = "{\"sub\":\"1\",\"job\":\"a\",\"client\":0,\"exp\":9999}";
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        char head[CH_BASE64_MAX(64)];
        char body[CH_BASE64_MAX(sizeof(claims))];
        ch_base64(head, (choir_bytes){(const uint8_t *)heads[i], strlen(heads[i])});
        ch_base64(body, (choir_bytes){(const uint8_t *)claims, sizeof(claims) - 1});
        char token[CH_TOKEN_MAX];
        const int size = snprintf(token, sizeof(token), "%s.%s", head, body);
        uint8_t mac[CH_MAC_BYTES];
        ch_mac(mac, (choir_bytes){(const uint8_t *)token, (size_t)size}, KEY);
        char seal[CH_BASE64_MAX(CH_MAC_BYTES)];
        ch_base64(seal, (choir_bytes){mac, sizeof(mac)});
        (void)snprintf(token + size, sizeof(token) - (size_t)size, ".%s", i == 0 ? "" : seal);
        check_refused(token, 0, CHOIR_EPROTO, "token: not one that this server gave");
    }
}

static void texts_that_are_no_tokens_are_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"",
                                       ".",
                                       "..",
                                       "...",
                                       "a",
                                       "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
                                       "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
                                       "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.."};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_refused(rows[i], 0, CHOIR_EPROTO, "token: not one that this server gave");
    }
    char large[2 * CH_TOKEN_MAX];
    memset(large, 'A', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    check_refused(large, 0, CHOIR_EPROTO, "token: not one that this server gave");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_says_what_it_was_made_of),
        cmocka_unit_test(the_largest_claims_fit),
        cmocka_unit_test(tokens_are_json_web_tokens),
        cmocka_unit_test(a_token_ends),
        cmocka_unit_test(a_changed_letter_is_noticed_wherever_it_is),
        cmocka_unit_test(another_servers_token_is_not_believed),
        cmocka_unit_test(a_token_does_not_choose_its_algorithm),
        cmocka_unit_test(texts_that_are_no_tokens_are_refused),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
