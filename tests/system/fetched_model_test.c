/*
 * What fetching the models of closed rounds costs a server: one of each, however many fetch it and
 * take their time; and asking what is promoted, none.
 */
#include "support/check.h"
#include "support/check_ok.h"
#include "support/folder.h"
#include "support/http_peer.h"

#include "choir/blob.h"
#include "choir/client.h"
#include "crypto/encode.h"
#include "net/operator.h"
#include "net/server.h"
#include "run/bundle.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { PEERS = 12, LARGE = 1 << 20, UNIT = 64, SETTLE_MS = 20000 };

static char folder[FOLDER_PATH_MAX];
static const char JOB[] = "name: letters\n"
                          "model: {name: mlp, hidden: [1500, 1000]}\n"
                          "data: {source: digits, partition: natural, clients: 1, examples: 10, "
                          "test_examples: 10}\n"
                          "server: {sample_rate: 1, rounds: 2, deadline: 600}\n";

// ----- memory -----------------------------------------------------------------------------------

static atomic_int large_made;
static atomic_int large_there;

/* A block's size is in the unit before it. */
static void *counting_alloc(void *self, size_t bytes) {
    const choir_env env = choir_env_default();
    (void)self;
    uint8_t *block = env.alloc(env.self, UNIT + bytes);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &bytes, sizeof(bytes));
    atomic_fetch_add(&large_made, bytes >= LARGE);
    atomic_fetch_add(&large_there, bytes >= LARGE);
    return block + UNIT;
}

static void counting_free(void *self, void *block) {
    const choir_env env = choir_env_default();
    (void)self;
    uint8_t *from = (uint8_t *)block - UNIT;
    size_t bytes = 0;
    memcpy(&bytes, from, sizeof(bytes));
    atomic_fetch_sub(&large_there, bytes >= LARGE);
    env.free(env.self, from);
}

