/* Promoted: nothing of a promoted model is used that the operator's server has not signed. */
#include "support/check.h"
#include "support/web_server.h"

#include "client/promoted.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "net/offer.h"

#include <stdio.h>
#include <string.h>

enum { ROUND = 7, DIM = 3, ANSWER_MAX = 1024 };

/* What a server says is promoted for "letters", signed by that key; the round is what it says. */
static size_t answer_write(char out[ANSWER_MAX], const ch_key_pair *key, uint32_t round) {
    char hash[2 * CHOIR_HASH_BYTES + 1];
    char model[CH_BASE64_MAX(4)];
    char seal[CH_BASE64_MAX(CH_SIGNATURE_BYTES)];
    uint8_t signature[CH_SIGNATURE_BYTES];
    const choir_bytes head = {.data = (const uint8_t *)"head", .size = 4};
    const ch_promoted_offer offer = {
        .name = "letters", .version = 1, .round = ROUND, .parameters = DIM, .model = head};
    ch_promoted_offer_sign(signature, &offer, key->secret_key);
    choir_hash_text(&offer.hash, hash);
    ch_base64(model, head);
    ch_base64(seal, (choir_bytes){.data = signature, .size = sizeof(signature)});
    return (size_t)snprintf(out, ANSWER_MAX,
                            "{\"name\": \"letters\", \"version\": 1, \"round\": %u, "
                            "\"hash\": \"%s\", \"parameters\": %d, \"promoted_ms\": 1, "
                            "\"model\": \"%s\", \"signature\": \"%s\"}",
                            round, hash, DIM, model, seal);
}

/* What becomes of an answer, when it is asked for the job by a device that believes that key. */
static choir_status fetch(const char *answer, size_t size, const char *job, const ch_key_pair *key,
                          choir_error *err) {
    static const web_answer script[] = {WEB_SERVE};
    static web_server s;
    const choir_env env = choir_env_default();
    ch_http_client_options o = ch_http_client_defaults();
    ch_http_client *http = NULL;
    char url[64];
    bool is_expired = false;
    ch_promoted p = {.env = env, .signing_key = key->public_key};
    assert_true(web_start(&s, (const uint8_t *)answer, size, script, 1));
    (void)snprintf(url, sizeof(url), "%.*s", (int)strlen(s.url) - (int)strlen("/file"), s.url);
    o.url = url;
    o.proxy = "";
    o.silence_s = 5;
    check_status(ch_http_client_create(&http, &o, &env, NULL), CHOIR_OK);
    const choir_status status = ch_promoted_fetch(&p, http, job, "token", DIM, &is_expired, err);
    assert_null(p.params);
    ch_promoted_release(&p);
    ch_http_client_destroy(http);
    web_stop(&s);
    return status;
}

static void what_another_signed_is_not_used(void **state) {
    (void)state;
    static const char unsigned_one[] =
        "promoted: the model of 'letters' is not signed by the key in the join file; get the file "
        "anew from the operator";
    char answer[ANSWER_MAX];
    choir_error err;
    ch_key_pair ours;
    ch_key_pair other;
    ch_key_pair_make(&ours);
    ch_key_pair_make(&other);
    size_t size = answer_write(answer, &other, ROUND);
    check_status(fetch(answer, size, "letters", &ours, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, unsigned_one);
    size = answer_write(answer, &ours, ROUND + 1); // another than was signed
    check_status(fetch(answer, size, "letters", &ours, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, unsigned_one);
    size = answer_write(answer, &ours, ROUND);
    check_status(fetch(answer, size, "digits", &ours, &err), CHOIR_EPROTO); // of another job
    assert_non_null(strstr(err.message, "is not signed"));
    char *signature = strstr(answer, ", \"signature\"");
    assert_non_null(signature);
    (void)snprintf(signature, 2, "}");
    check_status(fetch(answer, strlen(answer), "letters", &ours, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, unsigned_one);
}

/* The script serves nothing else, so the parameters that are asked for next are not those. */
static void what_the_server_signed_is_fetched(void **state) {
    (void)state;
    char answer[ANSWER_MAX];
    choir_error err;
    ch_key_pair ours;
    ch_key_pair_make(&ours);
    const size_t size = answer_write(answer, &ours, ROUND);
    const choir_status status = fetch(answer, size, "letters", &ours, &err);
    assert_true(status != CHOIR_OK);
    assert_null(strstr(err.message, "signed"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_another_signed_is_not_used),
        cmocka_unit_test(what_the_server_signed_is_fetched),
    };
    return ch_crypto_start(NULL) == CHOIR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
