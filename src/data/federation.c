/*
 * Federation: see federation.h.
 *
 *   in memory  source -> table -> owners (partition.h) -> rows, client by client, in two splits
 *   on demand  the generator draws a client into the caller's scratch; nothing is kept
 *
 * A generated source is drawn into memory when it fits into DRAWN_BYTES_MAX, since drawing takes
 * longer than training a small model on it; its examples are the same either way.
 */
#include "data/federation_parts.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/rng.h"
#include "data/crop.h"
#include "data/filed.h"
#include "data/partition.h"
#include "data/source.h"

#include <string.h>

#define DRAWN_BYTES_MAX   (UINT64_C(128) << 20) // of inputs, kept in memory
#define TEST_EXAMPLES_MAX UINT32_C(10000000)    // of generated sources

struct ch_scratch {
    ch_dataset blocks;    // what it owns: itself and the arrays below
    ch_examples examples; // (room) drawn on demand
    ch_drawing drawing;   // the same arrays, to write to
    uint32_t *rows;       // (room)
};

/* ------------------------------------------------------------------------------------- splits */

/* How many of n examples are held out: the share, rounded, and never the last one. */
static uint32_t heldout_count(double share, uint32_t n) {
    const uint32_t h = (uint32_t)(share * n + 0.5);
    return h < n ? h : n - (n > 0);
}

static uint32_t split_count(double share, uint32_t n, ch_split split) {
    const uint32_t held = heldout_count(share, n);
    return split == CH_SPLIT_HELDOUT ? held : n - held;
}

/*
 * Deals rows (n; NULL: 0 .. n-1) to the two splits in their order: each of the rows left is held
 * out with probability (held out ones still wanted) / (rows left). Either out may be NULL.
 *
 * Source: Knuth, "The Art of Computer Programming", vol. 2, sec. 3.4.2, algorithm S.
 */
static void split_rows(const ch_federation *f, uint32_t client, const uint32_t *rows, uint32_t n,
                       uint32_t *train, uint32_t *heldout) {
    ch_rng rng = ch_rng_stream(f->seed, CH_PURPOSE_HELDOUT, 0, client);
    uint32_t wanted = heldout_count(f->heldout, n);
    for (uint32_t i = 0; i < n; i++) {
        const bool held = ch_rng_below(&rng, n - i) < wanted;
        uint32_t **to = held ? &heldout : &train;
        wanted -= held;
        if (*to != NULL) {
            **to = rows == NULL ? i : rows[i];
            *to += 1;
        }
    }
}

/* ------------------------------------------------------------------------------------ dealing */

/* Sorts the dealt examples by owner, keeping their order: client k's begin at starts[k]. */
static void owners_sort(const uint32_t *owners, uint32_t count, uint32_t clients, uint32_t *starts,
                        uint32_t *sorted) {
    memset(starts, 0, ((size_t)clients + 1) * sizeof(starts[0]));
    for (uint32_t i = 0; i < count; i++) {
        if (owners[i] != CH_NOBODY) {
            CH_ASSERT(owners[i] < clients);
            starts[owners[i] + 1] += 1;
        }
    }
    for (uint32_t k = 0; k < clients; k++) {
        starts[k + 1] += starts[k];
    }
    for (uint32_t i = 0; i < count; i++) {
        if (owners[i] != CH_NOBODY) {
            sorted[starts[owners[i]]] = i;
            starts[owners[i]] += 1;
        }
    }
    for (uint32_t k = clients; k > 0; k--) { // every start has moved to its successor's place
        starts[k] = starts[k - 1];
    }
    starts[0] = 0;
}

/* Where each client's rows of both splits begin, from where all its rows begin. */
static void starts_split(ch_federation *f, const uint32_t *starts) {
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
        f->starts[s][0] = 0;
        for (uint32_t k = 0; k < f->clients; k++) {
            const uint32_t n = split_count(f->heldout, starts[k + 1] - starts[k], s);
            f->starts[s][k + 1] = f->starts[s][k] + n;
            f->count_max[s] = n > f->count_max[s] ? n : f->count_max[s];
        }
    }
}

