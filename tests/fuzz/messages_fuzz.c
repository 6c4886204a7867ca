/* Fuzz: messages from any bytes; the first one says how large the vocabulary may be. */
#include "base/assert.h"
#include "data/messages.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const ch_examples *e) {
    for (uint32_t i = 0; i < e->count; i++) {
        CH_ASSERT(e->spans[i].length >= 2 && e->spans[i].length <= e->shape.channels + 1);
        for (uint32_t t = 0; t < e->spans[i].length; t++) {
            CH_ASSERT(e->tokens[e->spans[i].first + t] < e->classes);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const choir_env env = choir_env_default();
    const choir_job_data o = {
        .proxy = "0", .vocabulary = 1 + data[0] % 16U, .steps = 1 + data[0] / 16U};
    char *text = malloc(size);
    CH_ASSERT(text != NULL);
    memcpy(text, data + 1, size - 1);
    ch_dataset d;
    choir_error err = {.message = ""};
    ch_dataset_init(&d, &env);
    if (ch_messages_parse(&d, text, size - 1, "fuzz", &o, 1, &err) == CHOIR_OK) {
        check(&d.train);
    } else {
        CH_ASSERT(err.message[0] != '\0');
    }
    ch_dataset_release(&d);
    free(text);
    return 0;
}
