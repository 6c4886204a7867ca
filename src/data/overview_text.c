/* Federations of text, for people to look at; see overview_text.h. */
#include "data/overview_text.h"

#include "base/text.h"
#include "data/catalog.h"
#include "data/dataset.h"
#include "data/messages.h"
#include "data/sequences.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Lines, and tokens that they predict. */
typedef struct amount {
    uint64_t lines, tokens;
} amount;

typedef struct looking {
    FILE *out;
    const ch_federation *f;
    ch_scratch *scratch;
    uint32_t *sizes; // (clients) room
    bool is_bytes;   // tokens are characters; otherwise words
    bool has_ends;   // lines end with a token that is predicted, too
} looking;

/* What the tokens are, behind a count of them. */
static const char *unit_of(const looking *l, uint64_t count) {
    return l->is_bytes ? count == 1 ? "character" : "characters" : count == 1 ? "word" : "words";
}

/* Whether a line of a holding ends with a token for that, which texts of LEAF have none of. */
static bool has_end(const looking *l, const ch_holding *h) {
    const uint16_t end = l->is_bytes ? CH_TOKEN_END : CH_WORD_END;
    for (uint32_t i = 0; i < h->count; i++) {
        const ch_span span = h->examples->spans[ch_holding_row(h, i)];
        if (h->examples->tokens[span.first + span.length - 1] == end) {
            return true;
        }
    }
    return false;
}

static choir_status amount_of(looking *l, uint32_t client, ch_split split, amount *out) {
    ch_holding h;
    const choir_status status = ch_federation_holding(l->f, client, split, l->scratch, &h);
    *out = (amount){0};
    if (status == CHOIR_OK) {
        *out = (amount){.lines = h.count, .tokens = ch_holding_predictions(&h)};
        l->has_ends = l->has_ends || has_end(l, &h);
    }
    return status == CHOIR_EAGAIN ? CHOIR_OK : status;
}

static int ascending(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Sums over all clients, and each one's training tokens in l->sizes, ascending. */
static choir_status sums_measure(looking *l, amount sums[2]) {
    const uint32_t clients = ch_federation_clients(l->f);
    sums[CH_SPLIT_TRAIN] = sums[CH_SPLIT_HELDOUT] = (amount){0};
    for (uint32_t k = 0; k < clients; k++) {
        for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
            amount a;
            const choir_status status = amount_of(l, k, s, &a);
            if (status != CHOIR_OK) {
                return status;
            }
            sums[s].lines += a.lines;
            sums[s].tokens += a.tokens;
            if (s == CH_SPLIT_TRAIN) {
                l->sizes[k] = a.tokens < UINT32_MAX ? (uint32_t)a.tokens : UINT32_MAX;
            }
        }
    }
    qsort(l->sizes, clients, sizeof(l->sizes[0]), ascending);
    return CHOIR_OK;
}

static void sums_print(const looking *l, const char *name, const amount sums[2]) {
    const ch_federation *f = l->f;
    const uint32_t clients = ch_federation_clients(f);
    const uint32_t steps = ch_federation_shape(f).channels;
    const ch_catalog_row *row = ch_catalog_find(name);
    const ch_holding test = {.examples = ch_federation_test(f),
                             .count = ch_federation_test(f)->count};
    (void)fprintf(l->out, "%s: text, a vocabulary of %u, examples of up to %u %s\n", name,
                  ch_federation_classes(f), steps, unit_of(l, steps));
    (void)fprintf(l->out, "clients   %u\n", clients);
    (void)fprintf(l->out,
                  "examples  %" PRIu64 " to train on, %" PRIu64 " held out, %u for testing\n",
                  sums[CH_SPLIT_TRAIN].lines, sums[CH_SPLIT_HELDOUT].lines, test.count);
    (void)fprintf(
        l->out, "%-9s %" PRIu64 " to train on, %" PRIu64 " held out, %" PRIu64 " for testing%s\n",
        unit_of(l, 0), sums[CH_SPLIT_TRAIN].tokens, sums[CH_SPLIT_HELDOUT].tokens,
        ch_holding_predictions(&test), l->has_ends ? ", the end of each line among them" : "");
    ch_overview_left_out(l->out, f);
    if (row != NULL && row->published != NULL) {
        (void)fprintf(l->out, "published %s\n", row->published);
    }
    const uint32_t cut = ch_federation_cut(f);
    (void)fprintf(l->out, "longer    %u line%s, cut into examples that follow each other\n", cut,
                  ch_text_plural(cut));
    (void)fprintf(l->out, "a client  trains on %u to %u %s, half of them on %u or more\n",
                  l->sizes[0], l->sizes[clients - 1], unit_of(l, l->sizes[clients - 1]),
                  l->sizes[clients / 2]);
}

void ch_overview_left_out(FILE *out, const ch_federation *f) {
    const ch_left_out left = ch_federation_left_out(f);
    if (left.idle > 0) {
        (void)fprintf(out, "left out  %u of %u groups, without an example to train on\n", left.idle,
                      left.of);
    }
    if (left.groups > 0) {
        (void)fprintf(out, "left out  %u of %u groups, with %u examples: data.clients is %u\n",
                      left.groups, left.of, left.examples, left.of - left.groups - left.idle);
    }
}

static choir_status rows_print(looking *l, uint32_t rows) {
    const uint32_t clients = ch_federation_clients(l->f);
    (void)fprintf(l->out, "\n    client  train heldout  %s\n", unit_of(l, 0));
    for (uint32_t k = 0; k < rows && k < clients; k++) {
        amount a;
        const choir_status status = amount_of(l, k, CH_SPLIT_TRAIN, &a);
        if (status != CHOIR_OK) {
            return status;
        }
        (void)fprintf(l->out, "%10u %6" PRIu64 " %7u %11" PRIu64 "\n", k, a.lines,
                      ch_federation_count(l->f, k, CH_SPLIT_HELDOUT), a.tokens);
    }
    if (rows < clients) {
        (void)fprintf(l->out, "       ... and %u more\n", clients - rows);
    }
    return CHOIR_OK;
}

choir_status ch_overview_text(FILE *out, const ch_federation *f, const char *name, uint32_t rows,
                              const choir_env *env) {
    const char *end = ch_federation_name(f, CH_TOKEN_END);
    looking l = {.out = out, .f = f};
    l.is_bytes = end != NULL && strcmp(end, CH_TOKEN_END_NAME) == 0;
    l.sizes = ch_claim(env, ch_federation_clients(f), sizeof(l.sizes[0]));
    choir_status status = l.sizes == NULL ? CHOIR_ENOMEM : ch_scratch_create(&l.scratch, f, env);
    amount sums[2];
    if (status == CHOIR_OK) {
        status = sums_measure(&l, sums);
    }
    if (status == CHOIR_OK) {
        sums_print(&l, name, sums);
        status = rows > 0 ? rows_print(&l, rows) : CHOIR_OK;
    }
    ch_scratch_destroy(l.scratch);
    if (l.sizes != NULL) {
        env->free(env->self, l.sizes);
    }
    return status;
}