choir_status ch_federation_claim(ch_federation *f, const uint32_t *starts) {
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
        f->starts[s] = ch_claim(&f->env, (size_t)f->clients + 1, sizeof(f->starts[s][0]));
        if (f->starts[s] == NULL) {
            return CHOIR_ENOMEM;
        }
    }
    starts_split(f, starts);
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
        f->rows[s] = ch_claim(&f->env, f->starts[s][f->clients], sizeof(f->rows[s][0]));
        if (f->rows[s] == NULL) {
            return CHOIR_ENOMEM;
        }
    }
    return CHOIR_OK;
}

/* One client in place of all, who holds in both splits what they do. */
static void pool(ch_federation *f) {
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
        f->starts[s][1] = f->starts[s][f->clients];
        f->count_max[s] = f->starts[s][1];
    }
    f->clients = 1;
}

/* From owners to the rows of every client in both splits. sorted and starts are room. */
static choir_status rows_fill(ch_federation *f, const uint32_t *owners, uint32_t *sorted,
                              uint32_t *starts) {
    owners_sort(owners, f->dataset.train.count, f->clients, starts, sorted);
    const choir_status status = ch_federation_claim(f, starts);
    if (status != CHOIR_OK) {
        return status;
    }
    for (uint32_t k = 0; k < f->clients; k++) {
        split_rows(f, k, sorted + starts[k], starts[k + 1] - starts[k],
                   f->rows[CH_SPLIT_TRAIN] + f->starts[CH_SPLIT_TRAIN][k],
                   f->rows[CH_SPLIT_HELDOUT] + f->starts[CH_SPLIT_HELDOUT][k]);
    }
    f->pooled = (ch_holding){.examples = &f->dataset.train,
                             .rows = f->rows[CH_SPLIT_TRAIN],
                             .count = f->starts[CH_SPLIT_TRAIN][f->clients]};
    return CHOIR_OK;
}

static choir_status partitioner_find(const ch_partitioner **out, const choir_job_data *options,
                                     const ch_examples *examples, choir_error *err) {
    const ch_partitioner *row = ch_partitioner_find(options->partition);
    if (row == NULL) {
        return ch_error_set(err, CHOIR_EINVAL, "data.partition: no partitioner is called '%s'",
                            options->partition);
    }
    if (row->wants_labels && (examples->classes == 0 || ch_examples_are_sequences(examples))) {
        return ch_error_set(
            err, CHOIR_EINVAL,
            "data.partition: '%s' deals by label, and %s; use iid, quantity or "
            "natural",
            row->name, examples->classes == 0 ? "regression has none" : "a line of text has none");
    }
    *out = row;
    return CHOIR_OK;
}

static choir_status deal_with_room(ch_federation *f, const ch_partitioner *row,
                                   const choir_job_data *options, void *room, choir_error *err) {
    const size_t count = f->dataset.train.count;
    ch_partition p = {.examples = &f->dataset.train,
                      .options = options,
                      .seed = f->seed,
                      .clients = f->clients,
                      .shares = room};
    p.owners = (uint32_t *)(p.shares + f->clients);
    p.order = p.owners + count;
    p.room = p.order + count;
    p.counts = p.room + count;
    const choir_status status = row->deal(&p, err);
    return status == CHOIR_OK ? rows_fill(f, p.owners, p.order, p.counts) : status;
}

