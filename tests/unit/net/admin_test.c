/* Admin: each role may what the table says, and keys are long, different and known by their hash.
 */
#include "support/check.h"

#include "base/sha256.h"
#include "crypto/entropy.h"
#include "net/admin.h"

#include <string.h>

static int start(void **state) {
    (void)state;
    return ch_crypto_start(NULL) == CHOIR_OK ? 0 : -1;
}

static void a_role_may_what_the_table_says(void **state) {
    (void)state;
    static const struct {
        const char *role;
        bool looks, steers, owns;
    } rows[] = {
        {"owner", true, true, true},    {"analyst", true, true, false},
        {"viewer", true, false, false}, {"", false, false, false},
        {"Owner", false, false, false}, {"owner ", false, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ch_admin_may(rows[i].role, CH_ADMIN_LOOKS), rows[i].looks);
        assert_int_equal(ch_admin_may(rows[i].role, CH_ADMIN_STEERS), rows[i].steers);
        assert_int_equal(ch_admin_may(rows[i].role, CH_ADMIN_OWNS), rows[i].owns);
        assert_int_equal(ch_admin_is_role(rows[i].role), rows[i].looks);
    }
}

static void a_key_is_anothers_each_time_and_known_by_its_hash(void **state) {
    (void)state;
    char keys[2][CH_ADMIN_KEY_MAX];
    uint8_t hashes[2][CH_ADMIN_HASH_BYTES];
    for (int i = 0; i < 2; i++) {
        uint8_t hash[CH_ADMIN_HASH_BYTES];
        ch_admin_key_make(keys[i], hashes[i]);
        assert_int_equal(strlen(keys[i]), 6 + 32); // 24 bytes of chance
        assert_memory_equal(keys[i], "choir-", 6);
        ch_sha256_of(keys[i], strlen(keys[i]), hash);
        assert_memory_equal(hash, hashes[i], sizeof(hash));
    }
    assert_string_not_equal(keys[0], keys[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_may_what_the_table_says),
        cmocka_unit_test(a_key_is_anothers_each_time_and_known_by_its_hash),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
