/* Exhibits: see exhibits.h. */
#include "run/exhibits.h"

#include "base/error.h"
#include "report/clients.h"
#include "report/samples.h"

#include <math.h>

enum { SAMPLE_CLIENTS = 12, SAMPLES_EACH = 4 };

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* The id of one of count clients, evenly over the roster. */
static uint32_t spread_id(const ch_session *s, uint32_t index, uint32_t count) {
    return (uint32_t)((uint64_t)index * ch_federation_clients(s->federation) / count);
}

/* The accuracy of a client in the evaluator's last run; its ids are ascending. */
static double accuracy_of(const ch_session *s, uint32_t client) {
    const uint32_t *ids = NULL;
    const double *accuracies = NULL;
    uint32_t low = 0;
    uint32_t high = ch_evaluator_clients(s->evaluator, &ids, &accuracies);
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (ids[middle] == client) {
            return accuracies[middle];
        }
        if (ids[middle] < client) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (double)NAN;
}

static choir_status clients_fill(ch_clients *c, const ch_session *s, ch_scratch *scratch,
                                 choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < c->count && status == CHOIR_OK; i++) {
        const uint32_t id = spread_id(s, i, c->count);
        ch_client_facts *facts = &c->clients[i];
        facts->id = id;
        facts->examples = ch_federation_count(s->federation, id, CH_SPLIT_TRAIN);
        facts->heldout = ch_federation_count(s->federation, id, CH_SPLIT_HELDOUT);
        facts->accuracy = accuracy_of(s, id);
        if (c->classes > 0) {
            status = ch_federation_labels(s->federation, id, scratch,
                                          c->labels + (size_t)i * c->classes);
        }
        if (status != CHOIR_OK) {
            return ch_error_set(err, status, "client %u: its labels cannot be read", id);
        }
    }
    return status;
}

choir_status ch_exhibit_clients(const ch_session *s, const char *dir, choir_error *err) {
    const uint32_t total = ch_federation_clients(s->federation);
    const uint32_t classes = ch_federation_classes(s->federation);
    ch_clients clients = {0};
    ch_scratch *scratch = NULL;
    choir_status status =
        ch_clients_create(&clients, smaller(total, CH_CLIENTS_MAX),
                          classes > CH_CLIENTS_CLASSES_MAX ? 0 : classes, &s->env);
    clients.total = total;
    if (status == CHOIR_OK) {
        status = ch_scratch_create(&scratch, s->federation, &s->env);
    }
    if (status == CHOIR_OK) {
        status = clients_fill(&clients, s, scratch, err);
    }
    if (status == CHOIR_OK) {
        status = ch_clients_write(&clients, dir, err);
    }
    ch_scratch_destroy(scratch);
    ch_clients_release(&clients);
    return status;
}

/* Copies picture `at` of a client in; one that has no such example leaves its place black. */
static choir_status sample_fill(ch_samples *samples, uint32_t place, const ch_session *s,
                                uint32_t client, uint32_t at, ch_scratch *scratch) {
    ch_holding holding;
    const choir_status status =
        ch_federation_holding(s->federation, client, CH_SPLIT_TRAIN, scratch, &holding);
    if (status != CHOIR_OK || at >= holding.count) {
        return status == CHOIR_EAGAIN ? CHOIR_OK : status;
    }
    const uint32_t row = ch_holding_row(&holding, at);
    const size_t bytes = ch_samples_bytes(samples);
    const uint8_t *from = holding.examples->bytes + row * bytes;
    uint8_t *to = samples->pixels + place * bytes;
    for (size_t i = 0; i < bytes; i++) {
        to[i] = from[i];
    }
    samples->clients[place] = client;
    samples->labels[place] = holding.examples->labels == NULL ? 0 : holding.examples->labels[row];
    return CHOIR_OK;
}

choir_status ch_exhibit_samples(const ch_session *s, const char *dir, choir_error *err) {
    const ch_shape shape = ch_federation_shape(s->federation);
    const uint32_t clients = smaller(ch_federation_clients(s->federation), SAMPLE_CLIENTS);
    if (shape.height == 1 || (shape.channels != 1 && shape.channels != 3) ||
        shape.height > CH_SAMPLES_SIDE_MAX || shape.width > CH_SAMPLES_SIDE_MAX ||
        ch_federation_test(s->federation)->bytes == NULL) {
        return CHOIR_OK;
    }
    ch_samples samples = {0};
    ch_scratch *scratch = NULL;
    choir_status status = ch_samples_create(&samples, clients * SAMPLES_EACH, shape.height,
                                            shape.width, shape.channels, &s->env);
    if (status == CHOIR_OK) {
        status = ch_scratch_create(&scratch, s->federation, &s->env);
    }
    for (uint32_t i = 0; i < samples.count && status == CHOIR_OK; i++) {
        const uint32_t client = spread_id(s, i / SAMPLES_EACH, clients);
        status = sample_fill(&samples, i, s, client, i % SAMPLES_EACH, scratch);
    }
    if (status == CHOIR_OK) {
        status = ch_samples_write(&samples, dir, err);
    }
    ch_scratch_destroy(scratch);
    ch_samples_release(&samples);
    return status;
}
