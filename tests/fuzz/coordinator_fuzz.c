/*
 * A coordinator among ill-meaning peers: requests, each with a length byte before it, some of them
 * whole reports of the open round with the parameters and weights of the input, announcements of
 * such, or check-ins. An input of odd size has an open population, and half of all have evaluation
 * rounds. Whatever happened, the open round can be saved, and taken back.
 */
#include "choir/coordinator.h"

#include "base/assert.h"
#include "wire/message.h"

#include <math.h>
#include <string.h>

enum { DIM = 4, CLIENTS = 5, ROUNDS = 3, BYTES_MAX = 512, SAVED_MAX = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A report with the right checksum, round and model, so that its content is looked at. */
static size_t report_make(const choir_coordinator *c, uint8_t *out, const uint8_t *in,
                          size_t size) {
    uint8_t delta[DIM * sizeof(float)] = {0};
    memcpy(delta, in, size < sizeof(delta) ? size : sizeof(delta));
    ch_request m = {.protocol = CH_PROTOCOL,
                    .client = size > 0 ? in[0] % (CLIENTS + 1) : 0,
                    .kind = CH_REQUEST_REPORT};
    m.report = (ch_report){.round = choir_coordinator_round(c) + 1,
                           .model = choir_coordinator_hash(c),
                           .examples = size > 1 ? (uint32_t)in[1] << 20 : 1,
                           .metrics = {size, UINT64_MAX, size > 2 ? INT64_MIN : INT64_MAX},
                           .failure = size > 20 ? in[20] : 0,
                           .purpose = choir_coordinator_is_evaluating(c),
                           .dim = DIM,
                           .delta = {delta, sizeof(delta)}};
    if (choir_coordinator_is_evaluating(c)) {
        m.report.round -= 1;
    }
    if (m.report.failure != 0 || (choir_coordinator_is_evaluating(c) && size % 3 != 0)) {
        m.report.dim = 0;
        m.report.delta = (choir_bytes){0};
    }
    if (size % 8 == 5) {
        m.kind = CH_REQUEST_ANNOUNCE;
        m.report.dim = 0;
        m.report.delta = (choir_bytes){0};
    }
    if (size % 8 == 7) {
        m.kind = CH_REQUEST_CHECK_IN;
        m.report = (ch_report){0};
    }
    const uint32_t head = ch_request_head(&m, out);
    memcpy(out + head, delta, m.report.delta.size);
    return head + m.report.delta.size;
}

static void reply_check(choir_coordinator *c, uint64_t now_ms, const uint8_t *bytes, size_t size) {
    ch_reply reply;
    const choir_bytes answer = choir_coordinator_reply(c, now_ms, (choir_bytes){bytes, size});
    CH_ASSERT(ch_reply_decode(&reply, answer) == CHOIR_OK);
    for (uint32_t i = 0; i < DIM; i++) {
        CH_ASSERT(isfinite(choir_coordinator_params(c)[i]));
    }
}

static void round_again(choir_coordinator *c, uint64_t now_ms) {
    uint8_t saved[SAVED_MAX];
    uint8_t again[SAVED_MAX];
    const size_t size = choir_coordinator_round_bytes(c);
    uint32_t count = 0;
    (void)choir_coordinator_cohort(c, &count);
    CH_ASSERT(count <= choir_coordinator_cohort_max(c));
    CH_ASSERT(size <= SAVED_MAX);
    choir_coordinator_round_save(c, now_ms, saved);
    CH_ASSERT(choir_coordinator_round_restore(c, now_ms, (choir_bytes){saved, size}, NULL) ==
              CHOIR_OK);
    CH_ASSERT(choir_coordinator_round_bytes(c) == size);
    choir_coordinator_round_save(c, now_ms, again);
    CH_ASSERT(memcmp(saved, again, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const float params[DIM] = {0};
    const choir_env env = choir_env_default();
    choir_coordinator_options o = choir_coordinator_defaults();
    choir_coordinator *c = NULL;
    o.dim = DIM;
    o.clients = CLIENTS;
    o.rounds = ROUNDS;
    o.sample_rate = 0.6;
    if (size % 2 == 1) {
        o.population = "open";
        o.goal = 2;
        o.rounds_between = 1;
    }
    o.evaluation_every = size % 4 / 2;
    o.announce = true;
    CH_ASSERT(choir_coordinator_create(&c, params, &o, &env, NULL) == CHOIR_OK);
    uint64_t now_ms = 0;
    while (size > 0) {
        const size_t length = data[0] % 64 < size - 1 ? data[0] % 64 : size - 1;
        const bool is_made = data[0] >= 64;
        now_ms += data[0] == 255 ? o.deadline_ms : 1;
        uint8_t made[BYTES_MAX];
        const size_t made_size = report_make(c, made, data + 1, length);
        reply_check(c, now_ms, is_made ? made : data + 1, is_made ? made_size : length);
        round_again(c, now_ms);
        data += length + 1;
        size -= length + 1;
    }
    CH_ASSERT(choir_coordinator_round(c) <= ROUNDS);
    choir_coordinator_destroy(c);
    return 0;
}
