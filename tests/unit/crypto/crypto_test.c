/* Crypto: the algorithms are the ones that RFCs give numbers for. */
#include "support/check.h"

#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "crypto/sign.h"

#include <string.h>

static choir_bytes text(const char *s) {
    return (choir_bytes){(const uint8_t *)s, strlen(s)};
}

static int start(void **state) {
    (void)state;
    return ch_crypto_start(NULL) == CHOIR_OK ? 0 : -1;
}

/* RFC 8032, 7.1, TEST 2. */
static void signatures_are_ed25519(void **state) {
    (void)state;
    static const uint8_t secret[CH_SECRET_KEY_BYTES] = {
        0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec,
        0x11, 0x4e, 0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24, 0xda, 0x8c,
        0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb, 0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89,
        0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf,
        0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};
    static const uint8_t begin[4] = {0x92, 0xa0, 0x09, 0xa9};
    const choir_bytes message = {(const uint8_t *)"\x72", 1};
    uint8_t signature[CH_SIGNATURE_BYTES];
    ch_sign(signature, message, secret);
    assert_memory_equal(signature, begin, sizeof(begin));
    assert_true(ch_sign_check(signature, message, secret + 32));
    signature[63] ^= 1;
    assert_false(ch_sign_check(signature, message, secret + 32));
}

static void a_signature_fits_one_message_and_one_key(void **state) {
    (void)state;
    ch_key_pair ours;
    ch_key_pair theirs;
    ch_key_pair_make(&ours);
    ch_key_pair_make(&theirs);
    uint8_t signature[CH_SIGNATURE_BYTES];
    ch_sign(signature, text("join"), ours.secret_key);
    assert_true(ch_sign_check(signature, text("join"), ours.public_key));
    assert_false(ch_sign_check(signature, text("joint"), ours.public_key));
    assert_false(ch_sign_check(signature, text("join"), theirs.public_key));
}

static void derived_keys_are_the_same_again_and_differ_by_number_and_seed(void **state) {
    (void)state;
    static const uint8_t seed[CH_SHARED_KEY_BYTES] = "a seed";
    static const uint8_t other[CH_SHARED_KEY_BYTES] = "another";
    ch_key_pair a;
    ch_key_pair b;
    uint8_t signature[CH_SIGNATURE_BYTES];
    ch_key_pair_derive(&a, seed, 7);
    ch_key_pair_derive(&b, seed, 7);
    assert_memory_equal(&a, &b, sizeof(a));
    ch_sign(signature, text("join"), a.secret_key);
    assert_true(ch_sign_check(signature, text("join"), b.public_key));
    ch_key_pair_derive(&b, seed, 8);
    assert_memory_not_equal(a.public_key, b.public_key, sizeof(a.public_key));
    assert_false(ch_sign_check(signature, text("join"), b.public_key));
    ch_key_pair_derive(&b, other, 7);
    assert_memory_not_equal(a.public_key, b.public_key, sizeof(a.public_key));
}

/* RFC 4231, 4.3: its key, "Jefe", followed by the zeros that HMAC appends to a short one. */
static void macs_are_hmac_sha256(void **state) {
    (void)state;
    static const uint8_t key[CH_SHARED_KEY_BYTES] = "Jefe";
    static const uint8_t begin[8] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e};
    const choir_bytes message = text("what do ya want for nothing?");
    uint8_t mac[CH_MAC_BYTES];
    ch_mac(mac, message, key);
    assert_memory_equal(mac, begin, sizeof(begin));
    assert_true(ch_mac_check(mac, message, key));
    mac[0] ^= 1;
    assert_false(ch_mac_check(mac, message, key));
}

/* RFC 4648, 10, without its padding; and the two letters that are this alphabet's own. */
static void bytes_are_base64(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[16];
        uint8_t bytes[16];
        size_t size = 0;
        ch_base64(out, text(rows[i][0]));
        assert_string_equal(out, rows[i][1]);
        check_status(ch_base64_read(bytes, sizeof(bytes), &size, out, strlen(out)), CHOIR_OK);
        assert_int_equal(size, strlen(rows[i][0]));
        assert_memory_equal(bytes, rows[i][0], size);
    }
}

static void what_is_no_base64_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"Zg==", "Zm9v\n", "Z", "+/8", "Zm9vYmFyZm9v", "Zh"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[8];
        size_t size = 0;
        check_status(ch_base64_read(bytes, sizeof(bytes), &size, rows[i], strlen(rows[i])),
                     CHOIR_EPROTO);
    }
}

static void entropy_does_not_repeat_and_secrets_are_wiped(void **state) {
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    static const uint8_t zero[32] = {0};
    ch_entropy_fill(a, sizeof(a));
    ch_entropy_fill(b, sizeof(b));
    assert_false(ch_secret_equal(a, b, sizeof(a)));
    assert_true(ch_secret_equal(a, a, sizeof(a)));
    ch_wipe(a, sizeof(a));
    assert_memory_equal(a, zero, sizeof(a));
}

/* The paper's appendix A. */
static void keyed_hashes_are_siphash(void **state) {
    (void)state;
    uint8_t key[CH_HASH_KEY_BYTES];
    uint8_t message[15];
    for (uint8_t i = 0; i < sizeof(key); i++) {
        key[i] = i;
    }
    memcpy(message, key, sizeof(message));
    assert_true(ch_keyed_hash((choir_bytes){message, sizeof(message)}, key) == 0xa129ca6149be45e5);
    key[0] = 1;
    assert_false(ch_keyed_hash((choir_bytes){message, sizeof(message)}, key) == 0xa129ca6149be45e5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keyed_hashes_are_siphash),
        cmocka_unit_test(signatures_are_ed25519),
        cmocka_unit_test(a_signature_fits_one_message_and_one_key),
        cmocka_unit_test(derived_keys_are_the_same_again_and_differ_by_number_and_seed),
        cmocka_unit_test(macs_are_hmac_sha256),
        cmocka_unit_test(bytes_are_base64),
        cmocka_unit_test(what_is_no_base64_is_refused),
        cmocka_unit_test(entropy_does_not_repeat_and_secrets_are_wiped),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
