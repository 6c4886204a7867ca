/* Fuzz target: any bytes as a run's run.json. */
#include "store/run_dir.h"

#include "base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ch_run_facts f;
    choir_error err = {.message = ""};
    const choir_bytes bytes = {.data = data, .size = size};
    if (ch_run_facts_parse(&f, bytes, "fuzz", &err) != CHOIR_OK) {
        CH_ASSERT(err.message[0] != '\0');
        return 0;
    }
    const struct {
        const char *text;
        size_t size;
    } texts[] = {{f.name, sizeof(f.name)},
                 {f.version, sizeof(f.version)},
                 {f.backend, sizeof(f.backend)},
                 {f.cpu, sizeof(f.cpu)},
                 {f.command, sizeof(f.command)},
                 {f.data_digest, sizeof(f.data_digest)},
                 {f.model_hash, sizeof(f.model_hash)}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CH_ASSERT(memchr(texts[i].text, '\0', texts[i].size) != NULL);
    }
    return 0;
}
