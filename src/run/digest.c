/* Digest: see digest.h. */
#include "run/digest.h"

#include "base/arena.h"
#include "base/checksum.h"
#include "base/error.h"
#include "data/filed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void column_add(ch_checksum *c, const void *column, size_t bytes) {
    if (column != NULL) {
        ch_checksum_add(c, column, bytes);
    }
}

/* Inputs that stay in files, as if they were in memory: one after the other. */
static choir_status inputs_add(ch_checksum *c, const ch_examples *t, const choir_env *env,
                               choir_error *err) {
    const size_t size = ch_filed_input_bytes(t);
    void *room = env->alloc(env->self, ch_arena_cost(size, 1));
    choir_status status =
        room == NULL ? ch_error_set(err, CHOIR_ENOMEM, "no memory for one example") : CHOIR_OK;
    for (uint32_t i = 0; i < t->count && status == CHOIR_OK; i++) {
        const void *input = NULL;
        status = ch_filed_input(&input, t, i, room, err);
        if (status == CHOIR_OK) {
            ch_checksum_add(c, input, size);
        }
    }
    if (room != NULL) {
        env->free(env->self, room);
    }
    return status == CHOIR_OK ? ch_filed_check(t->filed, err) : status;
}

static choir_status table_add(ch_checksum *c, const ch_examples *t, const choir_env *env,
                              choir_error *err) {
    const size_t count = t == NULL ? 0 : t->count;
    ch_checksum_add(c, &count, sizeof(count));
    if (count == 0) {
        return CHOIR_OK;
    }
    const size_t features = (size_t)t->shape.height * t->shape.width * t->shape.channels;
    const choir_status status = t->filed == NULL ? CHOIR_OK : inputs_add(c, t, env, err);
    column_add(c, t->bytes, count * features);
    column_add(c, t->reals, count * features * sizeof(float));
    for (size_t i = 0; i < count && t->spans != NULL; i++) {
        const ch_span *span = &t->spans[i];
        ch_checksum_add(c, &span->length, sizeof(span->length));
        ch_checksum_add(c, t->tokens + span->first, span->length * sizeof(t->tokens[0]));
    }
    column_add(c, t->labels, count * sizeof(t->labels[0]));
    column_add(c, t->targets, count * sizeof(t->targets[0]));
    return status;
}

choir_status ch_digest_text(char out[CH_DIGEST_TEXT], const ch_federation *f, const choir_env *env,
                            choir_error *err) {
    ch_checksum c;
    ch_checksum_init(&c, 0);
    choir_status status = table_add(&c, ch_federation_test(f), env, err);
    if (status == CHOIR_OK) {
        status = table_add(&c, ch_federation_pooled(f)->examples, env, err);
    }
    const char *encoding = ch_federation_encoding(f); // names of columns, labels, categories
    column_add(&c, encoding, encoding == NULL ? 0 : strlen(encoding));
    (void)snprintf(out, CH_DIGEST_TEXT, "%016" PRIx64, ch_checksum_finish(&c));
    return status;
}
