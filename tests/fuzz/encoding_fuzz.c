/* Fuzz: any text as an encoding. What is accepted is written and read back to the same text, and
 * whatever it is, it encodes a file to finite numbers or refuses it. */
#include "base/assert.h"
#include "data/encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text_of(const ch_encoding *e) {
    char none[1];
    const size_t size = ch_encoding_write(none, sizeof(none), e) + 1;
    char *text = malloc(size);
    CH_ASSERT(text != NULL);
    CH_ASSERT(ch_encoding_write(text, size, e) == size - 1);
    return text;
}

static void again(const ch_encoding *e, const choir_env *env) {
    ch_encoding other;
    char *first = text_of(e);
    if (strlen(first) < CH_ENCODING_TEXT_MAX) {
        const choir_status status = ch_encoding_parse(&other, first, "again", env, NULL);
        CH_ASSERT(status == CHOIR_OK);
        char *second = text_of(&other);
        CH_ASSERT(strcmp(first, second) == 0);
        free(second);
        ch_encoding_release(&other);
    }
    free(first);
}

static void apply(const ch_encoding *e, const choir_env *env) {
    char text[] = "a,b,c\n1,x,no\n-1e30,\xff,yes\n,,\n";
    const choir_job_data o = {.test_share = 1};
    const ch_reading reading = {.encoding = e, .is_test_only = true, .may_lack_labels = true};
    choir_error err = {.message = ""};
    ch_csv csv;
    ch_dataset d;
    ch_dataset_init(&d, env);
    choir_status status = ch_csv_parse(&csv, text, sizeof(text) - 1, "fuzz", env, NULL);
    CH_ASSERT(status == CHOIR_OK);
    status = ch_csv_encode(&d, &csv, &o, &reading, 1, &err);
    CH_ASSERT(status == CHOIR_OK || err.message[0] != '\0');
    const size_t values = (size_t)d.test.count * ch_shape_features(d.test.shape);
    for (size_t i = 0; i < values; i++) {
        CH_ASSERT(isfinite(d.test.reals[i]));
    }
    ch_dataset_release(&d);
    ch_csv_release(&csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_env env = choir_env_default();
    char *text = malloc(size + 1);
    CH_ASSERT(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    ch_encoding e;
    choir_error err = {.message = ""};
    if (ch_encoding_parse(&e, text, "fuzz", &env, &err) == CHOIR_OK) {
        again(&e, &env);
        apply(&e, &env);
    } else {
        CH_ASSERT(err.message[0] != '\0' && e.width == 0);
    }
    ch_encoding_release(&e);
    free(text);
    return 0;
}
