/* Fuzz target: any bytes as clients.json. What is accepted keeps its bounds. */
#include "report/clients.h"

#include "base/assert.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_env env = choir_env_default();
    ch_clients c;
    choir_error err;
    const choir_bytes bytes = {.data = data, .size = size};
    if (ch_clients_parse(&c, bytes, "input", &env, &err) == CHOIR_OK) {
        CH_ASSERT(c.count <= CH_CLIENTS_MAX);
        CH_ASSERT(c.classes <= CH_CLIENTS_CLASSES_MAX);
        for (uint32_t i = 0; i < c.count; i++) {
            const double accuracy = c.clients[i].accuracy;
            CH_ASSERT(isnan(accuracy) || (accuracy >= 0 && accuracy <= 1));
        }
        for (uint32_t k = 0; k < c.classes; k++) {
            CH_ASSERT(memchr(c.names[k], '\0', CH_CLIENTS_NAME_MAX) != NULL);
            CH_ASSERT(ch_text_is_printable(c.names[k]));
        }
    }
    ch_clients_release(&c);
    return 0;
}
