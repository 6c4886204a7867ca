/* Tokens: ours are read, and nobody else's. */
#include "support/check.h"

#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "net/token.h"

#include <stdio.h>
#include <string.h>

static const uint8_t SHARED[CH_SHARED_KEY_BYTES] = "a key of thirty-two bytes, ok?";
// RFC 8032, 7.1, test 1: what no one need keep secret
static const uint8_t SECRET[CH_SECRET_KEY_BYTES] = {
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
static const ch_claims CLAIMS = {
    .subject = 12345678901, .job = "keyboard", .client = 4000000000, .expires_s = 1000};

static ch_token_key key; // of the algorithm that is tested now

static ch_token_key key_of(const char *algorithm) {
    ch_token_key k = {.algorithm = ch_token_algorithm_find(algorithm)};
    assert_non_null(k.algorithm);
    memcpy(k.shared, SHARED, sizeof(k.shared));
    memcpy(k.pair.secret_key, SECRET, sizeof(SECRET));
    memcpy(k.pair.public_key, SECRET + CH_PUBLIC_KEY_BYTES, CH_PUBLIC_KEY_BYTES);
    return k;
}

static int start_hs256(void **state) {
    (void)state;
    key = key_of("HS256");
    return ch_crypto_start(NULL) == CHOIR_OK ? 0 : -1;
}

static int start_eddsa(void **state) {
    (void)state;
    key = key_of("EdDSA");
    return ch_crypto_start(NULL) == CHOIR_OK ? 0 : -1;
}

static void check_refused(const char *token, uint64_t now_s, choir_status expected,
                          const char *message) {
    ch_claims claims = {.subject = 7};
    choir_error err;
    check_status(ch_token_read(&claims, token, &key, now_s, &err), expected);
    assert_string_equal(err.message, message);
    assert_int_equal(claims.subject, 7);
}

static void a_token_says_what_it_was_made_of(void **state) {
    (void)state;
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, &key);
    ch_claims claims;
    check_status(ch_token_read(&claims, token, &key, 999, NULL), CHOIR_OK);
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
    ch_token_make(token, &claims, &key);
    ch_claims read;
    check_status(ch_token_read(&read, token, &key, 0, NULL), CHOIR_OK);
    assert_string_equal(read.job, claims.job);
}

/* Made with Python's hmac and base64, from the RFCs; Ed25519 by tests/cli/device.py. */
static void tokens_are_json_web_tokens(void **state) {
    (void)state;
    static const char claims[] = "eyJzdWIiOiIxMjM0NTY3ODkwMSIsImpvYiI6ImtleWJvYXJkIiwiY2xpZW50Ijo0"
                                 "MDAwMDAwMDAwLCJleHAiOjEwMDB9";
    const bool is_shared = strcmp(key.algorithm->name, "HS256") == 0;
    char token[CH_TOKEN_MAX];
    char expected[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, &key);
    (void)snprintf(expected, sizeof(expected), "%s.%s.%s",
                   is_shared ? "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
                             : "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9",
                   claims,
                   is_shared ? "6p1fIDnv1jHwF5F3yjNzLKSUxapSyaQfFwn_7IPm-_8"
                             : "E1Wbt_bjfEgyp0smlO3weftO_dYSoh9APhdDTDKfK_UF8ves-IvzKV3T0casM472"
                               "IGQOkuFDB67tmdpZLyFECQ");
    assert_string_equal(token, expected);
}

/* What another algorithm's key sealed, and what it sealed by the public key as if that were shared.
 */
static void only_the_keys_own_algorithm_is_believed(void **state) {
    (void)state;
    const bool is_shared = strcmp(key.algorithm->name, "HS256") == 0;
    ch_token_key other = key_of(is_shared ? "EdDSA" : "HS256");
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, &other);
    check_refused(token, 0, CHOIR_EPROTO, "token: not one that this server gave");
    memcpy(other.shared, key.pair.public_key, sizeof(other.shared));
    ch_token_make(token, &CLAIMS, &other);
    check_refused(token, 0, CHOIR_EPROTO, "token: not one that this server gave");
    char forged[CH_TOKEN_MAX]; // and with the head that is believed before what it sealed
    (void)snprintf(forged, sizeof(forged), "%s%s", key.algorithm->head, strchr(token, '.'));
    check_refused(forged, 0, CHOIR_EPROTO, "token: not one that this server gave");
    assert_null(ch_token_algorithm_find("none"));
    assert_null(ch_token_algorithm_find(""));
}

static void a_token_ends(void **state) {
    (void)state;
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, &key);
    check_refused(token, 1000, CHOIR_ESTALE, "token: its time is over; join again");
}

static void a_changed_letter_is_noticed_wherever_it_is(void **state) {
    (void)state;
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, &key);
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
    ch_token_key other = {.algorithm = key.algorithm};
    ch_key_pair_make(&other.pair);
    char token[CH_TOKEN_MAX];
    ch_token_make(token, &CLAIMS, &other);
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
        ch_mac(mac, (choir_bytes){(const uint8_t *)token, (size_t)size}, key.shared);
        char seal[CH_BASE64_MAX(CH_MAC_BYTES)];
        ch_base64(seal, (choir_bytes){mac, sizeof(mac)});
        (void)snprintf(token + size, sizeof(token) - (size_t)size, ".%s", i == 0 ? "" : seal);
        check_refused(token, 0, CHOIR_EPROTO, "token: not one that this server gave");
    }
}

static void texts_that_are_no_tokens_are_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"",
                                       "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9..",
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
        cmocka_unit_test(only_the_keys_own_algorithm_is_believed),
        cmocka_unit_test(a_token_ends),
        cmocka_unit_test(a_changed_letter_is_noticed_wherever_it_is),
        cmocka_unit_test(another_servers_token_is_not_believed),
        cmocka_unit_test(a_token_does_not_choose_its_algorithm),
        cmocka_unit_test(texts_that_are_no_tokens_are_refused),
    };
    const int failed = cmocka_run_group_tests_name("HS256", tests, start_hs256, NULL);
    return failed + cmocka_run_group_tests_name("EdDSA", tests, start_eddsa, NULL);
}
