/* Little-endian bytes: round trips, and the sticky error on every short buffer. */
#include "support/check.h"

#include "base/bytes.h"

static void write_all(ch_writer *w) {
    ch_put_u32(w, 0x04030201);
    ch_put_u64(w, UINT64_C(0x8877665544332211));
    ch_put_f64(w, -0.1);
    ch_put_f32s(w, (const float[]){-1.5F, 0.25F}, 2);
    ch_put_text(w, "choir");
}

static void what_was_put_is_got(void **state) {
    (void)state;
    uint8_t data[64];
    ch_writer w = {.data = data, .capacity = sizeof(data)};
    write_all(&w);
    assert_false(w.failed);
    assert_int_equal(data[0], 1);
    ch_reader r = {.data = data, .size = w.size};
    float reals[2];
    assert_int_equal(ch_get_u32(&r), 0x04030201);
    assert_true(ch_get_u64(&r) == UINT64_C(0x8877665544332211));
    assert_true(ch_get_f64(&r) == -0.1);
    ch_get_f32s(&r, reals, 2);
    assert_int_equal(ch_get_u32(&r), 5);
    const choir_bytes text = ch_get_bytes(&r, 5);
    assert_true(ch_reader_done(&r));
    assert_true(reals[0] == -1.5F && reals[1] == 0.25F);
    assert_memory_equal(text.data, "choir", 5);
}

static void every_short_buffer_fails_and_stays_failed(void **state) {
    (void)state;
    uint8_t data[64];
    ch_writer whole = {.data = data, .capacity = sizeof(data)};
    write_all(&whole);
    for (size_t size = 0; size < whole.size; size++) {
        ch_writer w = {.data = data, .capacity = size};
        write_all(&w);
        assert_true(w.failed);
        assert_true(w.size <= size);
        ch_reader r = {.data = data, .size = size};
        float reals[2];
        (void)ch_get_u32(&r);
        (void)ch_get_u64(&r);
        (void)ch_get_f64(&r);
        ch_get_f32s(&r, reals, 2);
        (void)ch_get_bytes(&r, ch_get_u32(&r));
        assert_false(ch_reader_done(&r));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_got),
        cmocka_unit_test(every_short_buffer_fails_and_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