static void check_settles(int count) {
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    for (int i = 0; atomic_load(&large_there) != count && i < SETTLE_MS / 5; i++) {
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(atomic_load(&large_there), count);
}

// ----- a server, its operator and a device ------------------------------------------------------

typedef struct site {
    choir_env env;
    ch_server *server;
    ch_operator *operator;
    choir_client *client;
    uint16_t port;
} site;

static json_t *ask(site *s, const char *path, json_t *body) {
    json_t *answer = NULL;
    check_ok(ch_operator_ask(s->operator, "POST", path, body, "test", &answer, &err));
    return answer;
}

static void host(site *s) {
    ch_bundle bundle;
    folder_put(folder_file(folder, "job.yaml"), JOB, sizeof(JOB) - 1);
    check_ok(ch_bundle_create(&bundle, folder_file(folder, "job.yaml"), NULL, 0, &s->env, &err));
    char *model = malloc(CH_BASE64_MAX(bundle.model_size));
    assert_non_null(model);
    ch_base64(model, (choir_bytes){.data = bundle.model, .size = bundle.model_size});
    json_decref(ask(s, "/jobs",
                    json_pack("{s:s%, s:s, s:i}", "job", bundle.text, bundle.text_size, "model",
                              model, "clients", 1)));
    free(model);
    ch_bundle_release(&bundle);
}

static void serve(site *s) {
    ch_server_options o = ch_server_defaults();
    choir_env env = choir_env_default();
    env.alloc = counting_alloc;
    env.free = counting_free;
    o.dir = folder_file(folder, "server");
    o.port = 0;
    o.is_plain = true;
    check_ok(ch_server_start(&s->server, &o, &env, &err));
    s->port = (uint16_t)strtoul(strrchr(ch_server_url(s->server), ':') + 1, NULL, 10);
    check_ok(
        ch_operator_open(&s->operator, folder_file(folder, "server/admin.json"), &s->env, &err));
}

/* Promotes a round; its model's hash. */
static void promote(site *s, int round, char hash[2 * CHOIR_HASH_BYTES + 1]) {
    json_t *answer = ask(s, "/jobs/letters/promote", json_pack("{s:i}", "round", round));
    (void)snprintf(hash, 2 * CHOIR_HASH_BYTES + 1, "%s",
                   json_string_value(json_object_get(answer, "hash")));
    json_decref(answer);
}

/* Moves every parameter a little further in every round. */
static choir_status train(void *self, uint32_t client, const choir_task *task, const float *params,
                          float *delta, choir_training *out, choir_error *err) {
    (void)self;
    (void)client;
    (void)params;
    (void)err;
    for (uint32_t i = 0; i < task->dim; i++) {
        delta[i] = 0.125F * (float)task->round;
    }
    *out = (choir_training){.examples = 1, .metrics = {.examples = 1, .loss_q20 = 1}};
    return CHOIR_OK;
}

static void client_make(site *s) {
    choir_join join;
    check_ok(choir_join_read(&join, folder_file(folder, "server/join.json"), &s->env, &err));
    choir_client_options o = choir_client_defaults();
    o.join = &join;
    o.job = "letters";
    o.state_dir = folder_file(folder, "device");
    check_ok(choir_client_create(&s->client, &o, &s->env, &err));
}

/* Takes part until the job is over. */
static void client_run(site *s) {
    static const choir_trainer_ops ops = {.train = train};
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    choir_event event = {.kind = CHOIR_EVENT_WAIT};
    for (int steps = 0; steps < 5000 && event.kind != CHOIR_EVENT_DONE; steps++) {
        check_ok(choir_client_step(s->client, (choir_trainer){&ops, NULL}, &event, &err));
        assert_true(event.kind != CHOIR_EVENT_FAILED);
        if (event.kind == CHOIR_EVENT_WAIT && event.wake_ms > choir_client_now_ms()) {
            (void)nanosleep(&pause, NULL);
        }
    }
    assert_int_equal(event.kind, CHOIR_EVENT_DONE);
}

// ----- what it costs ----------------------------------------------------------------------------

/* Reads nothing but the head of what it asks for. */
static int slow_peer(const site *s, const char *hash) {
    static peer_reply r;
    char request[256];
    const int peer = peer_connect(s->port);
    (void)snprintf(request, sizeof(request),
                   "GET /v1/models/%s HTTP/1.1\r\nHost: h\r\nAccept-Encoding: zstd\r\n\r\n", hash);
    peer_say(peer, request);
    peer_receive_of(peer, &r, false);
    assert_int_equal(r.code, 200);
    assert_string_equal(peer_header(&r, "Content-Encoding"), "zstd");
    return peer;
}

static void fetching_models_of_closed_rounds_costs_one_of_each(void **state) {
    (void)state;
    site s = {.env = choir_env_default()};
    char hash[2 * CHOIR_HASH_BYTES + 1];
    const choir_promoted *p = NULL;
    int peers[PEERS];
    serve(&s);
    host(&s);
    client_make(&s);
    client_run(&s);
    promote(&s, 1, hash);
    const int before = atomic_load(&large_there);
    for (int i = 0; i < PEERS; i++) {
        peers[i] = slow_peer(&s, hash);
    }
    assert_int_equal(atomic_load(&large_there), before + 2); // itself, and packed
    check_ok(choir_client_promoted(s.client, &p, &err));     // who is quick has it all the same
    char found[2 * CHOIR_HASH_BYTES + 1];
    choir_hash_text(&p->hash, found);
    assert_string_equal(found, hash);
    for (int i = 0; i < PEERS; i++) {
        (void)close(peers[i]);
    }
    check_settles(before);
    const int made = atomic_load(&large_made);
    check_ok(choir_client_promoted(s.client, &p, &err)); // asks whether it is still that one
    assert_int_equal(atomic_load(&large_made), made);
    choir_client_destroy(s.client);
    ch_operator_close(s.operator);
    ch_server_stop(s.server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetching_models_of_closed_rounds_costs_one_of_each),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
