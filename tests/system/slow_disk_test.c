/* What a server tells while a commit waits for its disk. */
#include "support/check_ok.h"
#include "support/faulty_disk.h"
#include "support/folder.h"
#include "support/http_peer.h"

#include "crypto/encode.h"
#include "net/operator.h"
#include "net/server_parts.h"
#include "run/bundle.h"

#include <stdlib.h>

enum { SETTLE_MS = 20000 };

static char folder[FOLDER_PATH_MAX];
static const char JOB[] = "name: letters\n"
                          "model: {name: softmax}\n"
                          "data: {source: digits, partition: natural, clients: 1, examples: 10, "
                          "test_examples: 10}\n"
                          "server: {sample_rate: 1, rounds: 1000, deadline: 0.2}\n";

static void host(ch_operator *o) {
    const choir_env env = choir_env_default();
    json_t *answer = NULL;
    ch_bundle bundle;
    folder_put(folder_file(folder, "job.yaml"), JOB, sizeof(JOB) - 1);
    check_ok(ch_bundle_create(&bundle, folder_file(folder, "job.yaml"), NULL, 0, &env, &err));
    char *model = malloc(CH_BASE64_MAX(bundle.model_size));
    assert_non_null(model);
    ch_base64(model, (choir_bytes){.data = bundle.model, .size = bundle.model_size});
    check_ok(ch_operator_ask(o, "POST", "/jobs",
                             json_pack("{s:s%, s:s, s:i}", "job", bundle.text, bundle.text_size,
                                       "model", model, "clients", 1),
                             "host", &answer, &err));
    json_decref(answer);
    free(model);
    ch_bundle_release(&bundle);
}

/* The oldest round that has closed and is not on the disk; 0: there is none. */
static uint32_t closing(ch_server *s) {
    (void)pthread_mutex_lock(&s->lock);
    const ch_hosted *h = ch_server_find(s, "letters");
    const uint32_t round = h->closed == NULL ? 0 : h->closed->round;
    (void)pthread_mutex_unlock(&s->lock);
    return round;
}

/* Sends a first part of a report of that round. */
static void part_send(const ch_server *s, uint32_t round, peer_reply *r) {
    char token[CH_TOKEN_MAX];
    char text[CH_TOKEN_MAX + 512];
    const ch_claims claims = {
        .subject = 1, .job = "letters", .expires_s = ch_server_unix_ms() / 1000 + 60};
    ch_token_make(token, &claims, &s->token_key);
    (void)snprintf(
        text, sizeof(text),
        "PUT /v1/uploads/%064d?round=%u HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n"
        "Content-Range: bytes 0-0/1000\r\nContent-Length: 1\r\n\r\n1",
        0, round, token);
    peer_ask(ch_http_server_port(s->http), text, r);
}

/* Its device would let go of the report, and after a crash the round would be open. */
static void that_a_round_is_over_is_told_when_the_disk_has_it(void **state) {
    (void)state;
    static peer_reply r;
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    const choir_env env = choir_env_default();
    ch_server_options o = ch_server_defaults();
    ch_server *server = NULL;
    ch_operator *operator= NULL;
    o.dir = folder_file(folder, "server");
    o.port = 0;
    o.is_plain = true;
    check_ok(ch_server_start(&server, &o, &env, &err));
    check_ok(ch_operator_open(&operator, folder_file(folder, "server/admin.json"), &env, &err));
    host(operator);
    atomic_store(&holds_syncs, true);
    for (int i = 0; closing(server) == 0 && i < SETTLE_MS / 5; i++) {
        (void)nanosleep(&pause, NULL);
    }
    const uint32_t round = closing(server);
    assert_true(round > 0);
    part_send(server, round, &r);
    assert_int_equal(r.code, 503);
    assert_non_null(peer_header(&r, "Retry-After"));
    atomic_store(&holds_syncs, false);
    for (int i = 0; r.code == 503 && i < SETTLE_MS / 5; i++) {
        (void)nanosleep(&pause, NULL);
        part_send(server, round, &r);
    }
    const choir_bytes reply = {.data = r.body, .size = r.size};
    assert_int_equal(r.code, 200);
    assert_int_equal(choir_answer_of(reply), CHOIR_ANSWER_REFUSED);
    ch_operator_close(operator);
    ch_server_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(that_a_round_is_over_is_told_when_the_disk_has_it),
    };
    folder_make(folder);
    faulty_disk_install();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failed;
}
