/* Collected: see collected.h. */
#include "run/collected.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "data/dataset.h"

#include <string.h>

static const char NAME[] = "the store of examples"; // what messages call it

enum { STORED = 2 }; // tells these draws from those for clients and test sets

/* A table while it is filled. */
typedef struct filling {
    uint32_t room;
    uint32_t count;
    size_t bytes; // of one example
    double heldout;
    uint64_t seed;
    uint8_t *inputs;  // (room, bytes)
    uint32_t *labels; // (room)
    float *targets;   // (room)
    bool *is_heldout; // (room)
} filling;

static void take(void *self, uint64_t id, const choir_example *example) {
    filling *t = self;
    if (t->count == t->room) {
        return;
    }
    ch_rng rng = ch_rng_stream(t->seed, CH_PURPOSE_HELDOUT, STORED, id);
    memcpy(t->inputs + t->count * t->bytes, example->features, t->bytes);
    t->labels[t->count] = example->label;
    t->targets[t->count] = example->target;
    t->is_heldout[t->count] = ch_rng_unit(&rng) < t->heldout;
    t->count += 1;
}

static choir_status table_fill(ch_dataset *d, filling *t, choir_examples *examples,
                               choir_error *err) {
    const choir_examples_form *form = choir_examples_form_of(examples);
    t->inputs = ch_dataset_claim(d, t->room, t->bytes);
    t->labels = ch_dataset_claim(d, t->room, sizeof(t->labels[0]));
    t->targets = ch_dataset_claim(d, t->room, sizeof(t->targets[0]));
    t->is_heldout = ch_dataset_claim(d, t->room, sizeof(t->is_heldout[0]));
    if (t->inputs == NULL || t->labels == NULL || t->targets == NULL || t->is_heldout == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for its examples", NAME);
    }
    const choir_status status = choir_examples_read(examples, 0, t->room, take, t, err);
    const bool is_pixels = form->kind == CHOIR_FEATURES_PIXELS;
    d->train = (ch_examples){.count = t->count,
                             .shape = {form->height, form->width, form->channels},
                             .classes = form->classes,
                             .bytes = is_pixels ? t->inputs : NULL,
                             .reals = is_pixels ? NULL : (const float *)(const void *)t->inputs,
                             .labels = form->classes > 0 ? t->labels : NULL,
                             .targets = form->classes > 0 ? NULL : t->targets};
    return status;
}

choir_status ch_collected_open(ch_federation **out, choir_examples_summary *read,
                               choir_examples *examples, const choir_job *job, const choir_env *env,
                               choir_error *err) {
    *out = NULL;
    choir_examples_summary s;
    choir_status status = choir_examples_count(examples, &s, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (s.count > CH_EXAMPLES_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: holds %llu examples, at most %u can be read",
                            NAME, (unsigned long long)s.count, CH_EXAMPLES_MAX);
    }
    ch_dataset d;
    ch_dataset_init(&d, env);
    filling t = {.room = (uint32_t)s.count,
                 .bytes = choir_examples_bytes(examples),
                 .heldout = job->data.heldout,
                 .seed = job->seed};
    status = table_fill(&d, &t, examples, err);
    if (status != CHOIR_OK) {
        ch_dataset_release(&d);
        return status;
    }
    status = ch_federation_of_dataset(out, &d, t.is_heldout, &job->data, NAME, env, err);
    if (status == CHOIR_OK) {
        *read = s;
    }
    return status;
}

size_t ch_collected_bytes(const choir_examples_form *form, uint32_t rows) {
    const size_t each = form->kind == CHOIR_FEATURES_PIXELS ? 1 : sizeof(float);
    const size_t features = (size_t)form->height * form->width * form->channels;
    const size_t n = rows > 0 ? rows : 1;
    return ch_arena_cost(n, features * each) + ch_arena_cost(n, sizeof(uint32_t)) +
           ch_arena_cost(n, sizeof(float)) + ch_arena_cost(n, sizeof(bool)) +
           ch_federation_dataset_bytes(rows);
}

bool ch_collected_is_other(const choir_examples_summary *a, const choir_examples_summary *b) {
    return a->count != b->count || a->first_id != b->first_id || a->last_id != b->last_id;
}
