/* Digest: see digest.h. */
#include "run/digest.h"

#include "base/arena.h"
#include "base/checksum.h"
#include "base/error.h"
#include "data/crop.h"
#include "data/filed.h"
#include "data/preprocess.h"
#include "data/spool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void column_add(ch_checksum *c, const void *column, size_t bytes) {
    if (column != NULL) {
        ch_checksum_add(c, column, bytes);
    }
}

/* The middle that is kept of each picture where all are in memory, and is whole where some stay in
 * files; 0: all of it. */
static uint32_t crop_of(const ch_federation *f, const ch_examples *t) {
    const ch_shape kept = ch_federation_shape(f);
    const bool is_whole = t->shape.height == kept.height && t->shape.width == kept.width;
    return is_whole || ch_preprocess_wants_whole(ch_federation_preprocess(f)) ? 0 : kept.height;
}

/* Adds one input as it would be where all are in memory; it is cropped in place. */
static void input_add(ch_checksum *c, const ch_examples *t, uint32_t crop, void *input) {
    ch_examples one = {.count = 1, .shape = t->shape};
    const size_t item = ch_filed_has_pixels(t) ? 1 : sizeof(float);
    if (item == 1) {
        one.bytes = input;
    } else {
        one.reals = input;
    }
    ch_crop_apply(crop, &one);
    ch_checksum_add(c, input, ch_shape_features(one.shape) * item);
}

/* Inputs one after the other, as they would be where all are in memory. What their marks come to as
 * they are in the file, where that is known, is added to *sum. */
static choir_status inputs_add(ch_checksum *c, uint64_t *sum, const ch_examples *t, uint32_t crop,
                               const choir_env *env, choir_error *err) {
    const bool has_sum = t->filed != NULL && t->filed->has_sum;
    const size_t size = ch_filed_input_bytes(t);
    void *room = env->alloc(env->self, ch_arena_cost(size, 1));
    choir_status status =
        room == NULL ? ch_error_set(err, CHOIR_ENOMEM, "no memory for one example") : CHOIR_OK;
    for (uint32_t i = 0; i < t->count && status == CHOIR_OK; i++) {
        const void *input = NULL;
        status = ch_filed_input(&input, t, i, room, err);
        if (status == CHOIR_OK) {
            *sum += has_sum ? ch_spool_mark(t->places[i], input, size) : 0;
            if (input != room) {
                memcpy(room, input, size);
            }
            input_add(c, t, crop, room);
        }
    }
    if (room != NULL) {
        env->free(env->self, room);
    }
    return status == CHOIR_OK && t->filed != NULL ? ch_filed_check(t->filed, err) : status;
}

static choir_status table_add(ch_checksum *c, uint64_t *sum, const ch_federation *f,
                              const ch_examples *t, const choir_env *env, choir_error *err) {
    const size_t count = t == NULL ? 0 : t->count;
    ch_checksum_add(c, &count, sizeof(count));
    if (count == 0) {
        return CHOIR_OK;
    }
    const size_t features = (size_t)t->shape.height * t->shape.width * t->shape.channels;
    const uint32_t crop = t->spans != NULL ? 0 : crop_of(f, t);
    choir_status status = CHOIR_OK;
    if (t->filed != NULL || crop != 0) {
        status = inputs_add(c, sum, t, crop, env, err);
    } else {
        column_add(c, t->bytes, count * features);
        column_add(c, t->reals, count * features * sizeof(float));
    }
    for (size_t i = 0; i < count && t->spans != NULL; i++) {
        const ch_span *span = &t->spans[i];
        ch_checksum_add(c, &span->length, sizeof(span->length));
        ch_checksum_add(c, t->tokens + span->first, span->length * sizeof(t->tokens[0]));
    }
    column_add(c, t->labels, count * sizeof(t->labels[0]));
    column_add(c, t->targets, count * sizeof(t->targets[0]));
    return status;
}

/* Whether the inputs of each file are those that were written, which may be in both tables. */
static choir_status sums_check(const ch_examples *const tables[2], const uint64_t sums[2],
                               choir_error *err) {
    choir_status status = CHOIR_OK;
    for (int i = 0; i < 2; i++) { // all, so that one more start is enough
        const ch_filed *filed = tables[i] == NULL ? NULL : tables[i]->filed;
        uint64_t sum = 0;
        uint32_t rows = 0;
        for (int j = 0; j < 2 && filed != NULL && filed->has_sum; j++) {
            const bool is_in = tables[j] != NULL && tables[j]->filed == filed;
            sum += is_in ? sums[j] : 0;
            rows += is_in ? tables[j]->count : 0;
        }
        if (rows > 0 && rows == filed->files[0].count) { // else some were not read
            const bool is_first = status == CHOIR_OK;
            const choir_status check = ch_spool_check(filed, sum, is_first ? err : NULL);
            status = is_first ? check : status;
        }
    }
    return status;
}

choir_status ch_digest_text(char out[CH_DIGEST_TEXT], const ch_federation *f, const choir_env *env,
                            choir_error *err) {
    const ch_examples *const tables[] = {ch_federation_test(f), ch_federation_pooled(f)->examples};
    uint64_t sums[] = {0, 0};
    ch_checksum c;
    ch_checksum_init(&c, 0);
    choir_status status = CHOIR_OK;
    for (int i = 0; i < 2 && status == CHOIR_OK; i++) {
        status = table_add(&c, &sums[i], f, tables[i], env, err);
    }
    if (status == CHOIR_OK) {
        status = sums_check(tables, sums, err);
    }
    const char *encoding = ch_federation_encoding(f); // names of columns, labels, categories
    column_add(&c, encoding, encoding == NULL ? 0 : strlen(encoding));
    (void)snprintf(out, CH_DIGEST_TEXT, "%016" PRIx64, ch_checksum_finish(&c));
    return status;
}
