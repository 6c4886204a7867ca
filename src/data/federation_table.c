/* A federation of one client, whose examples came from elsewhere than a job's source. */
#include "base/arena.h"
#include "base/error.h"
#include "data/crop.h"
#include "data/federation_parts.h"

/* Claims rows for count[s] examples of each split. */
static choir_status splits_claim(ch_federation *f, const uint32_t count[CH_SPLITS]) {
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
        f->starts[s] = ch_claim(&f->env, 2, sizeof(f->starts[s][0]));
        f->rows[s] = ch_claim(&f->env, count[s], sizeof(f->rows[s][0]));
        if (f->starts[s] == NULL || f->rows[s] == NULL) {
            return CHOIR_ENOMEM;
        }
        f->starts[s][0] = 0;
        f->starts[s][1] = count[s];
        f->count_max[s] = count[s];
    }
    return CHOIR_OK;
}

static choir_status rows_deal(ch_federation *f, const bool *is_heldout) {
    const uint32_t total = f->dataset.train.count;
    uint32_t count[CH_SPLITS] = {0};
    for (uint32_t i = 0; i < total; i++) {
        count[is_heldout[i] ? CH_SPLIT_HELDOUT : CH_SPLIT_TRAIN] += 1;
    }
    const choir_status status = splits_claim(f, count);
    uint32_t next[CH_SPLITS] = {0};
    for (uint32_t i = 0; i < total && status == CHOIR_OK; i++) {
        const ch_split s = is_heldout[i] ? CH_SPLIT_HELDOUT : CH_SPLIT_TRAIN;
        f->rows[s][next[s]] = i;
        next[s] += 1;
    }
    f->pooled = (ch_holding){.examples = &f->dataset.train,
                             .rows = f->rows[CH_SPLIT_TRAIN],
                             .count = count[CH_SPLIT_TRAIN]};
    return status;
}

choir_status ch_federation_of_dataset(ch_federation **out, ch_dataset *dataset,
                                      const bool *is_heldout, const choir_job_data *options,
                                      const char *name, const choir_env *env, choir_error *err) {
    *out = NULL;
    ch_federation *f = ch_claim(env, 1, sizeof(*f));
    if (f == NULL) {
        ch_dataset_release(dataset);
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for its examples", name);
    }
    *f = (ch_federation){.env = *env, .clients = 1, .dataset = *dataset};
    ch_dataset_init(dataset, env); // moved
    choir_status status = ch_federation_shape_set(f, options, f->dataset.train.shape, name, err);
    if (status == CHOIR_OK) {
        ch_crop_apply(f->crop, &f->dataset.train);
        status = rows_deal(f, is_heldout);
        if (status != CHOIR_OK) {
            (void)ch_error_set(err, status, "%s: no memory for its examples", name);
        }
    }
    if (status != CHOIR_OK) {
        ch_federation_destroy(f);
        return status;
    }
    *out = f;
    return CHOIR_OK;
}

size_t ch_federation_dataset_bytes(uint32_t rows) {
    const size_t splits = ch_arena_cost(2, sizeof(uint32_t)) + ch_arena_cost(1, 1); // and rounding
    return ch_arena_cost(1, sizeof(ch_federation)) + CH_SPLITS * splits +
           ch_arena_cost(rows, sizeof(uint32_t));
}
