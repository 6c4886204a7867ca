/* SHA-256 against the standard's own examples, and in pieces against itself. */
#include "support/check.h"

#include "base/sha256.h"

#include <stdio.h>
#include <string.h>

static void check_text(const char *text, size_t size, const char *expected) {
    uint8_t hash[32];
    char hex[65];
    ch_sha256_of(text, size, hash);
    for (int i = 0; i < 32; i++) {
        (void)snprintf(hex + (size_t)2 * (size_t)i, 3, "%02x", hash[i]);
    }
    assert_string_equal(hex, expected);
}

static void the_examples_of_the_standard_agree(void **state) {
    (void)state;
    static char million[1000000];
    memset(million, 'a', sizeof(million));
    check_text("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_text("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check_text(million, sizeof(million),
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void pieces_of_any_size_give_the_same_hash(void **state) {
    (void)state;
    uint8_t data[300];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7);
    }
    for (size_t size = 0; size <= sizeof(data); size += 13) {
        uint8_t whole[32];
        ch_sha256_of(data, size, whole);
        for (size_t piece = 1; piece < 140; piece += 9) {
            ch_sha256 h;
            uint8_t parts[32];
            ch_sha256_init(&h);
            for (size_t at = 0; at < size; at += piece) {
                ch_sha256_add(&h, data + at, size - at < piece ? size - at : piece);
            }
            ch_sha256_finish(&h, parts);
            assert_memory_equal(whole, parts, sizeof(whole));
        }
    }
}

/* The block of "abc" by the standard, sec. B.1 of its 2002 edition; then many, one after another.
 */
static void every_variant_is_the_block_function(void **state) {
    (void)state;
    const uint32_t abc[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                             0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
    const uint8_t block[64] = {'a', 'b', 'c', 0x80, [63] = 24};
    uint8_t data[20 * 64];
    uint32_t first[8] = {0};
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * i + 31 * i);
    }
    for (uint32_t v = 0; ch_sha256_variant(v) != NULL; v++) {
        ch_sha256 h;
        ch_sha256_init(&h);
        ch_sha256_variant(v)->hash(h.state, block, 1);
        assert_memory_equal(h.state, abc, sizeof(abc));
        ch_sha256_variant(v)->hash(h.state, data, 20);
        if (v == 0) {
            memcpy(first, h.state, sizeof(first));
        }
        assert_memory_equal(h.state, first, sizeof(first));
    }
}

static void nothing_may_be_added_and_changes_nothing(void **state) {
    (void)state;
    uint8_t plain[32];
    uint8_t hash[32];
    ch_sha256 h;
    ch_sha256_of("abc", 3, plain);
    ch_sha256_init(&h);
    ch_sha256_add(&h, NULL, 0);
    ch_sha256_add(&h, "ab", 2);
    ch_sha256_add(&h, NULL, 0); // with a block begun
    ch_sha256_add(&h, "c", 1);
    ch_sha256_finish(&h, hash);
    assert_memory_equal(hash, plain, sizeof(plain));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard_agree),
        cmocka_unit_test(every_variant_is_the_block_function),
        cmocka_unit_test(pieces_of_any_size_give_the_same_hash),
        cmocka_unit_test(nothing_may_be_added_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
