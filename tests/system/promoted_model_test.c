/*
 * A device has the model that its operator promoted: fetched once, checked, and another one when
 * another one is promoted, whatever became of its token, its job and its server meanwhile.
 */
#include "support/check.h"
#include "support/whole_site.h"

#include "choir/blob.h"
#include "choir/why.h"
#include "net/server.h"
#include "onnx/safetensors.h"

#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 3, TOKEN_S = 2 };

static char folder[FOLDER_PATH_MAX];
static const char JOB[] = "name: letters\n"
                          "model: {name: softmax}\n"
                          "data: {source: digits, partition: natural, clients: 1, examples: 10, "
                          "test_examples: 10}\n"
                          "server: {sample_rate: 1, rounds: 3, deadline: 600}\n";

typedef struct site {
    choir_env env;
    ch_server *server;
    ch_operator *operator;
    choir_client *client;
    uint16_t port;
} site;

// ----- the operator -----------------------------------------------------------------------------

static void serve(site *s) {
    ch_server_options o = ch_server_defaults();
    char url[64];
    o.dir = folder_file(folder, "server");
    o.port = s->port;
    o.token_s = TOKEN_S;
    check_ok(ch_server_start(&s->server, &o, &s->env, &err));
    (void)snprintf(url, sizeof(url), "%s", ch_server_url(s->server));
    s->port = (uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10);
}

/* Promotes a round, or goes back for 0; the hash that is then promoted. */
static choir_hash promote(site *s, const char *job, uint32_t round) {
    char path[64];
    (void)snprintf(path, sizeof(path), "/jobs/%s/%s", job, round > 0 ? "promote" : "rollback");
    json_t *answer =
        operator_post(s->operator, path, json_pack("{s:I}", "round", (json_int_t)round));
    choir_hash hash;
    const char *text = json_string_value(json_object_get(answer, "hash"));
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(hash.bytes); i++) {
        const char byte[] = {text[2 * i], text[2 * i + 1], '\0'};
        hash.bytes[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    json_decref(answer);
    return hash;
}

// ----- the device -------------------------------------------------------------------------------

static void check_promoted(site *s, const choir_hash *hash, uint32_t version, uint32_t round) {
    const choir_promoted *p = NULL;
    check_ok(choir_client_promoted(s->client, &p, &err));
    assert_int_equal(p->version, version);
    assert_int_equal(p->round, round);
    assert_memory_equal(&p->hash, hash, sizeof(*hash));
    const choir_hash found = choir_hash_params(p->params, p->dim);
    assert_memory_equal(&found, hash, sizeof(*hash));
    assert_true(p->model.size > 8); // what it says of itself, up to its parameters
}

// ----- tests ------------------------------------------------------------------------------------

static void a_device_follows_what_is_promoted(void **state) {
    (void)state;
    site s = {.env = choir_env_default()};
    const choir_promoted *p = NULL;
    choir_error why = {.message = ""};
    serve(&s);
    check_ok(ch_operator_open(&s.operator, folder_file(folder, "server/admin.json"), &s.env, &err));
    s.client = device_make(folder, "letters", &s.env);
    check_status(choir_client_promoted(s.client, &p, &why), CHOIR_EAGAIN);
    assert_non_null(strstr(why.message, "there is no job 'letters' here"));
    operator_host(s.operator, folder, JOB, "seed=1", &s.env);
    check_status(choir_client_promoted(s.client, &p, &why), CHOIR_EAGAIN);
    assert_string_equal(why.message, "promoted: no model of 'letters' is promoted");
    assert_null(p);
    assert_int_equal(device_run(s.client), 1); // told of it, though it had joined to ask before

    choir_hash hashes[ROUNDS + 1];
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        hashes[round] = promote(&s, "letters", round);
        check_promoted(&s, &hashes[round], 1, round);
    }
    assert_true(memcmp(&hashes[1], &hashes[2], sizeof(hashes[1])) != 0);
    check_ok(choir_client_promoted(s.client, &p, &err));
    const float *params = p->params;
    check_promoted(&s, &hashes[3], 1, 3);
    assert_ptr_equal(p->params, params); // nothing was fetched again

    const struct timespec token = {.tv_sec = TOKEN_S + 1};
    (void)nanosleep(&token, NULL); // its token ends, and it gets another
    const choir_hash before = promote(&s, "letters", 0);
    assert_memory_equal(&before, &hashes[2], sizeof(before));
    check_promoted(&s, &hashes[2], 1, 2);

    operator_host(s.operator, folder, JOB, "seed=2",
                  &s.env); // the next version has no model yet that is promoted
    check_promoted(&s, &hashes[2], 1, 2);
    choir_client_destroy(s.client); // whose job was over
    s.client = device_make(folder, "letters", &s.env);
    assert_int_equal(device_run(s.client), 1);
    const choir_hash other = promote(&s, "letters", 1);
    check_promoted(&s, &other, 2, 1);

    ch_server_stop(s.server);
    check_status(choir_client_promoted(s.client, &p, &why), CHOIR_EIO);
    serve(&s);
    check_promoted(&s, &other, 2, 1);
    choir_client_destroy(s.client);
    s.client = device_make(folder, "letters", &s.env); // after a restart of the device
    check_promoted(&s, &other, 2, 1);
    choir_client_destroy(s.client);
    ch_operator_close(s.operator);
    ch_server_stop(s.server);
}

/* Were anything sent to a server that is gone, it would be lost. */
static void a_device_that_is_told_to_wait_sends_nothing_before(void **state) {
    (void)state;
    static const choir_trainer_ops ops = {.train = device_train};
    site s = {.env = choir_env_default()};
    const choir_promoted *p = NULL;
    choir_event event = {.kind = CHOIR_EVENT_DONE};
    serve(&s);
    check_ok(ch_operator_open(&s.operator, folder_file(folder, "server/admin.json"), &s.env, &err));
    operator_host(s.operator, folder, JOB, "seed=3", &s.env);
    json_decref(operator_post(s.operator, "/jobs/letters/pause", json_object()));
    s.client = device_make(folder, "letters", &s.env);
    for (int steps = 0; steps < 10 && event.why == CHOIR_WHY_NONE; steps++) {
        check_ok(choir_client_step(s.client, (choir_trainer){&ops, NULL}, &event, &err));
    }
    assert_int_equal(event.kind, CHOIR_EVENT_WAIT);
    assert_int_equal(event.why, CHOIR_WHY_PAUSED);
    const uint64_t told_ms = event.wake_ms;
    assert_true(told_ms > choir_client_now_ms() + 30000);
    ch_server_stop(s.server);
    for (int steps = 0; steps < 50; steps++) {
        if (steps == 25) { // its host asks for something else, in vain
            choir_error why = {.message = ""};
            check_status(choir_client_promoted(s.client, &p, &why), CHOIR_EIO);
        }
        check_ok(choir_client_step(s.client, (choir_trainer){&ops, NULL}, &event, &err));
        assert_int_equal(event.kind, CHOIR_EVENT_WAIT);
        assert_int_equal(event.why, CHOIR_WHY_PAUSED);
        assert_true(event.wake_ms == told_ms);
    }
    choir_client_destroy(s.client);
    ch_operator_close(s.operator);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_follows_what_is_promoted),
        cmocka_unit_test(a_device_that_is_told_to_wait_sends_nothing_before),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
