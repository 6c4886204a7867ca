/* Replay: see include/choir/replay.h. The coordinator's own apply, on a coordinator without rounds.
 */
#include "choir/replay.h"

#include "base/error.h"
#include "proto/coordinator_parts.h"

#include <string.h>

struct choir_replay {
    choir_coordinator coordinator; // its options, parameters and state; nothing of a round
    ch_aggregator gathered;        // of reports; its sum is owned, NULL before the first
    float *delta;                  // (dim) owned; one that came in pieces
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
    const size_t model = status == CHOIR_OK ? dim * (1 + c->algorithm->state_per_param) : 0;
    if (status == CHOIR_OK) {
        status = ch_arena_init(&c->arena, ch_arena_cost(model, sizeof(float)), env);
    }
    if (status != CHOIR_OK) {
        env->free(env->self, r);
        return status;
    }
    c->params = CH_NEW(&c->arena, float, model);
    c->state = c->params + dim;
    memcpy(c->params, params, dim * sizeof(params[0]));
    const ch_algorithm_options knobs = ch_coordinator_algorithm_options(c);
    ch_algorithm_begin(c->algorithm, &knobs, c->state, options->dim);
    ch_coordinator_name(c);
    r->gathered = c->aggregator;
    *out = r;
    return CHOIR_OK;
}

void choir_replay_destroy(choir_replay *r) {
    if (r != NULL) {
        const choir_env env = r->coordinator.env;
        ch_arena_release(&r->coordinator.arena);
        if (r->gathered.sum != NULL) {
            env.free(env.self, r->gathered.sum);
        }
        if (r->delta != NULL) {
            env.free(env.self, r->delta);
        }
        env.free(env.self, r);
    }
}

bool choir_replay_has_state(const choir_replay *r) {
    return r->coordinator.algorithm->state_per_param > 0;
}

/* Room to gather in, made when it is needed first. */
static choir_status room_have(choir_replay *r, choir_error *err) {
    const choir_env *env = &r->coordinator.env;
    const size_t count = r->coordinator.numbers;
    if (r->gathered.sum == NULL) {
        r->gathered.sum = env->alloc(env->self, ch_arena_cost(count, sizeof(int64_t)));
        r->delta = r->delta != NULL ? r->delta
                                    : env->alloc(env->self, ch_arena_cost(count, sizeof(float)));
        if (r->gathered.sum != NULL) {
            ch_coordinator_sum_reset(&r->coordinator, &r->gathered);
        }
    }
    return r->gathered.sum != NULL && r->delta != NULL
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_ENOMEM, "replay: no memory to gather reports");
}

/* Whether a request is a report on the model as it is. */
static bool is_report(const choir_replay *r, const ch_request *in) {
    return in->kind == CH_REQUEST_REPORT &&
           memcmp(in->report.model.bytes, r->coordinator.offered.bytes, CHOIR_HASH_BYTES) == 0;
}

choir_status choir_replay_report(choir_replay *r, choir_bytes request, choir_error *err) {
    ch_request in;
    ch_offer offer;
    const choir_status status = room_have(r, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (ch_request_decode(&in, request) != CHOIR_OK || !ch_request_is_intact(&in) ||
        !is_report(r, &in)) {
        return ch_error_set(err, CHOIR_EPROTO, "replay: %zu bytes are no report on the model",
                            request.size);
    }
    const void *delta = in.report.delta.data;
    if (delta == NULL && in.report.dim == r->coordinator.numbers) {
        ch_request_gather(&in, r->delta);
        delta = r->delta;
    }
    const choir_refusal refusal = ch_coordinator_judge(&r->coordinator, &in, delta, NULL, &offer);
    if (refusal != CHOIR_REFUSAL_COUNT || r->gathered.reports == r->gathered.cohort_max) {
        return ch_error_set(err, CHOIR_EPROTO, "replay: the report of client %u does not count: %s",
                            in.client,
                            refusal != CHOIR_REFUSAL_COUNT ? choir_refusal_text(refusal)
                                                           : "one more than a round has");
    }
    ch_coordinator_sum_add(&r->coordinator, &r->gathered, delta, offer.weight);
    return CHOIR_OK;
}

choir_bytes choir_replay_gathered(const choir_replay *r, uint32_t *reports, uint64_t *examples) {
    const ch_aggregator *a = &r->gathered;
    *reports = a->reports;
    *examples = a->weight;
    const size_t bytes = r->coordinator.numbers * sizeof(a->sum[0]);
    return (choir_bytes){.data = (const uint8_t *)a->sum, .size = a->reports > 0 ? bytes : 0};
}

/* Nothing is gathered for the round after. */
static void gathered_forget(choir_replay *r) {
    if (r->gathered.sum != NULL) {
        ch_coordinator_sum_reset(&r->coordinator, &r->gathered);
    }
}

choir_status choir_replay_round(choir_replay *r, uint32_t reports, uint64_t examples,
                                choir_bytes sum, choir_error *err) {
    choir_coordinator *c = &r->coordinator;
    if (reports < c->options.quorum) {
        gathered_forget(r);
        return CHOIR_OK;
    }
    if (sum.size != c->numbers * sizeof(int64_t) ||
        !ch_coordinator_sum_is_sane(c, reports, examples, sum.data)) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "replay: %zu bytes are no sum of %u reports with %llu examples",
                            sum.size, reports, (unsigned long long)examples);
    }
    c->aggregator.sum = (int64_t *)(uintptr_t)sum.data; // only read
    c->aggregator.reports = reports;
    c->aggregator.weight = examples;
    (void)ch_coordinator_apply(c); // what it cannot apply, the coordinator could not
    c->aggregator.sum = NULL;
    gathered_forget(r);
    return CHOIR_OK;
}

choir_hash choir_replay_hash(const choir_replay *r) {
    return r->coordinator.hash;
}
