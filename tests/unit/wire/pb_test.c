/* Protocol Buffers encoding: the examples of its documentation, and what must not parse. */
#include "support/check.h"

#include "wire/pb.h"

#include <string.h>

enum { ROOM = 64 };

static ch_reader reader_of(const char *bytes, size_t size) {
    return (ch_reader){.data = (const uint8_t *)bytes, .size = size};
}

#define READER(text) reader_of(text, sizeof(text) - 1)

static void the_documented_examples_have_their_bytes(void **state) {
    (void)state;
    uint8_t bytes[ROOM];
    ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_uint(&w, 1, 150);
    ch_pb_put_bytes(&w, 2, "testing", 7);
    ch_pb_put_head(&w, 3, 3);
    ch_pb_put_uint(&w, 1, 150);
    assert_memory_equal(bytes, "\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01", w.size);
    assert_int_equal(w.size, 17);
}

static void signed_numbers_zigzag(void **state) {
    (void)state;
    const int64_t values[] = {0, -1, 1, -2, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    const uint64_t codes[] = {0, 1, 2, 3, 4294967294, 4294967295, UINT64_MAX - 1, UINT64_MAX};
    for (int i = 0; i < 8; i++) {
        uint8_t bytes[ROOM];
        ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
        ch_pb_put_sint(&w, 1, values[i]);
        assert_true(ch_pb_sint(codes[i]) == values[i]);
        ch_reader r = {.data = bytes, .size = w.size};
        ch_pb_field f = {0};
        assert_true(ch_pb_next(&r, &f) || i == 0); // zero is not written
        assert_true(f.value == codes[i]);
    }
}

static void defaults_are_not_written_but_negative_zero_is(void **state) {
    (void)state;
    uint8_t bytes[ROOM];
    ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_uint(&w, 1, 0);
    ch_pb_put_sint(&w, 1, 0);
    ch_pb_put_fixed64(&w, 1, 0);
    ch_pb_put_float(&w, 1, 0.0F);
    ch_pb_put_bytes(&w, 1, NULL, 0);
    assert_int_equal(w.size, 0);
    ch_pb_put_float(&w, 1, -0.0F);
    assert_int_equal(w.size, 5);
}

static void a_full_writer_fails_and_stays_failed(void **state) {
    (void)state;
    uint8_t bytes[3];
    ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_uint(&w, 1, 300);
    ch_pb_put_uint(&w, 1, 1);
    assert_true(w.failed);
    assert_true(w.size <= sizeof(bytes));
}

static void check_refused(ch_reader r) {
    ch_pb_field f;
    while (ch_pb_next(&r, &f)) {
    }
    assert_false(ch_reader_done(&r));
    assert_false(ch_pb_next(&r, &f));
}

static void what_is_no_field_is_refused(void **state) {
    (void)state;
    check_refused(READER("\x08"));                                         // no value
    check_refused(READER("\x08\x96"));                                     // unfinished
    check_refused(READER("\x00\x01"));                                     // field 0
    check_refused(READER("\x0b\x0c"));                                     // a group
    check_refused(READER("\x0e"));                                         // type 6
    check_refused(READER("\x12\x02x"));                                    // longer than there is
    check_refused(READER("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")); // far longer
    check_refused(READER("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")); // 65 bits
    check_refused(READER("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    check_refused(READER("\x88\x80\x80\x80\x10\x01")); // a number beyond 2^29
    check_refused(READER("\x0d\x01\x02\x03"));
    check_refused(READER("\x09\x01\x02\x03\x04\x05\x06\x07"));
}

static void long_forms_of_short_numbers_are_read(void **state) {
    (void)state;
    ch_reader r = READER("\x08\x81\x80\x00\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    ch_pb_field f;
    assert_true(ch_pb_next(&r, &f));
    assert_int_equal(f.value, 1);
    assert_true(ch_pb_next(&r, &f));
    assert_true(f.value == UINT64_MAX);
    assert_false(ch_pb_next(&r, &f));
    assert_true(ch_reader_done(&r));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_examples_have_their_bytes),
        cmocka_unit_test(signed_numbers_zigzag),
        cmocka_unit_test(defaults_are_not_written_but_negative_zero_is),
        cmocka_unit_test(a_full_writer_fails_and_stays_failed),
        cmocka_unit_test(what_is_no_field_is_refused),
        cmocka_unit_test(long_forms_of_short_numbers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
