/*
 * Saved states from anybody. What has a wrong checksum is refused unread, so the input is laid over
 * a good state and the checksum made right. An input of three bytes, six, and so on, is laid over
 * one of an open population; one of odd size over one with evaluation rounds.
 */
#include "choir/coordinator.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "base/sha256.h"

#include <math.h>
#include <string.h>

enum { DIM = 4, STATE_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same for an open round; whatever is taken in closes to a model. */
static void round_try(choir_coordinator *c, const uint8_t *data, size_t size) {
    choir_status status = choir_coordinator_round_restore(c, 0, (choir_bytes){data, size}, NULL);
    CH_ASSERT(status == CHOIR_EPROTO); // a checksum is not guessed
    uint8_t round[STATE_MAX] = {0};
    const size_t sum = DIM * sizeof(int64_t); // there is none yet
    const size_t bytes = choir_coordinator_round_bytes(c);
    CH_ASSERT(bytes + sum <= STATE_MAX);
    choir_coordinator_round_save(c, 0, round);
    const bool has_sum = size % 2 == 1;
    const size_t content = bytes - sizeof(uint64_t) + (has_sum ? sum : 0);
    for (size_t i = 0; i + 1 < size; i += 2) {
        round[data[i] % content] ^= data[i + 1];
    }
    const uint64_t check = ch_checksum_of(0, round, content);
    memcpy(round + content, &check, sizeof(check));
    const choir_bytes saved = {round, content + sizeof(check)};
    status = choir_coordinator_round_restore(c, 0, saved, NULL);
    CH_ASSERT(status == CHOIR_OK || status == CHOIR_EPROTO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const float params[DIM] = {1, 2, 3, 4};
    const choir_env env = choir_env_default();
    choir_coordinator_options o = choir_coordinator_defaults();
    choir_coordinator *c = NULL;
    o.dim = DIM;
    o.clients = 3;
    o.algorithm = "fedavgm";
    o.schedule_learning_rate = "plateau";
    if (size % 3 == 0) {
        o.population = "open";
        o.goal = 2;
        o.rounds_between = 2;
    }
    o.evaluation_every = size % 2 * 2;
    CH_ASSERT(choir_coordinator_create(&c, params, &o, &env, NULL) == CHOIR_OK);
    choir_status status = choir_coordinator_restore(c, (choir_bytes){data, size}, NULL);
    CH_ASSERT(status == CHOIR_OK || status == CHOIR_EPROTO);

    uint8_t state[STATE_MAX];
    const size_t bytes = choir_coordinator_state_bytes(c);
    CH_ASSERT(bytes <= STATE_MAX);
    choir_coordinator_save(c, state);
    const size_t content = bytes - CHOIR_HASH_BYTES;
    for (size_t i = 0; i + 1 < size; i += 2) {
        state[data[i] % content] ^= data[i + 1];
    }
    ch_sha256_of(state, content, state + content);
    status = choir_coordinator_restore(c, (choir_bytes){state, bytes}, NULL);
    CH_ASSERT(status == CHOIR_OK || status == CHOIR_EPROTO);
    CH_ASSERT(choir_coordinator_round(c) <= o.rounds);
    for (uint32_t i = 0; i < DIM; i++) {
        CH_ASSERT(isfinite(choir_coordinator_params(c)[i]));
    }
    round_try(c, data, size);
    choir_coordinator_tick(c, 0);
    choir_coordinator_tick(c, UINT64_MAX);
    choir_coordinator_observe(c, 1);
    choir_coordinator_destroy(c);
    return 0;
}
