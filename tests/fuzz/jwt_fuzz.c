/* Tokens from anybody: only who was signed for is believed, whatever else is in the text. */
#include "net/jwt.h"

#include "base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Keys whose other halves nobody has: of RFC 7517, appendix A.1. */
static const char KEYS[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec\","
    "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"},"
    "{\"kty\":\"RSA\",\"kid\":\"rsa\",\"e\":\"AQAB\","
    "\"n\":"
    "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
    "FDW2Qvz"
    "qY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
    "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static ch_jwks keys;
    static char token[2 * CH_JWT_MAX];
    const choir_bytes text = {(const uint8_t *)KEYS, sizeof(KEYS) - 1};
    if (keys.count == 0) {
        CH_ASSERT(ch_jwks_parse(&keys, text, "keys", NULL) == CHOIR_OK);
    }
    size = size < sizeof(token) - 1 ? size : sizeof(token) - 1;
    memcpy(token, data, size);
    token[size] = '\0';
    const ch_jwt_rules rules = {.issuer = "", .audience = ""};
    ch_jwt found;
    choir_error err = {.message = ""};
    CH_ASSERT(ch_jwt_read(&found, token, &keys, &rules, 1500, &err) == CHOIR_EPROTO);
    CH_ASSERT(err.message[0] != '\0');
    return 0;
}
