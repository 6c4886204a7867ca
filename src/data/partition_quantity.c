/*
 * quantity: shuffled, but dealt in sizes of a power law. Everybody gets one example; the rest is
 * shared out in proportion to the client's rank, which is drawn, so that numbers say nothing.
 *
 *   n_k = 1 + (n - K) r_k^-power / sum_j r_j^-power,   r a random permutation of 1 .. K
 *
 * power 0 is iid; 1 is Zipf's law.
 */
#include "base/error.h"
#include "data/deviates.h"
#include "data/partition.h"

/* Fills shares (clients) with what all clients up to k are to get together; the last is n. */
static void sizes_draw(ch_partition *p) {
    uint32_t *ranks = p->counts;
    const uint32_t clients = p->clients;
    for (uint32_t k = 0; k < clients; k++) {
        ranks[k] = k + 1;
    }
    ch_rng rng = ch_rng_stream(p->seed, CH_PURPOSE_PARTITION, 3, 0);
    ch_rng_shuffle(&rng, ranks, clients);
    double sum = 0;
    for (uint32_t k = 0; k < clients; k++) {
        sum += ch_real_pow(ranks[k], -p->options->power);
        p->shares[k] = sum;
    }
    const double rest = p->examples->count - clients;
    for (uint32_t k = 0; k < clients; k++) {
        p->shares[k] = k + 1 + rest * (p->shares[k] / sum);
    }
}

static choir_status quantity_deal(ch_partition *p, choir_error *err) {
    if (!(p->options->power >= 0 && p->options->power <= 10)) {
        return ch_error_set(err, CHOIR_EINVAL, "data.power: %g is not in [0, 10]",
                            p->options->power);
    }
    const uint32_t count = p->examples->count;
    ch_partition_shuffle(p->order, count, p->seed);
    sizes_draw(p);
    uint32_t next = 0;
    for (uint32_t k = 0; k < p->clients; k++) {
        const uint32_t end = k + 1 == p->clients ? count : (uint32_t)(p->shares[k] + 1e-6);
        for (; next < end; next++) {
            p->owners[p->order[next]] = k;
        }
    }
    return CHOIR_OK;
}

const ch_partitioner ch_partitioner_quantity = {
    .name = "quantity",
    .about = "shuffled; sizes follow a power law with exponent data.power",
    .deal = quantity_deal,
};
