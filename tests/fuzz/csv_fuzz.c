/* Fuzz: CSV text from any bytes, encoded by options that the first byte chooses. */
#include "base/assert.h"
#include "data/encoder.h"

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

static void encode(const ch_csv *csv, uint8_t choice, const choir_env *env) {
    choir_job_data o = {.test_share = choice & 1 ? 0.3 : 0};
    memcpy(o.task, choice & 2 ? "regression" : "", choice & 2 ? 11 : 1);
    memcpy(o.label, choice & 4 ? "1" : "", choice & 4 ? 2 : 1);
    memcpy(o.group, choice & 8 ? "2" : "", choice & 8 ? 2 : 1);
    memcpy(o.drop, choice & 32 ? "2,b" : "", choice & 32 ? 4 : 1);
    memcpy(o.categorical, choice & 16 ? "a,3" : "", choice & 16 ? 4 : 1);
    ch_dataset d;
    ch_dataset_init(&d, env);
    choir_error err = {.message = ""};
    if (ch_csv_encode(&d, csv, "fuzz", &o, NULL, 1, &err) == CHOIR_OK) {
        check_table(&d.train);
        check_table(&d.test);
        CH_ASSERT(d.train.count > 0);
    } else {
        CH_ASSERT(err.message[0] != '\0');
    }
    ch_dataset_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const choir_env env = choir_env_default();
    char *text = malloc(size > 1 ? size - 1 : 1);
    CH_ASSERT(text != NULL);
    memcpy(text, data + 1, size - 1);
    ch_csv csv;
    choir_error err = {.message = ""};
    if (ch_csv_parse(&csv, text, size - 1, "fuzz", &env, &err) == CHOIR_OK) {
        encode(&csv, data[0], &env);
        ch_csv_release(&csv);
    } else {
        CH_ASSERT(err.message[0] != '\0');
    }
    free(text);
    return 0;
}
