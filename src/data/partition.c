/* The table of partitioners, and what they share; see partition.h. */
#include "data/partition.h"

#include "base/assert.h"
#include "base/error.h"
#include "data/dataset.h"
#include "data/deviates.h"

#include <string.h>

const ch_partitioner *const CH_PARTITIONERS[] = {
    &ch_partitioner_iid,        &ch_partitioner_shards,   &ch_partitioner_dirichlet,
    &ch_partitioner_similarity, &ch_partitioner_quantity, &ch_partitioner_natural,
};
const size_t CH_PARTITIONERS_COUNT = sizeof(CH_PARTITIONERS) / sizeof(CH_PARTITIONERS[0]);

const ch_partitioner *ch_partitioner_find(const char *name) {
    for (size_t i = 0; i < CH_PARTITIONERS_COUNT; i++) {
        if (strcmp(CH_PARTITIONERS[i]->name, name) == 0) {
            return CH_PARTITIONERS[i];
        }
    }
    return NULL;
}

void ch_partition_shuffle(uint32_t *order, uint32_t count, uint64_t seed) {
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_PARTITION, 0, 0);
    ch_rng_shuffle(&rng, order, count);
}

/* Sorts from (count) into to by eight bits of the label, stably. */
static void sort_by_byte(uint32_t *to, const uint32_t *from, const ch_examples *e, uint32_t shift) {
    uint32_t starts[257] = {0};
    for (uint32_t i = 0; i < e->count; i++) {
        starts[(e->labels[i] >> shift & 0xFF) + 1] += 1;
    }
    for (uint32_t b = 0; b < 256; b++) {
        starts[b + 1] += starts[b];
    }
    for (uint32_t i = 0; i < e->count; i++) {
        uint32_t *place = &starts[e->labels[from[i]] >> shift & 0xFF];
        to[*place] = from[i];
        *place += 1;
    }
}

void ch_partition_sort(ch_partition *p) {
    CH_ASSERT(p->examples->classes <= CH_CLASSES_MAX); // two bytes: two passes
    ch_partition_shuffle(p->order, p->examples->count, p->seed);
    sort_by_byte(p->room, p->order, p->examples, 0);
    sort_by_byte(p->order, p->room, p->examples, 8);
}

static uint32_t groups_count(const ch_examples *e) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        count = e->groups[i] >= count ? e->groups[i] + 1 : count;
    }
    return count;
}

choir_status ch_partition_clients(uint32_t *out, const ch_examples *examples,
                                  const choir_job_data *options, choir_error *err) {
    uint32_t clients = options->clients;
    if (strcmp(options->partition, "natural") == 0) {
        if (examples->groups == NULL) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "data.partition: 'natural' needs to know who made each example, "
                                "and '%s' does not say; set data.partition=iid to deal them at "
                                "random, or name a CSV file's column that says it in data.group",
                                options->source);
        }
        const uint32_t groups = groups_count(examples);
        clients = clients == 0 || clients > groups ? groups : clients;
    }
    if (clients == 0) {
        return ch_error_set(err, CHOIR_EINVAL, "data.clients: 0; needs at least 1");
    }
    if (clients > examples->count) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.clients: %u clients cannot share %u examples; at most one "
                            "client an example",
                            clients, examples->count);
    }
    *out = clients;
    return CHOIR_OK;
}

uint32_t ch_partition_groups_left(const ch_examples *examples, const choir_job_data *options,
                                  uint32_t clients) {
    const bool is_natural = strcmp(options->partition, "natural") == 0;
    return is_natural && examples->count > 0 ? groups_count(examples) - clients : 0;
}