/* Deals the training table of the data set out. */
static choir_status deal(ch_federation *f, const choir_job_data *options, choir_error *err) {
    const ch_examples *examples = &f->dataset.train;
    const ch_partitioner *row = NULL;
    if (examples->count == 0) {
        return ch_test_refuse(f->dataset.test.count, options->test_share, err);
    }
    choir_status status = partitioner_find(&row, options, examples, err);
    if (status == CHOIR_OK) {
        status = ch_partition_clients(&f->clients, examples, options, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    CH_ASSERT(row != NULL);
    const size_t words = 3 * (size_t)examples->count + (size_t)f->clients + 1;
    void *room = ch_claim(&f->env, words * sizeof(uint32_t) + f->clients * sizeof(double), 1);
    if (room == NULL) {
        return CHOIR_ENOMEM;
    }
    status = deal_with_room(f, row, options, room, err);
    f->env.free(f->env.self, room);
    f->left_out.groups = ch_partition_groups_left(examples, options, f->clients);
    f->left_out.idle = strcmp(row->name, "natural") == 0 ? f->dataset.idle : 0;
    f->left_out.of = f->left_out.groups + f->left_out.idle + f->clients;
    const bool is_one =
        strcmp(options->holder, "pooled") == 0 || strcmp(options->holder, "proxy") == 0;
    if (status == CHOIR_OK && is_one) {
        pool(f);
    }
    return status;
}

/* ----------------------------------------------------------------------------------- drawing */

/* Claims a table of count drawn examples in d. */
static choir_status table_claim(ch_dataset *d, ch_examples *table, ch_drawing *drawing,
                                const ch_generator_ops *ops, uint32_t count) {
    const size_t features = ch_shape_features(ops->shape);
    const size_t bytes = features * (ops->is_bytes ? sizeof(uint8_t) : sizeof(float));
    void *inputs = ch_dataset_claim(d, count, bytes);
    uint32_t *labels = ch_dataset_claim(d, count, sizeof(labels[0]));
    if (inputs == NULL || labels == NULL) {
        return CHOIR_ENOMEM;
    }
    *drawing = (ch_drawing){.labels = labels};
    if (ops->is_bytes) {
        drawing->bytes = inputs;
    } else {
        drawing->reals = inputs;
    }
    *table = (ch_examples){.count = count,
                           .shape = ops->shape,
                           .classes = ops->classes,
                           .bytes = drawing->bytes,
                           .reals = drawing->reals,
                           .labels = labels};
    return CHOIR_OK;
}

/* Where the drawing's example number i goes. */
static ch_drawing drawing_at(const ch_drawing *d, ch_shape shape, uint32_t i) {
    const size_t at = (size_t)i * ch_shape_features(shape);
    return (ch_drawing){.bytes = d->bytes == NULL ? NULL : d->bytes + at,
                        .reals = d->reals == NULL ? NULL : d->reals + at,
                        .labels = d->labels + i};
}

/* Draws clients from first on, one after another, until the table is full; groups may be NULL. */
static void table_draw(const ch_generator *g, uint32_t first, uint32_t count,
                       const ch_drawing *drawing, uint32_t *groups) {
    uint32_t done = 0;
    for (uint32_t k = 0; done < count; k++) {
        const uint32_t whole = ch_generator_count(g, first + k);
        const uint32_t n = whole < count - done ? whole : count - done;
        const ch_drawing to = drawing_at(drawing, g->ops->shape, done);
        g->ops->draw(g, first + k, n, &to);
        for (uint32_t i = 0; groups != NULL && i < n; i++) {
            groups[done + i] = k;
        }
        done += n;
    }
}

static choir_status test_draw(ch_federation *f, uint32_t count) {
    ch_drawing drawing;
    const choir_status status =
        table_claim(&f->dataset, &f->dataset.test, &drawing, f->generator.ops, count);
    if (status == CHOIR_OK) {
        table_draw(&f->generator, CH_GENERATOR_UNSEEN, count, &drawing, NULL);
        ch_crop_apply(f->crop, &f->dataset.test);
    }
    return status;
}

static choir_status train_draw(ch_federation *f, uint32_t count) {
    ch_drawing drawing;
    choir_status status =
        table_claim(&f->dataset, &f->dataset.train, &drawing, f->generator.ops, count);
    if (status != CHOIR_OK) {
        return status;
    }
    uint32_t *groups = ch_dataset_claim(&f->dataset, count, sizeof(groups[0]));
    if (groups == NULL) {
        return CHOIR_ENOMEM;
    }
    table_draw(&f->generator, 0, count, &drawing, groups);
    f->dataset.train.groups = groups;
    ch_crop_apply(f->crop, &f->dataset.train);
    return CHOIR_OK;
}

static choir_status generated_check(const choir_job_data *o, choir_error *err) {
    if (o->clients == 0 || o->clients > CH_GENERATOR_UNSEEN) {
        return ch_error_set(err, CHOIR_EINVAL, "data.clients: %u is not in [1, %u]", o->clients,
                            CH_GENERATOR_UNSEEN);
    }
    if (o->examples == 0 || o->examples > CH_GENERATOR_MEAN_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "data.examples: %u is not in [1, %u]", o->examples,
                            CH_GENERATOR_MEAN_MAX);
    }
    if (o->test_examples > TEST_EXAMPLES_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "data.test_examples: %u; at most %u",
                            o->test_examples, TEST_EXAMPLES_MAX);
    }
    return CHOIR_OK;
}

