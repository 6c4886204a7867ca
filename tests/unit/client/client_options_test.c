/* Options: what a client is told about itself, and cannot send or keep, is refused at once. */
#include "support/check.h"

#include "choir/client.h"
#include "crypto/encode.h"

#include <stdio.h>
#include <string.h>

static choir_join join;

static choir_client_options options(void) {
    const uint8_t key[32] = {1};
    (void)snprintf(join.url, sizeof(join.url), "http://127.0.0.1:9");
    ch_base64(join.signing_key, (choir_bytes){.data = key, .size = sizeof(key)});
    ch_base64(join.secret, (choir_bytes){.data = key, .size = sizeof(key)});
    choir_client_options o = choir_client_defaults();
    o.join = &join;
    o.job = "letters";
    return o;
}

static void check_refused(const choir_client_options *o, const char *message) {
    const choir_env env = choir_env_default();
    choir_client *c = NULL;
    choir_error err = {.message = ""};
    check_status(choir_client_create(&c, o, &env, &err), CHOIR_EINVAL);
    assert_null(c);
    assert_string_equal(err.message, message);
}

static void what_json_cannot_carry_is_refused_and_not_taken_for_a_lack_of_memory(void **state) {
    (void)state;
    choir_client_options o = options();
    o.name = "J\xfcrgen's phone"; // Latin-1
    check_refused(&o, "client: name 'J?rgen's phone' must be UTF-8 without control characters");
    o = options();
    o.platform = "lin\nux";
    check_refused(&o, "client: platform 'lin?ux' must be UTF-8 without control characters");
    o = options();
    o.version = "\x80";
    check_refused(&o, "client: version '?' must be UTF-8 without control characters");
    o = options();
    o.tags = "beta,\x1b[2J";
    check_refused(&o, "client: tags 'beta,?[2J' must be UTF-8 without control characters");
}

static void letters_of_all_scripts_are_taken(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_client_options o = options();
    choir_client *c = NULL;
    o.name = "J\xc3\xbcrgen \xe9\x9f\xb3";
    check_status(choir_client_create(&c, &o, &env, NULL), CHOIR_OK);
    choir_client_destroy(c);
}

static void a_folder_that_is_none_is_refused(void **state) {
    (void)state;
    char far[513];
    memset(far, 'x', 512);
    far[512] = '\0';
    choir_client_options o = options();
    o.state_dir = NULL;
    check_refused(&o, "client: state_dir must be a text of less than 512 bytes");
    o.state_dir = far;
    check_refused(&o, "client: state_dir must be a text of less than 512 bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_json_cannot_carry_is_refused_and_not_taken_for_a_lack_of_memory),
        cmocka_unit_test(letters_of_all_scripts_are_taken),
        cmocka_unit_test(a_folder_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
