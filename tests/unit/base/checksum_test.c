/* Checksum: the definition word by word, pieces against the whole, every flipped bit. */
#include "support/check.h"

#include "base/checksum.h"

#include <string.h>

enum { BYTES = 300 };

static void bytes_fill(uint8_t bytes[BYTES]) {
    for (uint32_t i = 0; i < BYTES; i++) {
        bytes[i] = (uint8_t)(i * i + 7 * i + 3);
    }
}

static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* As checksum.h defines it, with nothing clever. */
static uint64_t checksum_plain(uint64_t seed, const uint8_t *bytes, size_t size) {
    uint32_t a[16] = {0};
    uint32_t b[16] = {0};
    const size_t padded = (size + 63) / 64 * 64;
    for (size_t at = 0; at < padded; at += 4) {
        uint32_t word = 0;
        for (size_t i = 0; i < 4; i++) {
            word |= (uint32_t)(at + i < size ? bytes[at + i] : 0) << (8 * i);
        }
        a[at / 4 % 16] += word;
        b[at / 4 % 16] += a[at / 4 % 16];
    }
    uint64_t h = mix(seed + size);
    for (int l = 0; l < 16; l++) {
        h = mix(h ^ ((uint64_t)b[l] << 32 | a[l]));
    }
    return h;
}

static void every_size_follows_the_definition(void **state) {
    (void)state;
    uint8_t bytes[BYTES];
    bytes_fill(bytes);
    for (size_t size = 0; size <= BYTES; size++) {
        assert_true(ch_checksum_of(9, bytes, size) == checksum_plain(9, bytes, size));
    }
}

static void pieces_give_the_sum_of_the_whole(void **state) {
    (void)state;
    uint8_t bytes[BYTES];
    bytes_fill(bytes);
    for (size_t cut = 0; cut <= BYTES; cut++) {
        ch_checksum c;
        ch_checksum_init(&c, 1);
        ch_checksum_add(&c, bytes, cut / 2);
        ch_checksum_add(&c, bytes + cut / 2, cut - cut / 2);
        ch_checksum_add(&c, bytes + cut, BYTES - cut);
        assert_true(ch_checksum_finish(&c) == ch_checksum_of(1, bytes, BYTES));
    }
}

static void every_flipped_bit_changes_it(void **state) {
    (void)state;
    uint8_t bytes[BYTES];
    bytes_fill(bytes);
    const uint64_t whole = ch_checksum_of(1, bytes, BYTES);
    assert_true(whole != ch_checksum_of(2, bytes, BYTES));
    assert_true(whole != ch_checksum_of(1, bytes, BYTES - 1));
    for (size_t bit = 0; bit < (size_t)BYTES * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_true(whole != ch_checksum_of(1, bytes, BYTES));
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_follows_the_definition),
        cmocka_unit_test(pieces_give_the_sum_of_the_whole),
        cmocka_unit_test(every_flipped_bit_changes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