/* All clients' examples when they fit into memory; 0 when they do not. */
static uint32_t drawn_count(const ch_generator *g, uint32_t clients) {
    const uint64_t item = ch_shape_features(g->ops->shape) *
                          (uint64_t)(g->ops->is_bytes ? sizeof(uint8_t) : sizeof(float));
    const uint64_t room = DRAWN_BYTES_MAX / item;
    uint64_t total = clients <= room ? 0 : room + 1;
    for (uint32_t k = 0; k < clients && total <= room; k++) {
        total += ch_generator_count(g, k);
    }
    return total <= room ? (uint32_t)total : 0;
}

static choir_status generated_open(ch_federation *f, const choir_job_data *options,
                                   choir_error *err) {
    choir_status status = generated_check(options, err);
    if (status == CHOIR_OK) {
        status = test_draw(f, f->is_for_one ? 0 : options->test_examples);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    if (f->is_test_only) {
        f->dataset.train = f->dataset.test;
        f->dataset.train.count = 0;
        return CHOIR_OK;
    }
    const bool is_natural = strcmp(options->partition, "natural") == 0;
    const uint32_t count =
        f->is_for_one && is_natural ? 0 : drawn_count(&f->generator, options->clients);
    if (count > 0) {
        status = train_draw(f, count);
        return status == CHOIR_OK ? deal(f, options, err) : status;
    }
    if (strcmp(options->holder, "pooled") == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.holder: 'pooled' needs all examples in memory, and %u clients of "
                            "%u are too many; use less data",
                            options->clients, options->examples);
    }
    if (!is_natural) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.partition: '%s' needs all examples in memory, and %u clients "
                            "of %u are too many; use natural, or less data",
                            options->partition, options->clients, options->examples);
    }
    f->on_demand = true;
    f->clients = options->clients;
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
        f->count_max[s] = split_count(f->heldout, ch_generator_count_max(&f->generator), s);
    }
    return CHOIR_OK;
}

/* ------------------------------------------------------------------------------------ opening */

static choir_status read_open(ch_federation *f, const choir_job_data *options, choir_error *err) {
    ch_crop_apply(f->crop, &f->dataset.train);
    ch_crop_apply(f->crop, &f->dataset.test);
    return f->is_test_only ? CHOIR_OK : deal(f, options, err);
}

