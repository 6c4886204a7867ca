/*
 * shards: sort by label, cut into clients * s equal pieces, give every client s of them at random.
 * A client sees at most s labels when shards divide the labels' examples evenly, and at most 2 s
 * when no label has fewer examples than a shard. What does not divide makes the first shards
 * longer.
 *
 * Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
 * Data", AISTATS 2017, sec. 3: 200 shards of 300, two a client.
 */
#include "base/error.h"
#include "base/rng.h"
#include "data/deviates.h"
#include "data/partition.h"

/* Where a shard begins among the sorted examples: shards 0 .. extra-1 have one example more. */
static uint32_t shard_start(uint32_t shard, uint32_t size, uint32_t extra) {
    return shard * size + (shard < extra ? shard : extra);
}

/* Writes client after client, s times each, in random order: the owner of every shard. */
static void shards_assign(uint32_t *owners, uint32_t shards, uint32_t each, uint64_t seed) {
    for (uint32_t i = 0; i < shards; i++) {
        owners[i] = i / each;
    }
    ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_PARTITION, 1, 0);
    ch_rng_shuffle(&rng, owners, shards);
}

static choir_status shards_deal(ch_partition *p, choir_error *err) {
    const uint32_t count = p->examples->count;
    const uint32_t each = p->options->shards;
    if (each == 0 || (uint64_t)each * p->clients > count) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.shards: %u for each of %u clients; needs at least 1, and at "
                            "most as many shards as the %u examples",
                            each, p->clients, count);
    }
    const uint32_t shards = each * p->clients;
    const uint32_t size = count / shards;
    const uint32_t extra = count % shards;
    ch_partition_sort(p);
    uint32_t *holders = p->room;
    shards_assign(holders, shards, each, p->seed);
    for (uint32_t shard = 0; shard < shards; shard++) {
        const uint32_t end = shard_start(shard + 1, size, extra);
        for (uint32_t i = shard_start(shard, size, extra); i < end; i++) {
            p->owners[p->order[i]] = holders[shard];
        }
    }
    return CHOIR_OK;
}

const ch_partitioner ch_partitioner_shards = {
    .name = "shards",
    .about = "sorted by label and cut; data.shards pieces a client",
    .wants_labels = true,
    .deal = shards_deal,
};
