/* Hostile: what a server that means harm can have a device hold. */
#include "support/check.h"

#include "choir/client.h"
#include "crypto/encode.h"
#include "net/http_server.h"

#include <stdio.h>
#include <string.h>

enum { LARGE = 4 << 20 };

static char texts[LARGE + 1];  // {"a": "xxx..."}
static char values[LARGE + 1]; // {"a": [[],[],...]}

/* What is answered to each of the three requests by which a device enters. */
typedef struct script {
    const char *enroll, *challenge, *join;
} script;

static void script_answer(void *self, ch_http_exchange *x) {
    const script *s = self;
    const char *path = ch_http_path(x);
    const char *text = strcmp(path, "/v1/enroll") == 0      ? s->enroll
                       : strcmp(path, "/v1/challenge") == 0 ? s->challenge
                                                            : s->join;
    ch_http_answer(x, 200, "application/json", (choir_bytes){(const uint8_t *)text, strlen(text)});
}

static size_t script_body_max(void *self, ch_http_exchange *x) {
    (void)self;
    (void)x;
    return 4096;
}

/* What a device, whose largest model would have room for all of it, says of such answers. */
static void check_refused(script s, const char *message) {
    const choir_env env = choir_env_default();
    const uint8_t key[32] = {1};
    const ch_http_handler handler = {
        .body_max = script_body_max, .handle = script_answer, .self = &s};
    const ch_http_server_options served = ch_http_server_defaults();
    ch_http_server *server = NULL;
    check_status(ch_http_server_start(&server, &served, handler, &env, NULL), CHOIR_OK);
    choir_join join = {.url = ""};
    (void)snprintf(join.url, sizeof(join.url), "http://127.0.0.1:%u", ch_http_server_port(server));
    ch_base64(join.signing_key, (choir_bytes){.data = key, .size = sizeof(key)});
    ch_base64(join.secret, (choir_bytes){.data = key, .size = sizeof(key)});
    choir_client_options o = choir_client_defaults();
    o.join = &join;
    o.job = "letters";
    choir_client *c = NULL;
    choir_event event;
    choir_error err = {.message = ""};
    check_status(choir_client_create(&c, &o, &env, NULL), CHOIR_OK);
    check_status(choir_client_step(c, (choir_trainer){0}, &event, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, message));
    choir_client_destroy(c);
    ch_http_server_stop(server, 0);
}

static void an_answer_that_is_small_is_not_taken_large(void **state) {
    (void)state;
    script s = {.enroll = texts, .challenge = "{}", .join = "{}"};
    check_refused(s, "the answer is larger than the 65536 bytes of body");
    s.enroll = "{\"subject\": 7}";
    s.challenge = texts;
    check_refused(s, "the answer is larger than the 65536 bytes of body");
}

/* As JSON in memory they would be many times their bytes. */
static void an_offer_of_millions_of_values_is_not_read(void **state) {
    (void)state;
    const script s = {
        .enroll = "{\"subject\": 7}", .challenge = "{\"challenge\": \"C\"}", .join = values};
    check_refused(s, "join: the server's answer is no JSON object");
}

int main(void) {
    static const char text_head[] = "{\"subject\": 7, \"challenge\": \"C\", \"a\": \"";
    static const char values_head[] = "{\"a\": [";
    memset(texts, 'x', LARGE);
    memcpy(texts, text_head, sizeof(text_head) - 1);
    memcpy(texts + LARGE - 2, "\"}", 2);
    memcpy(values, values_head, sizeof(values_head) - 1);
    size_t at = sizeof(values_head) - 1;
    for (; at + 6 < LARGE; at += 3) {
        memcpy(values + at, "[],", 3);
    }
    memcpy(values + at, "0]}", 3);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_is_small_is_not_taken_large),
        cmocka_unit_test(an_offer_of_millions_of_values_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
