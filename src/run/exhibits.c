/* Exhibits: see exhibits.h. */
#include "run/exhibits.h"

#include "base/assert.h"
#include "base/error.h"
#include "data/filed.h"
#include "report/samples.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE_CLIENTS = 12, SAMPLES_EACH = 4 };

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* The id of one of count clients, evenly over the roster. */
static uint32_t spread_id(const ch_session *s, uint32_t index, uint32_t count) {
    return (uint32_t)((uint64_t)index * ch_federation_clients(s->federation) / count);
}

/* An entry for a client. */
static ch_client_facts *client_add(ch_clients *c, const ch_session *s, uint32_t id) {
    ch_client_facts *facts = &c->clients[c->count];
    facts->id = id;
    facts->examples = ch_federation_count(s->federation, id, CH_SPLIT_TRAIN);
    facts->heldout = ch_federation_count(s->federation, id, CH_SPLIT_HELDOUT);
    c->count += 1;
    return facts;
}

static bool is_among(const ch_client_facts *clients, uint32_t count, uint32_t id) {
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (clients[middle].id == id) {
            return true;
        }
        if (clients[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static int by_id(const void *a, const void *b) {
    const ch_client_facts *x = a;
    const ch_client_facts *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Those that were evaluated, or an even choice of them. */
static void evaluated_add(ch_clients *c, const ch_session *s, uint32_t room) {
    const uint32_t *ids = NULL;
    const double *accuracies = NULL;
    const uint32_t evaluated = ch_evaluator_clients(s->evaluator, &ids, &accuracies);
    const uint32_t known = smaller(evaluated, room);
    for (uint32_t i = 0; i < known; i++) {
        const uint32_t from = (uint32_t)((uint64_t)i * evaluated / known);
        client_add(c, s, ids[from])->accuracy = accuracies[from];
    }
}

/* Fills up to room with an even choice of those places of the roster that c has not yet. */
static void others_add(ch_clients *c, const ch_session *s, uint32_t room) {
    const uint32_t known = c->count;
    const uint64_t wanted = room - known;
    uint64_t others = 0; // of room places; no fewer than wanted
    for (uint32_t i = 0; i < room; i++) {
        others += is_among(c->clients, known, spread_id(s, i, room)) ? 0 : 1;
    }
    uint64_t other = 0;
    for (uint32_t i = 0; i < room; i++) {
        const uint32_t id = spread_id(s, i, room);
        if (!is_among(c->clients, known, id)) {
            if ((other + 1) * wanted / others > other * wanted / others) {
                (void)client_add(c, s, id);
            }
            other += 1;
        }
    }
    CH_ASSERT(c->count == room);
}

static choir_status labels_fill(ch_clients *c, const ch_session *s, choir_error *err) {
    ch_scratch *scratch = NULL;
    choir_status status = ch_scratch_create(&scratch, s->federation, &s->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "no memory to read a client's examples");
    }
    for (uint32_t i = 0; i < c->count && c->classes > 0 && status == CHOIR_OK; i++) {
        const uint32_t id = c->clients[i].id;
        status =
            ch_federation_labels(s->federation, id, scratch, c->labels + (size_t)i * c->classes);
        if (status != CHOIR_OK) {
            status = ch_error_set(err, status, "client %u: its labels cannot be read", id);
        }
    }
    ch_scratch_destroy(scratch);
    return status;
}

/* What labels are called. */
static void names_fill(ch_clients *c, const ch_federation *f) {
    for (uint32_t k = 0; k < c->classes; k++) {
        const char *name = ch_federation_name(f, k);
        ch_clients_name(c, k, name == NULL ? "" : name);
    }
}

choir_status ch_exhibit_clients(ch_clients *out, const ch_session *s, choir_error *err) {
    const uint32_t total = ch_federation_clients(s->federation);
    const uint32_t classes = ch_federation_classes(s->federation);
    const choir_status status =
        ch_clients_create(out, smaller(total, CH_CLIENTS_MAX),
                          classes > CH_CLIENTS_CLASSES_MAX ? 0 : classes, &s->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "no memory to describe %u clients",
                            smaller(total, CH_CLIENTS_MAX));
    }
    const uint32_t room = out->count;
    out->total = total;
    out->count = 0;
    names_fill(out, s->federation);
    evaluated_add(out, s, room);
    others_add(out, s, room);
    qsort(out->clients, out->count, sizeof(out->clients[0]), by_id);
    return labels_fill(out, s, err);
}

/* Adds picture `at` of a client, if it has so many examples. */
static choir_status sample_add(ch_samples *samples, const ch_session *s, uint32_t client,
                               uint32_t at, ch_scratch *scratch, choir_error *err) {
    ch_holding holding;
    choir_status status =
        ch_federation_holding(s->federation, client, CH_SPLIT_TRAIN, scratch, &holding);
    if (status != CHOIR_OK || at >= holding.count) {
        return status == CHOIR_EAGAIN ? CHOIR_OK : status;
    }
    const uint32_t row = ch_holding_row(&holding, at);
    const size_t bytes = ch_samples_bytes(samples);
    uint8_t *to = samples->pixels + samples->count * bytes;
    const void *pixels = to;
    status = ch_filed_input(&pixels, holding.examples, row, to, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (pixels != to) {
        memcpy(to, pixels, bytes);
    }
    samples->clients[samples->count] = client;
    samples->labels[samples->count] =
        holding.examples->labels == NULL ? 0 : holding.examples->labels[row];
    samples->count += 1;
    return CHOIR_OK;
}

choir_status ch_exhibit_samples(const ch_session *s, const char *dir, choir_error *err) {
    const ch_examples *test = ch_federation_test(s->federation);
    const ch_shape shape = test->shape; // whole where parts are drawn
    const uint32_t clients = smaller(ch_federation_clients(s->federation), SAMPLE_CLIENTS);
    if (shape.height == 1 || (shape.channels != 1 && shape.channels != 3) ||
        shape.height > CH_SAMPLES_SIDE_MAX || shape.width > CH_SAMPLES_SIDE_MAX ||
        !ch_filed_has_pixels(test)) {
        return CHOIR_OK;
    }
    ch_samples samples = {0};
    ch_scratch *scratch = NULL;
    choir_status status = ch_samples_create(&samples, clients * SAMPLES_EACH, shape.height,
                                            shape.width, shape.channels, &s->env);
    if (status == CHOIR_OK) {
        status = ch_scratch_create(&scratch, s->federation, &s->env);
    }
    if (status != CHOIR_OK) {
        (void)ch_error_set(err, status, "no memory for %u pictures", clients * SAMPLES_EACH);
    }
    samples.count = 0; // of the room there is
    for (uint32_t i = 0; i < clients * SAMPLES_EACH && status == CHOIR_OK; i++) {
        const uint32_t client = spread_id(s, i / SAMPLES_EACH, clients);
        status = sample_add(&samples, s, client, i % SAMPLES_EACH, scratch, err);
    }
    if (status == CHOIR_OK && samples.count > 0) {
        status = ch_samples_write(&samples, dir, err);
    }
    ch_scratch_destroy(scratch);
    ch_samples_release(&samples);
    return status;
}
