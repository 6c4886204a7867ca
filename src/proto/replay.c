/* Replay: see include/choir/replay.h. The coordinator's own apply, on a coordinator without rounds.
 */
#include "choir/replay.h"

#include "base/error.h"
#include "choir/blob.h"
#include "proto/coordinator_parts.h"

#include <string.h>

struct choir_replay {
    choir_coordinator coordinator; // its options, parameters and state; nothing of a round
};

choir_status choir_replay_create(choir_replay **out, const float *params,
                                 const choir_coordinator_options *options, const choir_env *env,
                                 choir_error *err) {
    *out = NULL;
    choir_replay *r = env->alloc(env->self, ch_arena_cost(1, sizeof(*r)));
    if (r == NULL) {
        return CHOIR_ENOMEM;
    }
    *r = (choir_replay){.coordinator = {.env = *env}};
    choir_coordinator *c = &r->coordinator;
    choir_status status = ch_coordinator_configure(c, options, err);
    if (status == CHOIR_OK) {
        status = ch_coordinator_params_check(params, options->dim, err);
    }
    const size_t dim = options->dim;
    const size_t state = status == CHOIR_OK ? dim * c->algorithm->state_per_param : 0;
    if (status == CHOIR_OK) {
        status = ch_arena_init(
            &c->arena, ch_arena_cost(dim, sizeof(float)) + ch_arena_cost(state, sizeof(float)),
            env);
    }
    if (status != CHOIR_OK) {
        env->free(env->self, r);
        return status;
    }
    c->params = CH_NEW(&c->arena, float, dim);
    c->state = CH_NEW(&c->arena, float, state);
    memcpy(c->params, params, dim * sizeof(params[0]));
    c->hash = choir_hash_params(c->params, options->dim);
    *out = r;
    return CHOIR_OK;
}

void choir_replay_destroy(choir_replay *r) {
    if (r != NULL) {
        const choir_env env = r->coordinator.env;
        ch_arena_release(&r->coordinator.arena);
        env.free(env.self, r);
    }
}

bool choir_replay_has_state(const choir_replay *r) {
    return r->coordinator.algorithm->state_per_param > 0;
}

choir_status choir_replay_round(choir_replay *r, uint32_t reports, uint64_t examples,
                                choir_bytes sum, choir_error *err) {
    choir_coordinator *c = &r->coordinator;
    if (reports < c->options.quorum) {
        return CHOIR_OK;
    }
    if (sum.size != c->options.dim * sizeof(int64_t) ||
        !ch_coordinator_sum_is_sane(c, reports, examples, sum.data)) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "replay: %zu bytes are no sum of %u reports with %llu examples",
                            sum.size, reports, (unsigned long long)examples);
    }
    c->aggregator.sum = (int64_t *)(uintptr_t)sum.data; // only read
    c->aggregator.reports = reports;
    c->aggregator.weight = examples;
    ch_coordinator_apply(c);
    c->aggregator.sum = NULL;
    return CHOIR_OK;
}

choir_hash choir_replay_hash(const choir_replay *r) {
    return r->coordinator.hash;
}
