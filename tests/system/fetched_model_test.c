/*
 * What fetching the models of closed rounds costs a server: one of each, however many fetch it and
 * take their time; and asking what is promoted, none.
 */
#include "support/check.h"
#include "support/http_peer.h"
#include "support/whole_site.h"

#include "choir/blob.h"
#include "net/server.h"

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
    json_t *answer =
        operator_post(s->operator, "/jobs/letters/promote", json_pack("{s:i}", "round", round));
    (void)snprintf(hash, 2 * CHOIR_HASH_BYTES + 1, "%s",
                   json_string_value(json_object_get(answer, "hash")));
    json_decref(answer);
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
    operator_host(s.operator, folder, JOB, "seed=1", &s.env);
    s.client = device_make(folder, "letters", &s.env);
    assert_int_equal(device_run(s.client), 1);
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