static choir_status federation_fill(ch_federation *f, const choir_job_data *options,
                                    const ch_reading *reading, choir_error *err) {
    if (!(options->heldout >= 0 && options->heldout < 1)) {
        return ch_error_set(err, CHOIR_EINVAL, "data.heldout: %g is not in [0, 1)",
                            options->heldout);
    }
    ch_source source;
    choir_status status = ch_source_open(&source, options, reading, f->seed, &f->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    f->heldout = options->heldout;
    f->dataset = source.dataset;
    f->generator = source.generator;
    const ch_shape whole = source.is_generated ? f->generator.ops->shape : f->dataset.train.shape;
    status = ch_federation_shape_set(f, options, whole, options->source, err);
    if (status != CHOIR_OK) {
        return status;
    }
    return source.is_generated ? generated_open(f, options, err) : read_open(f, options, err);
}

choir_status ch_federation_no_memory(const choir_job_data *options, choir_error *err) {
    return ch_error_set(err, CHOIR_ENOMEM,
                        "data.source: not enough memory for '%s'; use fewer clients or examples",
                        options->source);
}

choir_status ch_federation_open_for(ch_federation **out, const choir_job_data *options,
                                    const ch_reading *reading, uint64_t seed, bool is_for_one,
                                    const choir_env *env, choir_error *err) {
    *out = NULL;
    ch_federation *f = ch_claim(env, 1, sizeof(*f));
    if (f == NULL) {
        return ch_federation_no_memory(options, err);
    }
    *f = (ch_federation){.env = *env,
                         .seed = seed,
                         .is_for_one = is_for_one,
                         .is_test_only = reading != NULL && reading->is_test_only};
    ch_dataset_init(&f->dataset, env);
    const choir_status status = federation_fill(f, options, reading, err);
    if (status != CHOIR_OK) {
        ch_federation_destroy(f);
        return status == CHOIR_ENOMEM ? ch_federation_no_memory(options, err) : status;
    }
    *out = f;
    return CHOIR_OK;
}

choir_status ch_federation_open(ch_federation **out, const choir_job_data *options,
                                const ch_reading *reading, uint64_t seed, const choir_env *env,
                                choir_error *err) {
    return ch_federation_open_for(out, options, reading, seed, false, env, err);
}

static void block_free(const choir_env *env, void *block) {
    if (block != NULL) {
        env->free(env->self, block);
    }
}

void ch_federation_destroy(ch_federation *f) {
    if (f != NULL) {
        const choir_env env = f->env;
        for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
            block_free(&env, f->rows[s]);
            block_free(&env, f->starts[s]);
        }
        ch_dataset_release(&f->dataset);
        env.free(env.self, f);
    }
}

/* order (count of the table) = the rows of the splits as they follow each other, then the rest. */
static void order_fill(const ch_federation *f, uint32_t *order, uint8_t *is_taken) {
    const uint32_t count = f->dataset.train.count;
    uint32_t *to = order;
    memset(is_taken, 0, count);
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
        for (uint32_t i = 0; i < f->starts[s][f->clients]; i++, to++) {
            *to = f->rows[s][i];
            is_taken[*to] = 1;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (is_taken[i] == 0) {
            *to = i;
            to += 1;
        }
    }
    CH_ASSERT(to == order + count);
}

choir_status ch_federation_arrange(ch_federation *f) {
    const uint32_t count = f->dataset.train.count;
    if (f->on_demand || f->is_test_only) {
        return CHOIR_OK;
    }
    uint32_t *order = ch_claim(&f->env, count, sizeof(order[0]) + 1);
    if (order == NULL) {
        return CHOIR_ENOMEM;
    }
    order_fill(f, order, (uint8_t *)(order + count));
    ch_dataset_arrange(&f->dataset.train, order);
    block_free(&f->env, order);
    uint32_t next = 0;
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
        for (uint32_t i = 0; i < f->starts[s][f->clients]; i++, next++) {
            f->rows[s][i] = next;
        }
    }
    return CHOIR_OK;
}

/* ------------------------------------------------------------------------------------ reading */

uint32_t ch_federation_clients(const ch_federation *f) {
    return f->clients;
}

ch_shape ch_federation_shape(const ch_federation *f) {
    return f->shape;
}

