/*
 * similarity: a share s of the examples is shuffled and dealt like cards, the rest is sorted by
 * label and cut into one consecutive piece a client. 1 is iid, to the bit; 0 shows a client at most
 * 2 labels when no label has fewer examples than a piece. Sizes differ by at most one whatever s.
 *
 *   client k of K, n examples, m = round(s n):  n / K in all, of them m / K iid, each +-1
 *
 * Clients' numbers ascend as the labels of their pieces do.
 *
 * Source: Karimireddy et al., "SCAFFOLD: Stochastic Controlled Averaging for Federated Learning",
 * ICML 2020, sec. 7, after Hsu et al., "Measuring the Effects of Non-Identical Data Distribution
 * for Federated Visual Classification", 2019: s % of a client's data are IID, the others are dealt
 * sorted by label.
 */
#include "base/error.h"
#include "data/partition.h"

/* What a client has of count examples dealt like cards. */
static uint32_t dealt(uint32_t count, uint32_t clients, uint32_t client) {
    return count / clients + (client < count % clients ? 1 : 0);
}

/* Gives what nobody holds yet, in the order of p->order, to one client after the other. */
static void rest_deal(ch_partition *p, uint32_t mixed) {
    const uint32_t count = p->examples->count;
    uint32_t at = 0;
    for (uint32_t k = 0; k < p->clients; k++) {
        uint32_t piece = dealt(count, p->clients, k) - dealt(mixed, p->clients, k);
        for (; piece > 0; at++) {
            uint32_t *owner = &p->owners[p->order[at]];
            if (*owner == CH_NOBODY) {
                *owner = k;
                piece -= 1;
            }
        }
    }
}

static choir_status similarity_deal(ch_partition *p, choir_error *err) {
    const double share = p->options->similarity;
    if (!(share >= 0 && share <= 1)) {
        return ch_error_set(err, CHOIR_EINVAL, "data.similarity: %g is not in [0, 1]", share);
    }
    const uint32_t count = p->examples->count;
    const uint32_t mixed = (uint32_t)(share * count + 0.5);
    ch_partition_shuffle(p->order, count, p->seed);
    for (uint32_t i = 0; i < count; i++) {
        p->owners[p->order[i]] = i < mixed ? i % p->clients : CH_NOBODY;
    }
    ch_partition_sort(p);
    rest_deal(p, mixed);
    return CHOIR_OK;
}

const ch_partitioner ch_partitioner_similarity = {
    .name = "similarity",
    .about = "a share data.similarity dealt evenly, the rest sorted by label and cut",
    .wants_labels = true,
    .deal = similarity_deal,
};
