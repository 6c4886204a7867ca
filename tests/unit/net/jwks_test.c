/* Sets of public keys: what is taken, what is skipped, and what is refused. */
#include "support/check.h"

#include "net/jwks.h"

#include <stdio.h>
#include <string.h>

/* Of RFC 7517, appendix A.1: both of its keys. */
#define POINT                                                                                      \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","      \
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define MODULUS                                                                                    \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"      \
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_"                              \
    "RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpb" \
    "ISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-"                                     \
    "G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define RSA "\"kty\":\"RSA\",\"n\":\"" MODULUS "\",\"e\":\"AQAB\""

static choir_status parse(ch_jwks *out, const char *text, choir_error *err) {
    return ch_jwks_parse(out, (choir_bytes){(const uint8_t *)text, strlen(text)}, "keys.json", err);
}

static void each_key_has_one_algorithm(void **state) {
    (void)state;
    ch_jwks set;
    check_status(parse(&set,
                       "{\"keys\":[{" POINT ",\"use\":\"enc\",\"kid\":\"1\"},"
                       "{" POINT ",\"kid\":\"p\"},{" RSA ",\"alg\":\"RS256\",\"kid\":\"r\","
                       "\"x5c\":[\"x\"]}]}",
                       NULL),
                 CHOIR_OK);
    assert_int_equal(set.count, 2);
    assert_string_equal(ch_jwks_find(&set, "p")->algorithm, "ES256");
    assert_string_equal(ch_jwks_find(&set, "r")->algorithm, "RS256");
    assert_null(ch_jwks_find(&set, "1"));
    assert_null(ch_jwks_find(&set, ""));
    ch_jwks_release(&set);
    ch_jwks_release(&set);
}

static void keys_for_something_else_are_skipped(void **state) {
    (void)state;
    static const char *const rows[] = {
        RSA ",\"alg\":\"PS256\"",
        RSA ",\"alg\":\"RS512\"",
        RSA ",\"alg\":\"ES256\"",
        RSA ",\"alg\":\"none\"",
        RSA ",\"use\":\"enc\"",
        RSA ",\"key_ops\":[\"encrypt\"]",
        RSA ",\"key_ops\":[]",
        POINT ",\"alg\":\"ES384\"",
        POINT ",\"alg\":\"RS256\"",
        "\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"",
        "\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"",
        "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"",
        "\"kty\":\"new\"",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[2048];
        ch_jwks set;
        choir_error err = {.message = ""};
        (void)snprintf(text, sizeof(text), "{\"keys\":[{%s,\"kid\":\"a\"}]}", rows[i]);
        check_status(parse(&set, text, &err), CHOIR_EPROTO);
        assert_string_equal(err.message, "keys.json: has no key for RS256 or ES256, RSA or P-256");
        (void)snprintf(text, sizeof(text),
                       "{\"keys\":[{%s,\"kid\":\"a\"},{" RSA
                       ",\"kid\":\"a\",\"key_ops\":[\"sign\",\"verify\"]}]}",
                       rows[i]);
        check_status(parse(&set, text, NULL), CHOIR_OK);
        assert_int_equal(set.count, 1);
        ch_jwks_release(&set);
    }
}

static void what_is_no_set_of_public_keys_is_refused(void **state) {
    (void)state;
    static const char secret[] = "keys.json: has a secret in it; give the public keys that the "
                                 "identity provider publishes";
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "keys.json:1: is no JSON: "},
        {"{\"keys\":[", "keys.json:1: is no JSON: "},
        {"[]", "keys.json: must be a JSON object with an array 'keys'"},
        {"{\"keys\":{}}", "keys.json: must be a JSON object with an array 'keys'"},
        {"{\"keys\":[]}", "keys.json: has no key for"},
        {"{\"keys\":[1,null,[]]}", "keys.json: has no key for"},
        {"{\"keys\":[],\"keys\":[]}", "keys.json:1: is no JSON: duplicate"},
        {"{\"keys\":[{" RSA "}]}", "keys.json: key '': each must have a kid of its own"},
        {"{\"keys\":[{" RSA ",\"kid\":7}]}", "keys.json: key '': each must have a kid of its own"},
        {"{\"keys\":[{" RSA ",\"kid\":\"a\"},{" POINT ",\"kid\":\"a\"}]}",
         "keys.json: key 'a': each must have a kid of its own"},
        {"{\"keys\":[{" RSA ",\"kid\":\"a\",\"d\":\"AA\"}]}", secret},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"a\"}]}", secret},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\"}]}",
         "keys.json: key 'a' has no n and e in base64url"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"A+/=\",\"e\":\"AQAB\"}]}",
         "keys.json: key 'a' has no n and e in base64url"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"_w\",\"e\":\"AQAB\"}]}",
         "keys.json: key 'a' has 8 bits; RSA is taken with 2048 to 8192"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"AAAA\",\"e\":\"AQAB\"}]}",
         "keys.json: key 'a' has 0 bits; RSA is taken with 2048 to 8192"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"" MODULUS "\",\"e\":\"AQ\"}]}",
         "keys.json: key 'a' has an exponent that is even, 1 or above 64 bits"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"" MODULUS "\",\"e\":\"AAAC\"}]}",
         "keys.json: key 'a' has an exponent that is even, 1 or above 64 bits"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\",\"x\":\"AQ\",\"y\":\"AQ\"}]}",
         "keys.json: key 'a' has coordinates of 1 and 1 bytes, not 32"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\","
         "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
         "\"y\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"}]}",
         "keys.json: key 'a' is no such key ("},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_jwks set;
        choir_error err = {.message = ""};
        check_status(parse(&set, rows[i].text, &err), CHOIR_EPROTO);
        if (strncmp(err.message, rows[i].message, strlen(rows[i].message)) != 0) {
            fail_msg("'%s' does not begin with '%s'", err.message, rows[i].message);
        }
        assert_int_equal(set.count, 0);
    }
}

static void sets_are_bounded(void **state) {
    (void)state;
    static char text[CH_JWKS_BYTES_MAX + 2];
    size_t size = (size_t)snprintf(text, sizeof(text), "{\"keys\":[");
    for (int i = 0; i <= CH_JWKS_KEYS_MAX; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s{" POINT ",\"kid\":\"%d\"}",
                                 i == 0 ? "" : ",", i);
    }
    (void)snprintf(text + size, sizeof(text) - size, "]}");
    ch_jwks set;
    choir_error err = {.message = ""};
    check_status(parse(&set, text, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, "keys.json: has more than 64 keys");
    memset(text, ' ', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    check_status(parse(&set, text, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "keys.json: has 262145 bytes; at most 262144 are taken");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_has_one_algorithm),
        cmocka_unit_test(keys_for_something_else_are_skipped),
        cmocka_unit_test(what_is_no_set_of_public_keys_is_refused),
        cmocka_unit_test(sets_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
