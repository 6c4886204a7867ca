/*
 * natural: whoever made an example holds it. One group is one client, with the group's number; the
 * examples of groups beyond data.clients are dropped.
 */
#include "data/partition.h"

static choir_status natural_deal(ch_partition *p, choir_error *err) {
    (void)err;
    for (uint32_t i = 0; i < p->examples->count; i++) {
        const uint32_t group = p->examples->groups[i];
        p->owners[i] = group < p->clients ? group : CH_NOBODY;
    }
    return CHOIR_OK;
}

const ch_partitioner ch_partitioner_natural = {
    .name = "natural",
    .about = "one client a writer, sender or other group of the data",
    .deal = natural_deal,
};
