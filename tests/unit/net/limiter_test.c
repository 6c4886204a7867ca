/* Limiter: a burst and a rate for each key, in bounded memory, whoever else comes. */
#include "support/check.h"

#include "crypto/entropy.h"
#include "net/limiter.h"

#include <string.h>

static int start(void **state) {
    (void)state;
    return ch_crypto_start(NULL) == CHOIR_OK ? 0 : -1;
}

static choir_bytes key_of(const uint64_t *number) {
    return (choir_bytes){.data = (const uint8_t *)number, .size = sizeof(*number)};
}

static ch_limiter limiter(uint32_t keys, uint32_t per_minute, uint32_t burst) {
    const choir_env env = choir_env_default();
    ch_limiter l;
    check_status(ch_limiter_init(&l, keys, per_minute, burst, &env), CHOIR_OK);
    return l;
}

static void drop(ch_limiter *l) {
    const choir_env env = choir_env_default();
    ch_limiter_release(l, &env);
    ch_limiter_release(l, &env);
}

static void a_burst_is_let_through_and_then_a_rate(void **state) {
    (void)state;
    const uint64_t me = 7;
    ch_limiter l = limiter(16, 60, 5); // one a second
    const uint64_t start_ms = 1000000;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ch_limiter_take(&l, key_of(&me), start_ms), 0);
    }
    assert_int_equal(ch_limiter_take(&l, key_of(&me), start_ms), 1000);
    assert_int_equal(ch_limiter_peek(&l, key_of(&me), start_ms + 400), 600);
    assert_int_equal(ch_limiter_take(&l, key_of(&me), start_ms + 999), 1); // refused takes nothing
    assert_int_equal(ch_limiter_peek(&l, key_of(&me), start_ms + 1000), 0);
    assert_int_equal(ch_limiter_take(&l, key_of(&me), start_ms + 1000), 0);
    assert_int_equal(ch_limiter_take(&l, key_of(&me), start_ms + 1000), 1000);
    for (int i = 0; i < 5; i++) { // quiet for long: a whole burst, and no more than that
        assert_int_equal(ch_limiter_take(&l, key_of(&me), start_ms + 3600000), 0);
    }
    assert_int_equal(ch_limiter_take(&l, key_of(&me), start_ms + 3600000), 1000);
    drop(&l);
}

/* Over any time no more than burst + rate x time. */
static void the_rate_holds_over_time(void **state) {
    (void)state;
    const uint64_t me = 7;
    ch_limiter l = limiter(16, 6000, 10); // one in 10 ms
    uint32_t taken = 0;
    for (uint64_t now_ms = 0; now_ms < 10000; now_ms++) {
        taken += ch_limiter_take(&l, key_of(&me), now_ms) == 0;
    }
    assert_int_equal(taken, 9 + 1000);
    drop(&l);
}

static void keys_do_not_share(void **state) {
    (void)state;
    ch_limiter l = limiter(4096, 60, 1);
    for (uint64_t key = 0; key < 512; key++) {
        assert_int_equal(ch_limiter_take(&l, key_of(&key), 5), 0);
    }
    for (uint64_t key = 0; key < 512; key++) {
        assert_int_equal(ch_limiter_take(&l, key_of(&key), 5), 1000);
    }
    drop(&l);
}

/* A table of 8 buckets, and a million keys that do one thing each: who did much is not forgotten.
 */
static void who_did_much_is_not_forgotten_over_many_who_did_little(void **state) {
    (void)state;
    const uint64_t me = 1 << 30;
    ch_limiter l = limiter(8, 60, 10);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ch_limiter_take(&l, key_of(&me), 0), 0);
    }
    for (uint64_t key = 0; key < 1000000; key++) {
        assert_int_equal(ch_limiter_take(&l, key_of(&key), 0), 0);
    }
    assert_int_equal(ch_limiter_take(&l, key_of(&me), 0), 1000);
    drop(&l);
}

static void without_a_rate_there_is_no_limit(void **state) {
    (void)state;
    const uint64_t me = 7;
    ch_limiter l = limiter(16, 0, 1);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ch_limiter_take(&l, key_of(&me), 0), 0);
    }
    assert_int_equal(ch_limiter_peek(&l, key_of(&me), 0), 0);
    drop(&l);
}

static void *none(void *self, size_t bytes) {
    (void)self;
    (void)bytes;
    return NULL;
}

static void no_memory_is_reported(void **state) {
    (void)state;
    choir_env env = choir_env_default();
    env.alloc = none;
    ch_limiter l;
    check_status(ch_limiter_init(&l, 16, 60, 1, &env), CHOIR_ENOMEM);
    ch_limiter_release(&l, &env);
}

static void an_address_of_ipv6_is_its_network(void **state) {
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool are_one;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1", true},        {"127.0.0.1", "127.0.0.2", false},
        {"2001:db8::1", "2001:db8::ffff", true}, {"2001:db8::1", "2001:db8:0:1::1", false},
        {"fe80::1%eth0", "fe80::1%eth1", false}, {"", "", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t a[CH_ADDRESS_KEY_MAX];
        uint8_t b[CH_ADDRESS_KEY_MAX];
        const size_t size = ch_limiter_address(a, rows[i].a);
        const bool are_one = size == ch_limiter_address(b, rows[i].b) && memcmp(a, b, size) == 0;
        assert_int_equal(are_one, rows[i].are_one);
    }
    char large[200];
    uint8_t key[CH_ADDRESS_KEY_MAX];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(ch_limiter_address(key, large), CH_ADDRESS_KEY_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_let_through_and_then_a_rate),
        cmocka_unit_test(the_rate_holds_over_time),
        cmocka_unit_test(keys_do_not_share),
        cmocka_unit_test(who_did_much_is_not_forgotten_over_many_who_did_little),
        cmocka_unit_test(without_a_rate_there_is_no_limit),
        cmocka_unit_test(no_memory_is_reported),
        cmocka_unit_test(an_address_of_ipv6_is_its_network),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
