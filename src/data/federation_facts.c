/* What a federation's examples are; see federation.h. */
#include "data/federation_parts.h"

#include <string.h>

bool ch_federation_is_text(const ch_federation *f) {
    return ch_examples_are_sequences(&f->dataset.train) ||
           ch_examples_are_sequences(&f->dataset.test);
}

uint32_t ch_federation_cut(const ch_federation *f) {
    return f->dataset.cut;
}

ch_left_out ch_federation_left_out(const ch_federation *f) {
    ch_left_out out = f->left_out;
    if (out.groups > 0) {
        out.examples = f->dataset.train.count - f->starts[CH_SPLIT_TRAIN][f->clients] -
                       f->starts[CH_SPLIT_HELDOUT][f->clients];
    }
    return out;
}

uint32_t ch_federation_held(const ch_federation *f, bool *is_held) {
    uint32_t held = 0;
    memset(is_held, 0, f->dataset.train.count * sizeof(is_held[0]));
    for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
        const uint32_t count = f->starts[s][f->clients];
        for (uint32_t i = 0; i < count; i++) {
            is_held[f->rows[s][i]] = true;
        }
        held += count;
    }
    return held;
}

/* Adds the label of a row, or each token that it predicts. */
static void labels_count(const ch_examples *e, uint32_t row, uint32_t *counts) {
    if (e->labels != NULL) {
        counts[e->labels[row]] += 1;
    }
    for (uint32_t t = 1; e->spans != NULL && t < e->spans[row].length; t++) {
        counts[e->tokens[e->spans[row].first + t]] += 1;
    }
}

choir_status ch_federation_labels(const ch_federation *f, uint32_t client, ch_scratch *scratch,
                                  uint32_t *counts) {
    memset(counts, 0, ch_federation_classes(f) * sizeof(counts[0]));
    ch_holding h;
    const choir_status status = ch_federation_holding(f, client, CH_SPLIT_TRAIN, scratch, &h);
    if (status != CHOIR_OK) {
        return status == CHOIR_EAGAIN ? CHOIR_OK : status;
    }
    for (uint32_t i = 0; i < h.count; i++) {
        labels_count(h.examples, ch_holding_row(&h, i), counts);
    }
    return CHOIR_OK;
}
