/* The table of algorithms: see algorithm.h. */
#include "fl/algorithm.h"

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>
#include <string.h>

static const ch_algorithm_ops *const ALGORITHMS[] = {
    &ch_algorithm_fedavg,   &ch_algorithm_fedavgm, &ch_algorithm_fedprox, &ch_algorithm_fedadagrad,
    &ch_algorithm_fedadam,  &ch_algorithm_fedyogi, &ch_algorithm_fednova, &ch_algorithm_qfedavg,
    &ch_algorithm_scaffold, &ch_algorithm_feddyn,
};

enum { ALGORITHMS_COUNT = sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]) };

const ch_algorithm_ops *ch_algorithm_find(const char *name, choir_error *err) {
    char known[CH_TEXT_LIST_MAX] = "";
    for (size_t i = 0; i < ALGORITHMS_COUNT; i++) {
        ch_text_list(known, sizeof(known), ALGORITHMS[i]->name);
        if (name != NULL && strcmp(ALGORITHMS[i]->name, name) == 0) {
            return ALGORITHMS[i];
        }
    }
    (void)ch_error_set(err, CHOIR_EINVAL, "algorithm: '%.40s' is unknown; known: %s",
                       name == NULL ? "" : name, known);
    return NULL;
}

const ch_algorithm_ops *ch_algorithm_of_method(uint32_t method) {
    for (size_t i = 0; i < ALGORITHMS_COUNT && method != CHOIR_METHOD_PLAIN; i++) {
        if ((uint32_t)ALGORITHMS[i]->method == method) {
            return ALGORITHMS[i];
        }
    }
    return NULL;
}

void ch_algorithm_begin(const ch_algorithm_ops *ops, const ch_algorithm_options *o, float *state,
                        uint32_t dim) {
    if (ops->begin != NULL) {
        ops->begin(o, state, dim);
    } else {
        memset(state, 0, (size_t)dim * ops->state_per_param * sizeof(state[0]));
    }
}

static bool has_second_vector(const ch_algorithm_ops *ops) {
    for (uint32_t i = 0; i < ops->parts_count; i++) {
        if (ops->parts[i].is_vector) {
            return true;
        }
    }
    return false;
}

choir_status ch_algorithm_check(const ch_algorithm_ops *ops, const ch_algorithm_setting *s,
                                const char *before, choir_error *err) {
    const bool is_plain = !s->has_proximal && !s->has_momentum;
    const struct {
        bool is_wrong;
        const char *why;
    } rules[] = {
        {(ops->knobs & CH_NEEDS_PROXIMAL) != 0 && !s->has_proximal,
         "needs a client.proximal_mu above 0, like 0.01"},
        {(ops->knobs & CH_NEEDS_UNIFORM) != 0 && !s->is_uniform,
         "has all clients count alike, so the chain must say 'uniform'"},
        {(ops->knobs & CH_NEEDS_ROSTER) != 0 && !s->is_closed,
         "counts all clients there are, so the population must be closed"},
        {(ops->knobs & CH_NEEDS_PLAIN) != 0 && !is_plain,
         "knows a client's gradients by its steps, so client.momentum and client.proximal_mu must "
         "be 0"},
        {has_second_vector(ops) && s->has_clip,
         "sends a second vector, which the chain's 'clip' would not bound; remove that link"},
        {(ops->knobs & CH_NEEDS_LENGTHS) != 0 && s->has_clip,
         "sends an update divided by its steps, so the chain's 'clip' would bound one step and not "
         "how far all of them go; remove that link"},
        {ops->kept_per_param > 0 && s->has_clip,
         "has clients keep what their updates were, which the chain's 'clip' would change on the "
         "way; remove that link"},
        {ops->kept_per_param > 0 && s->has_quorum,
         "has clients keep what their updates were once these are counted, which a round that is "
         "discarded would not undo, so the quorum must be 1"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].is_wrong) {
            return ch_error_set(err, CHOIR_EINVAL, "%s: '%s' %s", before, ops->name, rules[i].why);
        }
    }
    return CHOIR_OK;
}

uint32_t ch_part_dim(const ch_part *part, uint32_t dim) {
    return part->is_vector ? dim : 1;
}

choir_status ch_part_sum_init(ch_aggregator *out, const ch_algorithm_ops *ops, uint32_t which,
                              const ch_aggregator *update, const char *before, choir_error *err) {
    const ch_part *part = &ops->parts[which];
    const double max = part->max > 0 ? part->max : update->coordinate_max;
    const uint32_t weight_max = part->is_uniform ? 1 : update->weight_max;
    const choir_status status = ch_aggregator_init(out, NULL, ch_part_dim(part, update->dim), max,
                                                   weight_max, update->cohort_max, NULL);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status,
                            "%s: '%s' sends '%s', up to %.10g, of which %u clients that each weigh "
                            "up to %u leave too few bits in a 64-bit sum; lower "
                            "server.examples_max or the clients in a round",
                            before, ops->name, part->name, max, update->cohort_max, weight_max);
    }
    return CHOIR_OK;
}

static uint32_t bounded(uint64_t count) {
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

uint32_t choir_task_fetched(const choir_task *task) {
    const ch_algorithm_ops *ops = ch_algorithm_of_method(task->method);
    return ops == NULL ? task->dim : bounded(task->dim * (UINT64_C(1) + ops->shared_per_param));
}

uint32_t choir_task_sent(const choir_task *task) {
    const ch_algorithm_ops *ops = ch_algorithm_of_method(task->method);
    if (task->purpose == CHOIR_PURPOSE_EVALUATE) {
        return 0;
    }
    uint64_t count = task->dim;
    for (uint32_t i = 0; ops != NULL && i < ops->parts_count; i++) {
        count += ch_part_dim(&ops->parts[i], task->dim);
    }
    return bounded(count);
}
