/* Admin: see admin.h. */
#include "net/admin.h"

#include "base/sha256.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"

#include <stdio.h>
#include <string.h>

enum { SECRET_BYTES = 24 };

static const struct {
    const char *name;
    ch_admin_right most;
} ROLES[] = {
    {"owner", CH_ADMIN_OWNS},
    {"analyst", CH_ADMIN_STEERS},
    {"viewer", CH_ADMIN_LOOKS},
};

bool ch_admin_is_role(const char *role) {
    return ch_admin_may(role, CH_ADMIN_LOOKS);
}

bool ch_admin_may(const char *role, ch_admin_right right) {
    for (size_t i = 0; i < sizeof(ROLES) / sizeof(ROLES[0]); i++) {
        if (strcmp(ROLES[i].name, role) == 0) {
            return right <= ROLES[i].most;
        }
    }
    return false;
}

void ch_admin_key_make(char key[CH_ADMIN_KEY_MAX], uint8_t hash[CH_ADMIN_HASH_BYTES]) {
    uint8_t secret[SECRET_BYTES];
    char text[CH_BASE64_MAX(SECRET_BYTES)];
    ch_entropy_fill(secret, sizeof(secret));
    ch_base64(text, (choir_bytes){.data = secret, .size = sizeof(secret)});
    (void)snprintf(key, CH_ADMIN_KEY_MAX, "choir-%s", text);
    ch_sha256_of(key, strlen(key), hash);
    ch_wipe(secret, sizeof(secret));
    ch_wipe(text, sizeof(text));
}
