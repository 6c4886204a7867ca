/* Claims of tokens: who is believed has a name that can be shown, and the time and place are right.
 */
#include "net/jwt.h"

#include "base/assert.h"
#include "base/text.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const ch_jwt_rules rules = {.issuer = "https://id.example.org", .audience = "choir"};
    const ch_jwt_rules none = {.issuer = "", .audience = ""};
    ch_jwt found = {.subject = ""};
    choir_error err = {.message = ""};
    const choir_bytes claims = {data, size};
    if (ch_jwt_claims(&found, claims, &rules, 1500, &err) != CHOIR_OK) {
        CH_ASSERT(err.message[0] != '\0');
        CH_ASSERT(found.subject[0] == '\0');
        return 0;
    }
    CH_ASSERT(found.subject[0] != '\0');
    CH_ASSERT(ch_text_is_printable(found.subject));
    CH_ASSERT(ch_jwt_claims(&found, claims, &none, 1500, NULL) == CHOIR_OK); // fewer rules
    CH_ASSERT(ch_jwt_claims(&found, claims, &rules, UINT64_MAX, NULL) == CHOIR_ESTALE);
    return 0;
}
