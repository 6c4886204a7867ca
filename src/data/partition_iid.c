/*
 * iid: shuffle, then deal like cards. Sizes differ by at most one.
 *
 * Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
 * Data", AISTATS 2017, sec. 3.
 */
#include "data/partition.h"

static choir_status iid_deal(ch_partition *p, choir_error *err) {
    (void)err;
    const uint32_t count = p->examples->count;
    ch_partition_shuffle(p->order, count, p->seed);
    for (uint32_t i = 0; i < count; i++) {
        p->owners[p->order[i]] = i % p->clients;
    }
    return CHOIR_OK;
}

const ch_partitioner ch_partitioner_iid = {
    .name = "iid",
    .about = "shuffled and dealt evenly",
    .deal = iid_deal,
};
