/* Joined: an answer is taken whole and signed, for the job that was asked for, or not at all. */
#include "support/check.h"

#include "client/joined.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "net/offer.h"

#include <string.h>

static ch_key_pair key;

static int start(void **state) {
    (void)state;
    if (ch_crypto_start(NULL) != CHOIR_OK) {
        return -1;
    }
    ch_key_pair_make(&key);
    return 0;
}

static choir_bytes text(const char *s) {
    return (choir_bytes){(const uint8_t *)s, strlen(s)};
}

/* What a server answers that hosts letters@3, signed. "aGVhZA" is "head". */
static json_t *answer_make(void) {
    const ch_offer offer = {.name = "letters",
                            .version = 3,
                            .parameters = 7,
                            .job = text("name: letters\n"),
                            .model = text("head")};
    uint8_t signature[CH_SIGNATURE_BYTES];
    char seal[CH_BASE64_MAX(CH_SIGNATURE_BYTES)];
    ch_offer_sign(signature, &offer, key.secret_key);
    ch_base64(seal, (choir_bytes){signature, sizeof(signature)});
    return json_pack("{s:s, s:i, s:i, s:i, s:s, s:s, s:s, s:s}", "name", "letters", "version", 3,
                     "client", 1, "parameters", 7, "token", "a.b.c", "job", "name: letters\n",
                     "model", "aGVhZA", "signature", seal);
}

static void check_refused(json_t *answer, const char *job, const char *message) {
    ch_joined j;
    choir_error err = {.message = ""};
    check_status(ch_joined_read(&j, answer, job, key.public_key, &err), CHOIR_EPROTO);
    if (strstr(err.message, message) == NULL) {
        fail_msg("'%s' has no '%s'", err.message, message);
    }
    assert_null(j.answer);
    assert_null(j.model);
    assert_string_equal(j.token, "");
    ch_joined_release(&j);
}

static void a_signed_answer_is_taken(void **state) {
    (void)state;
    static const char *const names[] = {"letters", "letters@3"};
    for (size_t i = 0; i < 2; i++) {
        ch_joined j;
        check_status(ch_joined_read(&j, answer_make(), names[i], key.public_key, NULL), CHOIR_OK);
        assert_string_equal(j.offer.name, "letters");
        assert_int_equal(j.offer.version, 3);
        assert_int_equal(j.offer.client, 1);
        assert_int_equal(j.offer.parameters, 7);
        assert_int_equal(j.offer.job_size, 14);
        assert_memory_equal(j.offer.job, "name: letters\n", 14);
        assert_int_equal(j.offer.model.size, 4);
        assert_memory_equal(j.offer.model.data, "head", 4);
        assert_string_equal(j.token, "a.b.c");
        ch_joined_release(&j);
        ch_joined_release(&j);
    }
}

static void a_part_that_is_missing_or_something_else_is_noticed(void **state) {
    (void)state;
    static const char *const parts[] = {"name",  "version", "client", "parameters",
                                        "token", "job",     "model"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        json_t *lacks = answer_make();
        (void)json_object_del(lacks, parts[i]);
        check_refused(lacks, "letters", "lacks a part of a job");
        json_t *other = answer_make();
        (void)json_object_set_new(other, parts[i], json_real(-1));
        check_refused(other, "letters", "lacks a part of a job");
    }
    json_t *garbled = answer_make();
    (void)json_object_set_new(garbled, "model", json_string("?"));
    check_refused(garbled, "letters", "no base64url");
    json_t *large = answer_make();
    char token[CH_BEARER_MAX + 1];
    memset(token, 'a', CH_BEARER_MAX);
    token[CH_BEARER_MAX] = '\0';
    (void)json_object_set_new(large, "token", json_string(token));
    check_refused(large, "letters", "lacks a part of a job");
}

static void what_was_not_signed_is_refused(void **state) {
    (void)state;
    const struct {
        const char *part;
        json_t *value;
    } rows[] = {
        {"version", json_integer(4)},       {"parameters", json_integer(8)},
        {"job", json_string("name: no\n")}, {"model", json_string("aGVhZB")},
        {"signature", json_null()},         {"signature", json_string("")},
        {"signature", json_string("AAAA")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *answer = answer_make();
        (void)json_object_set_new(answer, rows[i].part, rows[i].value);
        check_refused(answer, "letters", i == 3 ? "join: " : "is not signed by the key");
    }
}

/* It is signed, but it is not what was asked for: a job for a job in its place. */
static void another_job_or_version_is_refused(void **state) {
    (void)state;
    check_refused(answer_make(), "numbers", "'numbers' is not signed by the key");
    check_refused(answer_make(), "letters@2", "'letters@2' is not signed by the key");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_answer_is_taken),
        cmocka_unit_test(a_part_that_is_missing_or_something_else_is_noticed),
        cmocka_unit_test(what_was_not_signed_is_refused),
        cmocka_unit_test(another_job_or_version_is_refused),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