uint32_t ch_federation_classes(const ch_federation *f) {
    return f->on_demand ? f->generator.ops->classes : f->dataset.train.classes;
}

size_t ch_federation_input_bytes(const ch_federation *f) {
    const size_t item = f->dataset.filed_count > 0 && f->dataset.filed[0]->is_reals ? 4 : 1;
    return f->dataset.filed_count > 0 ? ch_shape_features(f->kept) * item : 0;
}

const ch_preprocess *ch_federation_preprocess(const ch_federation *f) {
    return &f->preprocess;
}

const char *ch_federation_name(const ch_federation *f, uint32_t label) {
    return label < f->dataset.named ? f->dataset.names[label] : NULL;
}

const char *ch_federation_encoding(const ch_federation *f) {
    return f->dataset.encoding;
}

const ch_examples *ch_federation_test(const ch_federation *f) {
    return &f->dataset.test;
}

const ch_holding *ch_federation_pooled(const ch_federation *f) {
    return &f->pooled;
}

uint32_t ch_federation_count(const ch_federation *f, uint32_t client, ch_split split) {
    CH_ASSERT(client < f->clients);
    if (f->on_demand) {
        return split_count(f->heldout, ch_generator_count(&f->generator, client), split);
    }
    return f->starts[split][client + 1] - f->starts[split][client];
}

uint32_t ch_federation_count_max(const ch_federation *f, ch_split split) {
    return f->count_max[split];
}

choir_status ch_scratch_create(ch_scratch **out, const ch_federation *f, const choir_env *env) {
    *out = NULL;
    ch_dataset d;
    ch_dataset_init(&d, env);
    ch_scratch *s = ch_dataset_claim(&d, 1, sizeof(*s));
    if (s == NULL) {
        return CHOIR_ENOMEM;
    }
    *s = (ch_scratch){0};
    choir_status status = CHOIR_OK;
    if (f->on_demand) {
        const uint32_t room = ch_generator_count_max(&f->generator);
        status = table_claim(&d, &s->examples, &s->drawing, f->generator.ops, room);
        s->rows = ch_dataset_claim(&d, room, sizeof(s->rows[0]));
        status = s->rows == NULL ? CHOIR_ENOMEM : status;
    }
    s->blocks = d;
    if (status != CHOIR_OK) {
        ch_scratch_destroy(s);
        return status;
    }
    *out = s;
    return CHOIR_OK;
}

size_t ch_scratch_bytes(void) {
    return (sizeof(ch_scratch) + 63) / 64 * 64;
}

void ch_scratch_destroy(ch_scratch *s) {
    if (s != NULL) {
        ch_dataset blocks = s->blocks; // s itself is one of them
        ch_dataset_release(&blocks);
    }
}

choir_status ch_federation_holding(const ch_federation *f, uint32_t client, ch_split split,
                                   ch_scratch *scratch, ch_holding *out) {
    const uint32_t count = ch_federation_count(f, client, split);
    if (count == 0) {
        return CHOIR_EAGAIN;
    }
    if (!f->on_demand) {
        *out = (ch_holding){.examples = &f->dataset.train,
                            .rows = f->rows[split] + f->starts[split][client],
                            .count = count};
        return CHOIR_OK;
    }
    const uint32_t n = ch_generator_count(&f->generator, client);
    f->generator.ops->draw(&f->generator, client, n, &scratch->drawing);
    split_rows(f, client, NULL, n, split == CH_SPLIT_TRAIN ? scratch->rows : NULL,
               split == CH_SPLIT_HELDOUT ? scratch->rows : NULL);
    scratch->examples.count = n;
    scratch->examples.shape = f->generator.ops->shape;
    ch_crop_apply(f->crop, &scratch->examples);
    *out = (ch_holding){.examples = &scratch->examples, .rows = scratch->rows, .count = count};
    return CHOIR_OK;
}
