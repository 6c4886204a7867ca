/* Peer: requests written by hand to a coordinator, and its replies read. */
#ifndef CHOIR_TESTS_PROTO_PEER_H
#define CHOIR_TESTS_PROTO_PEER_H

#include "support/check.h"

#include "choir/coordinator.h"
#include "choir/why.h"
#include "wire/message.h"

#include <stdio.h>
#include <string.h>

enum { PEER_DIM = 3, PEER_BYTES_MAX = 256 };

/* A coordinator whose events are counted. */
typedef struct peer {
    choir_coordinator *c;
    uint64_t now_ms;
    choir_env env;
    char event[32]; // the last one logged
    choir_level level;
    char fields[256];
    uint32_t events;
} peer;

static inline void peer_log(void *self, choir_level level, const char *event, const char *fields) {
    peer *p = self;
    p->level = level;
    (void)snprintf(p->event, sizeof(p->event), "%s", event);
    (void)snprintf(p->fields, sizeof(p->fields), "%s", fields);
    p->events += 1;
}

static inline choir_coordinator_options peer_options(void) {
    choir_coordinator_options o = choir_coordinator_defaults();
    o.dim = PEER_DIM;
    o.clients = 3;
    o.rounds = 3;
    o.quorum = 2;
    o.deadline_ms = 60000;
    return o;
}

/* p must stay where it is: the coordinator logs to it. */
static inline void peer_open(peer *p, const choir_coordinator_options *o) {
    const float params[PEER_DIM] = {1, 2, 3};
    choir_error err = {.message = ""};
    *p = (peer){.env = choir_env_default()};
    p->env.log = peer_log;
    p->env.self = p;
    if (choir_coordinator_create(&p->c, params, o, &p->env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
}

static inline void peer_close(peer *p) {
    choir_coordinator_destroy(p->c);
}

static inline choir_bytes peer_write(const ch_request *m, uint8_t bytes[PEER_BYTES_MAX]) {
    const size_t head = ch_request_head(m, bytes);
    const choir_bytes delta = m->report.delta;
    if (delta.size > 0) {
        memcpy(bytes + head, delta.data, delta.size);
    }
    return (choir_bytes){bytes, head + delta.size};
}

static inline ch_reply peer_send(peer *p, const ch_request *m) {
    uint8_t bytes[PEER_BYTES_MAX];
    ch_reply reply;
    const choir_bytes answer = choir_coordinator_reply(p->c, p->now_ms, peer_write(m, bytes));
    check_status(ch_reply_decode(&reply, answer), CHOIR_OK);
    return reply;
}

static inline ch_reply peer_check_in(peer *p, uint32_t client) {
    const ch_request m = {.protocol = CH_PROTOCOL, .client = client, .kind = CH_REQUEST_CHECK_IN};
    return peer_send(p, &m);
}

/* A good report for the open round; delta (PEER_DIM) borrowed. */
static inline ch_request peer_report(const peer *p, uint32_t client, const float *delta) {
    return (ch_request){.protocol = CH_PROTOCOL,
                        .client = client,
                        .kind = CH_REQUEST_REPORT,
                        .report = {.round = choir_coordinator_round(p->c) + 1,
                                   .model = choir_coordinator_hash(p->c),
                                   .examples = 10,
                                   .metrics = {.examples = 10, .correct = 5, .loss_q20 = 10 << 20},
                                   .dim = PEER_DIM,
                                   .delta = {(const uint8_t *)delta, PEER_DIM * sizeof(delta[0])}}};
}

static inline ch_reply_kind peer_reports(peer *p, uint32_t client, float value) {
    const float delta[PEER_DIM] = {value, value, value};
    const ch_request m = peer_report(p, client, delta);
    return peer_send(p, &m).kind;
}

#endif
