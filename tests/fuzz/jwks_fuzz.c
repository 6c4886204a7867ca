/* Files of public keys from anybody: what is taken can check signatures, and is released. */
#include "net/jwks.h"

#include "base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static ch_jwks set;
    const choir_bytes text = {data, size};
    choir_error err = {.message = ""};
    if (ch_jwks_parse(&set, text, "fuzz", &err) != CHOIR_OK) {
        CH_ASSERT(err.message[0] != '\0');
        CH_ASSERT(set.count == 0);
        return 0;
    }
    CH_ASSERT(set.count > 0);
    for (uint32_t i = 0; i < set.count; i++) {
        CH_ASSERT(ch_jwks_find(&set, set.keys[i].id) == &set.keys[i].key);
        CH_ASSERT(!ch_public_key_check(&set.keys[i].key, text, text));
    }
    ch_jwks_release(&set);
    return 0;
}
