/* Digest: see digest.h. */
#include "run/digest.h"

#include "base/checksum.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void column_add(ch_checksum *c, const void *column, size_t bytes) {
    if (column != NULL) {
        ch_checksum_add(c, column, bytes);
    }
}

static void table_add(ch_checksum *c, const ch_examples *t) {
    const size_t count = t == NULL ? 0 : t->count;
    ch_checksum_add(c, &count, sizeof(count));
    if (count == 0) {
        return;
    }
    const size_t features = (size_t)t->shape.height * t->shape.width * t->shape.channels;
    column_add(c, t->bytes, count * features);
    column_add(c, t->reals, count * features * sizeof(float));
    for (size_t i = 0; i < count && t->spans != NULL; i++) {
        const ch_span *span = &t->spans[i];
        ch_checksum_add(c, &span->length, sizeof(span->length));
        ch_checksum_add(c, t->tokens + span->first, span->length * sizeof(t->tokens[0]));
    }
    column_add(c, t->labels, count * sizeof(t->labels[0]));
    column_add(c, t->targets, count * sizeof(t->targets[0]));
}

void ch_digest_text(char out[CH_DIGEST_TEXT], const ch_federation *f) {
    ch_checksum c;
    ch_checksum_init(&c, 0);
    table_add(&c, ch_federation_test(f));
    table_add(&c, ch_federation_pooled(f)->examples);
    const char *encoding = ch_federation_encoding(f); // names of columns, labels, categories
    column_add(&c, encoding, encoding == NULL ? 0 : strlen(encoding));
    (void)snprintf(out, CH_DIGEST_TEXT, "%016" PRIx64, ch_checksum_finish(&c));
}
