/* Offer: signed bytes are those of the specification, and no part of an offer can be changed. */
#include "support/check.h"

#include "crypto/entropy.h"
#include "net/offer.h"

#include <string.h>

static choir_bytes text(const char *s) {
    return (choir_bytes){(const uint8_t *)s, strlen(s)};
}

static int start(void **state) {
    (void)state;
    return ch_crypto_start(NULL) == CHOIR_OK ? 0 : -1;
}

static ch_offer letters(void) {
    return (ch_offer){.name = "letters",
                      .version = 3,
                      .parameters = 25450,
                      .job = text("name: letters\n"),
                      .model = text("head")};
}

/* The hashes by sha256sum(1). */
static void the_lines_of_the_specification_are_signed(void **state) {
    (void)state;
    static const char lines[] =
        "choir-offer\nletters\n3\n25450\n"
        "50b6adc7485ec3fec7dbbf3c32e79b63a82ea9a49b47247d738d8f528119ea3a\n"
        "9f2e6d33a3717ee826353a404ba4618d1aeeb6879ad7936bce8ed5f46814924d\n";
    ch_key_pair key;
    uint8_t signature[CH_SIGNATURE_BYTES];
    const ch_offer offer = letters();
    ch_key_pair_make(&key);
    ch_sign(signature, text(lines), key.secret_key);
    assert_true(ch_offer_check(signature, &offer, key.public_key));
    uint8_t ours[CH_SIGNATURE_BYTES];
    ch_offer_sign(ours, &offer, key.secret_key);
    assert_memory_equal(ours, signature, sizeof(ours)); // Ed25519 has no chance in it
}

static void whatever_is_changed_the_signature_no_longer_fits(void **state) {
    (void)state;
    ch_key_pair key;
    ch_key_pair other;
    uint8_t signature[CH_SIGNATURE_BYTES];
    const ch_offer offer = letters();
    ch_key_pair_make(&key);
    ch_key_pair_make(&other);
    ch_offer_sign(signature, &offer, key.secret_key);
    ch_offer changed[6];
    for (size_t i = 0; i < 6; i++) {
        changed[i] = offer;
    }
    changed[0].name = "lettert";
    changed[1].version = 4;
    changed[2].parameters = 25451;
    changed[3].job = text("name: letterz\n");
    changed[4].model = text("hea");
    changed[5].name = "letters\n3"; // what another offer's lines could be made of
    for (size_t i = 0; i < 6; i++) {
        assert_false(ch_offer_check(signature, &changed[i], key.public_key));
    }
    assert_false(ch_offer_check(signature, &offer, other.public_key));
    for (size_t i = 0; i < sizeof(signature); i++) {
        signature[i] ^= 1;
        assert_false(ch_offer_check(signature, &offer, key.public_key));
        signature[i] ^= 1;
    }
    assert_true(ch_offer_check(signature, &offer, key.public_key));
}

static void a_promoted_model_is_signed_as_the_specification_says(void **state) {
    (void)state;
    static const char lines[] =
        "choir-promoted\nletters\n3\n7\n25450\n"
        "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\n"
        "9f2e6d33a3717ee826353a404ba4618d1aeeb6879ad7936bce8ed5f46814924d\n";
    ch_key_pair key;
    uint8_t signature[CH_SIGNATURE_BYTES];
    ch_promoted_offer offer = {
        .name = "letters", .version = 3, .round = 7, .parameters = 25450, .model = text("head")};
    for (uint8_t i = 0; i < CHOIR_HASH_BYTES; i++) {
        offer.hash.bytes[i] = (uint8_t)(i + 1);
    }
    ch_key_pair_make(&key);
    ch_promoted_offer_sign(signature, &offer, key.secret_key);
    assert_true(ch_sign_check(signature, text(lines), key.public_key));
    assert_true(ch_promoted_offer_check(signature, &offer, key.public_key));
    ch_promoted_offer changed[7];
    for (size_t i = 0; i < 7; i++) {
        changed[i] = offer;
    }
    changed[0].name = "lettert";
    changed[1].version = 4;
    changed[2].round = 8;
    changed[3].parameters = 25451;
    changed[4].hash.bytes[31] ^= 1;
    changed[5].model = text("hea");
    changed[6].name = "letters\n3";
    for (size_t i = 0; i < 7; i++) {
        assert_false(ch_promoted_offer_check(signature, &changed[i], key.public_key));
    }
}

static void a_name_of_any_length_is_only_refused(void **state) {
    (void)state;
    static const uint8_t key[CH_PUBLIC_KEY_BYTES] = {0};
    static const uint8_t signature[CH_SIGNATURE_BYTES] = {0};
    char name[4096];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ch_offer offer = letters();
    offer.name = name;
    assert_false(ch_offer_check(signature, &offer, key));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lines_of_the_specification_are_signed),
        cmocka_unit_test(whatever_is_changed_the_signature_no_longer_fits),
        cmocka_unit_test(a_promoted_model_is_signed_as_the_specification_says),
        cmocka_unit_test(a_name_of_any_length_is_only_refused),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
