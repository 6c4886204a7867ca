/*
 * Fuzz: CSV text from any bytes, encoded by options that the first byte chooses: from memory, and
 * from a file through a small window, which is the same.
 */
#include "base/assert.h"
#include "data/encoder.h"
#include "fuzz/filed_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_table(const ch_examples *e) {
    const size_t values = (size_t)e->count * ch_shape_features(e->shape);
    for (size_t i = 0; i < values; i++) {
        CH_ASSERT(isfinite(e->reals[i]));
    }
    for (uint32_t i = 0; i < e->count; i++) {
        CH_ASSERT(e->classes == 0 ? isfinite(e->targets[i]) : e->labels[i] < e->classes);
    }
}

static choir_status encode(ch_dataset *d, ch_csv *csv, uint8_t choice, const choir_env *env) {
    choir_job_data o = {.test_share = choice & 1 ? 0.3 : 0};
    memcpy(o.task, choice & 2 ? "regression" : "", choice & 2 ? 11 : 1);
    memcpy(o.label, choice & 4 ? "1" : "", choice & 4 ? 2 : 1);
    memcpy(o.group, choice & 8 ? "2" : "", choice & 8 ? 2 : 1);
    memcpy(o.drop, choice & 32 ? "2,b" : "", choice & 32 ? 4 : 1);
    memcpy(o.categorical, choice & 16 ? "a,3" : "", choice & 16 ? 4 : 1);
    ch_dataset_init(d, env);
    choir_error err = {.message = ""};
    const choir_status status = ch_csv_encode(d, csv, &o, NULL, 1, &err);
    if (status == CHOIR_OK) {
        check_table(&d->train);
        check_table(&d->test);
        CH_ASSERT(d->train.count > 0);
    } else {
        CH_ASSERT(err.message[0] != '\0');
    }
    return status;
}

static void check_same(const ch_dataset *a, const ch_dataset *b) {
    const size_t values = ((size_t)a->train.count + a->test.count) * a->train.shape.channels;
    CH_ASSERT(a->train.count == b->train.count && a->test.count == b->test.count);
    CH_ASSERT(a->train.shape.channels == b->train.shape.channels);
    CH_ASSERT(memcmp(a->train.reals, b->train.reals, values * sizeof(float)) == 0);
    CH_ASSERT(strcmp(a->encoding, b->encoding) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const choir_env env = choir_env_default();
    const uint8_t choice = data[0];
    char *text = malloc(size > 1 ? size - 1 : 1);
    CH_ASSERT(text != NULL);
    memcpy(text, data + 1, size - 1);
    const ch_filed_file file = filed_text(text, size - 1);
    ch_csv csv;
    ch_csv window;
    choir_error err[2] = {{.message = ""}, {.message = ""}};
    const choir_status status = ch_csv_parse(&csv, text, size - 1, "fuzz", &env, &err[0]);
    const choir_status other = ch_csv_open(&window, &file, 1 + choice % 61, "fuzz", &env, &err[1]);
    CH_ASSERT(status == other && strcmp(err[0].message, err[1].message) == 0);
    CH_ASSERT((status == CHOIR_OK) == (err[0].message[0] == '\0'));
    if (status == CHOIR_OK) {
        ch_dataset a;
        ch_dataset b;
        const choir_status encoded = encode(&a, &csv, choice, &env);
        CH_ASSERT(encode(&b, &window, choice, &env) == encoded);
        if (encoded == CHOIR_OK) {
            check_same(&a, &b);
        }
        ch_dataset_release(&a);
        ch_dataset_release(&b);
    }
    ch_csv_release(&csv);
    ch_csv_release(&window);
    free(text);
    return 0;
}
