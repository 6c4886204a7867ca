/*
 * Partition: who holds which example of a data set in memory.
 *
 * A partitioner writes one owner for every example, so that each is dealt once or dropped by
 * construction. It is a pure function of the seed, the labels and the groups. See
 * docs/partitioner.md.
 */
#ifndef CH_DATA_PARTITION_H
#define CH_DATA_PARTITION_H

#include "choir/job.h"
#include "choir/status.h"
#include "data/examples.h"

#include <stddef.h>

/* The owner of an example that nobody holds. */
#define CH_NOBODY UINT32_MAX

typedef struct ch_partition {
    const ch_examples *examples; // to deal out; borrowed
    const choir_job_data *options;
    uint64_t seed;
    uint32_t clients; // to deal to, 1 .. examples->count

    uint32_t *owners; // (examples) out
    uint32_t *order;  // (examples) room for a permutation
    uint32_t *room;   // (examples) room for anything
    double *shares;   // (clients) room for shares or sizes
    uint32_t *counts; // (clients) room for counts
} ch_partition;

typedef struct ch_partitioner {
    const char *name;
    const char *about; // one line, for help
    bool wants_labels; // refused for regression and sequences

    /* Fills p->owners. Returns OK; EINVAL when the options do not fit the data. */
    choir_status (*deal)(ch_partition *p, choir_error *err);
} ch_partitioner;

extern const ch_partitioner ch_partitioner_iid;
extern const ch_partitioner ch_partitioner_shards;
extern const ch_partitioner ch_partitioner_dirichlet;
extern const ch_partitioner ch_partitioner_quantity;
extern const ch_partitioner ch_partitioner_natural;
extern const ch_partitioner ch_partitioner_similarity;

extern const ch_partitioner *const CH_PARTITIONERS[];
extern const size_t CH_PARTITIONERS_COUNT;

/* The row with this name, or NULL. */
const ch_partitioner *ch_partitioner_find(const char *name);

/*
 * How many clients there will be: what the options ask for, or the number of groups when that is
 * less or they ask for all.
 *
 * Returns OK; EINVAL when it is none, more than there are examples, or groups are wanted and
 * unknown.
 */
CHOIR_NODISCARD choir_status ch_partition_clients(uint32_t *out, const ch_examples *examples,
                                                  const choir_job_data *options, choir_error *err);

/* Of how many groups nobody holds anything, clients being as many as ch_partition_clients said: 0
 * where the examples are not dealt by groups. */
uint32_t ch_partition_groups_left(const ch_examples *examples, const choir_job_data *options,
                                  uint32_t clients);

/* Fills order (count) with a random permutation of 0 .. count-1. */
void ch_partition_shuffle(uint32_t *order, uint32_t count, uint64_t seed);

/* Fills p->order with the examples sorted by label, in random order within a label; uses p->room.
 */
void ch_partition_sort(ch_partition *p);

#endif
