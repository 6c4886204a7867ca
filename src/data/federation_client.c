/*
 * Federation, of one client: what a device keeps in memory of a data set that is dealt out.
 *
 * The whole is opened and dealt as a simulation does it, so that the client holds the same; its
 * examples are copied side by side, and the whole is given back.
 */
#include "data/federation_parts.h"

#include "base/error.h"
#include "data/csv.h"
#include "data/filed.h"

#include <string.h>

/* Arrays to copy examples into, like those they come from. */
typedef struct columns {
    uint8_t *bytes;
    float *reals;
    uint32_t *labels;
    float *targets;
    uint16_t *tokens;
    ch_span *spans;
    uint32_t token_count; // copied so far
} columns;

/* Claims a table of count examples in d, like those of the whole. */
static choir_status columns_claim(ch_dataset *d, columns *to, const ch_federation *whole,
                                  uint32_t count) {
    const size_t features = ch_shape_features(whole->kept);
    const uint32_t classes = ch_federation_classes(whole);
    const ch_examples *train = &whole->dataset.train;
    const bool is_bytes =
        whole->on_demand ? whole->generator.ops->is_bytes : ch_filed_has_pixels(train);
    void *inputs = ch_dataset_claim(d, count, features * (is_bytes ? 1 : sizeof(float)));
    void *answers = ch_dataset_claim(d, count, sizeof(uint32_t)); // a float is as large
    *to = (columns){.bytes = is_bytes ? inputs : NULL,
                    .reals = is_bytes ? NULL : inputs,
                    .labels = classes > 0 ? answers : NULL,
                    .targets = classes > 0 ? NULL : answers};
    d->train = (ch_examples){.count = count,
                             .shape = whole->kept,
                             .classes = classes,
                             .bytes = to->bytes,
                             .reals = to->reals,
                             .labels = to->labels,
                             .targets = to->targets};
    return inputs != NULL && answers != NULL ? CHOIR_OK : CHOIR_ENOMEM;
}

/* The same for sequences. */
static choir_status tokens_claim(ch_dataset *d, columns *to, const ch_federation *whole,
                                 uint32_t client, uint32_t count) {
    size_t tokens = count;
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
        ch_holding h;
        if (ch_federation_holding(whole, client, s, NULL, &h) == CHOIR_OK) {
            tokens += ch_holding_predictions(&h);
        }
    }
    *to = (columns){.tokens = ch_dataset_claim(d, tokens, sizeof(to->tokens[0])),
                    .spans = ch_dataset_claim(d, count, sizeof(to->spans[0]))};
    d->train = (ch_examples){.count = count,
                             .shape = whole->shape,
                             .classes = ch_federation_classes(whole),
                             .tokens = to->tokens,
                             .spans = to->spans};
    return to->tokens != NULL && to->spans != NULL ? CHOIR_OK : CHOIR_ENOMEM;
}

static void sequence_copy(columns *to, const ch_examples *from, uint32_t row, size_t at) {
    const ch_span span = from->spans[row];
    memcpy(to->tokens + to->token_count, from->tokens + span.first,
           span.length * sizeof(to->tokens[0]));
    to->spans[at] = (ch_span){.first = to->token_count, .length = span.length};
    to->token_count += span.length;
}

/* Copies what a holding has to where the example number first is. */
static choir_status holding_copy(columns *to, const ch_holding *h, uint32_t first,
                                 choir_error *err) {
    const ch_examples *from = h->examples;
    const size_t features = ch_shape_features(from->shape);
    if (ch_examples_are_sequences(from)) {
        for (uint32_t i = 0; i < h->count; i++) {
            sequence_copy(to, from, ch_holding_row(h, i), (size_t)first + i);
        }
        return CHOIR_OK;
    }
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < h->count && status == CHOIR_OK; i++) {
        const uint32_t row = ch_holding_row(h, i);
        const size_t at = (size_t)first + i;
        const size_t size = ch_filed_input_bytes(from);
        void *room = to->bytes != NULL ? (void *)(to->bytes + at * features)
                                       : (void *)(to->reals + at * features);
        const void *input = room;
        status = ch_filed_input(&input, from, row, room, err);
        if (status == CHOIR_OK && input != room) {
            memcpy(room, input, size);
        }
        if (to->labels != NULL) {
            to->labels[at] = from->labels[row];
        } else {
            to->targets[at] = from->targets[row];
        }
    }
    return status == CHOIR_OK && from->filed != NULL ? ch_filed_check(from->filed, err) : status;
}

