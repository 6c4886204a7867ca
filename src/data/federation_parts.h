/* The federation's insides, shared by its files. */
#ifndef CH_DATA_FEDERATION_PARTS_H
#define CH_DATA_FEDERATION_PARTS_H

#include "data/dataset.h"
#include "data/federation.h"
#include "data/generator.h"
#include "data/preprocess.h"

enum { CH_SPLITS = 2 };

struct ch_federation {
    choir_env env;
    uint64_t seed;
    double heldout;
    uint32_t clients;
    uint32_t crop;  // of what is read and drawn: 0 where they are cropped when they are used
    ch_shape shape; // of every example, cropped
    ch_shape kept;  // in tables: the same, or whole pictures
    ch_preprocess preprocess;
    bool is_for_one;   // nothing is drawn in advance that one client does not need
    bool is_test_only; // and nobody holds anything
    bool on_demand;
    ch_generator generator; // on demand
    ch_dataset dataset;     // on demand: only the test set

    /* In memory: client k's rows of split s are rows[s] + starts[s][k], up to starts[s][k + 1]. */
    uint32_t *rows[CH_SPLITS];   // (starts[s][clients]) owned
    uint32_t *starts[CH_SPLITS]; // (clients + 1) owned
    uint32_t count_max[CH_SPLITS];
    ch_left_out left_out; // of which examples are counted when they are asked for
    ch_holding pooled;
};

/*
 * ch_federation_open, for one client or for all.
 *
 * is_for_one  nothing is drawn in advance that one client does not need: no test set, and of the
 *             others only where they have to be dealt
 */
CHOIR_NODISCARD choir_status ch_federation_open_for(ch_federation **out,
                                                    const choir_job_data *options,
                                                    const ch_reading *reading, uint64_t seed,
                                                    bool is_for_one, const choir_env *env,
                                                    choir_error *err);

/* ENOMEM, with what needs less. */
CHOIR_NODISCARD choir_status ch_federation_no_memory(const choir_job_data *options,
                                                     choir_error *err);

/*
 * Fills in crop, shape, kept and preprocess, for examples of a shape.
 *
 * name  stands for the data in messages
 *
 * Returns OK; EINVAL when options->crop or options->preprocess does not fit.
 */
CHOIR_NODISCARD choir_status ch_federation_shape_set(ch_federation *f,
                                                     const choir_job_data *options, ch_shape whole,
                                                     const char *name, choir_error *err);

/* Claims rows and starts of both splits, and fills in starts, from where each client's examples
 * begin: starts (clients + 1). The rows are the caller's to fill in. */
CHOIR_NODISCARD choir_status ch_federation_claim(ch_federation *f, const uint32_t *starts);

#endif
