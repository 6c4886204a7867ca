/* Room: see room.h. */
#include "job/room.h"

#include "base/assert.h"
#include "base/error.h"
#include "fl/algorithm.h"

#include <inttypes.h>

enum {
    ROUND_HEAD_MAX = 1024,  // of an open round, beside what its clients and parameters take: also
                            // the single numbers of a sum
    ROUND_CLIENT_BYTES = 5, // a client's standing, and its number
    SUM_BYTES = 8,          // a parameter's, in each vector of it
    STATE_BYTES = 4,        // a parameter, and each number that the algorithm has of it
};

/* The parameters that fit a value of value_max bytes beside so many. */
static uint64_t most(uint64_t value_max, uint64_t beside, uint64_t bytes_each) {
    return beside > value_max ? 0 : (value_max - beside) / bytes_each;
}

choir_status ch_job_room_check(const choir_coordinator_options *o, size_t state_bytes,
                               uint64_t value_max, choir_error *err) {
    const ch_algorithm_ops *algorithm = ch_algorithm_find(o->algorithm, NULL);
    CH_ASSERT(algorithm != NULL);
    uint32_t vectors = 1; // in the sum
    for (uint32_t i = 0; i < algorithm->parts_count; i++) {
        vectors += algorithm->parts[i].is_vector;
    }
    const uint64_t each = STATE_BYTES * (UINT64_C(1) + algorithm->state_per_param);
    CH_ASSERT(state_bytes >= o->dim * each);
    const uint64_t round = ROUND_HEAD_MAX + (uint64_t)ROUND_CLIENT_BYTES * o->clients;
    const uint64_t of_state = most(value_max, state_bytes - o->dim * each, each);
    const uint64_t of_round = most(value_max, round, (uint64_t)SUM_BYTES * vectors);
    const uint64_t fit = of_state < of_round ? of_state : of_round;
    if (o->dim <= fit) {
        return CHOIR_OK;
    }
    return ch_error_set(err, CHOIR_EINVAL,
                        "model: %" PRIu32 " parameters are more than the %" PRIu64
                        " that this job's rounds can be kept of, with %" PRIu32
                        " clients; a server's store has values of at most %" PRIu64 " bytes",
                        o->dim, fit, o->clients, value_max);
}