/* Fills the one client's table: its training examples, then the held-out ones. */
static choir_status examples_copy(ch_federation *one, const ch_federation *whole, uint32_t client,
                                  choir_error *err) {
    const uint32_t counts[CH_SPLITS] = {ch_federation_count(whole, client, CH_SPLIT_TRAIN),
                                        ch_federation_count(whole, client, CH_SPLIT_HELDOUT)};
    columns to;
    ch_scratch *scratch = NULL;
    const uint32_t count = counts[0] + counts[1];
    choir_status status = ch_examples_are_sequences(&whole->dataset.train)
                              ? tokens_claim(&one->dataset, &to, whole, client, count)
                              : columns_claim(&one->dataset, &to, whole, count);
    if (status == CHOIR_OK) {
        status = ch_scratch_create(&scratch, whole, &one->env);
    }
    uint32_t first = 0;
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT && status == CHOIR_OK; s++) {
        ch_holding h;
        status = ch_federation_holding(whole, client, s, scratch, &h);
        if (status == CHOIR_OK) {
            status = holding_copy(&to, &h, first, err);
        }
        status = status == CHOIR_EAGAIN ? CHOIR_OK : status; // it holds none
        first += counts[s];
    }
    ch_scratch_destroy(scratch);
    return status;
}

/* What the labels are called, and how a CSV file was encoded. */
static choir_status texts_copy(ch_federation *one, const ch_federation *whole) {
    const uint32_t named = whole->dataset.named;
    const char *encoding = whole->dataset.encoding;
    if (encoding != NULL) {
        const size_t size = strlen(encoding) + 1;
        char *copy = ch_dataset_claim(&one->dataset, size, 1);
        if (copy == NULL) {
            return CHOIR_ENOMEM;
        }
        memcpy(copy, encoding, size);
        one->dataset.encoding = copy;
    }
    if (named == 0) {
        return CHOIR_OK;
    }
    ch_cell *texts = ch_claim(&one->env, named, sizeof(texts[0]));
    if (texts == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < named; i++) {
        const char *name = whole->dataset.names[i];
        texts[i] = (ch_cell){.data = name, .size = (uint32_t)strlen(name)};
    }
    const choir_status status = ch_dataset_name(&one->dataset, texts, named);
    one->env.free(one->env.self, texts);
    return status;
}

/* Its rows are those of its table, split where the training examples end. */
static choir_status rows_fill(ch_federation *one) {
    const uint32_t starts[] = {0, one->dataset.train.count};
    const choir_status status = ch_federation_claim(one, starts);
    uint32_t next = 0;
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT && status == CHOIR_OK; s++) {
        for (uint32_t i = 0; i < one->starts[s][1]; i++, next++) {
            one->rows[s][i] = next;
        }
    }
    if (status == CHOIR_OK) {
        one->pooled = (ch_holding){.examples = &one->dataset.train,
                                   .rows = one->rows[CH_SPLIT_TRAIN],
                                   .count = one->starts[CH_SPLIT_TRAIN][1]};
    }
    return status;
}

static choir_status client_copy(ch_federation **out, const ch_federation *whole, uint32_t client,
                                choir_error *err) {
    ch_federation *one = ch_claim(&whole->env, 1, sizeof(*one));
    if (one == NULL) {
        return CHOIR_ENOMEM;
    }
    *one = (ch_federation){.env = whole->env,
                           .seed = whole->seed,
                           .heldout = whole->heldout,
                           .clients = 1,
                           .crop = whole->crop,
                           .shape = whole->shape,
                           .kept = whole->kept,
                           .preprocess = whole->preprocess};
    ch_dataset_init(&one->dataset, &whole->env);
    one->dataset.cut = whole->dataset.cut;
    choir_status status = examples_copy(one, whole, client, err);
    if (status == CHOIR_OK) {
        status = texts_copy(one, whole);
    }
    if (status == CHOIR_OK) {
        status = rows_fill(one);
    }
    if (status != CHOIR_OK) {
        ch_federation_destroy(one);
        return status;
    }
    *out = one;
    return CHOIR_OK;
}

static choir_status client_check(const ch_federation *whole, const choir_job_data *options,
                                 uint32_t client, choir_error *err) {
    if (options->clients > 0 && whole->clients != options->clients) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.clients: there are %u, and '%s' has examples of %u; needs the "
                            "data set that the job was written for",
                            options->clients, options->source, whole->clients);
    }
    if (client >= whole->clients) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.clients: there are %u, numbered from 0; no client is called %u",
                            whole->clients, client);
    }
    return CHOIR_OK;
}

choir_status ch_federation_open_client(ch_federation **out, const choir_job_data *options,
                                       const ch_reading *reading, uint32_t client, uint64_t seed,
                                       const choir_env *env, choir_error *err) {
    *out = NULL;
    ch_federation *whole = NULL;
    choir_status status = ch_federation_open_for(&whole, options, reading, seed, true, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = client_check(whole, options, client, err);
    if (status == CHOIR_OK) {
        status = client_copy(out, whole, client, err);
        status = status == CHOIR_ENOMEM ? ch_federation_no_memory(options, err) : status;
    }
    ch_federation_destroy(whole);
    return status;
}
