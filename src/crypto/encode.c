/* Encode: see encode.h. libsodium's. */
#include "crypto/encode.h"

#include "base/assert.h"

#include <sodium.h>

void ch_base64(char *out, choir_bytes bytes) {
    const char *end = sodium_bin2base64(out, CH_BASE64_MAX(bytes.size), bytes.data, bytes.size,
                                        sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    CH_ASSERT(end != NULL);
}

choir_status ch_base64_read(uint8_t *out, size_t capacity, size_t *size, const char *text,
                            size_t length) {
    size_t found = 0;
    const char *end = NULL;
    if (sodium_base642bin(out, capacity, text, length, NULL, &found, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        end != text + length) {
        return CHOIR_EPROTO;
    }
    *size = found;
    return CHOIR_OK;
}
